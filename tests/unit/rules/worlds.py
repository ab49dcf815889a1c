"""The collections, records and requests that the tests of rules speak of."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from domain.rules.check import Scope, check
from domain.rules.evaluate import holds, holds_bound
from domain.rules.shape import needs_many, shape
from domain.rules.tree import Condition
from domain.rules.values import Values
from domain.schema.collection import Collection, Schema, define_collection
from domain.schema.fields import TRUSTING

NOW = datetime(2026, 11, 22, 13, 14, 15, 678_000, tzinfo=UTC)


def collection(name: str, type: str = "base", /, **fields: Any) -> Collection:
    """Fields by name: a type, or a definition without the name."""
    listed = [{"name": key, **({"type": each} if isinstance(each, str) else each)} for key, each in fields.items()]
    definition = {"name": name, "type": type, "fields": listed}
    return define_collection(definition, id=f"c_{name}", now="2026-01-01T00:00:00.000Z", tools=TRUSTING)


def to(target: str, *, many: bool = False) -> dict[str, Any]:
    return {"type": "relation", "collection": target, "many": many}


POSTS = collection(
    "posts",
    title="text", subtitle="text", views="integer", rank="integer", score="number", price={"type": "decimal", "scale": 2},
    fee={"type": "decimal", "scale": 4}, live="bool", pinned="bool", due="date", done="date", day="day", meta="json",
    status={"type": "select", "values": ["draft", "live"]}, link="url", mail="email", cc="email",
    author=to("users"), editor=to("users"), parent=to("posts"), secret={"type": "text", "hidden": True},
    hideout={"type": "relation", "collection": "users", "hidden": True},
    tags=to("tags", many=True), labels={"type": "select", "values": ["Red", "green", "blue"], "many": True},
)  # fmt: skip
USERS = collection(
    "users", "accounts", name="text", team=to("teams"), role="text", roles="json", level="integer",
    salary={"type": "text", "hidden": True}, crews=to("teams", many=True),
)  # fmt: skip
TEAMS = collection("teams", name="text", lead=to("users"), open="bool")
MEMBERS = collection("members", user=to("users"), team=to("teams"), role="text", weight="integer")
COMMENTS = collection("comments", text="text", post=to("posts"), by=to("users"), stars="integer", private="bool")
TAGS = collection("tags", name="text", rank="integer", owner=to("users"), akin=to("tags", many=True))
VAULT = collection("vault", note="text", owner=to("users"), post=to("posts"))
SCHEMA = Schema(1, {each.name: each for each in (POSTS, USERS, TEAMS, MEMBERS, COMMENTS, VAULT, TAGS)})

_BLANK = {name: () if field.many else None for name, field in POSTS.every_field.items()}
POST: Mapping[str, Any] = {
    **_BLANK,
    "id": "p1", "version": 1, "created": "2026-01-02T03:04:05.678Z", "updated": "2026-01-02T03:04:05.678Z",
    "title": "Hello_World", "subtitle": "50% off",
    "views": 10, "rank": 7, "score": 2.5, "price": Decimal("12.50"), "fee": Decimal("12.5000"),
    "live": True, "pinned": False, "due": "2026-11-22T00:00:00.000Z", "done": "2026-11-23T12:00:00.000Z", "day": "2026-11-22",
    "meta": {"tags": ["a", "b"], "n": 5, "big": 2**53 + 1, "flag": True, "text": "x", "empty": "",
    "none": None, "list": [], "0": "zero",
             "deep": {"list": [{"k": "v"}]}},
    "status": "live", "link": "https://example.org/", "mail": "Ann@Example.org", "cc": "ANN@example.ORG",
    "author": "u1", "editor": "u2", "secret": "s3cret",
    "tags": ("g1", "g2"), "labels": ("Red", "blue"),
}  # fmt: skip
EMPTY: Mapping[str, Any] = {**_BLANK, "id": "p2", "version": 1, "created": "2026-01-02T03:04:05.678Z",
"updated": "2026-01-02T03:04:05.678Z"}


def _records(*records: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {record["id"]: record for record in records}


WORLD = {
    "posts": _records(POST, EMPTY),
    "users": _records(
        {"id": "u1", "name": "Ann", "team": "t1", "email": "ann@example.org", "verified": True, "level": 3},
        {"id": "u2", "name": "Bob", "team": None, "email": "bob@example.org", "verified": False},
        {"id": "u3", "name": "Cyd", "team": "t1", "email": "cyd@example.org"},
    ),
    "teams": _records({"id": "t1", "name": "Red", "lead": "u1", "open": True}, {"id": "t2", "name": "Blue",
    "lead": None, "open": False}),
    "members": _records(
        {"id": "m1", "user": "u1", "team": "t1", "role": "viewer", "weight": 1},
        {"id": "m2", "user": "u2", "team": "t1", "role": "admin", "weight": 2},
    ),
    "comments": _records(
        {"id": "c1", "text": "nice", "post": "p1", "by": "u1", "stars": 5, "private": False},
        {"id": "c2", "text": "awful", "post": "p1", "by": "u2", "stars": 1, "private": True},
    ),
    "vault": {},
    "tags": _records(
        {"id": "g1", "name": "new", "rank": 1, "owner": "u1", "akin": ("g2", "g3")},
        {"id": "g2", "name": "hot", "rank": 2, "owner": "u2", "akin": ()},
        {"id": "g3", "name": "odd", "rank": 3, "owner": None, "akin": ("g1",)},
    ),
}

GUEST = Values(NOW, {("method",): "GET", ("context",): "default", ("auth", "id"): ""})
ANN = Values(
    NOW,
    {
        ("method",): "PATCH", ("context",): "default",
        ("auth", "id"): "u1", ("auth", "collectionName"): "users", ("auth", "collectionId"): "c_users",
        ("auth", "team"): "t1", ("auth", "team", "name"): "Red", ("auth", "level"): 3, ("auth", "role"): "chief", ("auth",
        "roles"): ["writer", "chef"],
        ("auth", "verified"): True, ("auth", "email"): "ann@example.org",
        ("query", "n"): "10", ("query", "half"): "9.5", ("query", "word"): "hello", ("query", "pattern"): "h%o\\_w%", ("query",
        "blank"): "", ("query", "tail"): "%d\\",
        ("query", "nul"): "a\0", ("query", "yes"): "true", ("query", "day"): "2026-11-22",
        ("headers", "x_team"): "t1",
        ("body", "title"): "Hello_World", ("body", "views"): 11, ("body", "rank+"): 1, ("body", "score"): None, ("body",
        "due"): "2026-11-22",
        ("body", "price"): "12.50", ("body", "meta"): {"n": 5, "list": ["a", "b"]}, ("body", "author"): "u1", ("body",
        "live"): "yes", ("body", "tags"): ["g2", "g1"], ("body", "labels"): [],
        ("auth", "crews"): ("t1", "t2"), ("auth", "crews", "0", "name"): "Red", ("auth", "crews", "1", "name"): "Blue",
        ("auth", "crews", "0", "open"): True, ("auth", "crews", "1", "open"): False,
    },
)  # fmt: skip


def rule(text: str, collection: Collection = POSTS) -> Condition:
    """An owner's rule, checked."""
    return check(text, Scope(SCHEMA, collection, "/rules/list"))


def answers(text: str, record: Mapping[str, Any] = POST, values: Values = ANN, collection: Collection = POSTS) -> bool:
    """What the rule says, asked in every way that there is: all must agree."""
    condition = rule(text, collection)
    plain = holds(condition, record, values, WORLD)
    assert holds_bound(shape(condition, values), record, WORLD) is plain, (text, shape(condition, values))
    assert holds(rule(f"!({text}\n)", collection), record, values, WORLD) is not plain, text
    return plain


def is_many(text: str) -> bool:
    return needs_many(rule(text))
