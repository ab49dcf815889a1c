"""What docs/collections.md and docs/api.md say of lists and of expand is so: every line of a list's changes is carried out."""

import json
from collections.abc import Iterator

import pytest

from app.testing import TestBackend, backend
from app.usecases import expanding, expansion
from domain.actor import SYSTEM
from domain.errors import Invalid
from domain.rules.values import RequestFacts
from domain.schema.fields.relations import MOST_TARGETS, USUAL_MOST
from tests.docs.blocks import definitions, lines
from tests.e2e.server import ROOT

FACTS = RequestFacts("PATCH")
WANTED = ("colours", "paintings")
LINES = lines("collections.md", "list")


@pytest.fixture
def room() -> Iterator[TestBackend]:
    with backend() as room:
        for definition in definitions("collections.md"):
            if definition["name"] in WANTED:
                room.collections.create(definition, actor=SYSTEM)
        for colour in ("white", "red", "green", "blue", "black"):
            room.records.create("colours", {"id": colour}, actor=SYSTEM, facts=FACTS)
        yield room


def test_there_are_changes_and_refusals() -> None:
    refusals = [line for line in LINES if not line.endswith("]")]
    assert (len(LINES) - len(refusals), len(refusals)) == (7, 5)


@pytest.mark.parametrize("line", LINES)
def test_a_change_gives_the_list_that_is_told(room: TestBackend, line: str) -> None:
    before, body, told = line.split(" → ")
    made = room.records.create("paintings", {"colours": json.loads(before)}, actor=SYSTEM, facts=FACTS)
    if told.startswith("["):
        changed = room.records.update("paintings", made.id, json.loads(body), actor=SYSTEM, facts=FACTS).as_object()
        assert (list(changed["colours"]), changed["styles"], changed["version"]) == (json.loads(told), ("oil",), 2)
        return
    with pytest.raises(Invalid) as refused:
        room.records.update("paintings", made.id, json.loads(body), actor=SYSTEM, facts=FACTS)
    assert [f"{fault.code} {fault.pointer}" for fault in refused.value.faults] == [told]


def test_the_limits_are_those_that_the_pages_tell() -> None:
    collections, api = ((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("collections.md", "api.md"))
    assert f"at most {USUAL_MOST} if nothing is said, {MOST_TARGETS} at the utmost" in collections
    assert f"the first {expanding.MOST_POINTING} by id" in api
    assert f"at most {expanding.MOST_EXPANDED:,} records" in api
    assert f"At most {expansion.MAX_BRANCHES} paths" in api
    assert expansion.MAX_DEPTH == 6
