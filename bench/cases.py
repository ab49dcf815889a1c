"""What is measured: the same wish put to both backends in their own words, and what shows that they grant the same."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bench import pocketbase, stillroom
from bench.rows import OWNER, category, herb, post, post_id
from bench.shape import ORGANIZATIONS, organization_id

# Different requests of one case; wrk goes round them.
POOL = 2_000

_OURS, _THEIRS = stillroom.COLLECTIONS, pocketbase.COLLECTIONS
_OUR_AUTH, _THEIR_AUTH = "/api/v1/auth/users", f"{_THEIRS}/users"
# A prime step through the rows: neighbours in time are no neighbours in the table.
_STRIDE = 7_919

Path = Callable[[int], str]
Body = Callable[[int, str], dict[str, Any]]
Batched = Callable[[list[dict[str, Any]]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Chain:
    """Each answer has, under this name, the token that the next request is made with: in its body under the same name, or to bear."""

    name: str
    in_body: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """How one backend is asked: the path for a row's number, and the status of success."""

    path: Path
    status: int = 200
    left: tuple[str, ...] = ()  # lists to compare once the first request was granted
    batched: Batched | None = None  # for many bodies in one request
    chain: Chain | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """`mark` is the share of PocketBase's requests per second that we aim at. `body` is made of a number and the id of the
    account that owns the rows; `signed` requests carry its token. A request that is good `once` is sent once; `heavy`
    ones may take a second, so fewer of them are under way at a time. A request carries `at_once` bodies."""

    name: str
    title: str
    mark: float
    ours: Wish
    theirs: Wish
    method: str = "GET"
    signed: bool = False
    body: Body | None = None
    world: str = "posts"
    once: bool = False
    heavy: bool = False
    at_once: int = 1

    @property
    def changes(self) -> bool:
        """Whether a request leaves other data behind."""
        return self.method != "GET"

    def pool(self, wish: Wish, rows: int, owner: str) -> Iterator[tuple[str, str | None]]:
        """Path and body of each request."""
        if self.once:
            yield from ((wish.path(number), None) for number in range(ORGANIZATIONS))
            return
        for step in range(0, POOL, self.at_once):
            number = step * _STRIDE % rows
            yield wish.path(number), self._body(wish, number, owner)

    def _body(self, wish: Wish, number: int, owner: str) -> str | None:
        if self.body is None:
            return None
        if wish.batched is None:
            return json.dumps(self.body(number, owner))
        return json.dumps(wish.batched([self.body(number + at, owner) for at in range(self.at_once)]))


@dataclass(frozen=True, slots=True)
class Seen:
    """What both must agree on: which rows in which order (no two have as many views), how many in all, and the names of what is
    expanded in each, however deep."""

    views: tuple[int, ...]
    total: int | None
    expanded: tuple[Any, ...]


def seen(body: Any) -> Seen:
    """Of nothing (a deletion's answer) nothing, and of who was signed in nothing that both would say alike."""
    if body and ("token" in body or "access_token" in body):
        return Seen((), None, ())
    if isinstance(body, list):  # a batch of PocketBase's
        body = {"items": [each["body"] for each in body]}
    elif body and "results" in body:
        body = {"items": [each["record"] for each in body["results"]]}
    items = body.get("items", [body]) if body else []
    total = body.get("total", body.get("totalItems", -1)) if body else -1
    return Seen(tuple(each["views"] for each in items), None if total == -1 else total, tuple(_expanded(each) for each in items))


def _expanded(record: dict[str, Any]) -> tuple[Any, ...]:
    found = ((name, value if isinstance(value, list) else [value]) for name, value in sorted(record.get("expand", {}).items()))
    return tuple((name, tuple((each["name"], _expanded(each)) for each in related)) for name, related in found)


def _one(collections: str, name: str) -> Path:
    return lambda number: f"{collections}/{name}/records/{post_id(number)}"


def _page(collections: str, rest: str) -> Path:
    """30 records of one category, from the most viewed: the filter has an index, the order has none."""
    return lambda number: f"{collections}/posts/records?filter=category%3D{category(number)}&sort=-views&{rest}"


def _found(collections: str, asked: Callable[[str], str], rest: str) -> Path:
    """30 of the rows that hold a word, from the most viewed."""
    return lambda number: f"{collections}/entries/records?{asked(herb(number))}&sort=-views&{rest}"


def _all(collections: str) -> Path:
    return lambda number: f"{collections}/notes/records"


def _change(number: int, owner: str) -> dict[str, Any]:
    return {"title": f"On distilling, revised {number}", "views": number}


def _articles(collections: str, rest: str) -> Path:
    """A page of 30 from the most viewed, another one each time; their order has an index."""
    return lambda number: f"{collections}/articles/records?sort=-views&page={1 + number % 10}&{rest}"


def _members(collections: str, rest: str) -> Path:
    return lambda number: f"{collections}/members/records?sort=-views&page={1 + number % 10}&{rest}"


def _counted(
    name: str, title: str, mark: float, filter: str, pages: Callable[[str, str], Path] = _articles, *, heavy: bool = True
) -> Case:
    """A page with the number of all that match, which is what relations cost."""
    asked = f"filter={quote(filter)}"
    ours, theirs = Wish(pages(_OURS, f"{asked}&limit=30&count=exact")), Wish(pages(_THEIRS, f"{asked}&perPage=30"))
    return Case(name, title, mark, ours, theirs, world="shape", heavy=heavy)


def _organization(collections: str) -> Path:
    return lambda number: f"{collections}/organizations/records/{organization_id(number)}"


_EXPANDED = "expand=author.organization,author.permissions"
_LEFT_TO_US = tuple(f"{_OURS}/{name}/records?sort=-views&limit=30&count=exact" for name in ("articles", "members"))
_LEFT_TO_THEM = tuple(f"{_THEIRS}/{name}/records?sort=-views&perPage=30" for name in ("articles", "members"))

_AT_ONCE = 1_000


def _operations(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    return {"operations": [{"method": "create", "collection": "notes", "values": each} for each in bodies]}


def _requests(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    return {"requests": [{"method": "POST", "url": f"{_THEIRS}/notes/records", "body": each} for each in bodies]}


CASES = (
    Case("get", "get one as guest", 0.7, Wish(_one(_OURS, "posts")), Wish(_one(_THEIRS, "posts"))),
    Case("get-own", "get one as account", 1.0, Wish(_one(_OURS, "notes")), Wish(_one(_THEIRS, "notes")), signed=True),
    Case("list", "list 30", 1.5, Wish(_page(_OURS, "limit=30")), Wish(_page(_THEIRS, "perPage=30&skipTotal=1"))),
    # Right after the one of a guest, which the report sets it beside.
    Case(
        "list-own", "list 30 as account", 1.5, Wish(_page(_OURS, "limit=30")), Wish(_page(_THEIRS, "perPage=30&skipTotal=1")), signed=True,
    ),
    Case(
        "sign-in", "sign in", 1.0, Wish(lambda number: f"{_OUR_AUTH}/sign-in"), Wish(lambda number: f"{_THEIR_AUTH}/auth-with-password"),
        method="POST", body=lambda number, owner: {"identity": OWNER[0], "password": OWNER[1]}, heavy=True,
    ),
    Case(
        "refresh", "refresh", 1.0, Wish(lambda number: f"{_OUR_AUTH}/refresh", chain=Chain("refresh_token", in_body=True)),
        Wish(lambda number: f"{_THEIR_AUTH}/auth-refresh", chain=Chain("token", in_body=False)), method="POST",
    ),
    Case("total", "list 30 with total", 4.0, Wish(_page(_OURS, "limit=30&count=exact")), Wish(_page(_THEIRS, "perPage=30"))),
    Case(
        "expand", "list 30, expand one", 1.2,
        Wish(_page(_OURS, "limit=30&expand=author")), Wish(_page(_THEIRS, "perPage=30&skipTotal=1&expand=author")),
    ),
    Case(
        "update", "update", 0.6, Wish(_one(_OURS, "notes")), Wish(_one(_THEIRS, "notes")),
        method="PATCH", signed=True, body=_change,
    ),
    Case(
        "search", "search for a word", 1.5,
        Wish(_found(_OURS, lambda word: f"search={word}", "limit=30")),
        Wish(_found(_THEIRS, lambda word: f"filter={quote(f'title ~ {word!r}')}", "perPage=30&skipTotal=1")), world="words",
    ),
    _counted("simple-total", "simple, total", 1.5, "public = true", heavy=False),
    _counted("all-match", "relations all, total", 5.0, "author.permissions.active = true"),
    _counted("any-match", "relations any, total", 5.0, "author.permissions.active ?= true"),
    _counted("back-any", "back relation, total", 5.0, "articles_via_author.public ?= true", _members),
    _counted("select-all", "multi-select all", 1.5, "labels:each != 'oil'", heavy=False),
    Case(
        "deep-expand", "list 30, expand deep", 1.5, Wish(_articles(_OURS, f"limit=30&{_EXPANDED}")),
        Wish(_articles(_THEIRS, f"perPage=30&skipTotal=1&{_EXPANDED}")), world="shape",
    ),
    # Last: it makes the table that `update` works on grow, and more so where it is faster.
    Case("create", "create", 0.6, Wish(_all(_OURS), 201), Wish(_all(_THEIRS)), method="POST", signed=True, body=post),
    Case(
        "batch", f"create {_AT_ONCE:,} at once", 2.0, Wish(lambda number: "/api/v1/batch", 200, batched=_operations),
        Wish(lambda number: "/api/batch", 200, batched=_requests), method="POST", signed=True, body=post, at_once=_AT_ONCE, heavy=True,
    ),
    # Each organization goes with its members and their articles, after everything else of its world.
    Case(
        "cascade", "delete by cascade", 1.5, Wish(_organization(_OURS), 204, _LEFT_TO_US), Wish(_organization(_THEIRS), 204, _LEFT_TO_THEM),
        method="DELETE", world="shape", once=True,
    ),
)  # fmt: skip
NAMES = tuple(each.name for each in CASES)
