"""Moving from a real PocketBase: what is asked of both finds the same, people keep their passwords, and a refusal leaves nothing."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from domain.pocketbase.texts import in_our_words
from tests.e2e.pocketbase import FILTERS, PASSWORD, Filled, filled
from tests.e2e.server import Server

SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"
RECORDS = "/api/v1/collections/posts/records"
WORDS = {"firstName": "first_name", "Tags": "tags"}
Servers = Callable[..., Server]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return filled(tmp_path_factory.mktemp("pocketbase"))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    return {"STILLROOM_DATABASE_URL": request.getfixturevalue("postgres_database_url"), "STILLROOM_SECRET_KEY": SECRET}


@pytest.fixture
def here(there: Filled, unstarted: Servers, settings: dict[str, str]) -> tuple[Server, str]:
    """A server that was filled from there, and what the command said."""
    server = unstarted(workers=1, **settings)
    server.data_dir.mkdir(mode=0o700)
    done = server.command("pocketbase", "import", str(there.folder), "--yes", "--admins")
    assert done.returncode == 0, done.stderr
    return server.start(), done.stdout


def test_everything_comes_over(there: Filled, here: tuple[Server, str]) -> None:
    server, said = here
    admin = _signed_in(server, "_admins", "ann@example.org", "correct horse battery staple")
    _same_records(there, server, admin)
    _same_filters(there, server, admin)
    _rules_hold(there, server)
    _people_sign_in(there, server)
    for told in ("posts.version: `version_`", "summary: a view", "notes: delete rule", "lower(title)", "posts.papers"):
        assert told in said, told
    assert "`tags` is compared as the JSON text of a list there" in said


def _same_records(there: Filled, server: Server, admin: str) -> None:
    tea = server.request("GET", f"{RECORDS}/post00000000001", token=admin).body
    assert tea["created"] == tea["updated"][:10] + tea["created"][10:]
    assert {**tea, "created": "", "updated": "", "stamped": ""} == {
        "id": "post00000000001", "version": 1, "created": "", "updated": "", "title": "Tea", "body": "<p>Hot tea</p>", "views": 3,
        "score": -1.5, "live": True, "contact": "ann@example.org", "link": "https://example.org/tea", "day": "2026-11-22T13:00:00.123Z",
        "status": "draft", "labels": ["red", "blue"], "meta": {"level": 2, "x": [None, "é"]}, "papers": None, "author": there.users["Ann"],
        "tags": ["tag000000000001", "tag000000000003"], "place": {"lon": 13.4, "lat": 52.5}, "secret_key": "s", "stamped": "",
        "version_": "v1", "parent": None,
    }  # fmt: skip
    empty = server.request("GET", f"{RECORDS}/post00000000002", token=admin).body
    told = {name: value for name, value in empty.items() if value not in (None, [])}
    assert set(told) == {"id", "version", "created", "updated", "views", "score", "live", "stamped"}
    assert (empty["views"], empty["score"], empty["live"]) == (0, 0, False)
    assert server.request("GET", f"{RECORDS}/post00000000003", token=admin).body["parent"] == "post00000000001"
    posts = server.request("GET", "/api/v1/collections/posts", token=admin).body
    assert posts["indexes"] == [
        {"fields": ["title"], "unique": True}, {"fields": ["views", "created"]}, {"fields": ["day"], "where": "status = 'draft'"},
    ]  # fmt: skip
    fields = {each["name"]: each for each in posts["fields"]}
    assert (fields["author"]["on_delete"], fields["tags"]["on_delete"], fields["tags"]["max"]) == ("cascade", "clear", 5)
    assert (fields["views"], fields["secret_key"]["hidden"]) == ({"name": "views", "type": "integer", "min": 0, "default": 0}, True)


def _same_filters(there: Filled, server: Server, admin: str) -> None:
    for text in FILTERS:
        answer = server.request("GET", f"{RECORDS}?sort=id&filter={quote(in_our_words(text, WORDS))}", token=admin)
        assert [each["id"] for each in answer.body["items"]] == there.found[text], text


def _rules_hold(there: Filled, server: Server) -> None:
    assert [each["id"] for each in server.request("GET", RECORDS).body["items"]] == ["post00000000001"]
    bob = _signed_in(server, "users", "bob@example.org", PASSWORD)
    assert len(server.request("GET", RECORDS, token=bob).body["items"]) == 3
    assert server.request("DELETE", "/api/v1/collections/notes/records/note00000000001", token=bob).status == 403
    body = {"title": "Mine", "author": there.users["Ann"]}
    assert server.request("POST", RECORDS, body, bob).status == 403
    assert server.request("POST", RECORDS, {**body, "author": there.users["Bob"]}, bob).status == 201


def _people_sign_in(there: Filled, server: Server) -> None:
    """By the password of there, once by bcrypt and from then on by argon2id; whoever the rule keeps out is kept out."""
    for _ in range(2):
        ann = _signed_in(server, "users", "ANN@example.org", PASSWORD)
    me = server.request("GET", "/api/v1/auth/users/me", token=ann).body
    assert (me["id"], me["email"], me["first_name"], me["verified"], me["email_visible"]) == (
        there.users["Ann"], "Ann@Example.org", "Ann", True, True,
    )  # fmt: skip
    wrong = {"identity": "cid@example.org", "password": "another password"}
    assert server.request("POST", "/api/v1/auth/users/sign-in", wrong).status == 401
    assert server.request("POST", "/api/v1/auth/users/sign-in", {**wrong, "password": PASSWORD}).status == 403


def _signed_in(server: Server, collection: str, email: str, password: str) -> str:
    answer = server.request("POST", f"/api/v1/auth/{collection}/sign-in", {"identity": email, "password": password})
    assert answer.status == 200, answer
    token: str = answer.body["access_token"]
    return token
