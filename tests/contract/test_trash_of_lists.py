"""Deleted records with fields of many values, and records that stood in others' lists."""

from domain.actor import SYSTEM
from tests.contract.test_trash import (
    FACTS,
    TRASH,
    add,
    delete,
    get,
    listed,
    make,
    refusal,
    relation,
    restore,
    room,
    trashed,
)

__all__ = ["room"]


def many(name, to, on_delete="clear", **options):
    return relation(name, to, on_delete, many=True, **options)


def test_lists_come_back_in_their_order(room):
    make(room, "tags")
    make(room, "posts", many("tags", "tags"), {"name": "kinds", "type": "select", "values": ["a", "b", "c"], "many": True}, **TRASH)
    tags = [add(room, "tags") for _ in range(4)]
    order = [tags[2], tags[0], tags[3], tags[1]]
    post, plain = add(room, "posts", tags=order, kinds=["c", "a"]), add(room, "posts")
    for id in (post, plain):
        delete(room, "posts", id)
    assert restore(room, "posts", post).record["tags"] == tuple(order)
    assert (get(room, "posts", post)["tags"], get(room, "posts", post)["kinds"]) == (order, ["c", "a"])
    assert restore(room, "posts", plain).lost == ()
    assert get(room, "posts", plain)["tags"] == []


def test_elements_that_are_gone_stand_against_it_or_are_all_left_out(room):
    make(room, "tags")
    make(room, "posts", many("tags", "tags"), **TRASH)
    red, blue = add(room, "tags"), add(room, "tags")
    post = add(room, "posts", tags=[red, blue])
    delete(room, "posts", post)
    delete(room, "tags", red)
    assert refusal(room, "posts", post) == {("/tags", "target_gone")}
    restore(room, "posts", post, clear=["tags"])
    assert get(room, "posts", post)["tags"] == [blue]


def test_one_that_comes_back_stands_in_lists_again_where_it_stood(room):
    make(room, "tags", **TRASH)
    make(room, "posts", many("tags", "tags"), {"name": "seen", "type": "autodate", "on_update": True}, **TRASH)
    a, b, c = (add(room, "tags") for _ in range(3))
    post, gone, other = add(room, "posts", tags=[a, b, c]), add(room, "posts", tags=[b]), add(room, "posts", tags=[a])
    delete(room, "tags", b)
    assert get(room, "posts", post)["tags"] == [a, c]
    delete(room, "posts", gone)
    room.clock.advance(hours=1)
    assert restore(room, "tags", b).relations == 1
    kept = get(room, "posts", post)
    assert (kept["tags"], kept["version"], kept["seen"]) == ([a, b, c], 3, "2026-11-22T14:00:00.000Z")
    assert get(room, "posts", other)["version"] == 1


def test_a_list_that_cascades_goes_and_comes_back_with_its_last_target(room):
    make(room, "users", **TRASH)
    make(room, "rooms", many("members", "users", "cascade"), **TRASH)
    ann, bob = add(room, "users"), add(room, "users")
    shared = add(room, "rooms", members=[ann, bob])
    delete(room, "users", ann)
    assert get(room, "rooms", shared)["members"] == [bob]
    delete(room, "users", bob)
    assert listed(room, "rooms") == []
    (entry,) = trashed(room, "rooms")
    assert entry["record"]["members"] == [bob]
    assert dict(restore(room, "users", bob).restored) == {"users": 1, "rooms": 1}
    assert get(room, "rooms", shared)["members"] == [bob]
    assert restore(room, "users", ann).relations == 1
    assert get(room, "rooms", shared)["members"] == [bob, ann]  # where she stood, he stands by now


def test_lists_that_point_at_each_other_in_a_ring_come_back(room):
    make(room, "users", many("friends", "users", "cascade"), **TRASH)
    ann = add(room, "users")
    bob = add(room, "users", friends=[ann])
    room.records.update("users", ann, {"friends": [bob]}, actor=SYSTEM, facts=FACTS)
    before = {id: get(room, "users", id) for id in (ann, bob)}
    delete(room, "users", ann)
    assert dict(restore(room, "users", ann).restored) == {"users": 2}
    for id, was in before.items():
        assert get(room, "users", id) == {**was, "version": was["version"] + 1}


def test_a_single_value_fits_a_field_that_holds_many_by_now(room):
    make(room, "posts", {"name": "kind", "type": "select", "values": ["a", "b"]}, **TRASH)
    post = add(room, "posts", kind="b")
    delete(room, "posts", post)
    room.collections.change("posts", {"fields": []}, actor=SYSTEM)
    listing = {"name": "kind", "type": "select", "values": ["a", "b"], "many": True}
    room.collections.change("posts", {"fields": [listing]}, actor=SYSTEM)
    assert restore(room, "posts", post).record["kind"] == ("b",)
