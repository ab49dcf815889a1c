"""Every rule, filter and refusal of docs/rules.md is what it says, on a backend with the collections of that page."""

import re
from collections.abc import Iterator

import pytest

from app.testing import TestBackend, backend
from domain.actor import GUEST, SYSTEM
from domain.errors import Invalid
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from tests.docs.blocks import definitions, lines
from tests.e2e.server import ROOT

PAGE = "rules.md"


@pytest.fixture(scope="module")
def room() -> Iterator[TestBackend]:
    with backend() as room:
        for definition in definitions(PAGE):
            room.collections.create(definition, actor=SYSTEM)
        yield room


def test_the_page_has_examples_of_each_kind() -> None:
    assert len(definitions(PAGE)) == 5
    assert {kind: len(lines(PAGE, kind)) > 2 for kind in KINDS} == dict.fromkeys(KINDS, True)


KINDS = ("rule", "filter", "refused", "refused-rule")


@pytest.mark.parametrize("rule", lines(PAGE, "rule"))
def test_a_rule_is_accepted(room: TestBackend, rule: str) -> None:
    changed = room.collections.change("posts", {"rules": {"update": rule}}, actor=SYSTEM)
    assert changed.rules.update == rule


@pytest.mark.parametrize("line", lines(PAGE, "filter"))
def test_a_filter_is_accepted(room: TestBackend, line: str) -> None:
    assert _listed(room, line) == []


@pytest.mark.parametrize("line", lines(PAGE, "refused"))
def test_a_filter_is_refused_as_told(room: TestBackend, line: str) -> None:
    text, _, told = line.partition(" // ")
    with pytest.raises(Invalid) as refusal:
        _listed(room, text)
    assert refusal.value.code == told.strip()


@pytest.mark.parametrize("line", lines(PAGE, "refused-rule"))
def test_a_rule_is_refused_as_told(room: TestBackend, line: str) -> None:
    text, _, told = line.partition(" // ")
    with pytest.raises(Invalid) as refusal:
        room.collections.change("posts", {"rules": {"update": text}}, actor=SYSTEM)
    assert refusal.value.code == told.partition(":")[0].strip()


def _rows_of_pocketbase() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / PAGE).read_text(encoding="utf-8").partition("## For those who come from PocketBase")[2]
    return [(form.replace("\\|", "|"), here) for form, here in re.findall(r"^\| `(.+?)` \| (\w+) \|", text, re.M)]


@pytest.mark.parametrize(("form", "here"), _rows_of_pocketbase())
def test_a_form_of_pocketbase_is_accepted_or_refused_as_told(room: TestBackend, form: str, here: str) -> None:
    def change() -> None:
        room.collections.change("posts", {"rules": {"update": form}}, actor=SYSTEM)

    assert here in ("same", "differs", "more", "refused")
    if here != "refused":
        change()
        return
    with pytest.raises(Invalid):
        change()


def test_the_table_for_those_who_come_from_pocketbase_has_all_operators_and_modifiers() -> None:
    forms = " ".join(form for form, _ in _rows_of_pocketbase())
    for part in ("&&", "||", "?=", "~", ":isset", ":changed", ":length", ":each", ":lower", "@now", "@collection.", "_via_", "geoDistance(",
                 "strftime(", "//", "@request.auth.", "@request.body.", "@request.query.", "@request.headers.", "@request.method",
                 "@request.context"):  # fmt: skip
        assert part in forms, part


def _listed(room: TestBackend, text: str) -> list[object]:
    page = room.records.list("posts", ListQuery(filter=text), actor=GUEST, facts=RequestFacts("GET"))
    return list(page.rows)
