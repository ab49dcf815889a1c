"""Bodies become drafts and changes, or are refused with every fault at once."""

from decimal import Decimal

import pytest

from domain.errors import Invalid
from domain.records.draft import Author, Moment, changes, draft
from domain.schema.collection import define_collection
from domain.schema.fields import TRUSTING

NOW = "2026-11-22T13:00:00.000Z"
MOMENT = Moment(NOW, "0198-new")
ANN, ADMIN, GUEST = Author("ann", False, "users"), Author("root", True, "_admins"), Author(None, False)


POSTS = define_collection(
    {
        "name": "posts",
        "fields": [
            {"name": "title", "type": "text", "required": True, "max": 10},
            {"name": "views", "type": "integer", "default": 0, "min": 0, "max": 100},
            {"name": "price", "type": "decimal", "scale": 2},
            {"name": "author", "type": "relation", "collection": "users", "default": "@request.auth.id"},
            {"name": "seen", "type": "day", "default": "@now"},
            {"name": "secret", "type": "text", "hidden": True},
            {"name": "edited", "type": "autodate", "on_create": False, "on_update": True},
        ],
    },
    id="c1", now=NOW, tools=TRUSTING,
)  # fmt: skip
USERS = define_collection({"name": "users", "type": "accounts", "fields": []}, id="c2", now=NOW, tools=TRUSTING)


def new(body, author=ANN, collection=POSTS):
    return draft(collection, body, author=author, moment=MOMENT, tools=TRUSTING).values


def changed(body, author=ANN, collection=POSTS):
    return changes(collection, body, author=author, now=NOW, tools=TRUSTING)


def faults(refused):
    return {(fault.pointer, fault.code) for fault in refused.value.faults}


def test_a_relation_defaults_to_whoever_it_can_point_at():
    """An admin's id is no user's; and another collection of accounts may have the same id."""
    assert new({"title": "Hello"})["author"] == "ann"
    assert [new({"title": "Hello"}, author)["author"] for author in (ADMIN, Author("ann", False, "guests"), GUEST)] == [None] * 3


def test_a_draft_holds_every_field_with_its_default():
    values = new({"title": "Hello"})
    assert values == {
        "id": "0198-new", "version": 1, "created": NOW, "updated": NOW, "title": "Hello", "views": 0, "price": None,
        "author": "ann", "seen": "2026-11-22", "secret": None, "edited": None,
    }  # fmt: skip


def test_a_guest_is_nobody_by_default():
    assert new({"title": "x"}, GUEST)["author"] is None


def test_null_is_absence_and_takes_no_default():
    assert new({"title": "x", "views": None})["views"] is None


def test_every_fault_is_told_at_once():
    with pytest.raises(Invalid) as refused:
        new({"title": "far too long a title", "views": 101, "price": 1.5, "titel": "x"})
    assert faults(refused) == {
        ("/title", "too_long"),
        ("/views", "too_large"),
        ("/price", "not_decimal"),
        ("/titel", "unknown_field"),
    }


def test_empty_text_does_not_fulfil_required():
    with pytest.raises(Invalid) as refused:
        new({"title": ""})
    assert faults(refused) == {("/title", "required")}


@pytest.mark.parametrize("name", ["version", "created", "updated", "edited"])
def test_what_the_backend_writes_is_not_written_by_others(name):
    with pytest.raises(Invalid) as refused:
        new({"title": "x", name: 5}, ADMIN)
    assert faults(refused) == {(f"/{name}", "read_only")}


def test_a_hidden_field_is_answered_as_one_that_is_not_there():
    with pytest.raises(Invalid) as hidden:
        new({"title": "x", "secret": "y"})
    with pytest.raises(Invalid) as missing:
        new({"title": "x", "zzzzzz": "y"})
    assert faults(hidden) == {("/secret", "unknown_field")}
    said = hidden.value.faults[0].detail.partition(";")[0]  # behind it stands the hint, of visible names only
    assert said.replace("secret", "zzzzzz") == missing.value.faults[0].detail
    assert new({"title": "x", "secret": "y"}, ADMIN)["secret"] == "y"


def test_a_client_may_bring_its_own_id_but_not_in_accounts():
    assert new({"title": "x", "id": "my-id_1"})["id"] == "my-id_1"
    with pytest.raises(Invalid) as refused:
        new({"title": "x", "id": "../etc"})
    assert faults(refused) == {("/id", "invalid_id")}
    with pytest.raises(Invalid) as refused:
        new({"email": "a@b.example", "password": "secret enough", "id": "mine"}, GUEST, USERS)
    assert faults(refused) == {("/id", "read_only")}


def test_verified_is_for_admins():
    with pytest.raises(Invalid) as refused:
        new({"email": "a@b.example", "verified": True}, GUEST, USERS)
    assert faults(refused) == {("/verified", "read_only")}
    assert new({"email": "a@b.example", "verified": True}, ADMIN, USERS)["verified"] is True


def test_a_change_names_only_what_it_changes_and_stamps_it():
    asked = changed({"title": "Hi", "price": None})
    assert asked.values == {"title": "Hi", "price": None, "updated": NOW, "edited": NOW}


def test_increments_carry_their_limits():
    asked = changed({"views+": 3, "price-": "0.05"})
    assert (asked.increments["views"].by, asked.increments["views"].low, asked.increments["views"].high) == (3, 0, 100)
    assert asked.increments["price"].by == Decimal("-0.05")


INCREMENTS = [
    ({"views+": "1;select"}, ("/views+", "not_integer")),
    ({"views+": {"a": 1}}, ("/views+", "not_integer")),
    ({"views+": 1.5}, ("/views+", "not_integer")),
    ({"views+": None}, ("/views+", "not_integer")),
    ({"views+": 2**63}, ("/views+", "not_integer")),
    ({"title+": 1}, ("/title+", "not_a_number")),
    ({"meta.x+": 1}, ("/meta.x+", "unknown_field")),
    ({"secret+": 1}, ("/secret+", "unknown_field")),
    ({"id+": 1}, ("/id+", "unknown_field")),
    ({"views": 1, "views+": 1}, ("/views+", "named_twice")),
    ({"n+' || 1": 1}, ("/n+' || 1", "unknown_field")),
    ({"+": 1}, ("/+", "unknown_field")),
    ({"": 1}, ("/", "unknown_field")),
]


@pytest.mark.parametrize(("body", "fault"), INCREMENTS)
def test_an_increment_that_cannot_be_is_refused(body, fault):
    with pytest.raises(Invalid) as refused:
        changed(body)
    assert faults(refused) == {fault}


def test_a_modifier_before_the_name_is_answered_with_where_it_goes():
    with pytest.raises(Invalid) as refused:
        changed({"+views": 1})
    assert refused.value.faults[0].detail == "no field `+views`; did you mean `views+`?"


def test_a_new_record_takes_values_not_increments():
    with pytest.raises(Invalid) as refused:
        new({"title": "x", "views+": 1})
    assert faults(refused) == {("/views+", "not_an_increment")}


def test_the_id_of_a_record_never_changes():
    with pytest.raises(Invalid) as refused:
        changed({"id": "other"}, ADMIN)
    assert faults(refused) == {("/id", "read_only")}
