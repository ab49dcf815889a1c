"""docs/queries.md from top to bottom: collections and records are made as they stand there, and each request gets the answer below it."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from app.testing import TestBackend, backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
ANYTHING = "…"
FACTS = RequestFacts("POST")


def blocks() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.M | re.S)
    return found


def told() -> tuple[list[Any], list[tuple[str, Any]]]:
    """What is there before anything is asked, in order; and each request with its answer."""
    ground, exchanges, asked = [], [], ""
    for language, text in blocks():
        if language == "request":
            asked = text
        elif asked:
            exchanges.append((asked, json.loads(text)))
            asked = ""
        else:
            ground.append(json.loads(text))
    return ground, exchanges


GROUND, EXCHANGES = told()


@pytest.fixture(params=["sqlite", "postgresql"])
def web(request: pytest.FixtureRequest) -> Iterator[FlaskClient]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else "sqlite:///:memory:"
    with backend(database=url) as room:
        for each in GROUND:
            _make(room, each)
        yield client(room)


def _make(room: TestBackend, what: dict[str, Any]) -> None:
    if "name" in what:
        room.collections.create(what, actor=SYSTEM)
        return
    for collection, records in what.items():
        for record in records:
            room.records.create(collection, record, actor=SYSTEM, facts=FACTS)


def test_every_request_gets_the_answer_below_it(web: FlaskClient) -> None:
    last: dict[str, Any] = {}
    for asked, answer in EXCHANGES:
        given = web.get(_address(asked, last)).get_json()
        assert _same(given, answer), (asked, given)
        last = given


def test_the_page_has_examples_of_each_kind() -> None:
    assert len(EXCHANGES) >= 15
    for part in ("filter: ", "sort: ", "cursor: ", "count: exact", "expand: ", "/aggregate", "group: "):
        assert any(part in asked for asked, _ in EXCHANGES), part
    assert {each.get("type") for each in GROUND} >= {"view"}


def _address(asked: str, last: dict[str, Any]) -> str:
    """A cursor that is not written out is that of the page before."""
    first, *lines = asked.splitlines()
    query = dict(line.split(": ", 1) for line in lines)
    if query.get("cursor") == ANYTHING:
        query["cursor"] = last["next"]
    return f"{first.removeprefix('GET ')}?{urlencode(query)}"


def _same(given: Any, answer: Any) -> bool:
    if answer == ANYTHING:
        return isinstance(given, str) and bool(given)
    if isinstance(answer, dict) and isinstance(given, dict):
        return answer.keys() == given.keys() and all(_same(given[key], each) for key, each in answer.items())
    if isinstance(answer, list) and isinstance(given, list):
        return len(answer) == len(given) and all(map(_same, given, answer))
    return type(answer) is type(given) and bool(answer == given)
