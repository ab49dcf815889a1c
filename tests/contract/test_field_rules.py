"""Rules of single fields, told over the whole backend, on every database alike."""

import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Conflict, Invalid, NotFound, Problem
from domain.records.aggregates import AggregateQuery
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
MINE = "owner = @request.auth.id"
STAFF = "@request.auth.role = 'staff'"
USERS = {
    "name": "users", "type": "accounts",
    "fields": [{"name": "name", "type": "text"}, {"name": "role", "type": "text", "rules": {"write": None}}],
    "rules": {"list": "", "view": "", "create": "", "update": "", "delete": None},
}  # fmt: skip
NOTES = {
    "name": "notes",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "owner", "type": "relation", "collection": "users"},
        {"name": "phone", "type": "text", "rules": {"view": MINE, "write": MINE}},
        {"name": "margin", "type": "decimal", "scale": 2, "default": "1.50", "rules": {"view": STAFF, "write": STAFF}},
        {"name": "grade", "type": "integer", "default": 5, "min": 0, "max": 9, "rules": {"write": f"{STAFF} || grade < 3"}},
        {"name": "sealed", "type": "text", "unique": True, "rules": {"view": None}},
        {"name": "marks", "type": "select", "values": ["red", "blue"], "many": True, "rules": {"view": "owner.role = 'staff'"}},
        {"name": "parent", "type": "relation", "collection": "notes", "rules": {"view": MINE}},
    ],
    "rules": {"list": "", "view": "", "create": "@request.auth.id != ''", "update": "title != 'frozen'", "delete": None},
}  # fmt: skip


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as room:
        for definition in (USERS, NOTES):
            room.collections.create(definition, actor=SYSTEM)
        yield room


def sign_up(room, name, role=None):
    body = {"email": f"{name}@example.org", "password": "a stillroom of herbs", "name": name, "role": role}
    return Actor("account", room.records.create("users", body, actor=SYSTEM, facts=FACTS).id, "users", 1)


@pytest.fixture
def ann(room):
    return sign_up(room, "ann")


@pytest.fixture
def sue(room):
    return sign_up(room, "sue", "staff")


def make(room, actor=SYSTEM, **values):
    return room.records.create("notes", values, actor=actor, facts=FACTS).as_object()


def get(room, id, actor, **options):
    return room.records.get("notes", id, actor=actor, facts=FACTS, **options)


def listed(room, actor, collection="notes", **query):
    return room.records.list(collection, ListQuery(**query), actor=actor, facts=FACTS).as_object()["items"]


def refusal(room, actor, collection="notes", **query):
    with pytest.raises(Invalid) as told:
        listed(room, actor, collection, **query)
    return told.value


def change(room, id, actor, collection="notes", **body):
    return room.records.update(collection, id, body, actor=actor, facts=FACTS).as_object()


def faults(problem):
    return [(fault.pointer, fault.code) for fault in problem.value.faults]


# --- seeing


def test_what_the_request_decides_is_there_or_not(room, ann, sue):
    note = make(room, title="one", owner=ann.id, margin="2.25", sealed="x")
    assert get(room, note["id"], sue).as_object()["margin"] == "2.25"
    for actor in (ann, GUEST):
        shown = get(room, note["id"], actor)
        assert {"margin", "sealed"} & set(shown.names) == set()
        assert {"margin", "sealed"} & set(listed(room, actor)[0]) == set()
    assert {"margin", "sealed"} <= set(get(room, note["id"], SYSTEM).names)


def test_what_the_record_decides_is_null_in_others(room, ann, sue):
    make(room, title="anns", owner=ann.id, phone="1", marks=["red"])
    make(room, title="sues", owner=sue.id, phone="2", marks=["blue"])
    shown = {each["title"]: (each["phone"], each["marks"]) for each in listed(room, ann)}
    assert shown == {"anns": ("1", []), "sues": (None, ["blue"])}
    shown = {each["title"]: (each["phone"], each["marks"]) for each in listed(room, sue)}
    assert shown == {"anns": (None, []), "sues": ("2", ["blue"])}


def test_who_can_own_nothing_is_not_told_of_it(room, ann):
    make(room, title="anns", owner=ann.id, phone="1")
    assert "phone" not in listed(room, GUEST)[0]


@pytest.mark.parametrize("name", ["margin", "sealed"])
def test_a_field_that_is_not_there_for_the_actor_is_refused_as_unknown(room, ann, name):
    """As by a collection that has no such field."""
    fields = [{**each, "collection": "plain"} if each["name"] == "parent" else each for each in NOTES["fields"]]
    plain = {**NOTES, "name": "plain", "fields": [each for each in fields if each["name"] not in ("margin", "sealed")]}
    room.collections.create(plain, actor=SYSTEM)
    make(room, owner=ann.id)
    for query in ({"filter": f"{name} != null"}, {"sort": f"-{name}"}, {"fields": f"id,{name}"}, {"expand": name},
            {"filter": f"parent.{name} = null"}, {"filter": f"parent.parent.{name} = null"}, {"sort": f"parent.{name}"}):  # fmt: skip
        told, missing = (refusal(room, ann, collection, **query) for collection in ("notes", "plain"))
        assert told.code == missing.code == "unknown_field"
        assert (str(told), told.hint, told.faults) == (str(missing), missing.hint, missing.faults)
    for asked in ({"group": name}, {"measures": f"max:{name}"}):
        with pytest.raises(Invalid) as told:
            room.records.aggregate("notes", AggregateQuery(**asked), actor=ann, facts=FACTS)
        assert told.value.code == "unknown_field"


def test_who_may_see_it_may_ask_by_it(room, ann, sue):
    low, high = (make(room, owner=ann.id, margin=margin)["id"] for margin in ("1.00", "3.00"))
    assert [each["id"] for each in listed(room, sue, filter="margin > 2")] == [high]
    assert [each["id"] for each in listed(room, sue, sort="-margin")] == [high, low]


def test_no_hint_names_what_is_not_there_for_the_actor(room, ann):
    for query in ({"filter": "margim = 1"}, {"sort": "margim"}, {"fields": "margim"}):
        with pytest.raises(Invalid) as told:
            listed(room, ann, **query)
        assert "margin" not in f"{told.value} {told.value.hint} {told.value.faults}"
    with pytest.raises(Invalid) as told:
        make(room, ann, margim="1")
    assert "margin" not in f"{told.value} {told.value.hint} {told.value.faults}"


def test_a_tag_changes_as_a_value_comes_into_sight(room, ann, sue):
    """The record itself stays as it is: who owns it takes up, or leaves, a role that the mask asks for."""
    note = make(room, owner=ann.id, marks=["red"])
    before = get(room, note["id"], GUEST)
    room.records.update("users", ann.id, {"role": "staff"}, actor=SYSTEM, facts=FACTS)
    after = get(room, note["id"], GUEST)
    assert (before.version, before.as_object()["marks"]) == (after.version, [])
    assert after.as_object()["marks"] == ["red"]
    assert before.etag_extra != after.etag_extra


def test_an_answer_to_a_write_is_masked_as_a_get_is(room, ann, sue):
    note = make(room, sue, title="one", owner=ann.id, marks=["red"])
    assert note == get(room, note["id"], sue).as_object()
    for actor in (ann, sue):
        for body in ({"title": "two"}, {}):
            changed = room.records.update("notes", note["id"], body, actor=actor, facts=FACTS)
            shown = get(room, note["id"], actor)
            assert changed.as_object() == shown.as_object()
            assert changed.etag_extra == shown.etag_extra
    assert note["phone"] is None


def test_a_masked_relation_expands_to_nothing(room, ann, sue):
    top = make(room, title="top", owner=ann.id)
    make(room, title="anns", owner=ann.id, parent=top["id"])
    make(room, title="sues", owner=sue.id, parent=top["id"])
    found = {each["title"]: each.get("expand", {}) for each in listed(room, ann, expand="parent")}
    assert found["anns"]["parent"]["title"] == "top"
    assert found["sues"] == {}
    with pytest.raises(Invalid) as told:
        listed(room, GUEST, expand="parent")
    assert told.value.code == "unknown_field"


def test_masks_bind_what_is_expanded(room, ann, sue):
    mine, other = (make(room, title=name, owner=who.id, phone="1", margin="1.00") for name, who in (("a", ann), ("b", sue)))
    make(room, title="c", owner=ann.id, parent=mine["id"])
    make(room, title="d", owner=ann.id, parent=other["id"])
    found = {each["title"]: each.get("expand", {}).get("parent") for each in listed(room, ann, expand="parent")}
    assert (found["c"]["phone"], found["d"]["phone"]) == ("1", None)
    assert "margin" not in found["c"]


# --- writing


def test_what_one_may_neither_view_nor_write_is_unknown(room, ann):
    note = make(room, owner=ann.id)
    for body in ({"margin": "9.00"}, {"margin+": "1.00"}):
        with pytest.raises(Invalid) as told:
            change(room, note["id"], ann, **body)
        assert faults(told) == [(f"/{name}", "unknown_field") for name in body]
    with pytest.raises(Invalid) as told:
        make(room, ann, margin="9.00")
    assert faults(told) == [("/margin", "unknown_field")]


def test_defaults_apply_to_what_one_may_not_write(room, ann):
    note = make(room, ann, title="mine", owner=ann.id)
    assert room.records.get("notes", note["id"], actor=SYSTEM, facts=FACTS).as_object()["margin"] == "1.50"


def test_what_one_may_view_and_not_write_is_refused_by_name(room, ann):
    with pytest.raises(Invalid) as told:
        change(room, ann.id, ann, "users", role="staff")
    assert faults(told) == [("/role", "not_writable")]
    assert room.records.get("users", ann.id, actor=SYSTEM, facts=FACTS).as_object()["role"] is None


def test_a_change_is_judged_by_the_record_before_it(room, ann, sue):
    low, high = make(room, owner=ann.id, grade=2), make(room, owner=ann.id, grade=4)
    assert change(room, low["id"], ann, grade=8)["grade"] == 8
    for body in ({"grade": 1}, {"grade+": 1}, {"grade-": 1, "title": "with it"}):
        with pytest.raises(Invalid) as told:
            change(room, high["id"], ann, **body)
        assert faults(told) == [(f"/{next(iter(body))}", "not_writable")]
    kept = room.records.get("notes", high["id"], actor=SYSTEM, facts=FACTS).as_object()
    assert (kept["grade"], kept["title"], kept["version"]) == (4, None, 1)
    assert change(room, high["id"], sue, grade=1)["grade"] == 1


def test_a_new_record_is_judged_as_it_would_be(room, ann, sue):
    assert make(room, ann, owner=ann.id, phone="1")["phone"] == "1"
    for body in ({"phone": "1"}, {"phone": "1", "owner": sue.id}, {"grade": 5}):
        with pytest.raises(Invalid) as told:
            make(room, ann, **body)
        assert [code for _, code in faults(told)] == ["not_writable"]
    assert make(room, ann, grade=2)["grade"] == 2
    assert make(room, ann)["grade"] == 5
    assert len(listed(room, SYSTEM)) == 3


def test_a_record_that_may_not_be_changed_tells_nothing_of_its_fields(room, ann):
    frozen = make(room, title="frozen", owner=ann.id, grade=9)
    with pytest.raises(NotFound):
        change(room, frozen["id"], ann, grade=1)


def test_what_may_be_written_and_not_viewed_is_written_blind(room, ann):
    note = make(room, ann, sealed="x", owner=ann.id)
    assert "sealed" not in note
    with pytest.raises(Conflict) as told:
        make(room, ann, sealed="x")
    assert faults(told) == [("/sealed", "not_unique")]
    assert change(room, note["id"], ann, sealed="y")["version"] == 2
    assert get(room, note["id"], SYSTEM).as_object()["sealed"] == "y"


# --- addresses of accounts


def addresses(room, actor):
    return {each["name"]: each["email"] for each in listed(room, actor, "users")}


def test_an_address_is_shown_where_its_account_says_so(room, ann, sue):
    assert addresses(room, ann) == {"ann": "ann@example.org", "sue": None}
    assert change(room, sue.id, sue, "users", email_visible=True)["email"] == "sue@example.org"
    assert addresses(room, ann) == {"ann": "ann@example.org", "sue": "sue@example.org"}
    assert addresses(room, GUEST) == {"ann": None, "sue": "sue@example.org"}
    assert set(addresses(room, SYSTEM).values()) == {"ann@example.org", "sue@example.org"}


def test_nobody_looks_for_addresses_shown_or_not(room, ann, sue):
    change(room, sue.id, sue, "users", email_visible=True)
    for query in ({"filter": "email ~ 'sue'"}, {"sort": "email"}):
        with pytest.raises(Invalid) as told:
            listed(room, ann, "users", **query)
        assert told.value.code == "unknown_field"
    with pytest.raises(Invalid):
        listed(room, ann, filter="owner.email != ''")


def test_only_the_account_itself_says_whether_its_address_is_shown(room, ann, sue):
    for actor in (ann, GUEST):
        with pytest.raises(Invalid) as told:
            change(room, sue.id, actor, "users", email_visible=True)
        assert faults(told) == [("/email_visible", "not_writable")]
    body = {"email": "new@example.org", "password": "a stillroom of herbs", "email_visible": True}
    assert room.records.create("users", body, actor=GUEST, facts=FACTS).as_object()["email"] == "new@example.org"
    assert change(room, sue.id, SYSTEM, "users", email_visible=True)["email_visible"] is True


def test_an_account_of_another_collection_with_the_same_id_is_another(room, ann):
    room.collections.create({**USERS, "name": "people"}, actor=SYSTEM)
    other = Actor("account", ann.id, "people", 1)
    with pytest.raises(Problem):
        change(room, ann.id, other, "users", email_visible=True)


# --- definitions


def test_rules_of_fields_are_kept_and_checked(room):
    kept = next(each for each in room.collections.get("notes", actor=SYSTEM).definition()["fields"] if each["name"] == "margin")
    assert kept["rules"] == {"view": STAFF, "write": STAFF}
    wrong = (
        ({"view": "nowhere = 1"}, "/fields/0/rules/view", "unknown_field"), ({"write": "title >"}, "/fields/0/rules/write", "syntax_error"),
        ({"read": ""}, "/fields/0/rules/read", "unknown_option"), ({"view": 5}, "/fields/0/rules/view", "invalid_rule"),
        ([], "/fields/0/rules", "invalid_rule"), ({"view": "x" * 4001}, "/fields/0/rules/view", "invalid_rule"),
    )  # fmt: skip
    for rules, pointer, code in wrong:
        with pytest.raises(Invalid) as told:
            room.collections.create({"name": "wrong", "fields": [{"name": "title", "type": "text", "rules": rules}]}, actor=SYSTEM)
        assert faults(told) == [(pointer, code)], rules
    field = {"name": "at", "type": "autodate", "rules": {"write": None}}
    with pytest.raises(Invalid):
        room.collections.create({"name": "wrong", "fields": [field]}, actor=SYSTEM)


def test_a_changed_rule_holds_at_once(room, ann):
    note = make(room, owner=ann.id, sealed="x")
    fields = [{**each, "rules": {}} if each["name"] == "sealed" else each for each in NOTES["fields"]]
    room.collections.change("notes", {"fields": fields}, actor=SYSTEM)
    assert get(room, note["id"], ann).as_object()["sealed"] == "x"


def test_what_is_found_once_for_an_actor_is_nobody_elses_and_ends_with_the_schema(room, ann, sue):
    """Where view rules ask only who the actor is, what it sees is kept until collections change."""
    fields = [{"name": "owner", "type": "relation", "collection": "users"}, {"name": "line", "type": "text", "rules": {"view": MINE}}]
    room.collections.create({"name": "lines", "fields": fields, "rules": {"list": "", "view": ""}}, actor=SYSTEM)
    for owner in (ann, sue):
        room.records.create("lines", {"owner": owner.id, "line": f"of {owner.id}"}, actor=SYSTEM, facts=FACTS)
    for _ in range(2):
        for actor in (ann, sue):
            assert {each["line"] for each in listed(room, actor, "lines")} == {f"of {actor.id}", None}
        assert "line" not in listed(room, GUEST, "lines")[0]
    room.collections.change("lines", {"fields": [fields[0], {**fields[1], "rules": {}}]}, actor=SYSTEM)
    assert {each["line"] for each in listed(room, ann, "lines")} == {f"of {ann.id}", f"of {sue.id}"}
    assert "line" in listed(room, GUEST, "lines")[0]
    moment = {**fields[1], "rules": {"view": f"{MINE} && @now < '2026-11-22T14:00:00Z'"}}
    room.collections.change("lines", {"fields": [fields[0], moment]}, actor=SYSTEM)
    assert {each["line"] for each in listed(room, ann, "lines")} == {f"of {ann.id}", None}
    room.clock.advance(hours=2)
    assert "line" not in listed(room, ann, "lines")[0]


def test_a_field_that_a_rule_of_a_field_names_is_not_removed(room):
    fields = [each for each in NOTES["fields"] if each["name"] != "owner"]
    with pytest.raises(Problem):
        room.collections.change("notes", {"fields": fields}, actor=SYSTEM)
    users = [each for each in USERS["fields"] if each["name"] != "role"]
    with pytest.raises(Problem) as told:
        room.collections.change("users", {"fields": users}, actor=SYSTEM)
    assert told.value.code == "collection_in_use"
