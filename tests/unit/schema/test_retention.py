"""What a collection may say about how long its records live."""

import pytest

from domain.errors import Invalid
from domain.schema.collection import Index, change_collection, define_collection
from domain.schema.fields import TRUSTING, DateField, DayField
from domain.schema.retention import Expiry, Trash, last_expired

NOW = "2026-11-22T13:00:00.000Z"
FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "ends", "type": "date"},
    {"name": "day", "type": "day", "unique": True},
    {"name": "seen", "type": "autodate"},
]


def defined(**parts):
    return define_collection({"name": "posts", "fields": FIELDS, **parts}, id="c1", now=NOW, tools=TRUSTING)


def test_a_collection_keeps_nothing_and_ends_nothing_unless_it_says_so():
    told = defined().definition()
    assert (told["trash"], told["expires"]) == (None, None)


def test_trash_and_expiry_are_told_back():
    told = defined(trash={"days": 30}, expires={"field": "ends"}).definition()
    assert (told["trash"], told["expires"]) == ({"days": 30}, {"field": "ends"})


def test_a_change_that_does_not_name_them_leaves_them_and_null_ends_them():
    old = defined(trash={"days": 30}, expires={"field": "ends"})
    kept = change_collection(old, {"rules": {"list": ""}}, now=NOW, tools=TRUSTING)
    assert (kept.trash, kept.expires) == (Trash(30), Expiry("ends"))
    ended = change_collection(old, {"trash": None, "expires": None}, now=NOW, tools=TRUSTING)
    assert (ended.trash, ended.expires) == (None, None)


@pytest.mark.parametrize(
    ("parts", "pointer", "code"),
    [
        ({"trash": {"days": 0}}, "/trash/days", "invalid_option"),
        ({"trash": {"days": 3651}}, "/trash/days", "invalid_option"),
        ({"trash": {"days": True}}, "/trash/days", "invalid_option"),
        ({"trash": {"days": "30"}}, "/trash/days", "invalid_option"),
        ({"trash": {}}, "/trash", "missing_option"),
        ({"trash": 30}, "/trash", "not_an_object"),
        ({"trash": {"day": 30}}, "/trash/day", "unknown_option"),
        ({"expires": {"field": "title"}}, "/expires/field", "unknown_field"),
        ({"expires": {"field": "seen"}}, "/expires/field", "unknown_field"),
        ({"expires": {"field": "created"}}, "/expires/field", "unknown_field"),
        ({"expires": {"field": ["ends"]}}, "/expires/field", "invalid_option"),
        ({"expires": "ends"}, "/expires", "not_an_object"),
    ],
)
def test_anything_else_is_refused_with_its_place(parts, pointer, code):
    with pytest.raises(Invalid) as refused:
        defined(**parts)
    assert [(each.pointer, each.code) for each in refused.value.faults] == [(pointer, code)]


def test_a_misspelt_field_is_answered_with_what_was_meant():
    with pytest.raises(Invalid) as refused:
        defined(expires={"field": "end"})
    assert refused.value.hint == "did you mean `ends`?"


def test_a_field_by_which_records_expire_is_not_removed():
    with pytest.raises(Invalid) as refused:
        change_collection(defined(expires={"field": "ends"}), {"fields": FIELDS[:1]}, now=NOW, tools=TRUSTING)
    assert refused.value.code == "unknown_field"


def test_expired_records_are_found_by_an_index_and_one_that_is_there_will_do():
    assert Index(("ends",)) in defined(expires={"field": "ends"}).every_index
    assert Index(("ends",)) not in defined(expires={"field": "ends"}, indexes=[{"fields": ["ends", "title"]}]).every_index
    assert Index(("day",)) not in defined(expires={"field": "day"}).every_index


def test_an_instant_has_passed_when_it_is_reached_and_a_day_when_it_is_over():
    assert last_expired(DateField(name="ends"), NOW) == NOW
    assert last_expired(DayField(name="day"), NOW) == "2026-11-21"


def test_the_trash_keeps_for_its_days():
    assert Trash(30).until(NOW) == "2026-12-22T13:00:00.000Z"
