"""Deleted records are kept as the collection says and come back whole, or not at all."""

import orjson
import pytest

from app import testing
from domain.actor import SYSTEM
from domain.errors import Conflict, Invalid, NotFound
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts("POST")
TRASH = {"trash": {"days": 30}}
EVERYTHING = [
    {"name": "title", "type": "text"},
    {"name": "contact", "type": "email", "unique": True},
    {"name": "link", "type": "url"},
    {"name": "kind", "type": "select", "values": ["a", "b"]},
    {"name": "whole", "type": "integer"},
    {"name": "part", "type": "number"},
    {"name": "price", "type": "decimal", "scale": 2},
    {"name": "live", "type": "bool"},
    {"name": "starts", "type": "date"},
    {"name": "day", "type": "day"},
    {"name": "more", "type": "json"},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "seen", "type": "autodate"},
    {"name": "parent", "type": "relation", "collection": "things", "on_delete": "cascade"},
]
VALUES = {
    "title": "Ünïcode \U0001f600 'quoted'",
    "contact": "Ann@Example.org",
    "link": "https://example.org/a",
    "kind": "b",
    "whole": -(2**63),
    "part": 0.1 + 0.2,
    "price": "9999999999999999.99",
    "live": False,
    "starts": "2026-11-22T13:00:00.123Z",
    "day": "2026-02-28",
    "more": {"a": [1, 2.5, None, {"b": "c"}], "big": 2**53 + 1},
    "secret": "hidden",
}


@pytest.fixture
def room(database_url):
    with testing.backend(database=database_url) as room:
        yield room


def make(room, name, *fields, **parts):
    return room.collections.create({"name": name, "fields": list(fields), **parts}, actor=SYSTEM)


def add(room, collection, /, **values):
    return room.records.create(collection, values, actor=SYSTEM, facts=FACTS).id


def get(room, name, id):
    return orjson.loads(orjson.dumps(room.records.get(name, id, actor=SYSTEM, facts=FACTS).as_object()))


def delete(room, name, id):
    room.records.delete(name, id, actor=SYSTEM, facts=FACTS)


def listed(room, name):
    return [row[0] for row in room.records.list(name, ListQuery(sort="id", fields="id"), actor=SYSTEM, facts=FACTS).rows]


def trashed(room, name, limit=100, cursor=None):
    return room.trash.list(name, limit=limit, cursor=cursor, actor=SYSTEM).as_object()["items"]


def restore(room, name, id, clear=()):
    return room.trash.restore(name, id, clear=clear, actor=SYSTEM)


def refusal(room, name, id, clear=()):
    with pytest.raises(Conflict) as refused:
        restore(room, name, id, clear)
    assert refused.value.code == "not_restorable"
    return {(fault.pointer, fault.code) for fault in refused.value.faults}


def relation(name, to, on_delete="cascade", **options):
    return {"name": name, "type": "relation", "collection": to, "on_delete": on_delete, **options}


def test_a_collection_without_trash_keeps_nothing(room):
    make(room, "things")
    delete(room, "things", add(room, "things"))
    assert trashed(room, "things") == []


def test_every_kind_of_value_comes_back_as_it_was(room):
    make(room, "things", *EVERYTHING, **TRASH)
    id = add(room, "things", **VALUES)
    before = get(room, "things", id)
    delete(room, "things", id)
    with pytest.raises(NotFound):
        get(room, "things", id)
    room.clock.advance(days=2)
    restored = restore(room, "things", id)
    after = get(room, "things", id)
    assert after == restored.record
    assert after == {**before, "version": 2, "updated": "2026-11-24T13:00:00.000Z"}
    assert after["price"] == VALUES["price"]
    assert trashed(room, "things") == []


def test_the_trash_tells_what_was_deleted_when_and_by_whom(room):
    make(room, "things", {"name": "title", "type": "text"}, **TRASH)
    id = add(room, "things", title="Hello")
    delete(room, "things", id)
    (entry,) = trashed(room, "things")
    assert entry["record"]["id"] == id
    assert entry["record"]["title"] == "Hello"
    assert (entry["deleted"], entry["kept_until"]) == ("2026-11-22T13:00:00.000Z", "2026-12-22T13:00:00.000Z")
    assert entry["deleted_by"] == {"kind": "system", "collection": None, "id": None}
    assert entry["went_with"] == []


def test_the_list_goes_on_by_cursor_the_latest_first(room):
    make(room, "things", **TRASH)
    ids = [add(room, "things") for _ in range(5)]
    for id in ids:
        delete(room, "things", id)
    seen, cursor = [], None
    while True:
        page = room.trash.list("things", limit=2, cursor=cursor, actor=SYSTEM)
        seen += [each.record for each in page.entries]
        cursor = page.next
        if cursor is None:
            break
    assert seen == ids[::-1]


def test_what_went_by_cascade_comes_back_with_it(room):
    make(room, "users", {"name": "name", "type": "text"}, **TRASH)
    make(room, "posts", relation("author", "users"), **TRASH)
    make(room, "comments", relation("post", "posts"), {"name": "text", "type": "text"}, **TRASH)
    ann = add(room, "users", name="Ann")
    post = add(room, "posts", author=ann)
    comments = sorted(add(room, "comments", post=post, text=f"{n}") for n in range(3))
    other = add(room, "posts")
    delete(room, "users", ann)
    assert (listed(room, "posts"), listed(room, "comments")) == ([other], [])
    restored = restore(room, "users", ann)
    assert dict(restored.restored) == {"users": 1, "posts": 1, "comments": 3}
    assert get(room, "posts", post)["author"] == ann
    assert listed(room, "comments") == comments
    assert {get(room, "comments", id)["version"] for id in comments} == {2}


def test_what_stands_alone_is_not_restored_before_what_it_points_at(room):
    make(room, "users", **TRASH)
    make(room, "posts", relation("author", "users"), **TRASH)
    ann = add(room, "users")
    post = add(room, "posts", author=ann)
    delete(room, "users", ann)
    assert refusal(room, "posts", post) == {("/author", "target_gone")}
    assert listed(room, "posts") == []
    assert len(trashed(room, "posts")) == 1
    restore(room, "users", ann)
    assert listed(room, "posts") == [post]


def test_a_relation_into_nothing_may_be_left_empty_unless_it_is_required(room):
    make(room, "users")
    make(room, "posts", relation("author", "users", "clear"), relation("owner", "users", "cascade", required=True), **TRASH)
    ann, bob = add(room, "users"), add(room, "users")
    post = add(room, "posts", author=ann, owner=bob)
    delete(room, "posts", post)
    delete(room, "users", ann)
    assert refusal(room, "posts", post) == {("/author", "target_gone")}
    with pytest.raises(Invalid):
        restore(room, "posts", post, clear=["autor"])
    assert restore(room, "posts", post, clear=["author"]).record["author"] is None
    delete(room, "posts", post)
    delete(room, "users", bob)
    assert refusal(room, "posts", post, clear=["owner"]) == {("/owner", "target_gone")}


def test_cleared_relations_are_set_again_where_they_are_still_empty(room):
    make(room, "users", **TRASH)
    make(room, "posts", relation("author", "users", "clear"), {"name": "seen", "type": "autodate", "on_update": True})
    ann, bob = add(room, "users"), add(room, "users")
    empty, taken, gone = (add(room, "posts", author=ann) for _ in range(3))
    delete(room, "users", ann)
    assert get(room, "posts", empty)["author"] is None
    room.records.update("posts", taken, {"author": bob}, actor=SYSTEM, facts=FACTS)
    delete(room, "posts", gone)
    room.clock.advance(hours=1)
    assert restore(room, "users", ann).relations == 1
    kept = get(room, "posts", empty)
    assert (kept["author"], kept["version"], kept["seen"]) == (ann, 3, "2026-11-22T14:00:00.000Z")
    assert get(room, "posts", taken)["author"] == bob


def test_ids_and_unique_values_that_were_used_again_stand_against_it(room):
    make(room, "tags", {"name": "name", "type": "text", "unique": True}, {"name": "mail", "type": "email", "unique": True}, **TRASH)
    first = add(room, "tags", id="one", name="red", mail="A@example.org")
    delete(room, "tags", first)
    again = add(room, "tags", name="red")
    assert refusal(room, "tags", "one") == {("/name", "not_unique")}
    delete(room, "tags", again)
    add(room, "tags", id="two", name="blue", mail="a@EXAMPLE.org")
    assert refusal(room, "tags", "one") == {("/mail", "not_unique")}
    add(room, "tags", id="one", name="green")
    assert refusal(room, "tags", "one") == {("/id", "id_taken")}
    assert sorted(listed(room, "tags")) == ["one", "two"]
    assert get(room, "tags", "one")["name"] == "green"


def test_everything_that_stands_against_it_is_told_and_nothing_is_kept(room):
    make(room, "users", **TRASH)
    make(room, "posts", relation("author", "users"), {"name": "slug", "type": "text", "unique": True}, **TRASH)
    ann = add(room, "users")
    for slug in ("a", "b", "c"):
        add(room, "posts", author=ann, slug=slug)
    delete(room, "users", ann)
    add(room, "posts", slug="a")
    add(room, "posts", slug="c")
    with pytest.raises(Conflict) as refused:
        restore(room, "users", ann)
    assert [fault.code for fault in refused.value.faults] == ["not_unique", "not_unique"]
    assert listed(room, "users") == []
    assert len(listed(room, "posts")) == 2
    assert (len(trashed(room, "posts")), len(trashed(room, "users"))) == (3, 1)


def test_an_id_that_is_in_the_trash_twice_means_the_latest(room):
    make(room, "tags", {"name": "name", "type": "text"}, **TRASH)
    for name in ("first", "second"):
        add(room, "tags", id="one", name=name)
        delete(room, "tags", "one")
    older = trashed(room, "tags")[1]
    assert restore(room, "tags", "one").record["name"] == "second"
    delete(room, "tags", "one")
    assert restore(room, "tags", older["id"]).record["name"] == "first"


def test_records_that_point_at_each_other_in_a_ring_come_back(room):
    make(room, "nodes", relation("next", "nodes"), {"name": "n", "type": "integer"}, **TRASH)
    a = add(room, "nodes", n=1)
    b = add(room, "nodes", n=2, next=a)
    c = add(room, "nodes", n=3, next=b)
    room.records.update("nodes", a, {"next": c}, actor=SYSTEM, facts=FACTS)
    own = add(room, "nodes", n=4)
    room.records.update("nodes", own, {"next": own}, actor=SYSTEM, facts=FACTS)
    before = {id: get(room, "nodes", id) for id in (a, b, c, own)}
    delete(room, "nodes", b)
    delete(room, "nodes", own)
    assert dict(restore(room, "nodes", b).restored) == {"nodes": 3}
    restore(room, "nodes", own)
    for id, was in before.items():
        assert get(room, "nodes", id) == {**was, "version": was["version"] + 1}


def test_one_that_went_with_two_comes_back_when_both_are_there(room):
    make(room, "users", relation("boss", "users"), **TRASH)
    make(room, "pairs", relation("left", "users"), relation("right", "users"), **TRASH)
    boss = add(room, "users")
    a, b = add(room, "users", boss=boss), add(room, "users", boss=boss)
    pair = add(room, "pairs", left=a, right=b)
    delete(room, "users", boss)
    assert dict(restore(room, "users", boss).restored) == {"users": 3, "pairs": 1}
    assert listed(room, "pairs") == [pair]
    delete(room, "users", a)
    delete(room, "users", b)
    assert refusal(room, "pairs", pair) == {("/left", "target_gone"), ("/right", "target_gone")}
    restore(room, "users", b)
    assert listed(room, "pairs") == []
    assert dict(restore(room, "users", a).restored) == {"users": 1, "pairs": 1}


def test_values_are_judged_by_the_fields_as_they_are_now(room):
    make(room, "posts", {"name": "title", "type": "text"}, {"name": "old", "type": "text"}, {"name": "none", "type": "text"}, **TRASH)
    long, short = add(room, "posts", title="a long title", old="x"), add(room, "posts", title="ok", old="y")
    for id in (long, short):
        delete(room, "posts", id)
    fields = [
        {"name": "title", "type": "text", "max": 5},
        {"name": "more", "type": "integer", "required": True, "default": 7},
        {"name": "tag", "type": "text"},
    ]
    room.collections.change("posts", {"fields": fields}, actor=SYSTEM)
    assert refusal(room, "posts", long) == {("/title", "too_long")}
    restored = restore(room, "posts", short)
    assert restored.lost == ("posts.old",)
    assert {name: restored.record[name] for name in ("title", "more", "tag")} == {"title": "ok", "more": 7, "tag": None}


def test_checks_hold_for_what_comes_back(room):
    make(room, "spans", {"name": "a", "type": "integer"}, {"name": "b", "type": "integer"}, **TRASH)
    id = add(room, "spans", a=2, b=1)
    delete(room, "spans", id)
    checks = [{"name": "in_order", "rule": "a < b"}, {"name": "of_people", "rule": "@request.auth.id != ''"}]
    room.collections.change("spans", {"checks": checks}, actor=SYSTEM)
    assert refusal(room, "spans", id) == {("", "in_order")}


def test_an_account_comes_back_without_its_password_and_its_tokens(room):
    room.collections.create({"name": "users", "type": "accounts", "rules": {"create": "", "view": "", "auth": ""}, **TRASH}, actor=SYSTEM)
    values = {"email": "ann@example.org", "password": "a quiet room at the back"}
    ann = room.records.create("users", values, actor=SYSTEM, facts=FACTS).id
    token = room.accounts.sign_in("users", values["email"], values["password"], facts=FACTS).access_token
    delete(room, "users", ann)
    (entry,) = trashed(room, "users")
    assert set(entry["record"]) == {"id", "version", "created", "updated", "email", "verified", "email_visible", "language", "anonymous",
                                    "disabled"}
    restored = restore(room, "users", ann)
    assert restored.record["email"] == "ann@example.org"
    actor = room.accounts.identify(token)
    with pytest.raises(Exception, match="sign-in data has changed"):
        room.records.get("users", ann, actor=actor, facts=FACTS)
    with pytest.raises(Exception, match="password"):
        room.accounts.sign_in("users", values["email"], values["password"], facts=FACTS)
    room.records.update("users", ann, {"password": "another room by the sea"}, actor=SYSTEM, facts=FACTS)
    assert room.accounts.sign_in("users", values["email"], "another room by the sea", facts=FACTS).access_token


def test_what_is_removed_from_the_trash_is_gone_with_what_went_with_it(room):
    make(room, "users", **TRASH)
    make(room, "posts", relation("author", "users"), relation("editor", "users", "clear"), **TRASH)
    ann = add(room, "users")
    add(room, "posts", author=ann)
    edited = add(room, "posts", editor=ann)
    delete(room, "users", ann)
    room.trash.remove("users", ann, actor=SYSTEM)
    assert (trashed(room, "users"), trashed(room, "posts")) == ([], [])
    with pytest.raises(NotFound):
        restore(room, "users", ann)
    delete(room, "posts", edited)
    assert room.trash.empty("posts", actor=SYSTEM) == 1
    assert room.trash.empty("posts", actor=SYSTEM) == 0


def test_a_collection_that_is_deleted_takes_its_trash_along(room):
    made = make(room, "posts", **TRASH)
    delete(room, "posts", add(room, "posts"))
    room.collections.delete("posts", actor=SYSTEM)
    assert make(room, "posts", **TRASH).id != made.id
    assert trashed(room, "posts") == []


def test_turning_the_trash_off_leaves_what_is_in_it(room):
    make(room, "posts", **TRASH)
    kept = add(room, "posts")
    delete(room, "posts", kept)
    room.collections.change("posts", {"trash": None}, actor=SYSTEM)
    delete(room, "posts", add(room, "posts"))
    assert [each["record"]["id"] for each in trashed(room, "posts")] == [kept]
    restore(room, "posts", kept)


def test_a_restricted_deletion_puts_nothing_into_the_trash(room):
    make(room, "users", **TRASH)
    make(room, "posts", relation("author", "users", "restrict"))
    ann = add(room, "users")
    add(room, "posts", author=ann)
    with pytest.raises(Conflict):
        delete(room, "users", ann)
    assert trashed(room, "users") == []


def test_what_is_kept_follows_when_fields_are_renamed(room):
    make(room, "users", **TRASH)
    title, author = {"name": "title", "type": "text"}, relation("author", "users", "clear")
    many = relation("readers", "users", "clear", many=True)
    make(room, "posts", title, author, many, **TRASH)
    ann = add(room, "users")
    held, post = add(room, "posts", author=ann, readers=[ann]), add(room, "posts", title="Hello")
    delete(room, "posts", post)
    delete(room, "users", ann)
    names = {"title": "headline", "author": "writer", "readers": "fans"}
    renamed = [{**each, "name": names[each["name"]], "was": each["name"]} for each in (title, author, many)]
    room.collections.change("posts", {"name": "articles", "fields": renamed}, actor=SYSTEM)
    (entry,) = trashed(room, "articles")
    assert {name: entry["record"][name] for name in ("headline", "writer", "fans")} == {"headline": "Hello", "writer": None, "fans": []}
    assert (restore(room, "articles", post).lost, get(room, "articles", post)["headline"]) == ((), "Hello")
    assert restore(room, "users", ann).relations == 2
    assert (get(room, "articles", held)["writer"], get(room, "articles", held)["fans"]) == (ann, [ann])


def test_a_change_that_is_taken_back_takes_the_trash_along(room):
    title = {"name": "title", "type": "text"}
    make(room, "posts", title, **TRASH)
    post = add(room, "posts", title="Hello")
    delete(room, "posts", post)
    room.collections.change("posts", {"fields": [{**title, "name": "headline", "was": "title"}]}, actor=SYSTEM)
    room.collections.undo(actor=SYSTEM)
    assert restore(room, "posts", post).record["title"] == "Hello"


def test_a_field_by_which_records_expire_keeps_its_part_when_it_is_renamed(room):
    ends = {"name": "ends", "type": "date"}
    make(room, "posts", ends, expires={"field": "ends"})
    add(room, "posts", ends="2020-01-01")
    changed = room.collections.change("posts", {"fields": [{**ends, "name": "until", "was": "ends"}]}, actor=SYSTEM)
    assert changed.definition()["expires"] == {"field": "until"}
    assert room.housekeeping.run().expired == 1


def found(room, text):
    query = ListQuery(search=text, fields="id")
    return [row[0] for row in room.records.list("posts", query, actor=SYSTEM, facts=FACTS).rows]


def test_what_comes_back_is_found_by_search_again(room):
    make(room, "posts", {"name": "title", "type": "text", "searchable": True}, **TRASH)
    post = add(room, "posts", title="the quiet still")
    assert found(room, "quiet") == [post]
    delete(room, "posts", post)
    assert found(room, "quiet") == []
    restore(room, "posts", post)
    assert found(room, "quiet") == [post]


def test_rings_that_share_a_record_come_back_from_any_of_it(database_url):
    """`b` went with `a` and with `d`, which went with `b`: waiting for each other, none would ever come back."""
    on = {"type": "relation", "collection": "nodes", "on_delete": "cascade"}
    facts = RequestFacts("POST")
    with testing.backend(database=database_url) as room:
        fields = [{"name": "up", **on}, {"name": "ring", **on}]
        room.collections.create({"name": "nodes", "trash": {"days": 3}, "fields": fields}, actor=SYSTEM)
        for id, up in (("a", None), ("b", "a"), ("c", "b"), ("d", "b")):
            room.records.create("nodes", {"id": id, "up": up}, actor=SYSTEM, facts=facts)
        room.records.update("nodes", "a", {"ring": "c"}, actor=SYSTEM, facts=facts)
        room.records.update("nodes", "b", {"ring": "d"}, actor=SYSTEM, facts=facts)
        for root in "abcd":
            room.records.delete("nodes", "a", actor=SYSTEM, facts=facts)
            assert room.trash.restore("nodes", root, actor=SYSTEM).restored == {"nodes": 4}
