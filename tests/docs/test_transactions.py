"""docs/transactions.md from top to bottom, on both engines: definitions are made, requests sent, and answers hold what is shown."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.testing import TestBackend, ToldClock, backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "transactions.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$|^<!-- the clock moves on by (\d+) minutes -->$", re.M | re.S)
FACTS = RequestFacts("POST")


class Reader:
    """Who types the page. `TELLER` in a token and `ANN_ID` in a body stand for what was answered when those accounts were made."""

    def __init__(self, room: TestBackend, clock: ToldClock) -> None:
        self.room, self.clock, self.web = room, clock, client(room)
        self.known: dict[str, str] = {}
        self.asked = ""
        self.exchanges = 0

    def go_through(self, page: str) -> None:
        for language, text, minutes in BLOCK.findall(page):
            if minutes:
                self.clock.advance(minutes=int(minutes))
            elif language == "request":
                self.asked = text
            elif self.asked:
                self.compare(_sent(self.web, self.asked, self.known), json.loads(text))
                self.asked = ""
            else:
                self.make(json.loads(text))

    def compare(self, answer: TestResponse, shown: dict[str, Any]) -> None:
        self.exchanges += 1
        assert answer.status_code < 300 or "status" in shown, (self.asked, answer.get_json())
        assert _holds(answer.get_json(), shown), (self.asked, answer.get_json())

    def make(self, what: dict[str, Any]) -> None:
        if "name" in what:
            self.room.collections.create(what, actor=SYSTEM)
            return
        for collection, records in what.items():
            for record in records:
                made = self.room.records.create(collection, record, actor=SYSTEM, facts=FACTS)
                if "email" in record:
                    self.sign_in(collection, record, made.id)

    def sign_in(self, collection: str, account: dict[str, str], id: str) -> None:
        body = {"identity": account["email"], "password": account["password"]}
        answer = self.web.post(f"/api/v1/auth/{collection}/sign-in", json=body)
        name = account.get("name", "teller").upper()
        self.known |= {f"Bearer {name}": f"Bearer {answer.get_json()['access_token']}", f"{name}_ID": id}


@pytest.fixture(params=["sqlite", "postgresql"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else "sqlite:///:memory:"
    clock = ToldClock()
    with backend(database=url, clock=clock) as room:
        yield Reader(room, clock)


def test_every_request_gets_the_answer_below_it(reader: Reader) -> None:
    reader.go_through(PAGE)
    assert reader.exchanges >= 11


def _sent(web: FlaskClient, asked: str, known: dict[str, str]) -> TestResponse:
    for name, value in known.items():
        asked = asked.replace(name, value)
    head, _, body = asked.partition("\n\n")
    first, *lines = head.splitlines()
    method, address = first.split(" ", 1)
    headers = dict(line.split(": ", 1) for line in lines)
    return web.open(quote(address, safe="/?&=:,@"), method=method, headers=headers, json=json.loads(body) if body.strip() else None)


def _holds(found: Any, shown: Any) -> bool:
    """Whether everything that is shown is there; `…` stands for anything."""
    if shown == "…":
        return bool(found)
    if isinstance(shown, dict):
        return isinstance(found, dict) and all(name in found and _holds(found[name], each) for name, each in shown.items())
    if isinstance(shown, list):
        return isinstance(found, list) and len(found) == len(shown) and all(map(_holds, found, shown))
    return type(found) is type(shown) and bool(found == shown)
