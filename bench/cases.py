"""What is measured: the same wish put to both backends in their own words, and what shows that they grant the same."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench import pocketbase, stillroom
from bench.rows import category, post, post_id

# Different requests of one case; wrk goes round them.
POOL = 2_000

_OURS, _THEIRS = stillroom.COLLECTIONS, pocketbase.COLLECTIONS
# A prime step through the rows: neighbours in time are no neighbours in the table.
_STRIDE = 7_919

Path = Callable[[int], str]
Body = Callable[[int, str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Wish:
    """How one backend is asked: the path for a row's number, and the status of success."""

    path: Path
    status: int = 200


@dataclass(frozen=True, slots=True)
class Case:
    """`mark` is the share of PocketBase's requests per second that we aim at. `body` is made of a number and the id of the
    account that owns the rows; `signed` requests carry its token."""

    name: str
    title: str
    mark: float
    ours: Wish
    theirs: Wish
    method: str = "GET"
    signed: bool = False
    body: Body | None = None

    def pool(self, wish: Wish, rows: int, owner: str) -> Iterator[tuple[str, str | None]]:
        """Path and body of each request."""
        for step in range(POOL):
            number = step * _STRIDE % rows
            body = None if self.body is None else json.dumps(self.body(number, owner))
            yield wish.path(number), body


@dataclass(frozen=True, slots=True)
class Seen:
    """What both must agree on: which rows in which order (no two have as many views), how many in all, how many expanded."""

    views: tuple[int, ...]
    total: int | None
    expanded: int


def seen(body: dict[str, Any]) -> Seen:
    items = body.get("items", [body])
    total = body.get("total", body.get("totalItems", -1))
    expanded = sum("name" in each.get("expand", {}).get("author", {}) for each in items)
    return Seen(tuple(each["views"] for each in items), None if total == -1 else total, expanded)


def _one(collections: str, name: str) -> Path:
    return lambda number: f"{collections}/{name}/records/{post_id(number)}"


def _page(collections: str, rest: str) -> Path:
    """30 records of one category, from the most viewed: the filter has an index, the order has none."""
    return lambda number: f"{collections}/posts/records?filter=category%3D{category(number)}&sort=-views&{rest}"


def _all(collections: str) -> Path:
    return lambda number: f"{collections}/notes/records"


def _change(number: int, owner: str) -> dict[str, Any]:
    return {"title": f"On distilling, revised {number}", "views": number}


CASES = (
    Case("get", "get one as guest", 0.7, Wish(_one(_OURS, "posts")), Wish(_one(_THEIRS, "posts"))),
    Case("get-own", "get one as account", 0.7, Wish(_one(_OURS, "notes")), Wish(_one(_THEIRS, "notes")), signed=True),
    Case("list", "list 30", 1.5, Wish(_page(_OURS, "limit=30")), Wish(_page(_THEIRS, "perPage=30&skipTotal=1"))),
    Case("total", "list 30 with total", 4.0, Wish(_page(_OURS, "limit=30&count=exact")), Wish(_page(_THEIRS, "perPage=30"))),
    Case(
        "expand", "list 30, expand one", 1.2,
        Wish(_page(_OURS, "limit=30&expand=author")), Wish(_page(_THEIRS, "perPage=30&skipTotal=1&expand=author")),
    ),
    Case(
        "update", "update", 0.6, Wish(_one(_OURS, "notes")), Wish(_one(_THEIRS, "notes")),
        method="PATCH", signed=True, body=_change,
    ),
    # Last: it makes the table that `update` works on grow, and more so where it is faster.
    Case("create", "create", 0.6, Wish(_all(_OURS), 201), Wish(_all(_THEIRS)), method="POST", signed=True, body=post),
)  # fmt: skip
NAMES = tuple(each.name for each in CASES)
