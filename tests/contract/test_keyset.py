"""Walks through lists by keyset: every row once, in the order that Python gives, on both engines."""

import random
from decimal import Decimal

import pytest
from sqlalchemy import bindparam, select

from adapters.outbound.sql.keyset import Key, keyset, keyset_values, order_by
from adapters.outbound.sql.statements import prepare
from domain.schema.kinds import Kind
from tests.contract.sql_engines import NOW, postgresql_engine, schema, sqlite_engine
from tests.postgres import fresh_schema

THINGS = schema({
    "name": "things", "type": "base",
    "fields": [
        {"name": "label", "type": "text"}, {"name": "size", "type": "integer"}, {"name": "weight", "type": "number"},
        {"name": "price", "type": "decimal", "scale": 3}, {"name": "done", "type": "bool"}, {"name": "due", "type": "date"},
    ],
})  # fmt: skip
KINDS = {"label": Kind.TEXT, "size": Kind.INTEGER, "weight": Kind.NUMBER, "price": Kind.DECIMAL, "done": Kind.BOOL, "due": Kind.DATE,
         "id": Kind.TEXT, "created": Kind.DATE}  # fmt: skip
VALUES = {
    "label": [None, "a", "A", "é", "É", "z", "\uffff", "\U0001f600", "a b", "%"],
    "size": [None, -(2**63), -1, 0, 1, 2**53 + 1, 2**53, 2**63 - 1],
    "weight": [None, -1e300, 5e-324, 0.0, 0.1, 1e300],
    "price": [None, Decimal("-999999999999999.999"), Decimal("0.000"), Decimal("0.001"), Decimal("10.100"), Decimal("999999999999999.999")],
    "done": [None, False, True],
    "due": [None, "0001-01-01T00:00:00.000Z", "2026-11-22T13:00:00.000Z", "2026-11-22T13:00:00.001Z", "9999-12-31T23:59:59.999Z"],
    "created": [NOW, "2026-01-02T00:00:00.000Z"],
}


def records():
    chance = random.Random(7)
    return [
        {"id": f"r{at:03}", "version": 1, "updated": NOW, **{name: chance.choice(values) for name, values in VALUES.items()}}
        for at in range(60)
    ]


RECORDS = records()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request):
    if request.param == "sqlite":
        made = sqlite_engine(THINGS)
        made.fill("things", RECORDS)
        yield made
        return
    with fresh_schema(request.getfixturevalue("postgres_worker_database")) as url:
        made = postgresql_engine(url, THINGS)
        made.fill("things", RECORDS)
        yield made
        made.connection.close()


def keys_of(engine, order):
    columns = engine.tables["things"].c
    return tuple(
        Key(f"k{at}", columns[name], down, name not in ("id", "created"), KINDS[name], 3, engine.dialect)
        for at, (name, down) in enumerate(order)
    )


def page(engine, order, after, limit):
    """The keys of the next rows, in Python form."""
    keys = keys_of(engine, order)
    base = select(*(key.expression.label(key.label) for key in keys))
    if after is None:
        statement = base.order_by(*order_by(keys, engine.dialect)).limit(bindparam("limit"))
    else:
        statement = keyset(base, keys, after, engine.dialect)
    rows = engine.rows(prepare(statement, engine.dialect), {"limit": limit, **keyset_values(keys, after)})
    return [tuple(key.decode(value) for key, value in zip(keys, row, strict=True)) for row in rows]


def walk(engine, order, limit):
    seen, after = [], None
    while True:
        rows = page(engine, order, after, limit)
        seen += rows
        if len(rows) < limit:
            return seen
        after = rows[-1]


def expected(order):
    """Sorted in Python, key by key from the last: nulls are smallest, text goes by code point."""
    rows = list(RECORDS)
    for name, down in reversed(order):
        rows.sort(key=lambda row: (row[name] is not None, row[name] if row[name] is not None else 0), reverse=down)
    return [tuple(row[name] for name, _ in order) for row in rows]


ORDERS = [
    [("id", False)], [("id", True)], [("created", True), ("id", True)], [("label", False), ("id", False)], [("label", True), ("id", True)],
    [("price", True), ("size", False), ("id", False)], [("done", False), ("due", True), ("weight", False), ("id", True)],
]  # fmt: skip


def random_orders(count):
    chance = random.Random(11)
    for _ in range(count):
        names = chance.sample(sorted(VALUES), chance.randrange(4))
        directions = [chance.random() < 0.5 for _ in names]
        yield [*zip(names, directions, strict=True), ("id", directions[-1] if names else chance.random() < 0.5)]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_walk_meets_every_row_once_and_in_order(engine, order):
    assert walk(engine, order, 7) == expected(order)


def test_walks_over_random_orders_are_exact(engine):
    for order in random_orders(50):
        assert walk(engine, order, 11) == expected(order), order


def test_no_row_follows_the_last(engine):
    order = [("due", True), ("id", True)]
    assert page(engine, order, expected(order)[-1], 5) == []


def test_rows_that_come_while_paging_neither_repeat_nor_hide_others(engine):
    order = [("size", True), ("id", True)]
    first = page(engine, order, None, 10)
    engine.run(f"INSERT INTO things (id, version, created, updated, size) VALUES ('zz', 1, '{NOW}', '{NOW}', 9223372036854775807)")
    try:
        assert page(engine, order, first[-1], 100) == expected(order)[10:]
    finally:
        engine.run("DELETE FROM things WHERE id = 'zz'")


def test_a_place_that_no_longer_holds_a_row_still_divides_the_list(engine):
    after = (5, "nowhere")
    rows = page(engine, [("size", False), ("id", False)], after, 100)
    assert rows == [row for row in expected([("size", False), ("id", False)]) if row[0] is not None and row > after]
