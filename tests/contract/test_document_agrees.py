"""The document tells the truth on every database: what its schemas refuse is refused, what they let in is let in as far as a schema can
tell, and every record that is answered is one as its schema says.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from app.testing import TestBackend, backend, client
from domain.actor import SYSTEM

API = "/api/v1"
OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
BEN = {"email": "ben@example.org", "password": "correct horse battery"}
PLACE = {"lon": 13.4, "lat": 52.5}
SHAPE = {
    "type": "object", "required": ["lines"], "additionalProperties": False, "properties": {"lines": {"$ref": "#/$defs/lines"}},
    "$defs": {"lines": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}, "more": {"$ref": "#"}}}}},
}  # fmt: skip

# Every type, with every option that says what is let in; each as it may stay empty and as it may not.
KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": "text"}, "text_bound": {"type": "text", "min": 3, "max": 5}, "text_like": {"type": "text", "pattern": "[a-z]+"},
    "text_folded": {"type": "text", "fold": True, "searchable": True}, "rich": {"type": "richtext", "max": 40, "searchable": True},
    "email": {"type": "email"}, "url": {"type": "url"},
    "whole": {"type": "integer"}, "whole_bound": {"type": "integer", "min": 0, "max": 9},
    "number": {"type": "number"}, "number_bound": {"type": "number", "min": -1.5, "max": 1.5},
    "money": {"type": "decimal", "scale": 2}, "money_bound": {"type": "decimal", "scale": 2, "min": "0", "max": "99.50"},
    "money_whole": {"type": "decimal", "scale": 0}, "money_part": {"type": "decimal", "scale": 18}, "flag": {"type": "bool"},
    "at": {"type": "date"}, "at_bound": {"type": "date", "min": "2020-01-01", "max": "2030-01-01"},
    "day": {"type": "day"}, "day_bound": {"type": "day", "min": "2020-01-01", "max": "2030-01-01"},
    "choice": {"type": "select", "values": ["draft", "live"]},
    "choices": {"type": "select", "values": ["draft", "live", "gone"], "many": True, "min": 2, "max": 2},
    "friend": {"type": "relation", "collection": "friends"},
    "friends": {"type": "relation", "collection": "friends", "many": True, "max": 2},
    "place": {"type": "geo"}, "anything": {"type": "json"}, "shaped": {"type": "json", "schema": SHAPE},
}  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 9, 10, 2**63 - 1, -(2**63), 2**63, 1.5, -2.25, 1e300,
    "", " ", "a", "abc", "abcde", "abcdef", "ABC", "é" * 4, "<b>bold</b>", "<script>x</script>", "x" * 41, "x" * 65,
    "ann@example.org", "ann@", "a" * 250 + "@example.org", "https://example.org/a", "HTTP://example.org", "ftp://example.org", "http://",
    "1", "-1", "12.50", "12.505", "99.51", "1e3", "01", ".5", "9" * 18, "9" * 19, "0.123456789012345678",
    "draft", "live", "other", "f1", "f2", "no/id",
    "2026-11-22T13:00:00.000Z", "2026-11-22T13:00:00.0001Z", "2026-11-22T13:00:00+02:00", "2019-01-01T00:00:00Z",
    "2026-11-22", "2026-02-30",
    [], [None], [""], [1], ["draft"], ["draft", "live"], ["draft", "draft"], ["draft", "live", "gone"], ["other", "live"],
    ["f1"], ["f1", "f2"], ["f1", "f1"], ["f1", "f2", "f3"],
    {}, PLACE, {"lon": 181, "lat": 0}, {"lon": 1}, {**PLACE, "alt": 1}, {"lon": "1", "lat": 2},
    {"lines": []}, {"lines": [{"n": 1, "more": {"lines": []}}]}, {"lines": [{"more": {}}]}, {"lines": 1},
)  # fmt: skip
# What no schema says of these types: the form of a text beyond what a pattern tells, what is left of HTML, bounds of what is text in
# JSON, whether a record is there, which whole numbers a double holds.
BEYOND_SCHEMAS = {
    "text_like", "rich", "email", "url", "number", "money_bound", "at", "at_bound", "day", "day_bound", "friend", "friends", "anything",
}  # fmt: skip


class Told:
    """One database, and what its document says to guests."""

    def __init__(self, room: TestBackend) -> None:
        self.room, self.door = room, client(room)
        self.document = self.door.get(f"{API}/openapi.json").get_json()

    def refuses(self, schema: str, value: Any) -> bool:
        return not self._validator(schema).is_valid(value)

    def faults(self, schema: str, value: Any) -> list[str]:
        return [f"{each.instance_path}: {each.message}" for each in self._validator(schema).iter_errors(value)]

    @cache  # noqa: B019  one for each test
    def _validator(self, schema: str) -> Any:
        whole = {"$ref": f"#/components/schemas/{schema}", "components": self.document["components"]}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=False)

    def create(self, collection: str, body: dict[str, Any]) -> Any:
        return self.door.post(f"{API}/collections/{collection}/records", data=json.dumps(body), content_type="application/json")

    def signed_in(self, name: str, collection: str) -> dict[str, str]:
        if not name:
            return {}
        body = {"identity": f"{name}@example.org", "password": BEN["password"]}
        return {"Authorization": f"Bearer {self.door.post(f'{API}/auth/{collection}/sign-in', json=body).get_json()['access_token']}"}

    def change(self, collection: str, id: str, body: dict[str, Any]) -> Any:
        return self.door.patch(f"{API}/collections/{collection}/records/{id}", data=json.dumps(body), content_type="application/json")


@pytest.fixture
def told(database_url: str) -> Iterator[Told]:
    yield from _world(database_url)


@pytest.fixture
def told_in_memory() -> Iterator[Told]:
    """For what no engine has a part in."""
    yield from _world("sqlite:///:memory:")


def _world(database_url: str) -> Iterator[Told]:
    with backend(database=database_url) as room:
        room.collections.create({"name": "friends", "fields": [{"name": "name", "type": "text"}], "rules": OPEN}, actor=SYSTEM)
        for required in (False, True):
            for name, options in KINDS.items():
                field = {"name": "value", "required": required, **options}
                room.collections.create({"name": f"{name}_{_end(required)}", "fields": [field], "rules": OPEN}, actor=SYSTEM)
        found = Told(room)
        for id in ("f1", "f2", "f3"):
            assert found.create("friends", {"id": id}).status_code == 201
        yield found


def _end(required: bool) -> str:
    return "needed" if required else "free"


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


@pytest.mark.parametrize("required", [False, True])
def test_schemas_and_server_agree_on_every_value(told: Told, required: bool) -> None:
    differ = []
    accepted = dict.fromkeys(KINDS, 0)
    for kind in KINDS:
        name = f"{kind}_{_end(required)}"
        for body in ({}, *({"value": value} for value in VALUES)):
            answer = told.create(name, body)
            refused, is_kept = told.refuses(f"{_pascal(name)}Create", body), answer.status_code == 201
            assert answer.status_code in (201, 400), (name, body, answer.get_data())
            if refused == is_kept and (refused or kind not in BEYOND_SCHEMAS):
                differ.append((name, body, "schema refuses" if refused else answer.get_json()["errors"]))
            if is_kept:
                accepted[kind] += 1
                assert told.faults(_pascal(name), answer.get_json()) == [], (name, body)
    assert differ == []
    assert min(accepted.values()) >= 1, accepted


# What a change may ask for besides values, with whether it may.
STEPS: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("whole", {"value+": 1}, True), ("whole", {"value-": -1}, True), ("whole", {"value+": 1.5}, False), ("whole", {"value+": "1"}, False),
    ("whole", {"value+": None}, False), ("whole", {"value": 1, "value+": 1}, False), ("whole", {"value-": 1, "value+": 1}, False),
    ("number", {"value+": 0.5}, True), ("money", {"value+": "0.25"}, True), ("money", {"value+": "0.255"}, False),
    ("text", {"value+": "a"}, False), ("flag", {"value+": 1}, False), ("text", {"id": "another"}, False), ("text", {"version": 2}, False),
    ("choices", {"value+": "draft"}, True), ("choices", {"value-": "draft"}, True), ("choices", {"value+": ["gone"]}, True),
    ("choices", {"value-": "never there"}, True), ("choices", {"value+": "never there"}, False), ("choices", {"value-": ""}, False),
    ("choices", {"value+": ["gone", "gone"]}, False), ("choices", {"value+": "gone", "value-": "draft"}, True),
    ("choices", {"value": [], "value+": "gone"}, False), ("friends", {"value+": "f1"}, True), ("friends", {"value+": "no/id"}, False),
    ("friends", {"value+": 1}, False), ("text", {}, True), ("text", {"vaule": "x"}, False),
)  # fmt: skip


def test_schemas_and_server_agree_on_changes(told: Told) -> None:
    for kind, body, is_fit in STEPS:
        made = told.create(f"{kind}_free", {"value": ["draft", "live"]} if kind == "choices" else {}).get_json()
        answer = told.change(f"{kind}_free", made["id"], body)
        name = _pascal(f"{kind}_free")
        assert told.refuses(f"{name}Update", body) != is_fit, (kind, body)
        # A list may turn out to be too long or too short, which depends on the record.
        counts = {"too_many", "too_few"} & {each["code"] for each in answer.get_json().get("errors", ())}
        assert counts or (answer.status_code == 200) == is_fit, (kind, body, answer.get_data())
        if answer.status_code == 200:
            assert told.faults(name, answer.get_json()) == []


def test_records_that_are_older_than_a_limit_are_answered_as_the_document_says(told: Told) -> None:
    body: dict[str, Any] = {"text": "long ago", "choice": "gone", "choices": ["gone"], "number": 99.5, "shaped": {"any": "thing"}}
    old: list[dict[str, Any]] = [
        {"name": "text", "type": "text"}, {"name": "choice", "type": "select", "values": ["here", "gone"]},
        {"name": "choices", "type": "select", "values": ["here", "gone"], "many": True}, {"name": "number", "type": "number"},
        {"name": "shaped", "type": "json"},
    ]  # fmt: skip
    narrow = ({"max": 2}, {"values": ["here"]}, {"values": ["here"]}, {"max": 1}, {"schema": SHAPE})
    told.room.collections.create({"name": "old", "fields": old, "rules": OPEN}, actor=SYSTEM)
    assert told.create("old", body).status_code == 201
    fields = [{**each, **options} for each, options in zip(old, narrow, strict=True)]
    told.room.collections.change("old", {"fields": fields}, actor=SYSTEM)
    now = Told(told.room)
    page = now.door.get(f"{API}/collections/old/records").get_json()
    assert {name: page["items"][0][name] for name in body} == body
    assert now.faults("OldPage", page) == []
    assert now.refuses("OldCreate", body)
    assert now.create("old", body).status_code == 400


# Fields for which no value can be told in advance; where they are required, there is no example.
UNFORETOLD = {"friend", "friends", "shaped"}


def test_examples_are_taken_as_they_stand(told: Told) -> None:
    rude = {"name": "rude", "fields": [{"name": "value", "type": "text"}], "rules": OPEN}
    told.room.collections.create({**rude, "checks": [{"name": "polite", "rule": "value != 'Hello'"}]}, actor=SYSTEM)
    told.room.collections.create({"name": "users", "type": "accounts", "rules": OPEN}, actor=SYSTEM)
    now = Told(told.room)
    for kind in (*KINDS, "rude", "users"):
        for end in ("_free", "_needed") if kind in KINDS else ("",):
            sent = now.document["paths"][f"{API}/collections/{kind}{end}/records"]["post"]["requestBody"]["content"]["application/json"]
            if kind == "rude" or (kind in UNFORETOLD):
                assert "example" not in sent, (kind, sent)
                continue
            body = sent["example"]
            assert now.faults(f"{_pascal(kind + end)}Create", body) == []
            made = now.create(f"{kind}{end}", body)
            assert made.status_code == 201, (kind, body, made.get_data())
            changed = now.document["paths"][f"{API}/collections/{kind}{end}/records/{{id}}"]["patch"]["requestBody"]["content"]
            change = changed["application/json"].get("example", {})
            assert now.change(f"{kind}{end}", made.get_json()["id"], change).status_code == 200, change


def _widened(told: Told) -> Told:
    """With every field in one collection, views of it, and people."""
    fields = [{"name": name, **options} for name, options in KINDS.items()]
    columns = [{"name": name, "path": name} for name, options in KINDS.items() if not options.get("many")]
    wide = {"name": "wide", "fields": fields, "rules": OPEN, "trash": {"days": 3}}
    seen = {"name": "seen", "type": "view", "query": {"source": "wide", "columns": columns}, "rules": {"list": "", "view": ""}}
    groups = [{"name": "choice", "path": "choice"}, {"name": "many", "measure": "count"}, {"name": "spent", "measure": "sum:money"},
              {"name": "usual", "measure": "avg:whole"}, {"name": "first", "measure": "min:at"}]  # fmt: skip
    sums = {"name": "sums", "type": "view", "query": {"source": "wide", "columns": groups, "group_by": ["choice"]}, "rules": seen["rules"]}
    for each in ({"name": "users", "type": "accounts", "rules": OPEN}, wide, seen, sums):
        told.room.collections.create(each, actor=SYSTEM)
    told.room.accounts.create_admin("bob@example.org", BEN["password"])
    now = Told(told.room)
    assert now.create("users", BEN).status_code == 201
    return now


def test_whole_pages_are_answered_as_the_document_says(told: Told) -> None:
    now = _widened(told)
    record = {"money": "12.50", "whole": 3, "choice": "live", "at": "2026-11-22", "place": PLACE, "friends": ["f2"], "friend": "f1"}
    assert now.create("wide", record).status_code == 201
    for path, schema in (("wide", "WidePage"), ("seen", "SeenPage"), ("sums", "SumsPage"), ("friends", "FriendsPage")):
        expand = {"wide": "?expand=friend,friends&count=exact", "friends": "?expand=wide_via_friend,wide_via_friends"}.get(path, "")
        page = now.door.get(f"{API}/collections/{path}/records{expand}").get_json()
        assert page["items"]
        assert now.faults(schema, page) == [], page
        file = now.door.get(f"{API}/collections/{path}/export?format=json").get_json()
        assert [now.faults(schema.removesuffix("Page"), each) for each in file] == [[]] * len(page["items"])
    searched = now.door.get(f"{API}/collections/text_folded_free/records?search=hello").get_json()
    assert now.faults("TextFoldedFreePage", searched) == []


def test_the_document_is_valid_whoever_reads_it(told_in_memory: Told) -> None:
    now = _widened(told_in_memory)
    for name, collection in (("", ""), ("ben", "users"), ("bob", "_admins")):
        validate(now.door.get(f"{API}/openapi.json", headers=now.signed_in(name, collection)).get_json())
