"""docs/explain.md: the questions on the page get the answers that stand there."""

import json
import re

import pytest

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.records.questions import _KNOWN
from domain.rules.values import RequestFacts
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```([\w ]+)\n(.*?)^```$", PAGE, re.M | re.S)
PASSWORD = "quiet river at dawn"


@pytest.fixture
def door():
    with backend() as room:
        room.collections.create(json.loads(BLOCKS[0][1]), actor=SYSTEM)
        room.records.create("posts", {"id": "p1", "title": "Hello", "status": "live"}, actor=SYSTEM, facts=RequestFacts("POST"))
        room.accounts.create_admin("ann@example.org", PASSWORD)
        made = client(room)
        token = made.post("/api/v1/auth/_admins/sign-in", json={"identity": "ann@example.org", "password": PASSWORD}).get_json()
        made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token['access_token']}"
        yield made


def test_the_question_is_answered_as_the_page_says(door):
    (_, question), (_, answer) = BLOCKS[1:3]
    assert door.post("/api/v1/collections/posts/why", json=json.loads(question)).get_json() == json.loads(answer)


def test_the_list_is_explained_as_the_page_says(door):
    (_, asked), (_, suggested) = BLOCKS[3:5]
    path, filter = asked.strip().removeprefix("GET ").split("\nfilter=")
    told = door.get(path, query_string={"filter": filter}).get_json()
    assert told["suggestions"] == json.loads(suggested)
    rows = PAGE[PAGE.index("How does this list run") :]
    assert set(re.findall(r"^\| `(\w+)` \|", rows, re.M)) == set(told) - {"as"}


def test_every_member_of_a_question_is_told():
    rows = PAGE[PAGE.index("Why is this refused") : PAGE.index("How does this list run")]
    assert set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", rows, re.M)))) == set(_KNOWN)
