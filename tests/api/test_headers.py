"""Headers that protect whoever receives an answer are on every class of answer; ids of requests are sane."""

import pytest

from adapters.inbound.web.headers import PROTECTIONS
from app.settings import Settings
from domain.errors import Unavailable
from tests.api.doors import client, records

RECORDS = "/api/v1/collections/posts/records"
PATHS = [
    ("GET", "/livez", 200),
    ("GET", "/readyz", 200),
    ("GET", "/api/v1/capabilities", 200),
    ("GET", RECORDS, 200),
    ("HEAD", RECORDS, 200),
    ("OPTIONS", RECORDS, 200),
    ("GET", f"{RECORDS}/r1", 200),
    ("DELETE", f"{RECORDS}/r1", 204),
    ("POST", RECORDS, 415),
    ("GET", f"{RECORDS}?x=1", 400),
    ("GET", "/nothing", 404),
    ("PUT", RECORDS, 405),
    ("GET", "/api/v1/openapi.json", 200),
    ("GET", "/api/v1/docs", 200),
    ("GET", "/api/v1/docs/swagger-ui-bundle.js", 200),
    ("GET", "/.well-known/jwks.json", 200),
]


@pytest.mark.parametrize("method, path, status", PATHS)
def test_every_answer_is_protected(method, path, status):
    answer = client().open(path, method=method)
    assert answer.status_code == status
    for name, _ in PROTECTIONS:
        assert len(answer.headers.getlist(name)) == 1, name
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
    assert answer.headers["Server"] == "stillroom"
    assert not {"X-Powered-By", "Set-Cookie"} & set(answer.headers.keys())


@pytest.mark.parametrize("path", ["/livez", "/nothing", f"{RECORDS}/r1"])
@pytest.mark.parametrize("url, sent", [("https://api.example.org", True), ("http://api.example.org", False), ("", False)])
def test_https_is_insisted_on_where_clients_come_by_it(path, url, sent):
    assert ("Strict-Transport-Security" in client(settings=Settings(public_url=url)).get(path).headers) == sent


def test_failures_inside_are_protected_too():
    for broken in (RuntimeError("x"), Unavailable("later")):
        answer = client(records=records(list=broken)).get(RECORDS)
        assert dict(PROTECTIONS).items() <= dict(answer.headers).items()


KEPT = [
    (RECORDS, "no-store"),
    (f"{RECORDS}/r1", "private, no-cache"),
    ("/api/v1/collections", "no-store"),
    ("/nothing", "no-store"),
    ("/livez", "no-store"),
    ("/api/v1/openapi.json", "private, no-cache"),
]


@pytest.mark.parametrize("path, policy", KEPT)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer anns"}])
def test_no_shared_cache_keeps_what_depends_on_the_asker(path, policy, headers):
    assert client().get(path, headers=headers).headers["Cache-Control"] == policy


def test_no_origin_is_let_in_until_somebody_says_so():
    answer = client().options(RECORDS, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]


GIVEN = [
    ("my-request-0001", True),
    ("x" * 64, True),
    ("short", False),
    ("x" * 65, False),
    ("a b c d e f g", False),
    ("evil\tline", False),
    ("ünïcödé-id", False),
    ("", False),
]


@pytest.mark.parametrize("given, kept", GIVEN)
def test_a_sane_request_id_is_kept(given, kept):
    id = client().get("/livez", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert (id == given) == kept
    assert len(id) >= 8


def test_every_request_has_an_id_of_its_own():
    door = client()
    assert len({door.get("/livez").headers["X-Request-Id"] for _ in range(20)}) == 20
