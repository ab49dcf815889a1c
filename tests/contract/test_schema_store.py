"""Collections become tables, and change into others: on both engines the same columns, indexes and refusals, whole or not at all."""

import json

import pytest
from sqlalchemy import text as sql_text

from adapters.outbound.sql import ddl
from adapters.outbound.sql.columns import table_columns
from adapters.outbound.sql.names import index_name
from adapters.outbound.sql.schema import ADMIN_ACCOUNTS
from adapters.outbound.sql.statements import prepare
from domain.actor import ADMINS
from domain.errors import Conflict, Invalid
from domain.schema.changes import steps
from domain.schema.collection import Index, change_collection
from domain.schema.fields import TRUSTING
from tests.contract.ground import (
    POSTS,
    STAMP,
    add,
    change,
    column,
    create,
    defined,
    drop,
    everything,
    ids,
)

EVERY_TYPE = {
    "name": "order",  # a reserved word of SQL
    "fields": [
        {"name": "group", "type": "text", "unique": True},
        {"name": "amount", "type": "integer"},
        {"name": "ratio", "type": "number"},
        {"name": "price", "type": "decimal", "scale": 4},
        {"name": "live", "type": "bool"},
        {"name": "contact", "type": "email", "unique": True},
        {"name": "site", "type": "url"},
        {"name": "at", "type": "date"},
        {"name": "on", "type": "day"},
        {"name": "seen", "type": "autodate"},
        {"name": "kind", "type": "select", "values": ["a", "b"]},
        {"name": "more", "type": "json"},
        {"name": "parent", "type": "relation", "collection": "order", "on_delete": "clear"},
    ],
    "indexes": [{"fields": ["kind", "at"]}, {"fields": ["amount", "price", "live"], "unique": True}],
    "rules": {"list": "", "view": None},
    "checks": [{"name": "positive", "rule": "amount > 0", "message": "not „positive“"}],
}


def columns_of(work, table):
    if work.database.dialect == "sqlite":
        rows = work.read(lambda stores: stores.records.command(f'PRAGMA table_info("{table}")'))
        return [row[1] for row in rows]
    text = (
        "SELECT column_name FROM information_schema.columns"
        f" WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
    )
    return [row[0] for row in work.read(lambda stores: stores.records.command(text))]


def indexes_of(work, table):
    if work.database.dialect == "sqlite":
        text = f"SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = '{table}' AND sql IS NOT NULL"
    else:
        text = f"SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = '{table}'"
    return {name for (name,) in work.read(lambda stores: stores.records.command(text)) if not name.startswith("_pk_")}


def test_a_collection_becomes_a_table_with_its_columns_and_indexes(ground):
    made = create(ground, EVERY_TYPE)
    assert columns_of(ground, "order") == [each.name for each in table_columns(made)]
    assert indexes_of(ground, "order") == {index_name(made, index) for index in made.every_index}
    assert all(len(name) <= 60 for name in indexes_of(ground, "order"))


def test_what_is_loaded_is_what_was_saved(ground, database_url, open_work):
    made = create(ground, EVERY_TYPE)
    assert ground.read(lambda stores: stores.schema.collection("order")) == made
    ground._catalogues.forget()
    loaded = ground.read(lambda stores: stores.current().collection("order"))
    assert loaded == made
    assert loaded.definition() == made.definition()
    kept = ground.read(lambda stores: stores.records.command("SELECT definition FROM _collections"))[0][0]
    assert set(json.loads(kept)) == {"fields", "indexes", "rules", "checks", "trash", "expires", "limits", "aliases"}


def test_admins_are_a_collection_that_no_row_describes(ground):
    assert ground.read(lambda stores: stores.schema.collection(ADMINS)) is ADMIN_ACCOUNTS
    assert set(columns_of(ground, ADMINS)) == {each.name for each in table_columns(ADMIN_ACCOUNTS)}
    assert indexes_of(ground, ADMINS) == {index_name(ADMIN_ACCOUNTS, index) for index in ADMIN_ACCOUNTS.every_index}
    ground.run(add("a1", ADMINS, email="Ann@example.org", _key_email="ann@example.org"))
    with pytest.raises(Conflict) as refused:
        ground.run(add("a2", ADMINS, email="ann@example.org", _key_email="ann@example.org"))
    assert [fault.pointer for fault in refused.value.faults] == ["/email"]


def test_text_is_kept_by_code_point(ground):
    create(ground, {"name": "posts", "fields": [{"name": "title", "type": "text"}], "indexes": [{"fields": ["title"]}]})
    for at, title in enumerate(["b", "B", "a", "é", "Z", "\uffff", "\U0001f600", "ß", "ss"]):
        ground.run(add(f"r{at}", title=title))
    ordered = ground.read(lambda stores: stores.records.command("SELECT title FROM posts ORDER BY title"))
    assert [title for (title,) in ordered] == sorted(["b", "B", "a", "é", "Z", "\uffff", "\U0001f600", "ß", "ss"])


def test_fields_come_and_go_while_records_stay(ground):
    create(ground, POSTS)
    ground.run(add("a", title="Hello", views=1))
    kept = [each for each in POSTS["fields"] if each["name"] in ("title", "views")]
    added = [
        {"name": "stars", "type": "integer", "default": 5},
        {"name": "cost", "type": "decimal", "scale": 2, "default": "9.50"},
        {"name": "shown", "type": "bool", "default": True},
        {"name": "extra", "type": "json", "default": {"a": [1]}},
        {"name": "support", "type": "email", "default": "Help@Example.org"},
        {"name": "made", "type": "date", "default": "@now"},
        {"name": "origin", "type": "relation", "collection": "posts"},
    ]
    made = change(ground, {"name": "posts", "fields": [*kept, *added]})
    assert set(columns_of(ground, "posts")) == {each.name for each in table_columns(made)}
    assert indexes_of(ground, "posts") == {index_name(made, index) for index in made.every_index}
    row = [column(ground, name) for name in ("title", "views", "stars", "shown", "support", "_key_support", "made", "origin")]
    assert row == [["Hello"], [1], [5], [1], ["Help@Example.org"], ["help@example.org"], [None], [None]]
    assert json.loads(column(ground, "extra")[0]) == {"a": [1]}
    assert float(column(ground, "cost")[0]) in (950.0, 9.5)  # a scaled integer on SQLite
    with pytest.raises(Invalid):
        ground.run(add("b", origin="nobody"))


def test_a_relation_is_dropped_without_touching_others(ground):
    create(ground, POSTS)
    create(ground, {"name": "notes", "fields": [{"name": "post", "type": "relation", "collection": "posts"}]}, id="c2")
    ground.run(add("a"))
    ground.run(add("b", parent="a"))
    ground.run(add("n", "notes", post="b"))
    change(ground, {"name": "posts", "fields": [each for each in POSTS["fields"] if each["name"] != "parent"]})
    assert ids(ground) == ["a", "b"]
    assert column(ground, "post", "notes") == ["b"]
    with pytest.raises(Invalid):
        ground.run(add("m", "notes", post="nobody"))


def test_a_collection_goes_with_its_records_and_its_name_is_free_again(ground):
    create(ground, POSTS)
    ground.run(add("a"))
    before = everything(ground)
    drop(ground, "posts")
    assert columns_of(ground, "posts") == []
    create(ground, POSTS)
    assert ids(ground) == []
    assert everything(ground)[0] == before[0]


def test_names_that_engines_would_give_are_free(ground):
    """PostgreSQL calls a primary key `posts_pkey` and a sequence or type after the table, in the name space of tables."""
    create(ground, {"name": "posts"}, id="c1")
    for at, name in enumerate(["posts_pkey", "meta", "admins", "user", "text", "posts_id_key"]):
        create(ground, {"name": name, "fields": [{"name": "select", "type": "text", "unique": True}]}, id=f"d{at}")
        ground.run(add("x", name, select="y"))
        with pytest.raises(Conflict) as refused:
            ground.run(add("x", name, select="z"))
        assert refused.value.faults[0].pointer == "/id"
        with pytest.raises(Conflict) as refused:
            ground.run(add("z", name, select="y"))
        assert refused.value.faults[0].pointer == "/select"


# --- refusals -------------------------------------------------------------------------------------------------------


def test_a_unique_index_over_duplicates_is_refused_with_an_example(ground):
    create(ground, POSTS)
    ground.run(add("a", views=7))
    ground.run(add("b", views=7))
    ground.run(add("c"))
    ground.run(add("d"))  # absent values are not equal
    before = everything(ground)
    fields = [{**each, **({"unique": True} if each["name"] == "views" else {})} for each in POSTS["fields"]]
    with pytest.raises(Conflict) as refused:
        change(ground, {"name": "posts", "fields": fields})
    assert refused.value.code == "not_unique"
    assert [fault.pointer for fault in refused.value.faults] == ["/views"]
    assert "`views` = 7" in refused.value.detail
    assert everything(ground) == before
    delete = prepare(sql_text("DELETE FROM posts WHERE id = :id"), ground.database.dialect)
    ground.run(lambda stores: stores.records.execute(delete, {"id": "b"}))
    change(ground, {"name": "posts", "fields": fields})
    with pytest.raises(Conflict):
        ground.run(add("e", views=7))


def test_a_default_that_names_no_record_is_refused(ground):
    create(ground, POSTS)
    ground.run(add("a"))
    before = everything(ground)
    fields = [*POSTS["fields"], {"name": "origin", "type": "relation", "collection": "posts", "default": "nobody"}]
    with pytest.raises(Invalid) as refused:
        change(ground, {"name": "posts", "fields": fields})
    assert refused.value.code == "no_such_record"
    assert everything(ground) == before


def test_records_and_absent_values_are_counted(ground):
    made = create(ground, POSTS)
    ground.run(add("a", title="Hello", views=0))
    ground.run(add("b", title=""))
    ground.run(add("c"))
    count = lambda ask: ground.change_schema(lambda stores: ask(stores.collections))
    assert count(lambda store: store.count(made)) == 3
    assert count(lambda store: store.empties(made, "title").count) == 2
    assert count(lambda store: store.empties(made, "views").count) == 2


# --- all or nothing -------------------------------------------------------------------------------------------------

REBUILT = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "views", "type": "integer", "unique": True},
        {"name": "stars", "type": "integer", "default": 1},
        {"name": "again", "type": "relation", "collection": "posts"},
        {"name": "reply_to", "type": "email", "default": "a@example.org"},
    ],
    "indexes": [{"fields": ["stars", "title"]}],
}


class Injected(Exception):
    """The failure that a test put in."""


def test_a_change_that_fails_at_any_statement_leaves_nothing(ground, monkeypatch):
    create(ground, POSTS)
    ground.run(add("a", title="Hello", views=1))
    before = everything(ground)
    failures = 0
    while failed_at(ground, monkeypatch, failures):
        failures += 1
        assert everything(ground) == before
        assert (ids(ground), column(ground, "title"), column(ground, "parent")) == (["a"], ["Hello"], [None])
    assert failures > 15, "each of the steps consists of a statement at least"
    assert column(ground, "stars") == [1]
    assert ground.read(lambda stores: stores.current().version) == 3


def failed_at(work, monkeypatch, at):
    """Whether the change was stopped by a failure of its statement number `at`."""
    session = type(work.read(lambda stores: stores.records))
    run, said = session._run, []

    def failing(self, text, arguments):
        if self.changing:
            said.append(text)
            if len(said) > at:
                raise Injected(text)
        return run(self, text, arguments)

    with monkeypatch.context() as patch:
        patch.setattr(session, "_run", failing)
        try:
            change(work, REBUILT)
        except Injected:
            return True
    return False


def test_a_collection_that_cannot_be_made_is_not_there(ground, monkeypatch):
    before = everything(ground)
    with monkeypatch.context() as patch:
        patch.setattr(ddl, "add_index", lambda *_: "CREATE nonsense")
        with pytest.raises(ground.database.errors):
            create(ground, POSTS)
    assert everything(ground) == before
    create(ground, POSTS)
    assert ids(ground) == []


# --- how indexes are built ------------------------------------------------------------------------------------------


def test_an_index_serves_the_order_of_records():
    made = defined({"name": "posts", "fields": [{"name": "views", "type": "integer"}, {"name": "mail", "type": "email"}]})
    several = Index(("views", "mail"))
    assert ddl.add_index(made, several, "sqlite").endswith('ON "posts" ("views", "_key_mail", "id")')
    assert ddl.add_index(made, several, "postgresql").endswith(
        'ON "posts" ("views" NULLS FIRST, "_key_mail" NULLS FIRST, "id" NULLS FIRST)'
    )
    assert ddl.add_index(made, Index(("mail",), unique=True), "sqlite").endswith('ON "posts" ("_key_mail")')


def test_index_names_tell_collections_and_kinds_apart():
    long = {"name": "a" * 50, "fields": [{"name": f"{letter * 50}", "type": "text"} for letter in "xyz"]}
    one, other = defined(long, id="c1"), defined(long, id="c2")
    index = Index(tuple(each.name for each in one.fields))
    names = {index_name(each, kind) for each in (one, other) for kind in (index, Index(index.fields, unique=True))}
    assert len(names) == 4
    assert all(len(name) <= 60 for name in names)


def test_a_definition_is_changed_without_a_step(ground):
    made = create(ground, POSTS)
    new = change_collection(made, {"rules": {"list": ""}}, now=STAMP, tools=TRUSTING)
    assert steps(made, new) == ()
    change(ground, {"name": "posts", "rules": {"list": ""}})
    ground._catalogues.forget()
    loaded = ground.read(lambda stores: stores.current())
    assert (loaded.version, loaded.collection("posts").rules.list, loaded.collection("posts").version) == (3, "", 2)
