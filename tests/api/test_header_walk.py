"""Every route, in several classes of answers: none goes out without the headers that protect it, or with a grant that nobody gave."""

import pytest

from adapters.inbound.web.headers import PROTECTIONS
from app import testing
from app.factory import create_app
from app.settings import Settings
from domain.origins import read_origins

APP = "https://app.example.org"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
# Own policies of pages and documents: they replace these headers, and may not drop them.
NAMES = {name for name, _ in PROTECTIONS} | {"Strict-Transport-Security", "X-Request-Id"}


@pytest.fixture(scope="module")
def door():
    settings = Settings(public_url="https://api.example.org", cors_origins=read_origins(APP), max_body=2048)
    with testing.backend() as room:
        yield create_app(settings, room, room.observer)


def test_every_route_protects_every_class_of_answer(door):
    web, seen, lacking = door.test_client(), set(), []
    for rule in door.url_map.iter_rules():
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<{name}>", "x").replace(f"<path:{name}>", "x")
        for method in METHODS:
            for sent in ({}, {"data": b"{", "content_type": "application/json"}, {"data": b"x" * 4096, "content_type": "application/json"}):
                answer = web.open(path, method=method, headers={"Origin": APP, "Authorization": "Bearer x"}, **sent)
                seen.add(answer.status_code)
                grants = answer.headers.getlist("Access-Control-Allow-Origin")
                if any(len(answer.headers.getlist(name)) != 1 for name in NAMES) or grants != [APP] or "Origin" not in answer.vary:
                    lacking.append((method, path, answer.status_code))
    assert lacking == []
    assert {200, 400, 401, 405, 413} <= seen
