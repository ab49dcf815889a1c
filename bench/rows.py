"""The rows that both backends hold, field by field the same: made from numbers, so that every run has the same ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.fields import FieldOf

AUTHORS = 200
# A filter on one category chooses a twentieth of the rows: 500 of 10,000.
CATEGORIES = 20
# A search for one of these finds a twentieth of the rows too.
_HERBS = (
    "adder", "bitter", "blood", "butter", "cole", "dane", "fig", "flea", "liver", "lung",
    "moon", "mother", "mug", "pepper", "rib", "sand", "soap", "spear", "spider", "star",
)  # fmt: skip
STATUSES = ("draft", "live", "held", "gone")

_FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
_SENTENCE = "Water finds the lowest place, and the still finds what the water left behind. "
# Prime, and greater than 10,000: multiples of one prime modulo another scatter, and meet no value twice.
_SCATTER, _SPAN = 7_919, 1_000_003


AUTHOR_FIELDS = (FieldOf("name", "text"), FieldOf("city", "text"))
POST_FIELDS = (
    FieldOf("title", "text"),
    FieldOf("body", "text"),
    FieldOf("status", "select", values=STATUSES),
    FieldOf("category", "integer"),
    FieldOf("views", "integer"),
    FieldOf("rating", "number"),
    FieldOf("featured", "bool"),
    FieldOf("published", "date"),
    FieldOf("author", "relation", "authors"),
    FieldOf("owner", "relation", "users"),
)
ENTRY_FIELDS = (FieldOf("title", "text", searchable=True), FieldOf("views", "integer"))
POST_INDEXES = ("category",)
PUBLIC = {"list": "", "view": ""}
# The account that owns the rows.
OWNER = ("olga@example.org", "a still tongue keeps a wise head")
OWNED = dict.fromkeys(("view", "create", "update"), "owner = @request.auth.id")


def author_id(number: int) -> str:
    return f"author{number:09d}"


def post_id(number: int) -> str:
    """15 characters of a–z and 0–9: what PocketBase takes for an id."""
    return f"post{number:011d}"


def authors() -> Iterator[dict[str, Any]]:
    for number in range(AUTHORS):
        yield {"id": author_id(number), "name": f"Author number {number}", "city": f"City {number % 17}"}


def posts(count: int, owner: str) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"id": post_id(number), **post(number, owner)}


def post(number: int, owner: str) -> dict[str, Any]:
    """The values of a row without its id, as a client would create it."""
    return {
        "title": f"On distilling, part {number}",
        "body": _SENTENCE * (1 + number % 4),
        "status": STATUSES[number % len(STATUSES)],
        "category": category(number),
        "views": number * _SCATTER % _SPAN,
        "rating": number % 50 / 10,
        "featured": number % 9 == 0,
        "published": _instant(number),
        "author": author_id(number % AUTHORS),
        "owner": owner,
    }


def entries(count: int) -> Iterator[dict[str, Any]]:
    """Titles of six words, of which one is the herb that is looked for."""
    for number in range(count):
        views = number * _SCATTER % _SPAN
        yield {"id": f"entr{number:011d}", "title": f"On distilling {herb(number)}, a short account", "views": views}


def herb(number: int) -> str:
    """None is part of another, so that a search for words and a filter for pieces of text find the same."""
    return f"{_HERBS[number % len(_HERBS)]}wort"


def category(number: int) -> int:
    return number % CATEGORIES


def _instant(number: int) -> str:
    moment = _FIRST_DAY + timedelta(minutes=37 * number)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
