"""Indexes serve compiled conditions: what a condition narrows down to few rows never scans the table, on either engine."""

import pytest
from sqlalchemy import select

from adapters.outbound.sql.ddl import add_index
from adapters.outbound.sql.keyset import Key, keyset, keyset_values
from adapters.outbound.sql.rules import RuleCompiler, bind_values
from adapters.outbound.sql.statements import prepare
from domain.rules.check import Scope, check
from domain.rules.shape import shape
from domain.rules.values import Values
from domain.schema.kinds import Kind
from tests.contract.rule_cases import MOMENT
from tests.contract.sql_engines import NOW, postgresql_engine, schema, sqlite_engine
from tests.postgres import fresh_schema

USERS, POSTS = 5_000, 20_000
SCHEMA = schema(
    {
        "name": "users", "type": "accounts",
        "fields": [{"name": "name", "type": "text"}, {"name": "team", "type": "text"}], "indexes": [{"fields": ["name"]}],
    },
    {
        "name": "posts", "type": "base",
        "fields": [
            {"name": "title", "type": "text"}, {"name": "views", "type": "integer"}, {"name": "price", "type": "decimal", "scale": 2},
            {"name": "day", "type": "day"}, {"name": "contact", "type": "email"},
            {"name": "author", "type": "relation", "collection": "users"}, {"name": "editor", "type": "relation", "collection": "users"},
        ],
        "indexes": [{"fields": [name]} for name in ("title", "views", "price", "day", "contact")],
    },
)  # fmt: skip
FILL_USERS = {
    "sqlite": f"""WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {USERS})
        INSERT INTO users (id, version, created, updated, name, team)
        SELECT 'u' || i, 1, '{NOW}', '{NOW}', 'name ' || i, CASE WHEN i % 2 THEN 'red' ELSE 'blue' END FROM n""",
    "postgresql": f"""INSERT INTO users (id, version, created, updated, name, team)
        SELECT 'u' || i, 1, '{NOW}', '{NOW}', 'name ' || i, CASE WHEN i % 2 = 1 THEN 'red' ELSE 'blue' END
        FROM generate_series(0, {USERS - 1}) i""",
}
POST_VALUES = """'p' || i, 1, '{now}', '{now}', 'title ' || i, i, {price}, date_of_post,
    'a' || i || '@example.org', 'a' || i || '@example.org', 'u' || (i % {users}), 'u' || ((i * 7) % {users})"""
COLUMNS = "id, version, created, updated, title, views, price, day, contact, _key_contact, author, editor"
FILL_POSTS = {
    "sqlite": f"""WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {POSTS})
        INSERT INTO posts ({COLUMNS}) SELECT {POST_VALUES.format(now=NOW, users=USERS, price="i * 100")}
        FROM (SELECT i, date('2000-01-01', '+' || i || ' days') AS date_of_post FROM n)""",
    "postgresql": f"""INSERT INTO posts ({COLUMNS}) SELECT {POST_VALUES.format(now=NOW, users=USERS, price="i")}
        FROM (SELECT i, (DATE '2000-01-01' + i)::text AS date_of_post FROM generate_series(0, {POSTS - 1}) i) n""",
}
GUEST = Values(now=MOMENT, request={("auth", "id"): "u77"})


def fill(engine):
    engine.run(FILL_USERS[engine.dialect])
    engine.run(FILL_POSTS[engine.dialect])
    for collection in SCHEMA.collections.values():
        for index in collection.every_index:
            engine.run(add_index(collection, index, engine.dialect))
    engine.run("ANALYZE")
    return engine


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request):
    if request.param == "sqlite":
        yield fill(sqlite_engine(SCHEMA))
        return
    with fresh_schema(request.getfixturevalue("postgres_worker_database")) as url:
        made = fill(postgresql_engine(url, SCHEMA))
        yield made
        made.connection.close()


def plan(engine, prepared, values):
    """The plan as text."""
    word = "EXPLAIN QUERY PLAN " if engine.dialect == "sqlite" else "EXPLAIN "
    rows = engine.connection.execute(word + prepared.text, prepared.arguments(values)).fetchall()
    return "\n".join(str(row[-1]) for row in rows)


def scans(engine, shown):
    """The tables that the plan reads from end to end."""
    sign = {"sqlite": "SCAN ", "postgresql": "Seq Scan on "}[engine.dialect]
    return [line.split(sign, 1)[1].split()[0] for line in shown.splitlines() if sign in line]


def compiled(engine, text):
    bound = shape(check(text, Scope(SCHEMA, SCHEMA.collections["posts"])), GUEST)
    compiler, table = RuleCompiler(SCHEMA, engine.tables, engine.dialect), engine.tables["posts"]
    prepared = prepare(select(table.c.id).where(compiler.condition(bound.shape, table)), engine.dialect)
    return prepared, bind_values(compiler.binds, bound.values)


# text, and how many rows it chooses
SERVED = [
    ("title = 'title 500'", 1),
    ("title in ('title 500', 'title 501', 'nothing')", 2),
    ("views < 50", 50),
    ("views >= 19990 && views != 19995", 9),
    ("views in (5, 7)", 2),
    ("views > 10.5 && views <= 12.5", 2),
    ("price = 77", 1),
    ("price < 10.005", 11),
    ("price in (1, 2.005)", 1),
    ("day < '2000-01-11'", 10),
    ("day < '2000-01-11 12:00'", 11),
    ("contact = 'A5@EXAMPLE.org'", 1),
    ("startsWith(title, 'title 1999')", 11),
    ("id = 'p5'", 1),
    ("author = @request.auth.id", 4),
    ("author.name = 'name 77'", 4),
    ("author.name in ('name 77', 'name 78')", 8),
    ("author.id = 'u77'", 4),
    ("author.email = 'none@example.org'", 0),
    ("title = 'title 3' || views = 9", 2),
    ("title = 'title 3' || author.name = 'name 77'", 5),
    ("views = 9 || author.name = 'name 77' || editor.name = 'name 78'", 9),
    ("author.name = 'name 77' && editor.name != 'name 78'", 4),
    ("title = 'title 5' && author.team = 'red'", 1),
    ("title = 'title 5' && author.team ~ 'RE'", 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count"), SERVED, ids=[text for text, _ in SERVED])
def test_an_index_serves(engine, text, count):
    prepared, values = compiled(engine, text)
    assert len(engine.rows(prepared, values)) == count
    shown = plan(engine, prepared, values)
    assert scans(engine, shown) == [], f"{prepared.text}\n{shown}"


def test_a_full_scan_is_seen_as_one(engine):
    """The test above could not fail if scans were not recognised."""
    prepared, values = compiled(engine, "title ~ '77'")
    assert scans(engine, plan(engine, prepared, values)) == ["posts"]


def test_a_condition_that_most_targets_fulfil_is_asked_of_the_rows_that_are_looked_at(engine):
    """`IN` would first gather half of all users."""
    prepared, _ = compiled(engine, "author.team = 'red'")
    assert "EXISTS" in prepared.text


ORDERS = [[("views", False)], [("views", True)], [("title", True)], [("id", True)]]


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("known", [True, False], ids=["after a value", "after null"])
def test_every_branch_of_a_keyset_seeks(engine, order, known):
    columns = engine.tables["posts"].c
    full = order if order[-1][0] == "id" else [*order, ("id", order[-1][1])]
    after = tuple({"views": 500, "title": "title 500", "id": "p500"}[name] if known or name == "id" else None for name, _ in full)
    kinds = {"views": Kind.INTEGER, "title": Kind.TEXT, "id": Kind.TEXT}
    keys = [Key(f"k{at}", columns[name], down, name != "id", kinds[name], 0, engine.dialect) for at, (name, down) in enumerate(full)]
    base = select(*(key.expression.label(key.label) for key in keys))
    prepared = prepare(keyset(base, keys, after, engine.dialect), engine.dialect)
    shown = plan(engine, prepared, {"limit": 30, **keyset_values(keys, after)})
    read_whole = [table for table in scans(engine, shown) if table == "posts"]
    assert read_whole == [], f"{prepared.text}\n{shown}"
