"""docs/batches.md: each batch on the page answers what the page says."""

import json

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.records.batches import ALLOWED, MAX_OPERATIONS, NEEDED
from tests.docs.blocks import blocks, definitions, named, rows, section
from tests.e2e.server import ROOT


def test_each_batch_answers_what_the_page_says() -> None:
    with backend() as room:
        for definition in definitions("batches.md"):
            room.collections.create(definition, actor=SYSTEM)
        batches, answers = blocks("batches.md", "json batch"), blocks("batches.md", "json answer")
        assert len(batches) == len(answers) == 2
        for batch, told in zip(batches, answers, strict=True):
            answer = client(room).post("/api/v1/batch", data=batch, content_type="application/json").get_json()
            assert _shortened(answer, json.loads(told)) == json.loads(told)
        listed = client(room).get("/api/v1/collections/docs/records?sort=title").get_json()["items"]
    assert [each["title"] for each in listed] == ["A folder", "A page", "About"]


def _shortened(answer: dict[str, object], told: dict[str, object]) -> dict[str, object]:
    """What the page tells of the answer."""
    kept = {name: answer[name] for name in told}
    if "results" in kept:
        kept["results"] = [{"status": each["status"]} for each in answer["results"]]  # type: ignore[attr-defined]
    return kept


def test_the_table_of_operations_is_that_of_the_code() -> None:
    told = {named(method)[0]: (named(needs), named(more)) for method, needs, more in rows(section("batches.md", "## Operations"))}
    assert told == {
        method: (["collection", *NEEDED[method]], [each for each in ALLOWED[method] if each not in NEEDED[method]]) for method in NEEDED
    }
    assert f"up to {MAX_OPERATIONS:,} operations" in (ROOT / "docs" / "batches.md").read_text(encoding="utf-8")
