"""A world of records in two forms that differ only in what one actor may not see: hidden rows, hidden fields, masked values, private
addresses, invisible targets of relations, closed collections. Ids and times are fixed, so that answers can be compared byte for byte.

`World(hidden_from="bob")` is the second form for bob: whatever he may not see is another thing there. What rules let an actor
see is told once more here, by `seen_by`, and on purpose not by the code under test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.testing import TestBackend
from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, Actor
from domain.rules.values import RequestFacts

FACTS = RequestFacts("POST")
PASSWORD = "a stillroom of herbs"
EVERYBODY = ("guest", "bob", "carol", "sue", "alice", "dave")
# Those who ask. sue is staff by a rule, as an integration would be; alice and dave only own things.
ACTORS = ("guest", "bob", "carol", "sue")
MINE, STAFF = "owner = @request.auth.id", "@request.auth.role = 'staff'"
# Everybody has a vault of their own: rules that read it through the request say the same as those without.
KEPT, HELD = "@request.auth.vaults_via_owner.rank ?!= null", "@request.body.owner.vaults_via_owner.owner ?= @request.auth.id"
OPEN = {"list": "", "view": ""}


def text(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "type": "text", **options}


def to(collection: str, name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "type": "relation", "collection": collection, "on_delete": "clear", **options}


DEFINITIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "teams",
        "fields": [text("name"), {"name": "open", "type": "bool"}, text("motto", rules={"view": "open = true"})],
        "rules": {"list": "open = true", "view": "open = true"},
    },
    {
        "name": "users", "type": "accounts",
        "fields": [
            text("name"), to("teams", "team"), text("role", rules={"view": "id = @request.auth.id", "write": None}),
            text("pin", hidden=True), {"name": "wage", "type": "integer", "rules": {"view": f"id = @request.auth.id || {STAFF}"}},
        ],
        "rules": {**OPEN, "update": "id = @request.auth.id"},
    },
    {
        "name": "vaults",
        "fields": [to("users", "owner"), text("body", searchable=True), {"name": "rank", "type": "integer"}],
        "rules": {"list": MINE, "view": MINE, "update": MINE, "delete": MINE},
    },
    {"name": "tags", "fields": [text("name"), text("note", searchable=True, rules={"view": STAFF})], "rules": OPEN},
    {
        "name": "posts",
        "fields": [
            to("users", "owner"), text("title", searchable=True), {"name": "status", "type": "select", "values": ["draft", "live"]},
            {"name": "n", "type": "integer"}, text("secret", hidden=True, searchable=True), to("vaults", "vault"), to("vaults",
            "locker", hidden=True),
            text("phone", searchable=True, rules={"view": MINE, "write": MINE}),
            {"name": "margin", "type": "decimal", "scale": 2, "rules": {"view": STAFF, "write": STAFF}},
            {"name": "score", "type": "number", "rules": {"view": f"owner.team.name = 'red' || {MINE}"}},
            {"name": "marks", "type": "select", "values": ["x", "y", "z"], "many": True, "rules": {"view": MINE}},
            to("tags", "tags", many=True), to("tags", "stars", many=True, rules={"view": MINE}),
            to("posts", "parent", rules={"view": MINE}), {"name": "meta", "type": "json", "rules": {"view": MINE}},
            {"name": "due", "type": "date", "rules": {"view": MINE}}, text("audit", searchable=True, rules={"view": None, "write": None}),
        ],
        "rules": {"list": f"status = 'live' || {MINE}", "view": f"status = 'live' || {MINE}",
                  "create": f"{MINE} && {HELD}", "update": f"{MINE} && {KEPT}", "delete": MINE},
    },
    {
        "name": "replies",
        "fields": [to("posts", "post"), to("users", "owner"), text("body"), {"name": "stars", "type": "integer"},
                   to("posts", "about", rules={"view": MINE})],
        "rules": {"list": f"{MINE} || stars > 3", "view": f"{MINE} || stars > 3"},
    },
    {"name": "closed", "fields": [to("posts", "post"), to("users", "owner"), text("body")]},
    {"name": "halfopen", "fields": [to("posts", "post"), text("body")], "rules": {"view": ""}},
    # Views show what their own rules let; what posts hide of a single record stays hidden in them by itself.
    {
        "name": "board", "type": "view",
        "query": {"source": "posts", "columns": [
            {"name": each.rpartition(".")[2], "path": each}
            for each in ("owner", "title", "status", "n", "secret", "phone", "vault", "locker.body", "parent", "owner.role")
        ] + [{"name": "post", "path": "id"}]},
        "rules": {"list": f"status = 'live' || {MINE}", "view": f"status = 'live' || {MINE}"},
    },
    {
        "name": "tallies", "type": "view",
        "query": {"source": "posts", "filter": "status = 'live'", "group_by": ["owner"], "columns": [
            {"name": "owner", "path": "owner"}, {"name": "posts", "measure": "count"}, {"name": "n", "measure": "sum:n"},
            {"name": "phone", "measure": "max:phone"}, {"name": "secret", "measure": "min:secret"},
        ]},
        "rules": OPEN,
    },
)  # fmt: skip


class Numbers:
    """Ids that can be counted from the same place again, whatever was made before."""

    def __init__(self) -> None:
        self.last = 0

    def new(self) -> str:
        self.last += 1
        return f"00000000-0000-7000-8000-{self.last:012d}"

    def some(self, number: int) -> list[str]:
        return [self.new() for _ in range(number)]


@dataclass
class World:
    """`lifted` changes the definitions of the second form: what it opens makes the two differ to the actor."""

    database: str
    hidden_from: str = ""
    lifted: Callable[[dict[str, Any]], dict[str, Any]] = lambda definition: definition
    room: TestBackend = field(init=False)
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = Numbers()
        self.room = make_backend(database=self.database, ids=numbers)
        for definition in DEFINITIONS:
            self.room.collections.create(self.lifted(definition), actor=SYSTEM)
        self._people()
        self._things()
        self._extras()
        numbers.last = 1_000_000

    def close(self) -> None:
        self.room.close()

    def actor(self, name: str) -> Actor:
        return GUEST if name == "guest" else Actor("account", self.ids[name], "users", 1)

    def pick(self, value: Any, other: Any, *seen_by: str) -> Any:
        """`other` in the form for an actor who may not see it."""
        return other if self.hidden_from and self.hidden_from not in seen_by else value

    def shows(self, *seen_by: str) -> bool:
        return not self.hidden_from or self.hidden_from in seen_by

    def make(self, collection: str, **values: Any) -> str:
        return self.room.records.create(collection, values, actor=SYSTEM, facts=FACTS).id

    def _people(self) -> None:
        for id, team, is_open in (("red", "red", True), ("blue", "blue", True), ("grey", "grey", False)):
            motto = f"{team} for ever" if is_open else self.pick("grey for ever", "nobody knows")
            self.make("teams", id=id, name=team if is_open else self.pick("grey", "black"), open=is_open, motto=motto)
        for at, name in enumerate(EVERYBODY[1:]):
            role = "staff" if name == "sue" else self.pick("member", "guest star", name)
            shown = name == "dave"
            email = f"{name}@example.org" if shown else self.pick(f"{name}@example.org", f"{name}@elsewhere.example", name)
            self.ids[name] = self.make(
                "users", name=name, email=email, password=PASSWORD, role=role, email_visible=shown, team=("red", "blue", "grey")[at % 3],
                pin=self.pick("1234", f"99{at}"), wage=self.pick(100 * at, 7 - at, name, "sue"),
            )  # fmt: skip

    def _things(self) -> None:
        for at, tag in enumerate(("herb", "salt", "wine")):
            self.make("tags", id=tag, name=tag, note=self.pick(f"note {at}", f"{at} another", "sue"))
        for at, (name, id) in enumerate(self.ids.items()):
            rank, body = self.pick((at, f"gold of {name}"), (9 - at, "lead"), name)
            self.make("vaults", id=f"vault-{name}", owner=id, body=body, rank=rank)
        # Nobody who asks can delete what others' masked relations point at: clearing those would show in the versions,
        # as any change does.
        owners = ("alice", "dave", "bob", "carol", "sue")
        for at, name in enumerate(owners):
            self._post(f"live-{name}", name, at, live=True)
            if name != "alice" or self.shows(name):
                self._post(f"draft-{name}", name, at, live=False)
        for name in owners:
            self._replies(f"live-{name}", name, live=True)
            self._replies(f"draft-{name}", name, live=False)
        for at, name in enumerate(self.pick(EVERYBODY[1:], EVERYBODY[1:3])):
            self.make("closed", id=f"closed-{name}", post=f"live-{name}", body=self.pick(f"b{at}", f"c{at}"))
        self.make("halfopen", id="half", post="live-bob", body="for those who know the id")

    def _extras(self) -> None:
        """Records that are in the second form only."""
        if self.shows():
            return
        self.make("teams", id="pink", name="pink", open=False, motto="none")
        self.make("posts", id="draft-more", owner=self.ids["alice"], title="alice says", status="draft", n=1, tags=["herb"])
        self.make("replies", id="reply-more", post="live-bob", owner=self.ids["dave"], body="bob, guess", stars=1)
        self.make("vaults", id="vault-more", owner=self.ids["dave"], body="silver", rank=3)

    def _replies(self, post: str, name: str, *, live: bool) -> None:
        """One that everybody sees, and one that its owner sees alone."""
        id, here = self.ids[name], post if live else None
        about = self.pick("live-alice", None, name) if live else None
        self.make("replies", id=f"{post}-high", post=here, owner=id, body=f"to {name}", stars=5, about=about)
        here, body, stars = self.pick((here, f"low {name}", 1), ("live-bob", "zzz", 2), name)
        self.make("replies", id=f"{post}-low", post=here, owner=id, body=body, stars=stars)

    def _post(self, post: str, name: str, at: int, *, live: bool) -> None:
        """A live post is everybody's to see, but for what its owner keeps; a draft is its owner's, whole."""

        def mine(value: Any, other: Any) -> Any:
            return self.pick(value, other, name)

        both = EVERYBODY if live else (name,)
        owner_is_red = name in ("bob", "alice")
        self.make(
            "posts", id=post, owner=self.ids[name], status="live" if live else "draft", title=self.pick(f"{name} says", "zzz", *both),
            n=self.pick(at * 3, 77, *both), secret=self.pick(f"s3cret {at}", "other"), vault=self.pick(f"vault-{name}", None, *both),
            locker=self.pick("vault-alice", None), phone=mine(f"555-{at}", f"666-{9 - at}"),
            margin=self.pick(f"{at}.50", f"{9 - at}.25", *(("sue",) if live else ()), *(("sue",) if name == "sue" else ())),
            score=self.pick(at / 2, 9.5 - at, *(both if owner_is_red else ()), name), marks=mine(["x"], ["z", "y"]),
            tags=self.pick(["herb", "salt"][: at % 3], ["wine"], *both), stars=mine(["wine"], ["salt", "herb"]),
            parent=mine("live-alice", None) if name != "alice" else None, meta=mine({"by": name}, {"by": "somebody", "at": at}),
            due=mine(f"2026-12-0{at + 1}", "2020-01-01"), audit=self.pick(f"audit {at}", "none"),
        )  # fmt: skip
