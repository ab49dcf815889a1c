"""While clients read and write over two processes, collections change: nobody is refused, no answer is wrong, nobody waits long."""

import contextlib
import http.client
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.server import Server
from tests.e2e.test_schema_reach import SECRET
from tests.postgres import connect

COLLECTIONS = "/api/v1/collections"
LONGEST_PAUSE = 2.0
FILE = "stillroom.db"
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
TEXT = {"type": "text"}
TAGS = {"name": "tags", "rules": OPEN}
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "unique": True},
        {"name": "views", "type": "text"},
        {"name": "status", "type": "select", "values": ["draft", "live"]},
        {"name": "tag", "type": "relation", "collection": "tags"},
        {"name": "tags", "type": "relation", "collection": "tags", "many": True},
    ],
    "indexes": [{"fields": ["views"]}],
    "rules": OPEN,
}
NOTES = {
    "name": "notes",
    "fields": [{"name": "post", "type": "relation", "collection": "posts"}, {"name": "text", "type": "text"}],
    "rules": OPEN,
}


def fields(**edits: dict[str, Any]) -> dict[str, Any]:
    """The fields of the collection, some of them edited."""
    return {"fields": [{**each, **edits.get(each["name"], {})} for each in POSTS["fields"]]}


# Each by itself from the first definition, and taken back after it; the children follow what is renamed.
CHANGES: dict[str, dict[str, Any]] = {
    "add a field": {"fields": [*POSTS["fields"], {"name": "extra", "type": "text", "default": "new"}]},
    "rename a field": fields(title={"name": "headline", "was": "title"}),
    "text to integer": fields(views={"type": "integer"}),
    "text to json": fields(views={"type": "json"}) | {"indexes": []},
    "select to text": {"fields": [{"name": "status", "type": "text"} if each["name"] == "status" else each for each in POSTS["fields"]]},
    "one to many": fields(tag={"many": True}),
    "many to one": fields(tags={"many": False}),
    "required": fields(views={"required": True}),
    "fold": fields(title={"fold": True}),
    "searchable": fields(title={"searchable": True}),
    "an index": {"indexes": [*POSTS["indexes"], {"fields": ["status", "title"]}]},
    "a unique partial index": {"indexes": [*POSTS["indexes"], {"fields": ["views"], "unique": True, "where": "status = 'live'"}]},
    "rename the collection": {"name": "articles"},
}


@dataclass
class Traffic:
    """Clients that ask all the time; `longest` is the longest time between two answers of one of them since it was last set."""

    port: int
    stop: threading.Event = field(default_factory=threading.Event)
    wrong: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    longest: float = 0.0
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self.threads = [threading.Thread(target=self._ask, args=(each,)) for each in (_read_posts, _read_notes, _write_note, _write_post)]
        for each in self.threads:
            each.start()

    def end(self) -> None:
        self.stop.set()
        for each in self.threads:
            each.join(30)

    def _ask(self, turn: "Turn") -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        last = time.monotonic()
        number = 0
        while not self.stop.is_set():
            number += 1
            method, path, body, judge = turn(number)
            connection.request(method, COLLECTIONS + path, body and json.dumps(body), {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            content = json.loads(answer.read() or b"{}")
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now
            self.statuses[answer.status] += 1
            # The collection answers under one of two names.
            if answer.status >= 500 or (answer.status >= 400 and answer.status != 404):
                self.wrong.append(f"{method} {path}: {answer.status} {content}")
            elif answer.status < 400 and not judge(content):
                self.wrong.append(f"{method} {path}: {content}")
            time.sleep(0.005)
        connection.close()


Judge = Callable[[dict[str, Any]], bool]
Turn = Callable[[int], tuple[str, str, dict[str, Any] | None, Judge]]


def _is_post(record: dict[str, Any]) -> bool:
    """Its values are those of its number, whatever their fields are called and whatever type they have."""
    number = int(record["id"][1:])
    title = record.get("title", record.get("headline"))
    tag, tags = record["tag"], record["tags"]
    return (
        title == f"title {number}"
        and record["views"] in (number, str(number))
        and tag in ("t1", ["t1"])
        and tags in ("t2", ["t2"])
        and record.get("extra", "new") == "new"
    )


def _name(number: int) -> str:
    return "articles" if number % 5 == 0 else "posts"


def _read_posts(number: int) -> tuple[str, str, None, Judge]:
    path = f"/{_name(number)}/records?limit=20&sort=-id"
    return "GET", path, None, lambda page: len(page["items"]) == 20 and all(_is_post(each) for each in page["items"])


def _read_notes(number: int) -> tuple[str, str, None, Judge]:
    def judge(page: dict[str, Any]) -> bool:
        return len(page["items"]) == 20 and all(_is_post(each["expand"]["post"]) for each in page["items"])

    return "GET", "/notes/records?limit=20&sort=id&expand=post,post.tags", None, judge


def _write_note(number: int) -> tuple[str, str, dict[str, Any], Judge]:
    return "POST", "/notes/records", {"id": f"x{number}", "post": "r000001", "text": "new"}, lambda made: made["post"] == "r000001"


def _write_post(number: int) -> tuple[str, str, dict[str, Any], Judge]:
    return "PATCH", f"/{_name(number)}/records/r{number % 50 + 1:06}", {"status": "live"}, _is_post


STAMP = "'2026-11-22T13:00:00.000Z', '2026-11-22T13:00:00.000Z'"
ROWS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) "
    "SELECT n, printf('%06d', n) id, cast(n AS TEXT) told FROM s",
    "postgresql": "SELECT n, lpad(n::text, 6, '0') id, n::text told FROM generate_series(1, {count}) n",
}
LINKS = {
    "sqlite": r"SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '\_links\_%' ESCAPE '\'",
    "postgresql": r"SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE '\_links\_%'",
}


def fill(server: Server, url: str | None, count: int) -> None:
    """As many posts, each with a note that points at it; by the database itself."""
    engine = "postgresql" if url else "sqlite"
    rows = ROWS[engine].format(count=count)
    connection = connect(url, autocommit=True) if url else sqlite3.connect(server.data_dir / FILE, isolation_level=None)
    link = connection.execute(LINKS[engine]).fetchone()[0]
    columns = "id, version, created, updated"
    for statement in (
        f"INSERT INTO tags ({columns}) VALUES ('t1', 1, {STAMP}), ('t2', 1, {STAMP})",
        f"INSERT INTO posts ({columns}, title, views, tag) SELECT 'r' || id, 1, {STAMP}, 'title ' || told, told, 't1' FROM ({rows}) _n",
        "UPDATE posts SET status = CASE WHEN views > '5' THEN 'live' ELSE 'draft' END",
        f'INSERT INTO "{link}" (source, target, position) SELECT id, \'t2\', 0 FROM posts',
        f"INSERT INTO notes ({columns}, post, text) SELECT 'n' || id, 1, {STAMP}, 'r' || id, 'old' FROM ({rows}) _n",
        "ANALYZE",
    ):
        connection.execute(statement)
    connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, server: Callable[..., Server]) -> tuple[Server, str | None, str]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    settings = {"STILLROOM_DATABASE_URL": url, **SECRET} if url else {}
    one = server(workers=2, **settings)
    token = one.admin_token()
    for definition in (TAGS, POSTS, NOTES):
        assert one.request("POST", COLLECTIONS, definition, token).status == 201
    return one, url, token


@pytest.mark.parametrize("count", [5_000, pytest.param(300_000, marks=pytest.mark.long)])
def test_clients_go_on_while_collections_change(running: tuple[Server, str | None, str], count: int) -> None:
    server, url, token = running
    server.patience = 300  # what is prepared takes its time, while nobody waits
    fill(server, url, count)
    traffic = Traffic(server.port)
    traffic.start()
    pauses: dict[str, tuple[float, float, float, float]] = {}
    print(f"\n{count} records, seconds: change, longest pause, undo, longest pause")
    try:
        time.sleep(1)
        for name, change in CHANGES.items():
            there = _timed(traffic, lambda change=change: server.request("PATCH", f"{COLLECTIONS}/posts", change, token))
            back = _timed(traffic, lambda: server.request("POST", f"{COLLECTIONS}/undo", token=token))
            pauses[name] = (*there, *back)
            print(f"  {name:24} " + "  ".join(f"{each:5.2f}" for each in pauses[name]), flush=True)
            assert traffic.wrong == [], name
    finally:
        traffic.end()
    print(f"  answers: {dict(traffic.statuses)}")
    assert traffic.wrong == []
    assert max(max(times[1], times[3]) for times in pauses.values()) <= LONGEST_PAUSE


def _timed(traffic: Traffic, act: Callable[[], Any]) -> tuple[float, float]:
    """How long it took, and the longest pause of a client until a moment after it."""
    traffic.longest, began = 0.0, time.monotonic()
    answer = act()
    took = time.monotonic() - began
    time.sleep(0.3)
    assert answer.status == 200, answer
    return took, traffic.longest


RECORDS = 10_000
# The column that says what is prepared, while there is one.
NOTED = {
    "sqlite": "SELECT name FROM pragma_table_info('posts') WHERE substr(name, 1, 6) = '_seen_'",
    "postgresql": "SELECT attname FROM pg_attribute WHERE attrelid = 'posts'::regclass AND left(attname, 6) = '_seen_'",
}


@pytest.mark.parametrize("share", [0.1, pytest.param(0.5, marks=pytest.mark.long), pytest.param(0.9, marks=pytest.mark.long)])
def test_a_kill_while_values_are_prepared_leaves_everything_as_it_was(running: tuple[Server, str | None, str], share: float) -> None:
    server, url, token = running
    fill(server, url, RECORDS)
    engine = "postgresql" if url else "sqlite"
    database = connect(url, autocommit=True) if url else sqlite3.connect(server.data_dir / FILE, isolation_level=None, timeout=20)
    change = fields(title={"fold": True, "searchable": True})
    asked = threading.Thread(target=_unanswered, args=(server, change, token))
    asked.start()
    _until(lambda: _prepared(database, NOTED[engine]) >= RECORDS * share)
    server.kill()
    asked.join()
    left = database.execute(NOTED[engine]).fetchall()
    server.start()
    assert len(left) == 1, "it was killed too late to tell anything"
    before = server.request("GET", f"{COLLECTIONS}/posts", token=token)
    assert before.body["version"] == 1
    page = server.request("GET", f"{COLLECTIONS}/posts/records?limit=20&sort=-id").body
    assert len(page["items"]) == 20
    assert all(_is_post(each) for each in page["items"])
    assert server.request("PATCH", f"{COLLECTIONS}/posts/records/r000007", {"title": "Kiln"}).status == 200
    assert server.request("PATCH", f"{COLLECTIONS}/posts", change, token).status == 200
    assert database.execute(NOTED[engine]).fetchall() == []
    database.close()
    found = server.request("GET", f"{COLLECTIONS}/posts/records?search=kiln&filter=title='KILN'&count=exact").body
    assert (found["total"], found["items"][0]["id"]) == (1, "r000007")
    assert server.request("GET", f"{COLLECTIONS}/posts/records?search=title&count=exact&limit=1").body["total"] == RECORDS - 1


def _unanswered(server: Server, change: dict[str, Any], token: str) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        server.request("PATCH", f"{COLLECTIONS}/posts", change, token)


def _prepared(database: Any, noted: str) -> int:
    """How many records are, or -1 where nothing is."""
    column = database.execute(noted).fetchone()
    return int(database.execute(f'SELECT count("{column[0]}") FROM posts').fetchone()[0]) if column else -1


def _until(claim: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < until
        time.sleep(0.002)
