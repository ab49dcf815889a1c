"""A served backend with people and data in it, and the promises that every answer to an attack keeps, whatever else it says."""

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

from tests.e2e.server import Server

API = "/api/v1"
COLLECTIONS = f"{API}/collections"
PASSWORD = "a stillroom of herbs"
PEOPLE = ("alice", "bob", "carol")
OWNED = "owner = @request.auth.id"
STAFF = "@request.auth.role = 'editor'"
OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
OWNER = {"name": "owner", "type": "relation", "collection": "users", "on_delete": "cascade"}

# In the order in which they can be made. `values` has a field of every type; everything else guards somebody's secret.
DEFINITIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "users",
        "type": "accounts",
        "fields": [
            {"name": "name", "type": "text"},
            {"name": "role", "type": "select", "values": ["member", "editor"], "default": "member", "hidden": True},
            {"name": "balance", "type": "integer", "default": 0, "hidden": True},
            {"name": "rating", "type": "integer", "default": 1, "rules": {"view": STAFF, "write": STAFF}},
            {"name": "clearance", "type": "text", "default": "none", "rules": {"write": None}},
        ],
        "rules": {"list": "", "view": "", "create": "", "update": "id = @request.auth.id", "delete": "id = @request.auth.id"},
    },
    {
        "name": "vaults",
        "fields": [OWNER, {"name": "body", "type": "text"}, {"name": "rank", "type": "integer"}],
        "rules": dict.fromkeys(OPEN, OWNED),
    },
    {
        "name": "posts",
        "fields": [
            {**OWNER, "default": "@request.auth.id"},
            {"name": "title", "type": "text", "required": True, "max": 200},
            {"name": "secret", "type": "text", "hidden": True},
            {"name": "status", "type": "select", "values": ["draft", "live"], "default": "draft"},
            {"name": "n", "type": "integer", "default": 0},
            {"name": "meta", "type": "json"},
            {"name": "vault", "type": "relation", "collection": "vaults", "on_delete": "clear"},
            {"name": "locker", "type": "relation", "collection": "vaults", "on_delete": "clear", "hidden": True},
            {"name": "cost", "type": "text", "rules": {"view": STAFF, "write": STAFF}},
            {"name": "source", "type": "relation", "collection": "vaults", "on_delete": "clear", "rules": {"view": None}},
            {"name": "phone", "type": "text", "rules": {"view": OWNED, "write": OWNED}},
        ],
        "rules": {
            "list": f"status = 'live' || {OWNED}", "view": f"status = 'live' || {OWNED}",
            "create": f"@request.auth.id != '' && {OWNED}", "update": OWNED, "delete": OWNED,
        },
    },
    {"name": "locked", "fields": [{"name": "body", "type": "text"}]},
    {"name": "halfopen", "fields": [{"name": "body", "type": "text"}], "rules": {"view": ""}},
    {
        "name": "guarded",
        "fields": [{"name": "key", "type": "text", "unique": True}, OWNER],
        "rules": {"list": OWNED, "view": OWNED, "create": OWNED, "update": OWNED},
    },
    {
        "name": "values",
        "fields": [
            {"name": "t", "type": "text"},
            {"name": "short", "type": "text", "max": 10},
            {"name": "p", "type": "text", "pattern": "^(a+)+$"},
            {"name": "i", "type": "integer"},
            {"name": "small", "type": "integer", "min": 0, "max": 10},
            {"name": "n", "type": "number"},
            {"name": "d", "type": "decimal", "scale": 2},
            {"name": "b", "type": "bool"},
            {"name": "e", "type": "email"},
            {"name": "u", "type": "url"},
            {"name": "at", "type": "date"},
            {"name": "day", "type": "day"},
            {"name": "s", "type": "select", "values": ["one", "two"]},
            {"name": "r", "type": "relation", "collection": "values", "on_delete": "clear"},
            {"name": "j", "type": "json"},
        ],
        "rules": OPEN,
    },
)  # fmt: skip

# `users` and `posts` without what is hidden in them or for staff, under names of the same length: what an actor who may not see it
# is to be told.
PLAIN = {"users": "folks", "posts": "twins"}


def plain(definition: dict[str, Any]) -> dict[str, Any]:
    closed = (STAFF, None)
    fields = [each for each in definition["fields"] if not each.get("hidden") and each.get("rules", {}).get("view", "") not in closed]
    return {**definition, "name": PLAIN[definition["name"]], "fields": [{**each,
                "collection": _plain_name(each)} if "collection" in each else each for each in fields]}


def _plain_name(field: dict[str, Any]) -> str:
    return PLAIN.get(field["collection"], field["collection"])


# What no answer to a client shows unless the client sent it itself.
_INSIDE = re.compile(
    r"traceback|file \"|\.py\b|sqlite|psycopg|sqlalchemy|postgres|granian|werkzeug|marshmallow|site-packages|adapters\.|domain\.|"
    r"select .+? from|insert into|delete from|constraint|relation \"|violates|syntax error at or near|/tmp/|/home/|line \d+ in",
    re.IGNORECASE,
)
_PROBLEM = {"type", "title", "status", "detail", "code", "errors", "request_id"}
_FAULT = {"pointer", "code", "detail"}
_PROTECTED = {
    "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}  # fmt: skip
PATIENCE = 1.0
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: what a client can learn from it."""

    status: int
    headers: dict[str, str]
    content: bytes
    seconds: float
    # Each `Set-Cookie`, as it came.
    cookies: list[str] = field(default_factory=list)

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        return str(self.body["code"]) if self.status >= 400 else ""

    @property
    def told(self) -> tuple[int, Any]:
        """Status and body without what differs from one request to the next."""
        if not self.content:
            return self.status, None
        body = self.body
        return self.status, {key: value for key, value in body.items() if key != "request_id"} if isinstance(body, dict) else body


@dataclass
class Target:
    """`tokens` and `ids` are by the names of PEOPLE, and `admin`."""

    server: Server
    engine: str
    tokens: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    _kept: http.client.HTTPConnection | None = None

    # --- asking

    def ask(
        self, method: str, path: str, body: Any = _NOTHING, *,
        by: str = "", token: str = "", raw: bytes | None = None, headers: dict[str, str] | None = None, query: dict[str, str] | None = None,
    ) -> Seen:  # fmt: skip
        """One request, whose answer is held to what every answer promises."""
        content = raw if body is _NOTHING else json.dumps(body).encode()
        sent = dict(headers or {})
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        if bearer := token or self.tokens.get(by):
            sent["Authorization"] = f"Bearer {bearer}"
        if query:
            path += "?" + urlencode(query, quote_via=quote)
        seen = self._soon(method, path, content, sent)
        keeps_promises(seen, f"{method} {path} {unquote(path)} {sent}".encode() + (content or b""), method)
        return seen

    def _soon(self, method: str, path: str, content: bytes | None, sent: dict[str, str]) -> Seen:
        """A refusal may be slow once, when the machine is busy with something else, but not each time."""
        seen = self._once(method, path, content, sent)
        for _ in range(3):
            if seen.status < 400 or seen.seconds < PATIENCE:
                return seen
            seen = self._once(method, path, content, sent)
        raise AssertionError(f"{method} {path[:200]} was refused only after {seen.seconds:.2f} s")

    def _once(self, method: str, path: str, content: bytes | None, sent: dict[str, str]) -> Seen:
        began = time.perf_counter()
        for last in (False, False, False, True):
            connection = self._kept = self._kept or http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            try:
                response = self._exchanged(connection, method, path, content, sent)
                received = response.read()
                break
            except (OSError, http.client.HTTPException):
                # A server may close a connection on which it refused something; asked anew, it has to answer.
                connection.close()
                self._kept = None
                if last:
                    raise
        headers = {name.lower(): value for name, value in response.getheaders()}
        if headers.get("connection", "").lower() == "close":
            connection.close()
            self._kept = None
        cookies = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
        return Seen(response.status, headers, received, time.perf_counter() - began, cookies)

    def _exchanged(self, connection: http.client.HTTPConnection, *request: Any) -> http.client.HTTPResponse:
        try:
            connection.request(*request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent: the answer may be there already
        return connection.getresponse()

    def records(self, method: str, collection: str, id: str = "", body: Any = _NOTHING, **options: Any) -> Seen:
        return self.ask(method, f"{COLLECTIONS}/{collection}/records" + (f"/{id}" if id else ""), body, **options)

    def listed(self, collection: str, by: str = "", **query: str) -> Seen:
        return self.records("GET", collection, by=by, query=query)

    def make(self, collection: str, by: str = "admin", **values: Any) -> str:
        """The id of a new record."""
        made = self.records("POST", collection, "", values, by=by)
        assert made.status == 201, made
        id: str = made.body["id"]
        return id

    # --- what is there

    def state(self) -> dict[str, Any]:
        """Everything that requests can change, as an admin sees it."""
        collections = self.ask("GET", COLLECTIONS, by="admin").body["items"]
        records = {each["name"]: self._all(each["name"]) for each in collections}
        return {"collections": collections, "records": records}

    def _all(self, collection: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query = {"limit": "500", "sort": "id"}
        while True:
            page = self.listed(collection, "admin", **query).body
            found += page["items"]
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nothing that happens inside changes anything."""
        before = self.state()
        yield
        after = self.state()
        assert after["collections"] == before["collections"]
        assert after["records"] == before["records"]

    def memory(self) -> int:
        """What the workers hold, in KiB."""
        return sum(_resident(pid) for pid in self.server.worker_pids())


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: PTH123  a file of the kernel, read in one line
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def keeps_promises(seen: Seen, sent: bytes, method: str = "GET") -> None:
    """No failure of ours, one shape for every refusal, nothing of the inside in it, and the headers that protect a browser."""
    assert seen.status < 500, (sent[:300], seen)
    if seen.status == 431:  # the server's own, before a request is read: it says nothing
        assert seen.content == b""
        return
    for name, value in _PROTECTED.items():
        assert seen.headers.get(name) == value, (sent[:300], name, seen.headers)
    if seen.status < 400 or method == "HEAD":
        return
    assert seen.headers["content-type"] == "application/problem+json", (sent[:300], seen)
    assert seen.headers["cache-control"] == "no-store"
    body = seen.body
    assert set(body) - {"hint"} == _PROBLEM, (sent[:300], body)
    assert body["status"] == seen.status
    assert all(set(each) == _FAULT for each in body["errors"]), body
    assert len(seen.content) < 65_536, (sent[:300], len(seen.content))
    assert_tells_nothing(seen.content, sent)


def assert_tells_nothing(content: bytes, sent: bytes) -> None:
    known = sent.decode("utf-8", "replace").replace("\\", "").lower()
    for found in _INSIDE.finditer(content.decode().replace("\\", "")):
        assert found.group().lower() in known, (sent[:300], found.group(), content[:500])


def people(target: Target) -> Target:
    """The admin, the collections, and three accounts with something of their own each."""
    target.tokens["admin"] = target.server.admin_token()
    for definition in (*DEFINITIONS, *(plain(each) for each in DEFINITIONS if each["name"] in PLAIN)):
        made = target.ask("POST", COLLECTIONS, definition, by="admin")
        assert made.status == 201, made
    for name in PEOPLE:
        target.ids[name] = target.make("users", name=name, email=address(name), password=PASSWORD)
        target.tokens[name] = sign_in(target, name).body["access_token"]
    _fill(target)
    return target


def address(name: str) -> str:
    return f"{name}@example.org"


def sign_in(target: Target, name: str, password: str = PASSWORD) -> Seen:
    return target.ask("POST", f"{API}/auth/users/sign-in", {"identity": address(name), "password": password})


def _fill(target: Target) -> None:
    """A vault, a live post and a draft for each, with ids that tests can name."""
    for at, name in enumerate(PEOPLE):
        owner = target.ids[name]
        vault = target.make("vaults", id=f"vault-{name}", owner=owner, body=f"the gold of {name}", rank=at)
        kept = {"owner": owner, "vault": vault, "locker": vault, "secret": f"s3cret of {name}", "n": at, "meta": {"by": name},
                "cost": f"s3cret cost {at}", "source": vault, "phone": f"s3cret line of {name}"}
        target.make("posts", id=f"live-{name}", title=f"{name} says", status="live", **kept)
        target.make("posts", id=f"draft-{name}", title=f"{name} thinks", status="draft", **kept)
        target.make("guarded", id=f"key-{name}", key=f"key of {name}", owner=owner)
    target.make("locked", id="locked-1", body="for admins")
    target.make("halfopen", id="half-1", body="for those who know the id")
