"""Search over HTTP: what is hidden leaves no trace in it, and no text breaks it or brings out words of the database (Z02, I08, X04)."""

import re
import time
from urllib.parse import quote

import pytest

from app.testing import CountedIds, backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
PATH = "/api/v1/collections/notes/records"
NOTES = {
    "name": "notes",
    "fields": [
        {"name": "title", "type": "text", "searchable": True},
        {"name": "secret", "type": "text", "searchable": True, "hidden": True},
        {"name": "draft", "type": "text", "searchable": True, "rules": {"view": "open = true"}},
        {"name": "open", "type": "bool"},
    ],
    "rules": {"list": "title != 'unseen'", "view": ""},
}
HOSTILE = (
    '"', "'", "a'b", 'a"b', "a' OR '1'='1", "a) UNION SELECT 1 --", "a*", "*a", "a:*", "a & b", "!a", "a <-> b", "NEAR(a b)",
    "{a} : b", "^a", "a\\", "\\'", "a -- b", "a//b", "a" * 500, "é" * 500, "漢" * 21, "a " * 200, "%", "_", "$1", "?1", ":find",
    "%(find)s", "a\tb\r\nc", "\u202e", "\ufeff",
)  # fmt: skip


def room_of(url, secret, draft, unseen):
    made = backend(database=url, ids=CountedIds())
    made.collections.create(NOTES, actor=SYSTEM)
    rows = (
        {"id": "n1", "title": "apple tart", "secret": secret, "draft": draft, "open": False},
        {"id": "n2", "title": "apple", "secret": "plain", "draft": "seen pear", "open": True},
        {"id": "n3", "title": "unseen", "draft": unseen, "open": True},
    )
    for row in rows:
        made.records.create("notes", row, actor=SYSTEM, facts=FACTS)
    return made


def asked(door, text, more=""):
    answer = door.get(f"{PATH}?search={quote(text)}{more}")
    return answer.status_code, re.sub(rb'"request_id":"\w+"', b"", answer.data)


def test_what_is_hidden_changes_no_answer_by_a_byte():
    searches = ("apple", "needle", "pear", "apple needle", "app", "tart ", "seen", "haystack", "apple plain", "n", "unseen")
    answers = []
    for hidden in (("needle needle", "pear haystack apple", "apple needle"), ("other", None, None)):
        with room_of("sqlite:///:memory:", *hidden) as room:
            door = client(room)
            answers.append([asked(door, text, more) for text in searches for more in ("", "&count=exact&limit=1", "&sort=-title")])
    assert answers[0] == answers[1]
    assert any(b"<mark>" in body for _, body in answers[0])


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_a_search_or_brings_the_database_out(database_url, text):
    with room_of(database_url, "a", "b", "c") as room:
        started = time.monotonic()
        status, body = asked(client(room), text)
        assert status in (200, 400)
        assert not re.search(rb"fts5|tsquery|tsvector|syntax error|sqlite|psycopg|SELECT|_words|Traceback", body, re.I)
        assert status == 400 or b'"items":[]' in body or b"apple" in body
        assert time.monotonic() - started < 5


def test_a_search_is_asked_once_and_only_where_there_is_one():
    with room_of("sqlite:///:memory:", "a", "b", "c") as room:
        door = client(room)
        assert door.get(f"{PATH}?search=a&search=b").get_json()["code"] == "repeated_parameter"
        assert door.get(f"{PATH}/n1?search=a").get_json()["code"] == "unknown_parameter"
        assert door.get(f"{PATH}?serch=a").get_json()["hint"] == "did you mean `search`?"
        assert door.get(f"{PATH}?search=%ff").status_code == 400
        assert door.get(f"{PATH}?search=a%00").status_code == 400
        assert len(door.get(f"{PATH}?search=").get_json()["items"]) == 2
