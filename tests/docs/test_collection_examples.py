"""Collections that our pages define are accepted, and what docs/collections.md says of types, options and changes is so."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from app.testing import TestBackend, backend
from domain.actor import SYSTEM
from domain.errors import Conflict, Invalid, Problem
from domain.rules.values import RequestFacts
from domain.schema.conversions import CHECKED, LOSSLESS, WAYS, forms
from domain.schema.fields import TYPES, Field
from tests.docs.blocks import definitions
from tests.e2e.server import ROOT

PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
TEXT = (ROOT / "docs" / "collections.md").read_text(encoding="utf-8")


@pytest.fixture
def room() -> Iterator[TestBackend]:
    with backend() as room:
        yield room


@pytest.mark.parametrize("page", [page for page in PAGES if definitions(page)])
def test_every_definition_is_accepted(room: TestBackend, page: str) -> None:
    for definition in definitions(page):
        assert room.collections.create(definition, actor=SYSTEM).name == definition["name"]


def test_every_type_and_option_is_told() -> None:
    told = {line.split("|")[1].strip(" `"): line for line in TEXT.splitlines() if line.startswith("| `")}
    common = {each.name for each in fields(Field)} - {"name"}
    assert common <= told.keys()
    for type_, cls in TYPES.items():
        own = {each.name for each in fields(cls)} - common - {"name"}
        assert [option for option in own if f"`{option}`" not in told[type_]] == []


A = {"name": "a", "type": "text"}
OPEN = {"name": "open", "type": "bool", "required": True}

CHANGES: dict[str, tuple[dict[str, Any], str | None]] = {
    "a field more": ({"fields": [A, {"name": "b", "type": "text"}]}, None),
    "a required one with a default": ({"fields": [A, {**OPEN, "default": True}]}, None),
    "a required one without": ({"fields": [A, OPEN]}, "required_is_empty"),
    "a field less": ({"fields": [], "drop": ["a"]}, None),
    "a field less, without a word": ({"fields": []}, "would_lose_data"),
    "a field less that a rule names": ({"fields": [], "rules": {"list": "a = 'x'"}}, "unknown_field"),
    "unique where values are shared": ({"fields": [{**A, "unique": True}]}, "not_unique"),
    "narrower than what is there": ({"fields": [{**A, "max": 1}]}, None),
    "another type that no value fits": ({"fields": [{**A, "type": "integer"}]}, "not_convertible"),
    "another type that every value fits": ({"fields": [{**A, "type": "json"}]}, None),
    "a type that nothing says how to become": (
        {"fields": [{**A, "type": "relation", "collection": "things", "many": True}]},
        "unchangeable",
    ),
    "a field under another name": ({"fields": [{**A, "name": "b", "was": "a"}]}, None),
    "another name": ({"name": "elsewhere"}, None),
    "another kind of collection": ({"type": "accounts"}, "unchangeable"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_does_what_the_table_says(room: TestBackend, change: str) -> None:
    room.collections.create({"name": "things", "fields": [{"name": "a", "type": "text"}]}, actor=SYSTEM)
    for _ in range(2):
        room.records.create("things", {"a": "same"}, actor=SYSTEM, facts=RequestFacts("POST"))
    definition, code = CHANGES[change]
    if code is None:
        assert room.collections.change("things", definition, actor=SYSTEM).version == 2
        return
    with pytest.raises((Invalid, Conflict)) as refusal:
        room.collections.change("things", definition, actor=SYSTEM)
    assert code in {refusal.value.code, *(fault.code for fault in refusal.value.faults)}


def test_what_others_name_stays(room: TestBackend) -> None:
    for definition in definitions("collections.md"):
        room.collections.create(definition, actor=SYSTEM)
    with pytest.raises(Problem) as refusal:
        room.collections.delete("posts", actor=SYSTEM)
    assert refusal.value.code == "collection_in_use"


def test_the_table_of_types_is_the_one_that_is_gone_by() -> None:
    part = TEXT[TEXT.index("### Types, from and to") :]
    told: dict[tuple[str, str], str] = {}
    for line in part[: part.index("\n`many` stands")].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for verdict, cell in zip((LOSSLESS, CHECKED), cells[1:], strict=False):
            told |= {(cells[0], each): verdict for each in cell.split(", ") if each in forms()}
    assert told == {pair: way.verdict for pair, way in WAYS.items()}
