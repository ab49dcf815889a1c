"""Records written many at once are what they are when they are written one by one, on both databases."""

from decimal import Decimal

import pytest

from app.testing import backend
from domain.actor import SYSTEM
from domain.errors import Conflict, Invalid
from domain.records.changes import Draft
from domain.records.columnwise import record_names

STAMP = "2026-11-22T13:00:00.000Z"
FIELDS = [
    {"name": "title", "type": "text", "fold": True, "searchable": True}, {"name": "mail", "type": "email", "unique": True},
    {"name": "price", "type": "decimal", "scale": 2}, {"name": "open", "type": "bool"}, {"name": "size", "type": "number"},
    {"name": "count", "type": "integer"}, {"name": "since", "type": "day"}, {"name": "notes", "type": "json"},
    {"name": "colours", "type": "select", "values": ["red", "blue"], "many": True},
    {"name": "friends", "type": "relation", "collection": "cafes", "many": True},
    {"name": "owner", "type": "relation", "collection": "cafes"}, {"name": "made", "type": "autodate"},
]  # fmt: skip
FULL = ("Élan", "Ann@Example.org", Decimal("12.50"), True, 1.5, 2**62, "2026-11-22", {"a": [1, "é"]}, ("blue", "red"),
        ("a", "b"), "a", STAMP)  # fmt: skip
EMPTY = (None, None, None, None, None, None, None, None, (), (), None, None)


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as made:
        made.collections.create({"name": "cafes", "fields": FIELDS[:9]}, actor=SYSTEM)
        made.collections.change("cafes", {"fields": FIELDS}, actor=SYSTEM)
        insert(made, [("a", *EMPTY), ("b", *EMPTY)])
        yield made


def rows_of(room, rows):
    collection = room.records._work.read(lambda stores: stores.schema.collection("cafes"))
    return collection, record_names(collection), [(id, 1, STAMP, STAMP, *values) for id, *values in rows]


def insert(room, rows):
    collection, names, whole = rows_of(room, rows)
    room.records._work.run(lambda stores: stores.records.insert_rows(collection, names, whole))


def loaded(room, ids):
    collection, _, _ = rows_of(room, [])
    return {each["id"]: each for each in room.records._work.run(lambda stores: stores.records.load_many(collection, ids))}


def test_every_type_is_kept_as_by_one_insert(room):
    collection, names, (single,) = rows_of(room, [("one", FULL[0], "bea@example.org", *FULL[2:])])
    room.records._work.run(lambda stores: stores.records.insert(collection, Draft(dict(zip(names, single, strict=True)))))
    insert(room, [("many", *FULL), ("none", *EMPTY)])
    found = loaded(room, ["one", "many", "none"])
    assert {**found["one"], "id": "many", "mail": "Ann@Example.org"} == found["many"]
    assert tuple(found["many"][name] for name in names) == rows_of(room, [("many", *FULL)])[2][0]
    assert tuple(found["none"][name] for name in names) == rows_of(room, [("none", *EMPTY)])[2][0]


def test_what_is_derived_of_a_text_is_made_as_well(room):
    insert(room, [("many", *FULL)])
    with pytest.raises(Conflict):  # by the key of the address
        insert(room, [("twice", FULL[0], "ann@example.ORG", *FULL[2:])])
    assert list(loaded(room, ["many", "twice"])) == ["many"]


def test_a_row_that_points_at_nothing_keeps_all_of_them_out(room):
    with pytest.raises(Invalid):
        insert(room, [("fine", *EMPTY), ("lost", *EMPTY[:9], (), "nowhere", None)])
    assert loaded(room, ["fine", "lost"]) == {}


def test_nothing_is_nothing_to_do(room):
    insert(room, [])
