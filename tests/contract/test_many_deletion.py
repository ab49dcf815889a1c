"""What the deletion of a record does to the lists that name it, on every database alike."""

import time

import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM
from domain.errors import Conflict, NotFound
from domain.records.changes import Draft
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="GET")
STAMP = "2026-11-22T13:00:00.000Z"
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        yield made


def define(room, name, *fields, rules=OPEN):
    room.collections.create({"name": name, "fields": list(fields), "rules": rules}, actor=SYSTEM)


def to(collection, on_delete="restrict", name="to", **options):
    return {"name": name, "type": "relation", "collection": collection, "many": True, "on_delete": on_delete, **options}


def create(room, collection, id, **values):
    return room.records.create(collection, {"id": id, **values}, actor=GUEST, facts=FACTS).id


def delete(room, collection, id, actor=GUEST):
    room.records.delete(collection, id, actor=actor, facts=FACTS)


def get(room, collection, id):
    return room.records.get(collection, id, actor=GUEST, facts=FACTS).as_object()


def ids(room, collection):
    return [item["id"] for item in room.records.list(collection, ListQuery(limit=500), actor=GUEST, facts=FACTS).as_object()["items"]]


def test_a_record_in_a_list_that_restricts_stays(room):
    define(room, "tags")
    define(room, "posts", to("tags"))
    create(room, "tags", "t1"), create(room, "tags", "t2")
    create(room, "posts", "p1", to=["t2", "t1"])
    with pytest.raises(Conflict) as refused:
        delete(room, "tags", "t1", SYSTEM)
    assert (refused.value.code, refused.value.detail) == ("restricted", "1 records of `posts` refer to it by `to`")
    assert get(room, "posts", "p1")["to"] == ["t2", "t1"]
    room.records.update("posts", "p1", {"to-": "t1"}, actor=GUEST, facts=FACTS)
    delete(room, "tags", "t1")
    assert ids(room, "tags") == ["t2"]


def test_a_cleared_target_leaves_the_list_and_its_holder_has_a_new_version(room):
    define(room, "tags")
    define(room, "posts", to("tags", "clear"), {"name": "seen", "type": "autodate", "on_update": True})
    for id in ("t1", "t2", "t3"):
        create(room, "tags", id)
    create(room, "posts", "p1", to=["t3", "t1", "t2"])
    create(room, "posts", "p2", to=["t3"])
    before = get(room, "posts", "p1")
    room.clock.advance(minutes=5)
    delete(room, "tags", "t1")
    after = get(room, "posts", "p1")
    assert (after["to"], after["version"]) == (["t3", "t2"], 2)
    assert after["updated"] == after["seen"] > before["updated"]
    assert get(room, "posts", "p2")["version"] == 1
    assert list(room.records.update("posts", "p1", {"to+": "t3"}, actor=GUEST, facts=FACTS).as_object()["to"]) == ["t3", "t2"]


def test_a_holder_cascades_with_its_last_target_and_loses_the_others_one_by_one(room):
    define(room, "tags")
    define(room, "posts", to("tags", "cascade", required=True))
    define(room, "notes", {"name": "post", "type": "relation", "collection": "posts", "on_delete": "cascade"})
    for id in ("t1", "t2"):
        create(room, "tags", id)
    create(room, "posts", "p1", to=["t1", "t2"])
    create(room, "posts", "p2", to=["t1"])
    create(room, "notes", "n1", post="p1"), create(room, "notes", "n2", post="p2")
    delete(room, "tags", "t1")
    assert ids(room, "posts") == ["p1"]
    assert ids(room, "notes") == ["n1"]
    assert (get(room, "posts", "p1")["to"], get(room, "posts", "p1")["version"]) == (["t2"], 2)
    delete(room, "tags", "t2")
    assert ids(room, "posts") == ids(room, "notes") == []


def test_a_cascade_counts_targets_that_go_by_different_ways(room):
    """p1 names t1 directly and t2, which only goes because t1 does: its last target goes in a later set."""
    define(room, "tags", to("tags", "cascade", name="parents"))
    define(room, "posts", to("tags", "cascade"))
    create(room, "tags", "t1")
    create(room, "tags", "t2", parents=["t1"])
    create(room, "tags", "t3", parents=["t2", "t1"])
    create(room, "tags", "t4")
    create(room, "tags", "t5", parents=["t4", "t1"])
    create(room, "posts", "p1", to=["t1", "t3", "t2"])
    create(room, "posts", "p2", to=["t3", "t4"])
    delete(room, "tags", "t1")
    assert ids(room, "tags") == ["t4", "t5"]
    assert get(room, "tags", "t5")["parents"] == ["t4"]
    assert ids(room, "posts") == ["p2"]
    assert get(room, "posts", "p2")["to"] == ["t4"]


def test_rings_of_lists_go_together(room):
    define(room, "people", to("people", "cascade", name="friends"))
    create(room, "people", "a")
    create(room, "people", "b", friends=["a"])
    create(room, "people", "c", friends=["b", "c"])
    room.records.update("people", "a", {"friends": ["a", "b"]}, actor=GUEST, facts=FACTS)
    delete(room, "people", "a")
    assert ids(room, "people") == ["c"]
    assert (get(room, "people", "c")["friends"], get(room, "people", "c")["version"]) == (["c"], 2)
    delete(room, "people", "c")
    assert ids(room, "people") == []


def test_a_list_that_restricts_lets_go_what_its_holder_goes_with(room):
    define(room, "teams")
    define(room, "users", {"name": "team", "type": "relation", "collection": "teams", "on_delete": "cascade"}, to("teams", name="seen"))
    create(room, "teams", "t1")
    create(room, "users", "u1", team="t1", seen=["t1"])
    delete(room, "teams", "t1")
    assert ids(room, "users") == []


def test_a_deleted_holder_takes_its_links_along_and_leaves_its_targets(room):
    define(room, "tags")
    define(room, "posts", to("tags"))
    create(room, "tags", "t1")
    create(room, "posts", "p1", to=["t1"])
    delete(room, "posts", "p1")
    create(room, "posts", "p1")
    assert get(room, "posts", "p1")["to"] == []
    delete(room, "tags", "t1")
    assert ids(room, "tags") == []


def test_a_refused_deletion_leaves_every_list_as_it_was(room):
    define(room, "tags")
    define(room, "posts", to("tags", "cascade"))
    define(room, "guards", to("posts"))
    create(room, "tags", "t1")
    create(room, "posts", "p1", to=["t1"])
    create(room, "guards", "g1", to=["p1"])
    with pytest.raises(Conflict):
        delete(room, "tags", "t1")
    assert (get(room, "posts", "p1")["to"], get(room, "posts", "p1")["version"]) == (["t1"], 1)
    assert get(room, "guards", "g1")["to"] == ["p1"]


def test_two_lists_that_lose_something_are_one_change_of_their_record(room):
    define(room, "tags")
    define(room, "posts", to("tags", "clear"), to("tags", "clear", name="also"))
    create(room, "tags", "t1")
    create(room, "posts", "p1", to=["t1"], also=["t1"])
    delete(room, "tags", "t1")
    shown = get(room, "posts", "p1")
    assert (shown["to"], shown["also"], shown["version"]) == ([], [], 2)


def test_thousands_of_records_go_with_one(room, request):
    """By a column and by lists; ids travel as one parameter however many they are. With --long, a hundred thousand rows go."""
    many, batch = (50_000, 5_000) if request.config.getoption("--long") else (5_000, 1_000)
    define(room, "roots")
    define(room, "children", {"name": "root", "type": "relation", "collection": "roots", "on_delete": "cascade"})
    define(room, "leaves", to("children", "cascade"))
    define(room, "marks", to("children", "clear"))
    create(room, "roots", "r1"), create(room, "roots", "r2")
    for start in range(0, many, batch):
        span = range(start, start + batch)
        fill(room, "children", [{"id": f"c{at}", "root": "r1"} for at in span])
        fill(room, "leaves", [{"id": f"l{at}", "to": tuple({f"c{at}": 0, f"c{at % batch}": 0})} for at in span])
        fill(room, "marks", [{"id": f"m{at}", "to": (f"c{at}",)} for at in span])
    started = time.monotonic()
    delete(room, "roots", "r1")
    print(f"{2 * many} rows gone and {many} cleared in {time.monotonic() - started:.1f} s")
    total = lambda name: room.records.list(name, ListQuery(count=True, limit=1), actor=GUEST, facts=FACTS).total
    assert (total("roots"), total("children"), total("leaves"), total("marks")) == (1, 0, 0, many)
    assert get(room, "marks", "m7")["version"] == 2
    with pytest.raises(NotFound):
        get(room, "leaves", "l7")


def fill(room, collection, rows):
    stamps = {"version": 1, "created": STAMP, "updated": STAMP}
    drafts = [Draft({**row, **stamps}) for row in rows]
    room.records._work.run(
        lambda stores: stores.records.insert_many(stores.schema.collection(collection), drafts), alone=True, unhurried=True
    )
