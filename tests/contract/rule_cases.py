"""What the evaluator and both compilers are compared on: hostile rows, several actors, and generated texts of the rule language.

Texts go through the whole chain (parse, check, shape), so that nothing is tested that an owner or a client could not write.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from domain.rules.tree import (
    And,
    Call,
    Compare,
    Condition,
    In,
    Literal,
    Not,
    Operand,
    Or,
    Path,
    Request,
    Shift,
)
from domain.rules.values import Values
from domain.rules.walk import parts, paths_of, sides
from domain.schema.kinds import Kind
from tests.contract.sql_engines import NOW, schema


def fields(*lines: str) -> list[dict[str, Any]]:
    """`integer: views, likes` and so on."""
    named = ((name, kind) for kind, names in (line.split(": ") for line in lines) for name in names.split(", "))
    return [{"name": name, "type": kind, **OPTIONS.get(name, {})} for name, kind in named]


OPTIONS: dict[str, dict[str, Any]] = {
    "status": {"values": ["draft", "live"]},
    "budget": {"scale": 0},
    "price": {"scale": 2},
    "tax": {"scale": 5},
    "cost": {"scale": 18},
    "team": {"collection": "teams"},
    "boss": {"collection": "users"},
    "author": {"collection": "users"},
    "editor": {"collection": "users"},
}
SCHEMA = schema(
    {
        "name": "teams", "type": "base", "indexes": [{"fields": ["name"]}],
        "fields": fields("text: name", "bool: open", "decimal: budget"),
    },
    {
        "name": "users", "type": "accounts", "indexes": [{"fields": ["name"]}, {"fields": ["age"]}],
        "fields": fields("text: name", "integer: age", "json: roles", "date: joined", "relation: team, boss"),
    },
    {
        "name": "posts", "type": "base", "indexes": [{"fields": ["title"]}, {"fields": ["views"]}],
        "fields": fields(
            "text: title, slug", "select: status", "email: contact, reply_to", "url: link", "integer: views, likes",
            "number: score, rank, lon, lat", "decimal: price, cost, tax", "bool: live, pinned", "date: at, until",
            "day: on_day, off_day", "relation: author, editor", "json: meta",
        ),
    },
)  # fmt: skip

# --- values that have broken one engine or the other


def decimals(written: str) -> tuple[Decimal | None, ...]:
    return (None, None, *(Decimal(each) for each in written.split()))


TEXTS = (
    None, None, "a", "A", "ab", "aB", "abc", "b", "%", "_", "\\", "a%b", "a_b", "a\\b", "100%", "É", "é", "ı", "I", "İ", "ß",
    "\u212a", "k", "K", "\U0001f600", "x\uffff", "\U0010ffff", "\ud7ff", "\ue000", " ", "a ", "it's", 'say "hi"', "a\nb",
    "draft", "u1", "line\ttab",
)  # fmt: skip
INTEGERS = (None, None, 0, 1, -1, 2, 5, 10, 100, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 2**63 - 2)
NUMBERS = (
    None, None, 0.0, 1.0, -1.0, 1.5, 0.1, 0.3, 0.1 + 0.2, 2.5, 100.0, 1e300, -1e300, 5e-324, 2.0**53, 2.0**53 + 2, 2.0**63,
    3536538164215.9473, 3536538164215.947,
)  # fmt: skip
CENTS = decimals("0.00 0.01 -0.01 1.00 1.50 -1.50 10.10 9999999999999999.99 -9999999999999999.99")
FIFTHS = decimals("0.00000 0.00001 0.01000 1.50000 -1.50001 9999999999999.99999 10.10000 3536538164215.94721")
FINEST = decimals(
    "0.000000000000000000 0.000000000000000001 -0.000000000000000001 0.010000000000000000 0.999999999999999999"
    " -0.010000000000000000 0.500000000000000000"
)
WHOLE = decimals("0 1 -1 10 999999999999999999 -999999999999999999")
BOOLS = (None, True, False)
INSTANTS = (
    None, None, "0001-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "2026-11-21T23:59:59.999Z", "2026-11-22T00:00:00.000Z",
    "2026-11-22T00:00:00.001Z", "2026-11-22T13:00:00.000Z", "2024-02-29T12:34:56.789Z", "9999-12-31T23:59:59.999Z",
    "2026-01-01T00:00:00.000Z",
)  # fmt: skip
DAYS = (None, None, "0001-01-01", "2024-02-29", "2026-11-21", "2026-11-22", "2026-11-23", "9999-12-31")
EMAILS = (
    None, None, "ann@example.org", "Ann@Example.org", "bob@example.org", "straße@example.org", "STRASSE@example.org", "é@example.org",
)  # fmt: skip
LINKS = (None, "https://example.org/", "https://example.org/a%20b", "http://É.example/")
LONGITUDES = (None, 0.0, 13.404954, -0.127758, 179.5, -179.5)
LATITUDES = (0.0, None, 52.520008, 51.507351, -33.86882, 89.9)
DOCUMENTS = (
    None, {}, [], "text", "", 5, 0, True, False, {"s": "a"}, {"s": ""}, {"s": None}, {"s": "É", "n": 1, "b": True},
    {"s": 5, "n": "5", "b": 1, "t": 3}, {"n": 2**53 + 1, "s": "%"}, {"n": -(2**63)}, {"n": 0.1, "b": False}, {"n": 5e-324},
    {"n": 1e300, "s": "\\"}, {"n": 1, "list": ["a", "b", 3, None, True]}, {"list": []}, {"list": {"0": "a"}}, {"list": "a"},
    {"list": [["a"], {"s": "a"}]}, {"deep": {"s": "ab", "n": 10}}, {"deep": []}, {"deep": [{"s": "ab"}]},
    {"t": "2026-11-22T13:00:00.000Z"}, {"t": "2026-11-22"}, {"t": "soon"}, {"t": "2026-02-31T00:00:00.000Z"}, {"t": ""},
    {"s": "\U0001f600", "list": [1, 2, 3]}, {"0": "zero", "1": {"s": "a"}}, ["a", {"s": "a"}, 5],
    {"s": "a%b", "b": True, "n": 100}, {"n": 2.5, "s": "u1"}, {"b": "true"},
)  # fmt: skip
ROLES = (None, ["editor"], ["a", "b"], "editor", {})


def spread(values: tuple[Any, ...], at: int, step: int = 1) -> Any:
    """A row's value: columns run through their values in steps of their own, so that rows combine them differently."""
    return values[(at * step + at // len(values)) % len(values)]


TEAMS = tuple(
    {"id": f"t{at}", "name": name, "open": is_open, "budget": spread(WHOLE, at)}
    for at, (name, is_open) in enumerate([("a", True), ("É", False), (None, None), ("ab", True), ("%", False), ("a", None)])
)
USERS = tuple(
    {
        "id": f"u{at}",
        "email": f"user{at}@example.org" if at % 3 else f"User{at}@Example.org",
        "verified": spread(BOOLS, at),
        "name": spread(TEXTS, at, 5),
        "age": spread(INTEGERS, at, 4),
        "roles": spread(ROLES, at),
        "joined": spread(INSTANTS, at, 3),
        "team": spread((None, "t0", "t1", "t2", "t3", "t4", "t5"), at, 3),
        "boss": None if at % 4 == 0 else f"u{at // 2}",
    }
    for at in range(14)
)
POSTS = tuple(
    {
        "id": f"p{at:02}",
        "title": spread(TEXTS, at), "slug": spread(TEXTS, at, 3), "status": spread((None, "draft", "live"), at),
        "contact": spread(EMAILS, at), "reply_to": spread(EMAILS, at, 3), "link": spread(LINKS, at),
        "views": spread(INTEGERS, at), "likes": spread(INTEGERS, at, 2),
        "score": spread(NUMBERS, at), "rank": spread(NUMBERS, at, 3),
        "price": spread(CENTS, at), "cost": spread(FINEST, at), "tax": spread(FIFTHS, at, 2),
        "live": spread(BOOLS, at), "pinned": spread(BOOLS, at, 2),
        "at": spread(INSTANTS, at), "until": spread(INSTANTS, at, 3),
        "on_day": spread(DAYS, at), "off_day": spread(DAYS, at, 3),
        "lon": spread(LONGITUDES, at), "lat": spread(LATITUDES, at),
        "author": None if at % 5 == 0 else f"u{at % 14}", "editor": None if at % 3 == 0 else f"u{at * 5 % 14}",
        "meta": spread(DOCUMENTS, at),
    }
    for at in range(74)
)  # fmt: skip
DOUBLY_ROUNDED = (
    # Eighteen digits are more than a double holds: the decimal becomes the second of these, and would be the first if it were
    # rounded once only.
    {"id": "p74", "tax": Decimal("3536538164215.94721"), "score": float("3536538164215.94721"), "rank": 353653816421594721 / 1e5},
    {"id": "p75", "tax": Decimal("765327738250.50028"), "score": 76532773825050028 / 1e5, "rank": float("765327738250.50028")},
)


def completed(collection: str, records: tuple[Mapping[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    names = SCHEMA.collections[collection].every_field
    return tuple({**dict.fromkeys(names), "version": 1, "created": NOW, "updated": NOW, **record} for record in records)


RECORDS = {"teams": completed("teams", TEAMS), "users": completed("users", USERS), "posts": completed("posts", POSTS + DOUBLY_ROUNDED)}
WORLD = {name: {record["id"]: record for record in records} for name, records in RECORDS.items()}

# --- who asks

MOMENT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


def actor(request: Mapping[tuple[str, ...], Any]) -> Values:
    return Values(now=MOMENT, request={("method",): "GET", ("context",): "default", **request})


def signed_in(at: int) -> Mapping[tuple[str, ...], Any]:
    user = RECORDS["users"][at]
    team = WORLD["teams"].get(user["team"], {})
    named = {("auth", name): user[name] for name in ("id", "name", "age", "email", "joined", "verified", "team", "roles", "boss")}
    return {**named, ("auth", "collectionName"): "users", ("auth", "team", "name"): team.get("name")}


ACTORS = (
    actor({("auth", "id"): "", ("query", "q"): "%", ("query", "n"): "1.5"}),
    actor({
        **signed_in(1), ("query", "q"): "a\\", ("query", "n"): "5", ("headers", "x_tag"): "A",
        ("body", "title"): "ab", ("body", "views"): 5,
    }),
    actor({
        **signed_in(5), ("query", "q"): "a%b", ("query", "n"): "9007199254740993",
        ("body", "title"): None, ("body", "price"): Decimal("1.50"),
    }),
    actor({
        **signed_in(8), ("query", "q"): "", ("query", "n"): "many",
        ("body", "live"): True, ("body", "at"): "2026-11-22T13:00:00.000Z",
    }),
    actor({
        **signed_in(2), ("query", "q"): "\\%", ("query", "n"): "1e400", ("query", "day"): "2026-11-22",
        ("body", "meta"): {"s": "a", "n": 1},
    }),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One text, asked by one actor; `client` texts are filters, whose relations are guarded."""

    text: str
    actor: int
    client: bool


# --- texts

PATHS = {
    "text": "title slug status link id author editor title:lower author.name editor.name author.team.name author.boss.name"
            " author.boss.boss.team.name author.team author.id",
    "email": "contact reply_to author.email contact:lower",
    "integer": "views likes version author.age editor.boss.age meta.list:length meta:length",
    "number": "score rank lon",
    "decimal": "price cost tax author.team.budget",
    "bool": "live pinned author.verified editor.team.open",
    "date": "at until created updated author.joined editor.boss.joined",
    "day": "on_day off_day",
    "json text": "meta.s meta.list.0 meta.deep.s meta.list.1.s meta meta.1.s meta.s:lower author.roles.0",
    "json number": "meta.n meta.list.2 meta.deep.n meta.2 meta",
    "json bool": "meta.b meta.list.4 meta",
    "json date": "meta.t",
}  # fmt: skip
REQUESTS = {
    "text": "auth.id auth.name auth.team.name query.q body.title headers.x_tag method auth.collectionName auth.team query.missing"
            " query.q:lower",
    "email": "auth.email query.q",
    "integer": "auth.age query.n body.views",
    "number": "query.n auth.age",
    "decimal": "query.n body.price",
    "bool": "body.live auth.verified query.q",
    "date": "auth.joined body.at query.day",
    "day": "query.day auth.joined",
}  # fmt: skip
MACROS = "@now @yesterday @tomorrow @todayStart @todayEnd @monthStart @monthEnd @yearStart @yearEnd".split()  # noqa: SIM905
COUNTS = ["@second", "@minute", "@hour", "@day", "@weekday", "@month", "@year"]
NUMERALS = [
    "0", "1", "-1", "2", "5", "10", "100", "1.5", "0.1", "0.3", "-0.01", "0.01", "10.10", "1.50000", "0.005", "-1.50001",
    "1e300", "5e-324", "9007199254740993", "9007199254740992", "9223372036854775807", "-9223372036854775808",
    "9223372036854775808", "-9223372036854775809", "0.000000000000000001", "0.0000000000000000001",
    "99999999999999999999.5", "123456789012345678901234567890",
]  # fmt: skip
DATES = (
    "2026-11-22 13:00:00.000Z", "2026-11-22", "2026-11-22T00:00:00.000Z", "2024-02-29T12:34:56.789Z", "0001-01-01",
    "9999-12-31 23:59:59.999Z", "2026-11-21 23:59",
)  # fmt: skip
PLAIN_DAYS = ("2026-11-22", "2024-02-29", "0001-01-01", "9999-12-31")
DURATIONS = ("1s", "90m", "1d", "2w", "36h", "3000000d")
FORMATS = ("%Y", "%Y-%m-%d", "%H:%M:%S", "%j", "%w", "%f", "%d%%", "%s", "%Y-%m-%dT%H")
ORDERS, LIKES, EQUALS = ("<", "<=", ">", ">="), ("~", "!~"), ("=", "!=")
COMPARISONS = {
    "text": EQUALS * 2 + ORDERS + LIKES * 3, "email": EQUALS * 2 + ORDERS + LIKES, "bool": EQUALS,
    **dict.fromkeys(("integer", "number", "decimal", "date", "day"), EQUALS + ORDERS),
}  # fmt: skip
CALLS = ("role", "answer", "lower", "length", "choice", "choice", "distance", "format")
UNTYPED = {"json text": "text", "json number": "number", "json bool": "bool", "json date": "date"}
LITERALS = sorted(
    {text for text in TEXTS if text}
    | {"", "%b", "a%", "%%", "%_", "a\\%b", "b%\\%", "É%", "%É", "u3", "p1", "EDITOR", "live"}
)
FREE_TEXT = st.text(alphabet="aAbBÉé%_\\ıkK \u212a\U0001f600", max_size=4)


def quoted(text: str) -> str:
    """As the language has it: a backslash before the quote is its only escape, so a text cannot end in one."""
    return "'" + text.rstrip("\\").replace("'", "\\'") + "'"


@dataclass(frozen=True, slots=True)
class Writer:
    """Draws one text; `client` texts keep to what a client may write."""

    draw: Any
    client: bool

    def one_of(self, choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) < percent

    def whole(self, depth: int = 0) -> str:
        """At most four conditions deep, most of them shallow."""
        how = self.one_of(("atom",) * (5 if depth else 3) + ("and", "or", "not", "and not")) if depth < 3 else "atom"
        if how == "atom":
            return self.atom()
        if how == "not":
            return f"!({self.whole(depth + 1)})"
        if how == "and not":
            return f"{self.term(depth)} && !({self.whole(depth + 1)})"
        parts = [self.term(depth) for _ in range(self.one_of((2, 2, 3)))]
        return (" && " if how == "and" else " || ").join(parts)

    def term(self, depth: int) -> str:
        text = self.whole(depth + 1)
        return f"({text})" if "||" in text or "&&" in text else text

    def atom(self) -> str:
        kind = self.one_of((*self.kinds, "text", *UNTYPED, "call", "lone"))
        if kind == "call":
            return self.called(self.one_of(CALLS))
        if kind == "lone":
            return self.one_of(("live", "pinned", "author.verified", self.answer()))
        return self.compared(kind, self.one_of(ASKED[kind]))

    @property
    def kinds(self) -> tuple[str, ...]:
        """A client may not name e-mail addresses of others."""
        return tuple(kind for kind in COMPARISONS if not (self.client and kind == "email"))

    def among(self, text: str) -> str:
        """The condition, sometimes negated, sometimes beside another."""
        text = f"!({text})" if self.chance(25) else text
        return f"{text} {self.one_of(('&&', '||'))} {self.atom()}" if self.chance(25) else text

    def compared(self, kind: str, op: str) -> str:
        plain, left = UNTYPED.get(kind, kind), self.path(kind)
        if op in ("in", "not in"):
            items = ", ".join(self.other(plain, typed=kind in UNTYPED) for _ in range(self.one_of((1, 2, 3, 4))))
            return f"{left} {self.one_of(('', '?'))}{op} ({items})"
        op = self.one_of(("", "", "", "?")) + op
        if op.endswith("null"):
            return f"{left} {op}"
        right = self.other(plain, typed=kind in UNTYPED)
        return f"{right} {op} {left}" if self.chance(15) else f"{left} {op} {right}"

    def called(self, function: str) -> str:
        return getattr(self, f"{function}_call")()

    def operator(self, kind: str) -> str:
        return self.one_of(COMPARISONS[kind])

    def path(self, kind: str) -> str:
        found = self.one_of(PATHS[kind].split())
        return self.moved(found) if kind == "date" and self.chance(20) else found

    def moved(self, date: str) -> str:
        return f"{date} {self.one_of('+-')} {self.one_of(DURATIONS)}"

    def other(self, kind: str, *, typed: bool = False) -> str:
        """What stands on the other side; `typed` where it alone tells the kind."""
        how = self.one_of(("constant", "constant", "constant", "path", "request"))
        if how == "path":
            return self.path(kind)
        if how == "request" and not self.client and not typed:
            return "@request." + self.one_of(REQUESTS[kind].split())
        return self.constant(kind)

    def constant(self, kind: str) -> str:
        if kind == "text":
            return quoted(self.draw(FREE_TEXT) if self.chance(30) else self.one_of(LITERALS))
        if kind == "email":
            return quoted(self.one_of((*EMAILS[2:], "", "ANN@example.org", "user1@example.org", "example", "É")))
        if kind == "bool":
            return self.one_of(("true", "false"))
        if kind == "day":
            return quoted(self.one_of(PLAIN_DAYS))
        if kind == "date":
            return self.date()
        return self.one_of(NUMERALS + COUNTS if kind == "integer" else NUMERALS)

    def date(self) -> str:
        if self.chance(60):
            return quoted(self.one_of(DATES))
        macro = self.one_of(MACROS)
        return self.moved(macro) if self.chance(30) else macro

    # --- functions

    def answer(self) -> str:
        text = self.path("text") if self.client else self.one_of([*PATHS["text"].split(), "contact"])
        return f"{self.one_of(('startsWith', 'contains'))}({text}, {self.other('text')})"

    def role_call(self) -> str:
        return self.answer() if self.client else f"hasRole({quoted(self.one_of(('editor', 'a', 'nobody')))})"

    def answer_call(self) -> str:
        return f"{self.answer()} {self.one_of(EQUALS)} {self.one_of(('true', 'false', 'live'))}"

    def lower_call(self) -> str:
        return f"lower({self.path('text')}) {self.operator('text')} {self.other('text')}"

    def length_call(self) -> str:
        return f"length({self.path('text')}) {self.operator('integer')} {self.one_of(('0', '1', '2', '1.5', 'views', 'score'))}"

    def choice_call(self) -> str:
        kind = self.one_of(("text", "integer", "number", "decimal", "date", "day", "bool"))
        return f"coalesce({self.path(kind)}, {self.other(kind)}) {self.operator(kind)} {self.other(kind)}"

    def distance_call(self) -> str:
        here = self.one_of(("13.4, 52.5", "-0.12, 51.5", "score, 10", "0, 0"))
        return f"geoDistance(lon, lat, {here}) {self.one_of(ORDERS)} {self.one_of(('25', '700.5', '5000', '12000.25'))}"

    def format_call(self) -> str:
        date, moment = self.one_of(("at", "created", "author.joined", "on_day", "until + 1d")), self.one_of(INSTANTS[2:])
        part = self.one_of((moment[:4], moment[:10], moment[:13], moment[11:19], "00", "326", "3"))
        return f"strftime('{self.one_of(FORMATS)}', {date}) {self.operator('text')} {quoted(part)}"


# --- what a case consists of

KINDS = ("text", "email", "integer", "number", "decimal", "bool", "date", "day", "json text", "json number", "json bool", "json date")
EVERYWHERE = ("=", "!=", "in", "not in", "= null", "!= null")
ASKED = {
    **dict.fromkeys(KINDS, EVERYWHERE + ORDERS),
    "text": EVERYWHERE + ORDERS + LIKES, "email": EVERYWHERE + ORDERS + LIKES, "json text": EVERYWHERE[:4] + ORDERS + LIKES,
    "bool": EVERYWHERE, "json number": EVERYWHERE[:4] + ORDERS, "json bool": EVERYWHERE[:4], "json date": EVERYWHERE[:4] + ORDERS,
}  # fmt: skip
FEATURES = (
    "relation", "relation of 2 steps", "relation of 3 steps", "guard", "request", "macro", "moved field", "two fields", ":lower", ":length",
    "lower()", "length()", "startsWith()", "contains()", "coalesce()", "strftime()", "geoDistance()", "hasRole()", "!()", "&&", "||",
)  # fmt: skip


def marks(condition: Condition) -> set[str]:
    """The operators by kind of operand, and the features, that the condition has somewhere."""
    return {mark for part in every_part(condition) for mark in marks_of(part)}


def every_part(condition: Condition) -> Iterator[Condition]:
    yield condition
    inner = condition.items if isinstance(condition, And | Or) else (condition.item,) if isinstance(condition, Not) else ()
    for item in inner:
        yield from every_part(item)


def marks_of(part: Condition) -> Iterator[str]:
    if not isinstance(part, Compare | In):
        yield {Not: "!()", And: "&&", Or: "||"}.get(type(part), "constant")
        return
    yield from (f"{operator_of(part)} {kind_of(path, part.kind)}" for path in sides(part) if isinstance(path, Path))
    yield from (mark for side in sides(part) for operand in parts(side) for mark in features_of(operand))
    if isinstance(part, Compare) and paths_of(part.left) and paths_of(part.right):
        yield "two fields"


def operator_of(atom: Compare | In) -> str:
    if isinstance(atom, In):
        return "not in" if atom.negated else "in"
    return f"{atom.op} null" if isinstance(atom.right, Literal) and atom.right.kind is None else atom.op


def kind_of(path: Path, kind: Kind) -> str:
    """What the path is: a field of its own kind, or something in JSON read as the comparison's."""
    if path.kind is not Kind.JSON:
        return "email" if path.email else path.kind.value
    plain = "number" if kind.is_numeric else "date" if kind.is_temporal else kind.value
    return f"json {plain}"


def features_of(operand: Operand) -> Iterator[str]:
    if isinstance(operand, Path):
        yield from ("relation", *(f"relation of {at} steps" for at in (2, 3) if len(operand.steps) >= at)) if operand.steps else ()
        yield from ("guard",) if any(step.guard for step in operand.steps) else ()
        yield from (f":{operand.modifier}",) if operand.modifier else ()
    elif isinstance(operand, Call):
        yield f"{operand.name}()"
    elif isinstance(operand, Shift) and paths_of(operand):
        yield "moved field"
    elif isinstance(operand, Request):
        yield "request"
    elif isinstance(operand, Literal) and operand.macro:
        yield "macro"


# --- generated cases


@st.composite
def comparisons(draw: Any, kind: str) -> list[Case]:
    """One case for each operator of a kind."""
    return [_case(draw, lambda writer, op=op: writer.among(writer.compared(kind, op)), private=kind == "email") for op in ASKED[kind]]


@st.composite
def calls(draw: Any) -> list[Case]:
    return [_case(draw, lambda writer, function=function: writer.among(writer.called(function))) for function in CALLS]


@st.composite
def compounds(draw: Any) -> list[Case]:
    return [_case(draw, Writer.whole) for _ in range(10)]


def _case(draw: Any, write: Callable[[Writer], str], *, private: bool = False) -> Case:
    client = draw(st.integers(0, 3)) == 0 and not private
    return Case(write(Writer(draw, client)), draw(st.integers(0, len(ACTORS) - 1)), client)


# What makes a round, which has at least one case for every operator and kind of operand.
ROUND = (*(comparisons(kind) for kind in KINDS), calls(), compounds(), compounds(), compounds())
ROUND_SIZE = sum(len(ops) for ops in ASKED.values()) + len(CALLS) + 30
