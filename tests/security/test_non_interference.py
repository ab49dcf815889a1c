"""Two databases that differ only in what an actor may not see answer that actor byte for byte the same, whatever is asked."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.e2e.server import Server
from tests.postgres import connect, drop_database, fresh_database
from tests.security.conftest import SECRET
from tests.security.target import API, COLLECTIONS, Seen, Target, people

# What bob and guests may not see: hidden fields, other people's drafts, vaults, keys and addresses, collections for admins.
_UNSEEN_TEXT = """
UPDATE posts SET secret = 'something else ' || id, locker = NULL WHERE id LIKE '%alice';
UPDATE posts SET secret = NULL WHERE id = 'live-bob';
UPDATE posts SET cost = 'nothing ' || id, source = NULL;
UPDATE posts SET phone = 'another ' || id WHERE id NOT LIKE '%bob';
UPDATE users SET rating = 9 WHERE name <> 'carol';
UPDATE posts SET title = 'zzz', n = 99, version = 12, updated = '2026-12-01T00:00:00.000Z', vault = NULL WHERE id = 'draft-alice';
DELETE FROM posts WHERE id = 'draft-carol';
INSERT INTO posts (id, version, created, updated, owner, title, status, n)
  SELECT 'draft-more-' || id, 1, created, updated, id, 'alice says', 'draft', 0 FROM users WHERE name <> 'bob';
UPDATE vaults SET body = 'lead', rank = 77, version = 9, owner = (SELECT id FROM users WHERE name = 'carol') WHERE id = 'vault-alice';
UPDATE vaults SET body = NULL, rank = NULL, owner = NULL WHERE id = 'vault-carol';
INSERT INTO vaults (id, version, created, updated, body)
  SELECT 'vault-more', 1, created, updated, 'silver' FROM vaults WHERE id = 'vault-bob';
UPDATE guarded SET key = 'another' WHERE id = 'key-alice';
DELETE FROM guarded WHERE id = 'key-carol';
UPDATE users SET role = 'editor', balance = 1000, email = 'al@example.org', _key_email = 'al@example.org' WHERE name = 'alice';
UPDATE users SET role = NULL, balance = NULL WHERE name = 'bob';
DELETE FROM locked
"""
UNSEEN = _UNSEEN_TEXT.split(";\n")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def twins(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Target, Target]]:
    """The same backend twice, but for UNSEEN in the second; the same tokens are good for both."""
    folder = tmp_path_factory.mktemp("twins")
    yield from (_sqlite_twins(folder) if request.param == "sqlite" else _postgresql_twins(folder,
            request.getfixturevalue("postgres_server")))


def _sqlite_twins(folder: Path) -> Iterator[tuple[Target, Target]]:
    first = people(Target(Server(folder / "one" / "data", workers=1, settings=_make(folder / "one")).start(), "sqlite"))
    first.server.stop()
    shutil.copytree(folder / "one", folder / "two")
    (database,) = (folder / "two" / "data").glob("*.db")
    with sqlite3.connect(database) as connection:
        for statement in UNSEEN:
            assert connection.execute(statement).rowcount > 0, statement
    connection.close()
    second = Target(Server(folder / "two" / "data", workers=1), "sqlite", first.tokens, first.ids)
    yield from _both_running(first, second)


def _make(folder: Path) -> dict[str, str]:
    folder.mkdir()
    return {}


def _postgresql_twins(folder: Path, server_url: str) -> Iterator[tuple[Target, Target]]:
    with fresh_database(server_url) as url:
        made = people(Target(_postgresql_server(folder / "one", url).start(), "postgresql"))
        made.server.stop()
        copy = url + "_two"
        name = copy.rpartition("/")[2].partition("?")[0]
        with connect(server_url, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(name.removesuffix("_two"))))
        try:
            with connect(copy) as connection:
                _hide(connection)
            second = Target(_postgresql_server(folder / "two", copy), "postgresql", made.tokens, made.ids)
            yield from _both_running(made, second)
        finally:
            drop_database(server_url, name)


def _postgresql_server(folder: Path, url: str) -> Server:
    folder.mkdir()
    return Server(folder / "data", workers=1, settings={"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": SECRET})


def _hide(connection: psycopg.Connection[Any]) -> None:
    for statement in UNSEEN:
        assert connection.execute(statement.replace("%", "%%")).rowcount > 0, statement  # type: ignore[call-overload]


def _both_running(first: Target, second: Target) -> Iterator[tuple[Target, Target]]:
    try:
        first.server.start()
        second.server.start()
        yield first, second
    finally:
        first.server.end()
        second.server.end()


FILTERS = (
    "", "title ~ 'a'", "n >= 0", "n > 5", "title = 'zzz'", "status = 'draft'", "vault.body ~ 'gold'", "vault.body != ''",
    "vault.body = null", "vault.rank > 1", "vault.rank = null", "!(vault.rank > 1)", "vault.owner.name = 'carol'",
    "vault.owner != owner", "vault.owner = owner", "vault.version > 1", "vault.body = title", "owner.name = 'alice'",
    "vault.body ~ 'lead' || n = 0", "vault != ''", "vault = 'vault-alice'", "secret ~ 's3'", "owner.email ~ 'alic'",
    "owner.role = 'editor'",
    "locker != ''", "locker.body ~ 'g'", "updated > '2026-11-30'", "version > 1", "meta.by = 'alice'", "id ~ 'draft'",
    "vault.body in ('lead', 'silver')", "length(vault.body) > 4", "lower(vault.body) ~ 'gold'", "coalesce(vault.body, 'x') = 'x'",
    "vault.rank = n", "vault.id = 'vault-more'", "n = 'x'", "titel = 'x'",
    "phone ~ 'another'", "phone != ''", "phone = '' || n > 0", "cost ~ 'n'", "source != ''", "owner.rating > 1", "phone:lower ~ 's'",
    "owner.posts_via_owner.phone ?~ 'another'", "owner.vaults_via_owner.rank ?> 5", "posts_via_vault.title ~ 'x'",
)  # fmt: skip
SORTS = ("", "id", "-id", "title,id", "-n", "vault.body,id", "-vault.rank,-id", "vault.owner.name", "owner.name,-n", "-vault.version",
    "secret", "owner.email", "-owner.balance", "vault.created", "phone,id", "-phone", "cost", "owner.rating")  # fmt: skip


def requests() -> Iterator[tuple[str, str, bytes | None, dict[str, str]]]:
    records = f"{COLLECTIONS}/%s/records"
    for collection, id in (
        ("posts", "live-alice"), ("posts", "draft-alice"), ("posts", "draft-carol"), ("posts", "draft-more-x"), ("posts", "live-bob"),
        ("vaults", "vault-alice"), ("vaults", "vault-more"), ("vaults", "vault-bob"), ("guarded", "key-carol"),
        ("guarded", "key-bob"), ("locked", "locked-1"), ("halfopen", "half-1"),
    ):  # fmt: skip
        path = f"{records % collection}/{id}"
        for query in ("", "?expand=vault,owner", "?expand=owner,vault.owner", "?expand=locker", "?fields=id,title", "?fields=secret",
                "?fields=version"):
            yield "GET", path + query, None, {}
        for condition in ({"If-None-Match": "*"}, {"If-Match": '"v1-20200101000000000"'}, {"If-Match": '"v12-20200101000000000"'}):
            yield "GET", path, None, condition
            if not id.endswith("bob"):
                yield "DELETE", path, None, condition
        if not id.endswith("bob"):
            for body in (b"{}", b'{"n+": 1}', b'{"title": "taken"}', b'{"secret": "x"}', b'{"title": 7}'):
                yield "PATCH", path, body, {}
    for collection in ("users", "vaults", "guarded", "locked", "halfopen", "posts"):
        for query in ("?count=exact", "?limit=1&count=exact&sort=-id", "?limit=2&page=2", "?sort=created", "?expand=owner",
                "?page=1000000"):
            yield "GET", records % collection + query, None, {}
    for body in (b'{"key": "key of alice"}', b'{"key": "another"}', b'{"key": "key of carol", "owner": "x"}'):
        yield "POST", records % "guarded", body, {}
    for path in (f"{API}/auth/users/me", f"{API}/openapi.json", COLLECTIONS, f"{COLLECTIONS}/posts", f"{API}/capabilities", "/readyz"):
        yield "GET", path, None, {}


def test_what_may_not_be_seen_changes_no_answer(twins: tuple[Target, Target]) -> None:
    for at, (method, path, body, headers) in enumerate(requests()):
        for by in ("bob", ""):
            told = [_told(each.ask(method, path, raw=body, by=by, headers={"X-Request-Id": f"request-{at}", **headers})) for each in twins]
            assert told[0] == told[1], (method, path, body, headers, by)


def pairs() -> Iterator[tuple[str, str]]:
    """Each filter under three orders, each order under eight filters or more."""
    for at, filter in enumerate(FILTERS):
        for step in (0, 5, 9):
            yield filter, SORTS[(at + step) % len(SORTS)]


def test_what_may_not_be_seen_changes_no_list(twins: tuple[Target, Target]) -> None:
    answered = set()
    for filter, sort in pairs():
        # Each with a page, a total and what it expands, in turn; the pages after it as well.
        for by in ("bob", ""):
            asked = {"filter": filter, "sort": sort, "limit": "2", "count": "exact", "expand": "vault,owner"}
            for _ in range(4):
                query = {key: value for key, value in asked.items() if value}
                seen = [each.ask("GET", f"{COLLECTIONS}/posts/records", by=by, query=query,
                        headers={"X-Request-Id": "request-0"}) for each in twins]
                assert _told(seen[0]) == _told(seen[1]), (query, by)
                answered.add(seen[0].status)
                if seen[0].status != 200 or seen[0].body["next"] is None:
                    break
                asked["cursor"] = seen[0].body["next"]
    assert answered == {200, 400}


def test_what_may_not_be_seen_changes_no_export(twins: tuple[Target, Target]) -> None:
    """Not by a byte, its length and its entity included (Z23)."""
    answered = set()
    for at, (filter, sort) in enumerate(list(pairs())[::3]):
        asked = {"format": ("csv", "jsonl", "json")[at % 3], "filter": filter, "sort": sort, "gzip": "true" if at % 7 == 0 else ""}
        query = {key: value for key, value in asked.items() if value}
        for by in ("bob", ""):
            seen = [each.ask("GET", f"{COLLECTIONS}/posts/export", by=by, query=query, headers={"X-Request-Id": "request-0"})
                    for each in twins]  # fmt: skip
            assert _told(seen[0]) == _told(seen[1]), (query, by)
            answered.add(seen[0].status)
    for collection in ("users", "vaults", "guarded", "locked", "halfopen"):
        for by in ("bob", ""):
            seen = [each.ask("GET", f"{COLLECTIONS}/{collection}/export", by=by, headers={"X-Request-Id": "request-0"}) for each in twins]
            assert _told(seen[0]) == _told(seen[1]), (collection, by)
    assert answered == {200, 400}


GROUPS = (
    "", "status", "owner", "vault", "vault.rank", "vault.body,n", "vault.owner.name", "owner.name,status", "created:day",
    "updated:month", "n",
    "secret", "locker", "owner.email", "owner.role", "owner.balance", "vault.created:year", "meta", "title:day", "nowhere",
)  # fmt: skip
MEASURES = (
    "count", "count,sum:n,avg:n", "max:vault.rank,count:vault.body", "min:title,max:updated", "count:vault,count:vault.id",
    "max:vault.body",
    "max:secret", "count:secret", "sum:owner.balance", "max:owner.email", "sum:title", "max:version",
)  # fmt: skip


def test_what_may_not_be_seen_changes_no_aggregate(twins: tuple[Target, Target]) -> None:
    answered = set()
    for at, group in enumerate(GROUPS):
        for step, measures in enumerate(MEASURES):
            query = {"group": group, "measures": measures, "filter": FILTERS[(at * 7 + step) % len(FILTERS)],
            "sort": "-count" if step < 2 else ""}
            sent = {key: value for key, value in query.items() if value}
            for by in ("bob", ""):
                seen = [each.ask("GET", f"{COLLECTIONS}/posts/records/aggregate", by=by, query=sent, headers={"X-Request-Id": "request-0"})
                        for each in twins]  # fmt: skip
                assert _told(seen[0]) == _told(seen[1]), (query, by)
                answered.add(seen[0].status)
    assert answered == {200, 400}


def _told(seen: Seen) -> tuple[int, dict[str, str], bytes]:
    return seen.status, {name: value for name, value in seen.headers.items() if name != "date"}, seen.content


def test_the_twins_do_differ(twins: tuple[Target, Target]) -> None:
    """The control: to those who may see it, the difference is there."""
    first, second = (each.listed("posts", "admin", sort="id").content for each in twins)
    assert first != second
    told = [each.records("GET", "vaults", "vault-alice", by="alice").status for each in twins]
    assert told == [200, 404]
