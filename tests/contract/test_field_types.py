"""Rich text, places and JSON Schemas as they are written and read back, the same on both databases."""

import orjson
import pytest

from app.testing import backend
from domain.actor import SYSTEM
from domain.errors import Invalid
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["colour"],
    "properties": {"colour": {"enum": ["red", "blue"]}, "a/b": {"type": "array", "items": {"type": "integer", "maximum": 9}}},
}  # fmt: skip


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as made:
        made.collections.create({
            "name": "cafes",
            "fields": [
                {"name": "menu", "type": "richtext", "max": 60, "default": "<p>soon</p>"}, {"name": "place", "type": "geo"},
                {"name": "paint", "type": "json", "schema": SCHEMA}, {"name": "size", "type": "number"},
            ],
        }, actor=SYSTEM)  # fmt: skip
        yield made


def add(room, **values):
    return room.records.create("cafes", values, actor=SYSTEM, facts=FACTS).as_object()


def found(room, filter):
    return room.records.list("cafes", ListQuery(filter=filter), actor=SYSTEM, facts=FACTS).as_object()["items"]


def refused(room, **values):
    with pytest.raises(Invalid) as caught:
        add(room, **values)
    assert found(room, "") == []
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_what_is_stored_is_the_cleaned_html(room):
    made = add(room, menu='<p onclick="x()">Soup<script>alert(1)</script> &amp; <a href="javascript:x">tea</a></p>')
    assert made["menu"] == '<p>Soup &amp; <a rel="noopener noreferrer">tea</a></p>'
    assert found(room, "menu ~ 'soup'")[0]["menu"] == made["menu"]
    changed = room.records.update("cafes", made["id"], {"menu": "<b>x<style>p{}</style>"}, actor=SYSTEM, facts=FACTS)
    assert changed.as_object()["menu"] == "<b>x</b>"


def test_html_that_holds_nothing_is_absence(room):
    assert add(room, menu="<script>x</script>")["menu"] is None
    assert len(found(room, "menu = ''")) == 1


def test_the_length_is_that_of_what_is_stored(room):
    assert add(room, menu="<p>" + "x" * 50 + "</p><script>" + "y" * 500 + "</script>")["menu"] == "<p>" + "x" * 50 + "</p>"


def test_html_that_is_too_long_is_refused(room):
    assert refused(room, menu="<p>" + "x" * 60) == [("/menu", "too_long")]
    assert refused(room, menu="<b>" * 50_000) == [("/menu", "too_long")]


def test_a_default_is_clean_already(room):
    assert add(room)["menu"] == "<p>soon</p>"
    with pytest.raises(Invalid) as caught:
        room.collections.change("cafes", {"fields": [{"name": "menu", "type": "richtext", "default": "<p onclick=x>hi"}]}, actor=SYSTEM)
    assert "<p>hi</p>" in str(caught.value.faults[0].detail)


def test_places_are_kept_and_asked_for(room):
    berlin = add(room, place={"lon": 13.4, "lat": 52.5}, size=13.4)
    add(room, place={"lon": -0.1, "lat": 51.5})
    add(room)
    assert berlin["place"] == {"lon": 13.4, "lat": 52.5}
    ids = lambda text: [item["id"] for item in found(room, text)]
    assert ids("geoDistance(place.lon, place.lat, 13.4, 52.5) < 25") == [berlin["id"]]
    assert ids("place.lon > 10 && place.lat < 90 && place.lon = size") == [berlin["id"]]
    assert len(ids("place = null")) == 1
    assert len(ids("place.lon != null")) == 2


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize(("place", "pointer"), [
    ([13.4, 52.5], ""), ("13.4,52.5", ""), ({"lon": 13.4}, "/lat"), ({"lon": 181, "lat": 0}, "/lon"), ({"lon": 0, "lat": -90.5}, "/lat"),
    ({"lon": "13", "lat": 52}, "/lon"), ({"lon": True, "lat": 52}, "/lon"), ({"lon": 1, "lat": 2, "alt": 3}, ""), ({"lng": 1, "lat": 2},
    ""),
    ({"lon": None, "lat": 2}, "/lon"), ({"lon": float("inf"), "lat": 2}, "/lon"), ({}, "/lat"), (5, ""),
])  # fmt: skip
def test_what_is_no_place_is_refused(room, place, pointer):
    assert refused(room, place=place) == [(f"/place{pointer}", "not_a_place")]


@pytest.mark.parametrize("text", ["place.lng > 1", "place.lon.x = 1", "place.0 = 1", "place.alt = null"])
def test_rules_reach_into_a_place_by_its_two_names(room, text):
    with pytest.raises(Invalid) as caught:
        found(room, text)
    assert caught.value.faults[0].code == "unknown_field"


def test_a_value_fits_its_schema_or_each_fault_points_at_its_place(room):
    assert add(room, paint={"colour": "red", "a/b": [1, 2]})["paint"] == {"colour": "red", "a/b": [1, 2]}
    with pytest.raises(Invalid) as caught:
        add(room, paint={"colour": "pink", "a/b": [1, 10, "x"], "more": 1})
    pointers = {fault.pointer for fault in caught.value.faults}
    assert pointers == {"/paint", "/paint/colour", "/paint/a~1b/1", "/paint/a~1b/2"}
    assert {fault.code for fault in caught.value.faults} == {"schema_mismatch"}


def test_a_change_is_held_to_the_schema_too(room):
    made = add(room, paint={"colour": "red"})
    with pytest.raises(Invalid):
        room.records.update("cafes", made["id"], {"paint": {"colour": "green"}}, actor=SYSTEM, facts=FACTS)
    assert orjson.loads(orjson.dumps(found(room, "")[0]["paint"])) == {"colour": "red"}


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("field", [
    {"type": "json", "schema": SCHEMA, "default": {"colour": "pink"}}, {"type": "json", "schema": {"type": "strin"}},
    {"type": "json", "schema": 5}, {"type": "geo", "unique": True}, {"type": "richtext", "unique": True}, {"type": "geo",
    "default": [1, 2]},
    {"type": "richtext", "max": 0}, {"type": "richtext", "pattern": "x"}, {"type": "text", "fold": 1}, {"type": "url", "fold": True},
])  # fmt: skip
def test_options_that_make_no_sense_are_refused(room, field):
    with pytest.raises(Invalid):
        room.collections.create({"name": "more", "fields": [{"name": "it", **field}]}, actor=SYSTEM)


@pytest.mark.parametrize("name", ["place", "paint"])
def test_json_has_no_order_and_no_index(room, name):
    with pytest.raises(Invalid):
        room.records.list("cafes", ListQuery(sort=name), actor=SYSTEM, facts=FACTS)
    with pytest.raises(Invalid):
        room.collections.change("cafes", {"indexes": [{"fields": [name]}]}, actor=SYSTEM)
