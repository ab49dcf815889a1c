"""Attacks on fields with many values, over real HTTP: wrong forms, protected lists, bodies and answers without end."""

import time
from typing import Any

import pytest

from tests.security.target import COLLECTIONS, OPEN, OWNED, OWNER, Target

RINGS = {
    "name": "rings",
    "fields": [
        {"name": "next", "type": "relation", "collection": "rings", "many": True, "max": 1000, "on_delete": "clear"},
        {"name": "marks", "type": "select", "values": ["one", "two", "three"], "many": True},
        {"name": "vault", "type": "relation", "collection": "vaults", "many": True, "hidden": True, "on_delete": "clear"},
        {"name": "stamp", "type": "relation", "collection": "rings", "many": True, "on_delete": "clear", "rules": {"write": None}},
    ],
    "rules": {**OPEN},
}
NOTES = {
    "name": "ringnotes",
    "fields": [OWNER, {"name": "rings", "type": "relation", "collection": "rings", "many": True, "on_delete": "cascade"}],
    "rules": dict.fromkeys(OPEN, OWNED),
}
NOT_LISTS: tuple[Any, ...] = (
    "x", 1, True, 1.5, {}, {"$ne": ""}, {"0": "one"}, [None], [1], [True], [[]], [["one"]], [{}], [{"$regex": "."}], [""], ["one", "one"],
    ["ONE"], ["one "], ["one\u0000"], ["\ud800"], ["one'; DROP TABLE rings; --"], ["a" * 100_000], ["../x"], ["%"], ["_"],
)  # fmt: skip


@pytest.fixture
def rings(target: Target) -> str:
    """The id of a record of `rings`, which is made with the first one that asks for it."""
    for definition in (RINGS, NOTES):
        made = target.ask("POST", COLLECTIONS, definition, by="admin")
        assert made.status in (201, 409), made
    return target.make("rings", marks=["one"])


def test_what_is_no_such_list_is_refused_in_every_way(target: Target, rings: str) -> None:
    with target.unchanged():
        for value in NOT_LISTS:
            for field in ("marks", "next"):
                for method, id in (("POST", ""), ("PATCH", rings)):
                    assert target.records(method, "rings", id, {field: value}).status == 400, (method, field, value)
        for value in NOT_LISTS:
            if value not in ("x", ["ONE"], ["one "]):
                assert target.records("PATCH", "rings", rings, {"next+": value}).status == 400, value
            assert target.records("PATCH", "rings", rings, {"marks+": value}).status in (400, 413), value


@pytest.mark.parametrize("key", [
    "vault", "vault+", "vault-", "stamp", "stamp+", "stamp-", "id+", "version+", "created-", "+marks", "marks++", "marks.0",
    "marks[]", "marks/0", "marks+-", "_links_rings_next", "source", "position",
])  # fmt: skip
def test_what_may_not_be_written_is_not_written_by_adding_to_it(target: Target, rings: str, key: str) -> None:
    with target.unchanged():
        for value in ([], [rings], rings, ["one"]):
            for by in ("", "bob"):
                assert target.records("PATCH", "rings", rings, {key: value}, by=by).status == 400, (key, value)


def test_link_tables_are_no_collections(target: Target, rings: str) -> None:
    for name in ("_links_rings_next", "_links", "rings_next", "rings.next", "links"):
        assert target.listed(name, by="admin").status == 404
        assert target.listed("rings", filter=f"@collection.{name}.source != ''").status == 400
    for path in ("source", "next.source", "next.position", "next.target", "_source", "_links_rings_next.target"):
        for parameter in ("filter", "sort", "expand", "fields"):
            text = f"{path} = 'x'" if parameter == "filter" else path
            assert target.listed("rings", **{parameter: text}).status == 400, (parameter, path)


def test_long_lists_are_refused_quickly(target: Target, rings: str) -> None:
    long = [f"i{at}" for at in range(60_000)]
    with target.unchanged():
        for body in ({"next": long}, {"next+": long}, {"marks+": long}, {"next": long[:1000]}, {"next+": [*long[:999], rings]}):
            started = time.monotonic()
            assert target.records("PATCH", "rings", rings, body).status == 400
            assert time.monotonic() - started < 2
    assert target.records("PATCH", "rings", rings, {"marks-": long}).status == 200


def test_rings_are_not_expanded_without_end(target: Target, rings: str) -> None:
    crowd = [target.make("rings") for _ in range(12)]
    for each in crowd:
        assert target.records("PATCH", "rings", each, {"next": crowd}).status == 200
    short = ".".join(["next"] * 3)
    assert target.records("GET", "rings", crowd[0], query={"expand": short}).status == 200
    for expand in (".".join(["next"] * 6), ".".join(["rings_via_next"] * 6), ",".join([".".join(["next"] * 4)] * 30)):
        started = time.monotonic()
        seen = target.records("GET", "rings", crowd[0], query={"expand": expand})
        assert (seen.status, seen.body["code"]) == (400, "limit_exceeded")
        assert time.monotonic() - started < 5
    assert target.records("GET", "rings", crowd[0], query={"expand": ".".join(["next"] * 7)}).status == 400


def test_what_points_at_a_record_is_shown_by_its_own_rules(target: Target, rings: str) -> None:
    """And the deletion of a record takes others' along without a word on them (documented)."""
    note = target.make("ringnotes", by="alice", owner=target.ids["alice"], rings=[rings])
    for by, seen in (("alice", [note]), ("bob", []), ("", [])):
        shown = target.records("GET", "rings", rings, by=by, query={"expand": "ringnotes_via_rings"})
        assert [each["id"] for each in shown.body["expand"]["ringnotes_via_rings"]] == seen
    assert target.records("PATCH", "ringnotes", note, {"rings-": rings}, by="bob").status == 404
    assert target.records("DELETE", "rings", rings, by="bob").status == 204
    assert target.records("GET", "ringnotes", note, by="alice").status == 404
