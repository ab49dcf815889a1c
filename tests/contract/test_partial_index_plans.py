"""Partial indexes serve the conditions that imply theirs, with the values as parameters."""

import pytest
from sqlalchemy import select

from adapters.outbound.sql.ddl import add_index
from adapters.outbound.sql.index_conditions import index_condition
from adapters.outbound.sql.rules import RuleCompiler, bind_values
from adapters.outbound.sql.statements import prepare
from domain.rules.check import Scope, check
from domain.rules.shape import shape
from domain.rules.values import Values
from tests.contract.rule_cases import MOMENT
from tests.contract.sql_engines import NOW, postgresql_engine, schema, sqlite_engine
from tests.postgres import fresh_schema

ROWS = 20_000
SCHEMA = schema(
    {
        "name": "posts", "type": "base",
        "fields": [
            {"name": "title", "type": "text"}, {"name": "views", "type": "integer"},
            {"name": "status", "type": "select", "values": ["draft", "live"]}, {"name": "pinned", "type": "bool"},
        ],
        "indexes": [
            {"fields": ["title"], "where": "status = 'live'"},
            {"fields": ["views"], "where": "pinned = true && views > 100"},
        ],
    },
)  # fmt: skip
VALUES = "'p' || i, 1, '{now}', '{now}', 'title ' || i, i, CASE WHEN i % 2 = 0 THEN 'live' ELSE 'draft' END, {pinned}"
FILL = {
    "sqlite": f"""WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {ROWS})
        INSERT INTO posts (id, version, created, updated, title, views, status, pinned)
        SELECT {VALUES.format(now=NOW, pinned="i % 3 = 0")} FROM n""",
    "postgresql": f"""INSERT INTO posts (id, version, created, updated, title, views, status, pinned)
        SELECT {VALUES.format(now=NOW, pinned="i % 3 = 0")} FROM generate_series(0, {ROWS - 1}) i""",
}
SCAN = {"sqlite": "SCAN posts", "postgresql": "Seq Scan on posts"}


def fill(engine):
    engine.run(FILL[engine.dialect])
    posts = SCHEMA.collections["posts"]
    for index in posts.every_index:
        engine.run(add_index(posts, index, engine.dialect, index_condition(SCHEMA, posts, index, engine.dialect)))
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


def asked(engine, text):
    """How many rows the condition chooses, and the plan by which it is answered."""
    bound = shape(check(text, Scope(SCHEMA, SCHEMA.collections["posts"])), Values(now=MOMENT))
    compiler, table = RuleCompiler(SCHEMA, engine.tables, engine.dialect), engine.tables["posts"]
    prepared = prepare(select(table.c.id).where(compiler.condition(bound.shape, table)), engine.dialect)
    values = bind_values(compiler.binds, bound.values)
    word = "EXPLAIN QUERY PLAN " if engine.dialect == "sqlite" else "EXPLAIN "
    shown = engine.connection.execute(word + prepared.text, prepared.arguments(values)).fetchall()
    return len(engine.rows(prepared, values)), "\n".join(str(row[-1]) for row in shown)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("status = 'live' && title = 'title 500'", 1),
        ("title in ('title 500', 'title 501') && status = 'live'", 1),
        ("pinned = true && views > 100 && views < 106", 2),
    ],
)
def test_a_condition_that_says_what_the_index_says_is_served_by_it(engine, text, count):
    found, plan = asked(engine, text)
    assert found == count
    assert SCAN[engine.dialect] not in plan, plan


@pytest.mark.parametrize("text", ["title = 'title 501'", "status = 'draft' && title = 'title 501'"])
def test_others_are_not(engine, text):
    found, plan = asked(engine, text)
    assert found == 1
    assert SCAN[engine.dialect] in plan, plan
