"""Collections are made, changed and deleted with their tables, all or nothing, on every database."""

import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, account
from domain.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, Unauthenticated
from domain.records.changes import IfMatch
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="GET")
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
TITLE = {"name": "title", "type": "text"}


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        yield made


@pytest.fixture
def posts(room):
    return room.collections.create({"name": "posts", "fields": [TITLE], "rules": OPEN}, actor=SYSTEM)


def change(room, name="posts", **parts):
    return room.collections.change(name, parts, actor=SYSTEM)


def add(room, name="posts", **values):
    return room.records.create(name, values, actor=SYSTEM, facts=FACTS).as_object()


def rows(room, name="posts", **query):
    return room.records.list(name, ListQuery(**query), actor=SYSTEM, facts=FACTS).as_object()["items"]


def test_a_definition_is_answered_as_it_was_given(room):
    definition = {
        "name": "posts",
        "type": "base",
        "fields": [{"name": "title", "type": "text", "required": True}, {"name": "price", "type": "decimal", "scale": 2}],
        "indexes": [{"fields": ["title", "price"], "unique": True}],
        "rules": {"list": "title != ''", "view": "", "create": None, "update": None, "delete": None},
        "checks": [{"name": "fair", "rule": "price >= 0", "message": "not below zero"}],
    }
    made = room.collections.create(definition, actor=SYSTEM)
    stored = room.collections.get("posts", actor=SYSTEM)
    assert {key: stored.definition()[key] for key in definition} == definition
    assert made.definition() == stored.definition()
    assert [each.name for each in room.collections.list(actor=SYSTEM)] == ["posts"]


def test_only_admins_know_of_collections(room, posts):
    calls = [
        lambda actor: room.collections.list(actor=actor),
        lambda actor: room.collections.get("posts", actor=actor),
        lambda actor: room.collections.create({"name": "x"}, actor=actor),
        lambda actor: room.collections.change("posts", {}, actor=actor),
        lambda actor: room.collections.delete("posts", actor=actor),
    ]
    for call in calls:
        with pytest.raises(Unauthenticated):
            call(GUEST)
        with pytest.raises(Forbidden):
            call(account("ann", "users"))


def test_fields_come_and_go_and_records_stay(room, posts):
    kept = add(room, title="Hello")
    level = {"name": "level", "type": "integer", "default": 3}
    flags = {"name": "live", "type": "bool"}
    change(room, fields=[TITLE, level, flags])
    assert rows(room) == [{**kept, "level": 3, "live": None}]
    add(room, title="Second", live=True)
    change(room, fields=[flags, TITLE], indexes=[{"fields": ["live"]}], drop=["level"])
    assert [(row["title"], row["live"]) for row in rows(room, sort="title")] == [("Hello", None), ("Second", True)]
    assert "level" not in rows(room)[0]
    with pytest.raises(Invalid):
        change(room, fields=[TITLE])  # the index still names what would go
    change(room, fields=[TITLE, {"name": "level", "type": "text"}], indexes=[], drop=["live"])
    assert {row["level"] for row in rows(room)} == {None}


def test_a_relation_comes_and_goes_with_its_index(room, posts):
    change(room, fields=[TITLE, {"name": "parent", "type": "relation", "collection": "posts", "on_delete": "clear"}])
    first = add(room, title="first")
    add(room, title="second", parent=first["id"])
    assert [row["title"] for row in rows(room, filter="parent.title = 'first'")] == ["second"]
    change(room, fields=[TITLE], drop=["parent"])
    assert {row["title"] for row in rows(room)} == {"first", "second"}


def test_a_required_field_needs_values_in_the_records_that_are_there(room, posts):
    add(room, title="Hello")
    add(room)
    with pytest.raises(Conflict) as refused:
        change(room, fields=[{**TITLE, "required": True}])
    assert (refused.value.code, "1 records" in refused.value.detail) == ("required_is_empty", True)
    with pytest.raises(Conflict):
        change(room, fields=[TITLE, {"name": "level", "type": "integer", "required": True}])
    assert "level" not in rows(room)[0]
    change(room, fields=[TITLE, {"name": "level", "type": "integer", "required": True, "default": 1}])
    assert {row["level"] for row in rows(room)} == {1}


def test_a_unique_index_on_duplicates_is_refused_and_leaves_nothing(room, posts):
    for title in ("same", "same", "other"):
        add(room, title=title)
    with pytest.raises(Conflict) as refused:
        change(room, fields=[{**TITLE, "unique": True}, {"name": "extra", "type": "text"}])
    assert refused.value.code == "not_unique"
    assert room.collections.get("posts", actor=SYSTEM) == posts
    assert "extra" not in rows(room)[0]
    add(room, title="same")


def test_unique_over_many_fields_counts_nulls_as_different(room, posts):
    change(room, fields=[TITLE, {"name": "lang", "type": "text"}], indexes=[{"fields": ["title", "lang"], "unique": True}])
    add(room, title="a", lang="en")
    add(room, title="a", lang="de")
    add(room, title="a")
    add(room, title="a")
    with pytest.raises(Conflict) as refused:
        add(room, title="a", lang="en")
    assert {fault.pointer for fault in refused.value.faults} == {"/title", "/lang"}


@pytest.mark.parametrize("parts", [
    {"type": "accounts"},
    {"id": "another"},
    {"fields": [{"name": "title", "type": "relation", "collection": "posts", "many": True}]},
])  # fmt: skip
def test_what_has_no_meaning_is_refused(room, posts, parts):
    with pytest.raises(Invalid) as refused:
        room.collections.change("posts", parts, actor=SYSTEM)
    assert refused.value.code == "unchangeable"


DEFINITIONS = [
    ({"name": "Posts"}, "/name", "invalid_name"),
    ({"name": "_admins"}, "/name", "invalid_name"),
    ({"name": "sqlite_x"}, "/name", "reserved_name"),
    ({"name": 'x"; DROP TABLE y'}, "/name", "invalid_name"),
    ({"name": "x", "typ": "base"}, "/typ", "unknown_field"),
    ({"name": "x", "type": "vue"}, "/type", "unknown_type"),
    ({"name": "x", "fields": {}}, "/fields", "not_a_list"),
    ({"name": "x", "fields": [{"name": "a", "type": "text"}, {"name": "a", "type": "text"}]}, "/fields/1/name", "duplicate_name"),
    ({"name": "x", "fields": [{"name": "a", "type": "text", "pattern": "(a"}]}, "/fields/0", "invalid_pattern"),
    ({"name": "x", "fields": [{"name": "r", "type": "relation", "collection": "nope"}]}, "/fields/0/collection", "unknown_collection"),
    ({"name": "x", "type": "accounts", "fields": [{"name": "email", "type": "text"}]}, "/fields/0/name", "reserved_name"),
    ({"name": "x", "type": "accounts", "fields": [{"name": "password", "type": "text"}]}, "/fields/0/name", "reserved_name"),
    ({"name": "x", "fields": [{"name": "password", "type": "text"}]}, "/fields/0/name", "reserved_name"),
    ({"name": "x", "fields": [{"name": "secret", "type": "password"}]}, "/fields/0/type", "unknown_type"),
    ({"name": "x", "indexes": [{"fields": ["nope"]}]}, "/indexes/0/fields", "unknown_field"),
    ({"name": "x", "indexes": [{"fields": ["id; DROP"]}]}, "/indexes/0/fields", "unknown_field"),
    ({"name": "x", "rules": {"lst": ""}}, "/rules/lst", "unknown_field"),
    ({"name": "x", "rules": {"list": "title ="}}, "/rules/list", "syntax_error"),
    ({"name": "x", "rules": {"list": "nope = 1"}}, "/rules/list", "unknown_field"),
    ({"name": "x", "rules": {"list": "version = 'a'"}}, "/rules/list", "type_mismatch"),
    ({"name": "x", "rules": {"list": "@request.auth.nope = 1"}}, "/rules/list", None),
    ({"name": "x", "checks": [{"name": "c", "rule": "version >"}]}, "/checks/0/rule", "syntax_error"),
    ({"name": "x", "rules": {"manage": ""}}, "/rules/manage", "unknown_field"),
    ([], "", "not_an_object"),
]


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize(("definition", "pointer", "code"), DEFINITIONS)
def test_a_definition_that_cannot_be_is_refused_at_its_place(room, definition, pointer, code):
    with pytest.raises(Invalid) as refused:
        room.collections.create(definition, actor=SYSTEM)
    assert refused.value.faults[0].pointer == pointer
    assert code is None or refused.value.faults[0].code == code
    assert room.collections.list(actor=SYSTEM) == []


@pytest.mark.parametrize("field", [{"name": "password", "type": "text"}, {"name": "secret", "type": "password"}])
def test_who_wants_to_keep_passwords_is_told_where_they_are_kept(room, field):
    with pytest.raises(Invalid) as refused:
        room.collections.create({"name": "x", "fields": [field]}, actor=SYSTEM)
    assert "`type: accounts`" in refused.value.hint


def test_a_relation_to_a_misspelt_collection_is_answered_with_the_one_that_is_there(room, posts):
    with pytest.raises(Invalid) as refused:
        room.collections.create({"name": "x", "fields": [{"name": "r", "type": "relation", "collection": "post"}]}, actor=SYSTEM)
    assert refused.value.hint == "did you mean `posts`?"


def test_a_name_is_taken_once(room, posts):
    with pytest.raises(Conflict):
        room.collections.create({"name": "posts"}, actor=SYSTEM)


def test_what_rules_of_others_name_is_not_taken_away(room, posts):
    notes = {
        "name": "notes",
        "fields": [{"name": "post", "type": "relation", "collection": "posts"}],
        "rules": {"list": "post.title = 'x'", "view": "post.title != ''"},
    }
    room.collections.create(notes, actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        change(room, fields=[], drop=["title"])
    assert refused.value.code == "collection_in_use"
    assert "/rules/list" in refused.value.faults[0].detail
    with pytest.raises(Conflict) as refused:
        room.collections.delete("posts", actor=SYSTEM)
    assert "notes.post" in refused.value.faults[0].detail
    room.collections.delete("notes", actor=SYSTEM)
    room.collections.delete("posts", actor=SYSTEM)
    assert room.collections.list(actor=SYSTEM) == []


def test_a_field_that_a_rule_of_its_own_names_is_not_taken_away(room, posts):
    change(room, rules={"update": "title != 'frozen'"})
    with pytest.raises(Invalid) as refused:
        change(room, fields=[])
    assert refused.value.faults[0].pointer == "/rules/update"
    change(room, fields=[], rules={"update": ""})


def test_a_collection_made_again_under_a_name_starts_empty(room, posts):
    add(room, title="old")
    before = rows(room, filter="title = 'old'")
    room.collections.delete("posts", actor=SYSTEM)
    with pytest.raises(NotFound):
        rows(room)
    fields = [{"name": "title", "type": "integer"}]
    room.collections.create({"name": "posts", "fields": fields, "rules": OPEN}, actor=SYSTEM)
    assert (len(before), rows(room)) == (1, [])
    assert add(room, title=7)["title"] == 7
    with pytest.raises(Invalid):
        rows(room, filter="title = 'old'")


def test_a_collection_changes_only_in_the_version_that_was_read(room, posts):
    stale = (IfMatch(posts.version, posts.created),)
    changed = room.collections.change("posts", {"rules": {"list": None}}, actor=SYSTEM, if_match=stale)
    assert changed.version == 2
    for act in (
        lambda: room.collections.change("posts", {}, actor=SYSTEM, if_match=stale),
        lambda: room.collections.delete("posts", actor=SYSTEM, if_match=stale),
        lambda: room.collections.change("posts", {}, actor=SYSTEM, if_match=(IfMatch(2, "2020-01-01T00:00:00.000Z"),)),
    ):
        with pytest.raises(PreconditionFailed):
            act()
    room.collections.delete("posts", actor=SYSTEM, if_match=(IfMatch(2, changed.created),))


def test_what_belongs_to_the_backend_is_not_changed(room):
    for act in (
        lambda: room.collections.get("_admins", actor=SYSTEM),
        lambda: room.collections.change("_admins", {"rules": {"list": ""}}, actor=SYSTEM),
        lambda: room.collections.delete("_admins", actor=SYSTEM),
    ):
        with pytest.raises(Forbidden):
            act()


def test_many_fields_of_every_type_survive_a_change(room):
    fields = [
        {"name": "t", "type": "text"}, {"name": "i", "type": "integer"}, {"name": "n", "type": "number"},
        {"name": "d", "type": "decimal", "scale": 3}, {"name": "b", "type": "bool"}, {"name": "e", "type": "email", "unique": True},
        {"name": "u", "type": "url"}, {"name": "w", "type": "date"}, {"name": "y", "type": "day"}, {"name": "a", "type": "autodate"},
        {"name": "s", "type": "select", "values": ["x", "y"]}, {"name": "j", "type": "json"},
    ]  # fmt: skip
    room.collections.create({"name": "all", "fields": fields, "rules": OPEN}, actor=SYSTEM)
    values = {
        "t": "Grüße 🦊", "i": -(2**63), "n": 5e-324, "d": "-0.125", "b": False, "e": "Ann@Example.org", "u": "https://example.org/",
        "w": "0001-01-01T00:00:00.000Z", "y": "9999-12-31", "s": "y", "j": {"a": [1, 2.5, None, "é", True, {}], "0": "zero"},
    }  # fmt: skip
    made = add(room, "all", **values)
    assert {name: made[name] for name in values} == values
    change(room, "all", drop=["t"], fields=[*fields[1:], {"name": "extra", "type": "json", "default": {"k": [1]}}])
    again = room.records.get("all", made["id"], actor=SYSTEM, facts=FACTS)
    seen = dict(zip(again.names, again.row, strict=False))
    plain = [name for name in values if name not in ("t", "j")]
    assert {name: seen[name] for name in plain} == {name: values[name] for name in plain}
    with pytest.raises(Conflict) as refused:
        add(room, "all", e="ann@EXAMPLE.org")
    assert refused.value.faults[0].pointer == "/e"
