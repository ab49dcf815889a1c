"""Whom a change of a collection breaks, told before it is done."""

from dataclasses import replace

import pytest

from domain.schema.breaking import breaking
from domain.schema.collection import change_collection, define_collection
from domain.schema.fields import TRUSTING
from domain.schema.renames import Renames, read_renames

NOW = "2026-11-22T13:00:00.000Z"
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "max": 200},
        {"name": "status", "type": "select", "values": ["draft", "live"]},
        {"name": "views", "type": "integer"},
        {"name": "secret", "type": "text", "hidden": True},
    ],
    "rules": {"list": "status = 'live'", "view": "", "create": "@request.auth.id != ''"},
}
OLD = define_collection(POSTS, id="c1", now=NOW, tools=TRUSTING)


def fields(**changes):
    """The fields with these options on top, None for one that goes; a name that is not there comes."""
    known = {each["name"]: each for each in POSTS["fields"]}
    kept = [{**each, **changes.get(name, {})} for name, each in known.items() if changes.get(name, {}) is not None]
    return {"fields": [*kept, *({"name": name, **each} for name, each in changes.items() if name not in known)]}


CHANGES = [
    (fields(), []),
    (fields(title={"max": 100}), [("breaks", "title, sent", "`maxLength` was 200 and is 100")]),
    (fields(title={"max": 300}), []),
    (fields(title={"required": True}), [("breaks", "title, sent", "it has to be there now")]),
    (fields(title={"required": True, "default": "x"}), None),
    (fields(title={"unique": True}), [("may break", "title, sent", "a value has to be its alone")]),
    (fields(title={"name": "headline", "was": "title"}), [("breaks", "title", "the field is called `headline`")]),
    (fields(title={"hidden": True}), [("breaks", "title", "answers hold it no more: it is hidden")]),
    (fields(title={"rules": {"view": "views > 1"}}), [("may break", "title", "its rules are others")]),
    (fields(views=None), [("breaks", "views", "the field goes, and its values")]),
    (fields(secret=None), []),
    (fields(status={"values": ["draft"]}), [("breaks", "status, sent /anyOf/0", "`live` is no value any more")]),
    (fields(status={"values": ["draft", "live", "old"]}), []),
    (fields(views={"type": "text"}), None),
    (fields(extra={"type": "text"}), []),
    (fields(extra={"type": "text", "required": True}), [("breaks", "extra, sent", "a new field that has to be there")]),
    ({"rules": {**POSTS["rules"], "list": None}}, [("breaks", "list rule", "only admins may do this any more")]),
    ({"rules": {"list": "", "view": "", "create": "@request.auth.id != ''"}}, []),
    ({"rules": {**POSTS["rules"], "view": "views > 1"}}, [("may break", "view rule", "it is another one")]),
    ({"indexes": [{"fields": ["title"]}]}, []),
    ({"indexes": [{"fields": ["title", "views"], "unique": True}]}, [("may break", "title, views", "these values have to be its alone")]),
    ({"checks": [{"name": "short", "rule": "views < 9", "message": "no"}]}, [("may break", "short", "a new check")]),
    ({"name": "articles"}, [("breaks", "posts", "the collection is called `articles`")]),
]  # fmt: skip


def told(body):
    renames = read_renames(OLD, body)
    plain = {name: [{key: option for key, option in each.items() if key != "was"} for each in value] if name == "fields" else value
             for name, value in body.items()}  # fmt: skip
    new = replace(change_collection(OLD, plain, now=NOW, tools=TRUSTING), name=renames.name)
    return breaking(OLD, new, renames)


@pytest.mark.parametrize(("body", "wanted"), CHANGES, ids=lambda each: str(each)[:60])
def test_a_change_tells_whom_it_breaks(body, wanted):
    found = [(each.weight.told, each.place, each.what) for each in told(body)]
    if wanted is not None:
        assert found[-len(wanted) :] == wanted
        assert bool(found) is bool(wanted)
    else:
        assert all(each.remedy for each in told(body) if each.weight.told == "breaks")


def test_another_type_breaks_who_sends_and_who_reads():
    assert {each.place for each in told(fields(views={"type": "text"}))} == {"views, sent", "views, read"}


def test_what_breaks_says_what_to_do_instead():
    for body, _ in CHANGES:
        assert all(each.remedy for each in told(body) if each.weight.told == "breaks")


def test_a_collection_that_goes_breaks_and_a_new_one_does_not():
    assert [each.weight.told for each in breaking(OLD, None, None)] == ["breaks"]
    assert breaking(None, OLD, Renames("posts", "posts")) == ()
