"""Every word that an owner or a client may write is told where it is looked for, and nothing is told that does not exist: parts of a
collection, field types and their options, the words of the rule language, the parameters of what has a page of its own."""

import re
from dataclasses import MISSING, fields

import pytest

from adapters.inbound.rest.imports import _KNOWN as IMPORTING
from adapters.inbound.web.parameters import AGGREGATING, EXPORTING, LISTING
from domain.records.questions import _KNOWN as ASKED
from domain.rules.operands import _FUNCTIONS
from domain.rules.parse import _UNITS, MACROS
from domain.rules.requests import _REQUEST
from domain.rules.scope import _MODIFIERS
from domain.schema.collection import _KEYS, Rules
from domain.schema.fields import TYPES, Field
from tests.docs.blocks import named, rows, section

OF_ALL = {option.name for option in fields(Field)} - {"name"}
# Values of `on_delete`, which stand in its row.
NO_OPTIONS = {"restrict", "cascade", "clear"}
TOLD = {named(row[0])[0]: row for row in rows(section("collections.md", "## Field types")) if row[0].strip("`") in TYPES}


# --- collections


def test_each_part_of_a_collection_is_told() -> None:
    page = rows(section("collections.md", "# Collections"))
    parts = page[: next(at for at, row in enumerate(page) if "/api/v1" in row[0])]
    assert sorted(name for row in parts for name in named(row[0])) == sorted(_KEYS)
    rules = next(row[1] for row in parts if row[0] == "`rules`")
    assert named(rules) == [rule.name for rule in fields(Rules)]


def test_each_field_type_has_its_row() -> None:
    assert sorted(TOLD) == sorted(TYPES)


@pytest.mark.parametrize("type", sorted(TYPES))
def test_each_option_of_a_type_stands_in_its_row(type: str) -> None:
    own = {option.name: option for option in fields(TYPES[type]) if option.name not in OF_ALL | {"name"}}
    told = re.sub(r"\((?!needed)[^()]*\)", "", TOLD[type][2].replace("](", "] ("))
    assert set(named(told)) - NO_OPTIONS == set(own)
    needed = [name for name, option in own.items() if option.default is MISSING]
    assert re.findall(r"`([a-z_]+)` \(needed", TOLD[type][2]) == needed


def test_each_option_of_every_type_is_told() -> None:
    listed = {named(row[0])[0] for row in rows(section("collections.md", "## Field types")) if row[0].strip("`") not in TYPES}
    assert listed == OF_ALL


# --- rules


@pytest.mark.parametrize(("heading", "words"), [
    ("### Words for moments", [rf"{name}\b" for name in MACROS]),
    ("### Functions", [rf"\b{name}\(" for name in _FUNCTIONS]),
    ("### Modifiers", [rf"\w:{name}\b" for name in _MODIFIERS]),
    ("## The request, in rules", [rf"@request\.{name}\b" for name in _REQUEST]),
], ids=["macros", "functions", "modifiers", "request"])  # fmt: skip
def test_each_word_of_the_language_is_told_in_its_place(heading: str, words: list[str]) -> None:
    text = section("rules.md", heading)
    assert [word for word in words if not re.search(word, text)] == []


def test_each_word_for_a_moment_exists() -> None:
    text = section("rules.md", "### Words for moments")
    assert set(re.findall(r"@[A-Za-z]+", text)) == MACROS
    assert {unit for _, unit in re.findall(r"`[+-] (\d+)([a-z])`", text)} == set(_UNITS)


def test_each_function_exists() -> None:
    called = set(re.findall(r"\b([A-Za-z]+)\(", section("rules.md", "### Functions")))
    assert called == set(_FUNCTIONS)


def test_each_modifier_exists() -> None:
    assert set(re.findall(r"\w:([a-z]+)", section("rules.md", "### Modifiers"))) == set(_MODIFIERS)


# --- parameters


def test_parameters_of_an_export() -> None:
    assert sorted(_first_cells("export.md", "# Export")) == sorted(EXPORTING)


def test_parameters_of_an_import_over_http() -> None:
    options = re.search(r"The options are query parameters: (.*?)\.\n", section("import.md", "## Over HTTP"), re.S)
    assert options is not None
    assert sorted(re.findall(r"`([a-z_]+)(?:=true)?`", options[1])) == sorted(IMPORTING)


def test_parameters_of_aggregates() -> None:
    assert sorted(_first_cells("queries.md", "## Aggregates")) == sorted(AGGREGATING)


def test_members_of_a_question_why() -> None:
    assert sorted(_first_cells("explain.md", "## Why is this refused?")) == sorted(ASKED)


def test_parameters_of_an_explanation_are_those_of_a_list() -> None:
    assert "takes the parameters of a list, and `as`" in section("explain.md", "## How does this list run?")
    assert set(_first_cells("api.md", "## Lists")) == set(LISTING)


def _first_cells(document: str, heading: str) -> list[str]:
    return [name for row in rows(section(document, heading)) for name in named(row[0])]
