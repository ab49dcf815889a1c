"""Fields with many values: how their lists are kept, changed and answered, on every database alike."""

import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from domain.records.changes import IfMatch
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="GET")
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
TAGS = {"name": "tags", "fields": [{"name": "name", "type": "text"}], "rules": OPEN}
TAGS_FIELD = {"name": "tags", "type": "relation", "collection": "tags", "many": True, "max": 4}
MOODS_FIELD = {"name": "moods", "type": "select", "values": ["calm", "gay", "sad", "wry"], "many": True, "max": 3}
POSTS = {
    "name": "posts",
    "fields": [{"name": "title", "type": "text"}, TAGS_FIELD, MOODS_FIELD, {"name": "n", "type": "integer"}],
    "rules": OPEN,
}


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        made.collections.create(TAGS, actor=SYSTEM)
        made.collections.create(POSTS, actor=SYSTEM)
        yield made


def create(room, collection="posts", **values):
    return room.records.create(collection, values, actor=GUEST, facts=FACTS).as_object()


def update(room, id, body, if_match=None):
    return room.records.update("posts", id, body, actor=GUEST, facts=FACTS, if_match=if_match).as_object()


def get(room, id, collection="posts", **options):
    return room.records.get(collection, id, actor=GUEST, facts=FACTS, **options).as_object()


@pytest.fixture
def tags(room):
    """Ids of five tags, in an order that is not that of the ids."""
    made = [create(room, "tags", name=name, id=id)["id"] for name, id in zip("abcde", ("k3", "k1", "k5", "k2", "k4"), strict=True)]
    assert made != sorted(made)
    return made


def faults(refused):
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def test_lists_are_answered_in_the_order_of_their_writer_everywhere(room, tags):
    made = create(room, tags=tags[:3], moods=["wry", "calm"])
    assert (list(made["tags"]), list(made["moods"])) == (tags[:3], ["wry", "calm"])
    shown = get(room, made["id"])
    assert (shown["tags"], shown["moods"]) == (tags[:3], ["wry", "calm"])
    listed = room.records.list("posts", ListQuery(fields="moods,tags"), actor=GUEST, facts=FACTS).as_object()
    assert listed["items"] == [{"moods": ["wry", "calm"], "tags": tags[:3]}]


@pytest.mark.parametrize("body", [{}, {"tags": [], "moods": []}, {"tags": None, "moods": None}])
def test_no_values_are_an_empty_list_never_null(room, body):
    made = create(room, **body)
    assert (list(made["tags"]), list(made["moods"])) == ([], [])
    shown = get(room, made["id"])
    assert (shown["tags"], shown["moods"]) == ([], [])
    changed = update(room, made["id"], {"title": "x"})
    assert (list(changed["tags"]), list(changed["moods"])) == ([], [])


@pytest.mark.parametrize("before, body, after", [
    ([0, 1], {"tags+": 2}, [0, 1, 2]),
    ([0, 1], {"tags+": [3, 2]}, [0, 1, 3, 2]),
    ([0, 1], {"tags+": [1, 2, 0]}, [0, 1, 2]),
    ([0, 1, 2], {"tags-": 1}, [0, 2]),
    ([0, 1, 2], {"tags-": [2, 0, 4]}, [1]),
    ([0, 1], {"tags-": 0, "tags+": 4}, [1, 4]),
    ([0, 1, 2, 3], {"tags-": [0], "tags+": [4]}, [1, 2, 3, 4]),
    ([0, 1], {"tags": [1, 0]}, [1, 0]),
    ([0, 1, 2], {"tags": [2]}, [2]),
    ([0, 1, 2], {"tags": [0, 3, 2]}, [0, 3, 2]),
    ([0, 1, 2], {"tags": [0, 2, 3]}, [0, 2, 3]),
    ([0, 1], {"tags": []}, []),
    ([0, 1], {"tags": None}, []),
    ([], {"tags+": [2, 0]}, [2, 0]),
    ([0], {"tags+": []}, [0]),
    ([0, 1], {"title": "other"}, [0, 1]),
])  # fmt: skip
def test_a_change_of_links_gives_exactly_the_list_that_it_says(room, tags, before, body, after):
    asked = {key: _named(value, tags) if key != "title" else value for key, value in body.items()}
    made = create(room, tags=[tags[at] for at in before])
    changed = update(room, made["id"], asked)
    assert list(changed["tags"]) == [tags[at] for at in after]
    assert changed["version"] == 2
    assert get(room, made["id"])["tags"] == [tags[at] for at in after]


def _named(value, tags):
    return [tags[at] for at in value] if isinstance(value, list) else value if value is None else tags[value]


@pytest.mark.parametrize("before, body, after", [
    (["calm"], {"moods+": "sad"}, ["calm", "sad"]),
    (["calm"], {"moods+": ["sad", "calm"], "n+": 2}, ["calm", "sad"]),
    (["calm", "sad"], {"moods-": "calm"}, ["sad"]),
    (["calm", "sad"], {"moods-": ["sad", "calm"]}, []),
    (["calm"], {"moods": ["sad", "wry"]}, ["sad", "wry"]),
    ([], {"moods+": ["wry"]}, ["wry"]),
    (["calm"], {"moods-": "gone long ago"}, ["calm"]),
])  # fmt: skip
def test_a_change_of_choices_gives_exactly_the_list_that_it_says(room, before, body, after):
    made = create(room, moods=before)
    changed = update(room, made["id"], body)
    assert (list(changed["moods"]), changed["version"]) == (after, 2)
    assert get(room, made["id"])["moods"] == after


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("body, told", [
    ({"tags": "k1"}, [("/tags", "not_a_list")]),
    ({"tags": {"$ne": ""}}, [("/tags", "not_a_list")]),
    ({"tags": ["k1", {"$ne": ""}]}, [("/tags/1", "not_an_id")]),
    ({"tags": ["k1", ["k2"]]}, [("/tags/1", "not_an_id")]),
    ({"tags": ["k1", None]}, [("/tags/1", "not_an_id")]),
    ({"tags": ["k1", ""]}, [("/tags/1", "empty_element")]),
    ({"tags": ["k1", "k2", "k1"]}, [("/tags/2", "named_twice")]),
    ({"tags": ["k1", "k2", "k3", "k4", "k5"]}, [("/tags", "too_many")]),
    ({"tags": ["k1", "nobody", "k2", "nothing"]}, [("/tags/1", "no_such_record"), ("/tags/3", "no_such_record")]),
    ({"moods": ["calm", "cross"]}, [("/moods/1", "not_a_choice")]),
    ({"moods": ["calm", "calm"]}, [("/moods/1", "named_twice")]),
    ({"moods": [], "tags": 5}, [("/tags", "not_a_list")]),
])  # fmt: skip
def test_what_is_no_such_list_is_refused_at_its_place_in_a_create_and_in_a_change(room, tags, body, told):
    made = create(room, tags=["k5"], moods=["wry"])
    for write in (lambda: create(room, **body), lambda: update(room, made["id"], body)):
        with pytest.raises(Invalid) as refused:
            write()
        assert faults(refused) == told
    assert get(room, made["id"]) == {**made, "tags": ["k5"], "moods": ["wry"]}
    assert room.records.list("posts", ListQuery(count=True), actor=GUEST, facts=FACTS).total == 1


@pytest.mark.parametrize("body, told", [
    ({"tags+": ["k1", "nobody"]}, [("/tags+/1", "no_such_record")]),
    ({"tags+": "nobody"}, [("/tags+", "no_such_record")]),
    ({"tags+": ["k1", "k2", "k3", "k4"]}, [("/tags+", "too_many")]),
    ({"tags+": {"$ne": 1}}, [("/tags+", "not_an_id")]),
    ({"tags+": ["k1", 5]}, [("/tags+/1", "not_an_id")]),
    ({"tags+": None}, [("/tags+", "not_an_id")]),
    ({"tags+": "k1", "tags-": ["k2", "k1"]}, [("/tags+", "named_twice")]),
    ({"tags+": "k1", "tags": ["k2"]}, [("/tags+", "named_twice")]),
    ({"tags-": 7}, [("/tags-", "not_text")]),
    ({"moods+": "cross"}, [("/moods+", "not_a_choice")]),
    ({"moods+": ["calm", "gay", "sad"]}, [("/moods+", "too_many")]),
    ({"n+": 1, "moods+": ["calm", "gay", "sad"]}, [("/moods+", "too_many")]),
    ({"title+": "x"}, [("/title+", "not_a_number")]),
])  # fmt: skip
def test_what_cannot_be_added_or_removed_is_refused_and_changes_nothing(room, tags, body, told):
    made = create(room, tags=["k5"], moods=["wry"], n=1)
    with pytest.raises(Invalid) as refused:
        update(room, made["id"], body)
    assert faults(refused) == told
    assert get(room, made["id"]) == {**made, "tags": ["k5"], "moods": ["wry"]}


def test_a_new_record_takes_lists_not_additions(room, tags):
    with pytest.raises(Invalid) as refused:
        create(room, **{"tags+": "k1"})
    assert faults(refused) == [("/tags+", "not_an_increment")]


def test_if_match_is_asked_before_a_list_changes(room, tags):
    made = create(room, tags=["k5"])
    update(room, made["id"], {"tags+": "k1"}, (IfMatch(1),))
    with pytest.raises(PreconditionFailed):
        update(room, made["id"], {"tags+": "k2"}, (IfMatch(1),))
    assert get(room, made["id"])["tags"] == ["k5", "k1"]


def test_checks_see_the_list_as_it_will_be(room, tags):
    few = {"name": "few", "rule": "n != 7", "message": "not seven"}
    room.collections.change("posts", {"checks": [few]}, actor=SYSTEM)
    made = create(room, tags=["k5"])
    with pytest.raises(Invalid) as refused:
        update(room, made["id"], {"tags+": "k1", "n": 7})
    assert refused.value.code == "check_failed"
    assert get(room, made["id"])["tags"] == ["k5"]


def test_required_is_at_least_one_and_the_last_one_stays(room, tags):
    fields = [{**TAGS_FIELD, "required": True, "min": 2}, {**MOODS_FIELD, "required": True, "default": ["calm"]}]
    room.collections.create({"name": "strict", "fields": fields, "rules": OPEN}, actor=SYSTEM)
    for body, told in (
        ({}, ("/tags", "required")), ({"tags": []}, ("/tags", "required")), ({"tags": ["k1"]}, ("/tags", "too_few")),
        ({"tags": ["k1", "k2"], "moods": []}, ("/moods", "required")),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            create(room, "strict", **body)
        assert faults(refused) == [told]
    made = create(room, "strict", tags=["k1", "k2", "k3"])
    assert list(made["moods"]) == ["calm"]
    change = lambda body: room.records.update("strict", made["id"], body, actor=GUEST, facts=FACTS).as_object()
    for body, told in (
        ({"tags-": ["k1", "k2"]}, ("/tags-", "too_few")), ({"tags-": ["k1", "k2", "k3"]}, ("/tags-", "required")),
        ({"moods-": "calm"}, ("/moods-", "required")), ({"moods": None}, ("/moods", "required")),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            change(body)
        assert faults(refused) == [told]
    assert list(change({"tags-": "k1"})["tags"]) == ["k2", "k3"]


def test_a_list_that_became_too_long_may_shrink_step_by_step(room, tags):
    made = create(room, tags=tags[:4])
    room.collections.change("posts", {"fields": [POSTS["fields"][0], {**TAGS_FIELD, "max": 2}, *POSTS["fields"][2:]]}, actor=SYSTEM)
    assert len(update(room, made["id"], {"tags-": tags[0]})["tags"]) == 3
    with pytest.raises(Invalid):
        update(room, made["id"], {"tags+": tags[0]})
    assert list(update(room, made["id"], {"tags-": tags[1], "tags+": tags[4]})["tags"]) == [tags[2], tags[3], tags[4]]


def test_a_list_may_name_the_record_itself(room):
    room.collections.create({
        "name": "people", "rules": OPEN,
        "fields": [{"name": "friends", "type": "relation", "collection": "people", "many": True}],
    }, actor=SYSTEM)  # fmt: skip
    made = create(room, "people", id="me", friends=["me"])
    assert get(room, made["id"], "people")["friends"] == ["me"]


def test_the_author_may_be_the_default_of_a_list(room):
    users = {"name": "users", "type": "accounts", "rules": OPEN}
    owners = {"name": "owners", "type": "relation", "collection": "users", "many": True, "default": "@request.auth.id"}
    room.collections.create(users, actor=SYSTEM)
    room.collections.create({"name": "things", "fields": [owners], "rules": OPEN}, actor=SYSTEM)
    body = {"email": "ann@example.org", "password": "correct horse"}
    ann = room.records.create("users", body, actor=GUEST, facts=FACTS)
    made = room.records.create("things", {}, actor=Actor("account", ann.id, "users", 1), facts=FACTS)
    assert list(made.as_object()["owners"]) == [ann.id]
    assert list(create(room, "things")["owners"]) == []


def test_a_list_of_its_longest_is_kept_and_replaced(room):
    many = {"name": "tags", "type": "relation", "collection": "tags", "many": True, "max": 1000}
    room.collections.create({"name": "long", "fields": [many], "rules": OPEN}, actor=SYSTEM)
    ids = [create(room, "tags", id=f"t{at * 7919 % 1000}")["id"] for at in range(1000)]
    made = create(room, "long", tags=ids)
    assert get(room, made["id"], "long")["tags"] == ids
    change = lambda body: room.records.update("long", made["id"], body, actor=GUEST, facts=FACTS).as_object()
    assert list(change({"tags": ids[::-1]})["tags"]) == ids[::-1]
    assert list(change({"tags-": ids[1:]})["tags"]) == ids[:1]


# --- definitions


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("field, code", [
    ({**TAGS_FIELD, "unique": True}, "invalid_option"),
    ({**MOODS_FIELD, "unique": True}, "invalid_option"),
    ({**TAGS_FIELD, "many": "yes"}, "invalid_option"),
    ({**TAGS_FIELD, "many": False}, "invalid_option"),
    ({**TAGS_FIELD, "max": 1001}, "invalid_option"),
    ({**TAGS_FIELD, "min": 0}, "invalid_option"),
    ({**TAGS_FIELD, "min": 5}, "invalid_option"),
    ({**TAGS_FIELD, "min": 2, "on_delete": "clear"}, "invalid_option"),
    ({**TAGS_FIELD, "min": 2, "on_delete": "cascade"}, "invalid_option"),
    ({**TAGS_FIELD, "required": True, "on_delete": "clear"}, "invalid_option"),
    ({**TAGS_FIELD, "default": "k1"}, "not_a_list"),
    ({**MOODS_FIELD, "max": 5}, "invalid_option"),
    ({**MOODS_FIELD, "default": ["cross"]}, "not_a_choice"),
    ({**MOODS_FIELD, "default": ["calm", "calm"]}, "named_twice"),
    ({"name": "flags", "type": "bool", "many": True}, "unknown_option"),
])  # fmt: skip
def test_options_that_make_no_sense_are_refused_when_they_are_defined(room, field, code):
    with pytest.raises(Invalid) as refused:
        room.collections.create({"name": "odd", "fields": [field]}, actor=SYSTEM)
    assert refused.value.code == code


def test_a_definition_says_many_and_nothing_that_is_usual(room):
    assert room.collections.get("posts", actor=SYSTEM).definition()["fields"][1:3] == [
        {"name": "tags", "type": "relation", "collection": "tags", "many": True, "max": 4},
        {"name": "moods", "type": "select", "values": ["calm", "gay", "sad", "wry"], "many": True, "max": 3},
    ]


def test_lists_are_not_indexed_like_single_values(room):
    with pytest.raises(Invalid) as refused:
        room.collections.change("posts", {"indexes": [{"fields": ["tags"]}]}, actor=SYSTEM)
    assert refused.value.code == "unknown_field"


def test_fields_with_many_values_come_and_go_with_their_tables(room, tags):
    made = create(room, title="old")
    added = {"name": "more", "type": "relation", "collection": "tags", "many": True, "required": True, "default": ["k3", "k1"]}
    airs = {**MOODS_FIELD, "name": "airs", "default": ["sad"]}
    room.collections.change("posts", {"fields": [*POSTS["fields"], added, airs]}, actor=SYSTEM)
    shown = get(room, made["id"])
    assert (shown["more"], shown["airs"], shown["version"]) == (["k3", "k1"], ["sad"], 1)
    gone = [each["name"] for each in (*POSTS["fields"][1:], added, airs)]
    room.collections.change("posts", {"fields": POSTS["fields"][:1], "drop": gone}, actor=SYSTEM)
    assert set(get(room, made["id"])) == {"id", "version", "created", "updated", "title"}
    room.collections.change("posts", {"fields": POSTS["fields"]}, actor=SYSTEM)
    assert get(room, made["id"])["tags"] == []
    room.collections.delete("posts", actor=SYSTEM)
    room.collections.delete("tags", actor=SYSTEM)


def test_required_lists_are_counted_before_they_are_required(room, tags):
    create(room, tags=["k1"], moods=["sad"])
    create(room)
    for at, field in ((1, TAGS_FIELD), (2, MOODS_FIELD)):
        fields = [*POSTS["fields"]]
        fields[at] = {**field, "required": True}
        with pytest.raises(Conflict) as refused:
            room.collections.change("posts", {"fields": fields}, actor=SYSTEM)
        assert refused.value.code == "required_is_empty"
        assert "1 records" in refused.value.detail


# --- rules


USERS = {"name": "users", "type": "accounts", "rules": OPEN}
MEMBERS = {"name": "members", "type": "relation", "collection": "users", "many": True, "on_delete": "cascade"}


@pytest.fixture
def rooms(room):
    """A collection whose records belong to those in their list, and two accounts."""
    room.collections.create(USERS, actor=SYSTEM)
    mine = "members ?= @request.auth.id"
    room.collections.create({
        "name": "rooms",
        "fields": [MEMBERS, MOODS_FIELD, TAGS_FIELD],
        "checks": [{"name": "small", "rule": "members:length <= 2", "message": "a room holds two"}],
        "rules": {"list": mine, "view": mine, "create": f"{mine} && tags.name ?!= 'locked'", "update": mine, "delete": mine},
    }, actor=SYSTEM)  # fmt: skip
    people = []
    for name in ("ann", "bob", "cid"):
        body = {"email": f"{name}@example.org", "password": "correct horse"}
        people.append(Actor("account", room.records.create("users", body, actor=GUEST, facts=FACTS).id, "users", 1))
    return people


def write(room, id, body, actor):
    return room.records.update("rooms", id, body, actor=actor, facts=FACTS).as_object()


def test_a_record_belongs_to_those_in_its_list(room, rooms):
    ann, bob, cid = rooms
    for stranger in (bob, GUEST):
        with pytest.raises(Forbidden):
            room.records.create("rooms", {"members": [ann.id]}, actor=stranger, facts=FACTS)
    with pytest.raises(Forbidden):
        room.records.create("rooms", {"members": []}, actor=GUEST, facts=FACTS)
    made = room.records.create("rooms", {"members": [ann.id]}, actor=ann, facts=FACTS).id
    for act in (lambda: write(room, made, {"members+": bob.id}, bob), lambda: write(room, made, {"members-": ann.id}, GUEST)):
        with pytest.raises(NotFound):
            act()
    assert list(write(room, made, {"members+": bob.id}, ann)["members"]) == [ann.id, bob.id]
    assert list(write(room, made, {"moods+": "wry"}, bob)["moods"]) == ["wry"]
    with pytest.raises(Invalid) as refused:
        write(room, made, {"members+": cid.id}, bob)
    assert faults(refused) == [("", "small")]
    # Whoever leaves writes for the last time, and does not see what it has become.
    assert set(write(room, made, {"members-": bob.id}, bob)) == {"id", "version"}
    with pytest.raises(NotFound):
        write(room, made, {"moods+": "sad"}, bob)
    assert room.records.get("rooms", made, actor=ann, facts=FACTS).as_object()["members"] == [ann.id]


def test_a_create_rule_follows_the_list_that_is_asked_for(room, rooms, tags):
    ann = rooms[0]
    create(room, "tags", id="shut", name="locked")
    for wanted, allowed in ((["k1"], True), (["shut"], False), (["shut", "k1"], True), (["nobody"], None)):
        body = {"members": [ann.id], "tags": wanted}
        if allowed:
            assert room.records.create("rooms", body, actor=ann, facts=FACTS).as_object()["tags"] == tuple(wanted)
            continue
        with pytest.raises(Forbidden if allowed is False else Invalid):
            room.records.create("rooms", body, actor=ann, facts=FACTS)


def test_an_account_that_goes_takes_the_rooms_along_that_nobody_else_is_in(room, rooms):
    ann, bob, _ = rooms
    alone = room.records.create("rooms", {"members": [ann.id]}, actor=ann, facts=FACTS).id
    shared = room.records.create("rooms", {"members": [bob.id, ann.id]}, actor=ann, facts=FACTS).id
    room.records.delete("users", ann.id, actor=SYSTEM, facts=FACTS)
    with pytest.raises(NotFound):
        room.records.get("rooms", alone, actor=SYSTEM, facts=FACTS)
    assert room.records.get("rooms", shared, actor=bob, facts=FACTS).as_object()["members"] == [bob.id]


def test_a_hidden_list_is_told_by_no_refusal(room, tags):
    vault = {"name": "vault", "type": "relation", "collection": "tags", "many": True, "hidden": True, "default": ["nobody"]}
    room.collections.create({"name": "safes", "fields": [vault, TAGS_FIELD], "rules": OPEN}, actor=SYSTEM)
    for body in ({"vault": ["k1"]}, {"vault": [{"$ne": 1}]}, {"vault+": "k1"}):
        with pytest.raises(Invalid) as refused:
            create(room, "safes", **body)
        assert [fault.code for fault in refused.value.faults] == ["unknown_field"]
    with pytest.raises(Invalid) as refused:
        create(room, "safes")
    assert "vault" not in refused.value.detail + str(refused.value.faults)
    safe = room.records.create("safes", {"vault": ["k1"]}, actor=SYSTEM, facts=FACTS)
    assert "vault" not in get(room, safe.id, "safes")
    for body in ({"vault+": "k2"}, {"vault-": "k1"}, {"vault": []}):
        with pytest.raises(Invalid) as refused:
            room.records.update("safes", safe.id, body, actor=GUEST, facts=FACTS)
        assert [fault.code for fault in refused.value.faults] == ["unknown_field"]
    assert room.records.get("safes", safe.id, actor=SYSTEM, facts=FACTS).as_object()["vault"] == ["k1"]
