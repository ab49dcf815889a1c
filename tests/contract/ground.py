"""A small collection and bodies over it, for tests of the ground: `stores.records` is the bare session there."""

from sqlalchemy import bindparam, insert, select, update

from adapters.outbound.sql.statements import prepare
from adapters.outbound.system_clock import Uuid7Ids
from app.usecases.schema_changes import Intended
from app.usecases.schema_preparations import SchemaPreparations
from domain.schema.changes import steps
from domain.schema.collection import change_collection, define_collection
from domain.schema.fields import TRUSTING

STAMP = "2026-11-22T13:00:00.000Z"
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "unique": True},
        {"name": "views", "type": "integer"},
        {"name": "price", "type": "decimal", "scale": 2},
        {"name": "live", "type": "bool"},
        {"name": "more", "type": "json"},
        {"name": "contact", "type": "email", "unique": True},
        {"name": "parent", "type": "relation", "collection": "posts"},
    ],
    "indexes": [{"fields": ["views", "title"]}],
}


def defined(definition, id="c1"):
    return define_collection(definition, id=id, now=STAMP, tools=TRUSTING)


def create(work, definition, id="c1"):
    collection = defined(definition, id)
    work.change_schema(lambda stores: stores.collections.apply(None, collection, steps(None, collection)))
    return collection


def change(work, definition):
    """Applies the changed parts to the collection of that name."""

    def body(stores):
        old = stores.schema.collection(definition["name"])
        new = change_collection(old, definition, now=STAMP, tools=TRUSTING)
        stores.collections.apply(old, new, steps(old, new))
        return new

    return work.change_schema(body)


def change_prepared(work, definition):
    """The same, its values made aside before."""

    def intend(stores):
        old = stores.schema.collection(definition["name"])
        new = change_collection(old, definition, now=STAMP, tools=TRUSTING)
        return Intended(old, old, new, steps(old, new), stores.schema)

    def body(stores):
        one = intend(stores)
        stores.collections.apply(one.old, one.new, one.steps, prepared=preparation)
        return one.new

    with SchemaPreparations(work, Uuid7Ids()).prepared(intend) as preparation:
        return work.change_schema(body)


def drop(work, name):
    def body(stores):
        old = stores.schema.collection(name)
        stores.collections.apply(old, None, steps(old, None))

    work.change_schema(body)


def add(id, table="posts", **values):
    """A body that inserts a record."""
    row = {"id": id, "version": 1, "created": STAMP, "updated": STAMP, **values}

    def body(stores):
        session = stores.records
        target = session.tables[table]
        binds = {name: bindparam(f"b_{name}", type_=target.c[name].type) for name in row}
        statement = prepare(insert(target).values(binds), session.dialect)
        session.execute(statement, {f"b_{name}": value for name, value in row.items()})
        return id

    return body


def grow(id):
    """A body that reads, then writes one more: what is lost where two writers do not take turns."""

    def body(stores):
        session = stores.records
        posts = session.tables["posts"]
        one_more = update(posts).where(posts.c.id == bindparam("which")).values(views=posts.c.views + 1)
        session.execute(prepare(one_more, session.dialect), {"which": id, "views_1": 1})

    return body


def ids(work, table="posts"):
    return column(work, "id", table)


def column(work, name, table="posts", *, checked=True):
    """The column's values in the order of ids. Unchecked, the schema version is not asked for, as no store would do."""

    def body(stores):
        if checked:
            stores.current()
        session = stores.records
        target = session.tables[table]
        wanted = select(target.c[name]).order_by(target.c.id)
        return [row[0] for row in session.execute(prepare(wanted, session.dialect), {})]

    return work.read(body)


_TOLD_BY = {
    "sqlite": ["SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"],
    "postgresql": [
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1",
        "SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace ORDER BY 1",
    ],
}


def everything(work):
    """Tables, indexes and rows of the system, as the engine tells them."""
    texts = [*_TOLD_BY[work.database.dialect], "SELECT * FROM _collections ORDER BY id", "SELECT * FROM _meta"]
    return work.read(lambda stores: [stores.records.command(text) for text in texts])
