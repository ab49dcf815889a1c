"""Requests drawn at random from everything that a client may send about the collections of `unseen_world`: what it may see, what
it may not, and what is not there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlencode

from tests.security.unseen_world import EVERYBODY

RECORDS = "/api/v1/collections/{}/records"
TEXTS = {
    "posts": (
        "title", "status", "id", "owner", "vault", "parent", "secret", "phone", "audit", "meta.by", "titel", "owner.name", "owner.role",
        "owner.pin", "owner.email", "owner.team.name", "owner.team.motto", "owner.team", "vault.body", "vault.owner.name", "vault.id",
        "locker.body", "locker", "parent.title", "parent.phone", "parent.owner.name", "parent.parent.title", "parent.secret", "tags.name",
        "tags.note", "stars.name", "marks", "tags", "stars", "replies_via_post.body", "replies_via_post.owner.name",
        "replies_via_about.body", "closed_via_post.body", "halfopen_via_post.body", "posts_via_parent.title",
        "parent.posts_via_parent.phone",
        "owner.posts_via_owner.title", "owner.vaults_via_owner.body", "vault.posts_via_locker.title", "parent.marks", "phone:lower",
    ),
    "replies": ("body", "post", "owner", "about", "post.title", "post.phone", "post.secret", "about.title", "about.phone",
        "post.vault.body",
                "owner.email", "post.owner.role", "post.replies_via_post.body", "about.replies_via_about.body", "post.stars.name"),
    "users": ("name", "team", "role", "pin", "email", "team.name", "team.motto", "posts_via_owner.title", "posts_via_owner.phone", "id",
              "vaults_via_owner.body", "closed_via_owner.body", "replies_via_owner.body", "team.users_via_team.role"),
    "teams": ("name", "motto", "id", "users_via_team.name", "users_via_team.role", "users_via_team.pin"),
    "vaults": ("body", "owner", "owner.name", "owner.role", "posts_via_vault.title", "posts_via_locker.title", "posts_via_vault.phone"),
    "tags": ("name", "note", "posts_via_tags.title", "posts_via_stars.title", "posts_via_tags.phone", "posts_via_tags.secret"),
    "closed": ("body", "post.title"), "halfopen": ("body", "post.title"),
    "board": ("title", "status", "owner", "secret", "phone", "role", "body", "parent", "owner.role", "owner.team.motto", "vault.body",
              "post.phone", "post.secret", "post.stars.name", "post.board_via_post.title", "post.parent.title", "parent.title", "id"),
    "tallies": ("owner", "owner.name", "owner.role", "owner.pin", "secret", "phone", "owner.board_via_owner.title",
                "owner.board_via_owner.phone", "owner.posts_via_owner.phone", "owner.vaults_via_owner.body", "id"),
}  # fmt: skip
NUMBERS = {
    "posts": ("n", "margin", "score", "vault.rank", "owner.wage", "replies_via_post.stars", "marks:length", "stars:length", "tags:length",
              "replies_via_post:length", "closed_via_post:length", "replies_via_about:length", "parent.score", "parent.margin", "version",
              "posts_via_parent:length", "length(phone)", "parent.n"),
    "replies": ("stars", "post.n", "post.margin", "post.score", "about.n", "post.vault.rank", "about.score"),
    "users": ("wage", "posts_via_owner.n", "posts_via_owner.margin", "vaults_via_owner.rank", "posts_via_owner:length", "version"),
    "teams": ("users_via_team.wage", "users_via_team:length"),
    "vaults": ("rank", "posts_via_vault:length", "posts_via_locker:length", "owner.wage"),
    "tags": ("posts_via_tags:length", "posts_via_stars:length", "posts_via_tags.n", "posts_via_tags.margin"),
    "closed": ("version",), "halfopen": ("version",),
    "board": ("n", "vault.rank", "owner.wage", "post.margin", "post.score", "post.marks:length", "owner.board_via_owner:length", "version"),
    "tallies": ("n", "posts", "owner.wage", "owner.board_via_owner:length", "owner.board_via_owner.n", "owner.tallies_via_owner.n"),
}  # fmt: skip
MOMENTS = {"posts": ("due", "created", "parent.due"), "replies": ("post.due", "created")}
SORTS = ("id", "title", "status", "n", "phone", "margin", "score", "due", "secret", "audit", "owner.name", "owner.role", "owner.wage",
         "owner.email", "owner.team.name", "owner.team.motto", "vault.body", "vault.rank", "vault.owner.name", "parent.title",
         "parent.phone", "parent.n", "locker.rank", "name", "body", "rank", "stars", "motto", "wage", "note", "post.title", "post.phone",
         "about.title", "about.n", "created", "version", "titel", "role", "team.name", "email")  # fmt: skip
EXPANDS = ("owner", "vault", "locker", "parent", "tags", "stars", "owner.team", "parent.owner", "parent.parent", "parent.vault",
           "vault.owner", "team", "post", "about", "post.owner", "post.vault", "about.parent", "replies_via_post", "replies_via_about",
           "closed_via_post", "posts_via_owner", "posts_via_parent", "posts_via_tags", "post.tags", "nothing",
           "board_via_post", "board_via_owner", "board_via_parent", "tallies_via_owner",
           "owner.board_via_owner", "post.parent")  # fmt: skip
MEASURES = ("count", "sum:n", "min:margin", "max:margin", "avg:score", "max:score", "min:phone", "max:phone", "sum:stars", "max:body",
    "min:owner.wage",
            "max:vault.rank", "min:due", "max:secret", "max:parent.phone", "sum:margin", "max:wage", "min:rank", "max:note", "max:audit")
GROUPS = ("status", "owner", "phone", "margin", "score", "due:day", "owner.team", "owner.role", "vault.body", "parent", "parent.title",
    "post",
          "about", "secret", "name", "team.name", "owner.name", "audit", "title")  # fmt: skip
WORDS = ("", "a", "zzz", "555", "666-1", "gold", "lead", "silver", "bob says", "alice says", "live", "draft", "x", "z", "herb", "wine",
    "red",
         "black", "staff", "guest star", "s3cret", "other", "live-bob", "draft-alice", "draft-more", "vault-alice", "low", "none", "%b%",
         "for ever", "@", "alice@example.org", "1234", "audit")  # fmt: skip
# Nobody writes to views, so changes go to what is kept.
KEPT = ("posts", "posts", "posts", "posts", "replies", "replies", "users", "teams", "vaults", "tags", "closed", "halfopen")
COLLECTIONS = (*KEPT, "board", "tallies")
# A relation may name any id, so a write tells whether there is such a record (docs/collections.md): none here names one that is hidden.
BODIES: tuple[dict[str, Any], ...] = (
    {}, {"title": "new"}, {"title": 5}, {"n+": 1}, {"n": 3, "n+": 1}, {"secret": "x"}, {"phone": "1"}, {"margin": "1.00"},
        {"margin+": "1.00"},
    {"audit": "x"}, {"tags+": "wine"}, {"stars": ["herb"]}, {"stars-": "wine"}, {"marks+": "y"}, {"parent": "live-carol"},
        {"parent": "nowhere"},
    {"vault": "nowhere"}, {"titel": "x"}, {"score": 3}, {"meta": {"a": 1}}, {"due": "2026-01-01"}, {"phone": "2", "title": "phoned"},
    {"body": "new"}, {"stars": 4}, {"role": "staff"}, {"wage": 5}, {"email_visible": True}, {"name": "renamed"}, {"version": 3},
        {"rank": 2},
    {"note": "x"}, {"locker": "vault-bob"}, {"margim": 1}, {"secreet": "x"}, {"marks": ["x", "none"]}, {"tags": ["nothing"]},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """`conditional`: asked once more with the tag of the answer. `walk`: so many further pages are fetched."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    conditional: bool = False
    walk: int = 0

    @property
    def url(self) -> str:
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")


def requests(actor: str, count: int, ids: dict[str, str], accepts: Callable[[Sent], bool]) -> Iterator[Sent]:
    """`ids` are those of the accounts. `accepts` asks: of names that are refused to this actor only some are drawn again, or most
    requests would be refused for one of their names."""
    drawn = Draw(Random(actor), ids, accepts, actor)
    kinds = (drawn.listing,) * 11 + (drawn.showing,) * 5 + (drawn.grouping,) * 3 + (drawn.changing,) * 4 + (drawn.making, drawn.removing)
    for _ in range(count):
        yield drawn.random.choice(kinds)()


class Draw:
    def __init__(self, random: Random, ids: dict[str, str], accepts: Callable[[Sent], bool], me: str) -> None:
        self.random, self._ids, self._accepts, self._me = random, ids, accepts, me
        self._said: dict[tuple[str, ...], tuple[str, ...]] = {}

    def _names(self, collection: str, parameter: str, form: str, pool: tuple[str, ...]) -> tuple[str, ...]:
        """All names of the pool, or mostly those that this actor is not refused."""
        key = (collection, parameter, form, *pool[:2])
        if key not in self._said:
            path = RECORDS.format(collection) + ("/aggregate" if parameter in ("group", "measures") else "")
            self._said[key] = tuple(each for each in pool if self._accepts(Sent("GET", path, {parameter: form.format(each)})))
        return self._said[key] if self._said[key] and self.random.random() < 0.93 else pool

    def listing(self) -> Sent:
        collection, chance = self.random.choice(COLLECTIONS), self.random.random
        query: dict[str, str] = {}
        if chance() < 0.75:
            query["filter"] = self.condition(collection)
        if chance() < 0.6:
            query["sort"] = ",".join(self._signed(key) for key in self._some(self._names(collection, "sort", "{}", SORTS), 3))
        if chance() < 0.2:
            query["search"] = self.random.choice(("says", "bob", "555", "666", "s3cret", "other", "audit", "none", "gold", "lead",
            "note", "another", "z"))
        if chance() < 0.4:
            query["expand"] = ",".join(self._some(self._names(collection, "expand", "{}", EXPANDS), 3))
        if chance() < 0.15:
            plain = tuple({each.partition(".")[0]: None for each in (*TEXTS[collection], "n", "margin", "score")})
            query["fields"] = ",".join(self._some(self._names(collection, "fields", "{}", plain), 4))
        if chance() < 0.5:
            query["count"] = "exact"
        if chance() < 0.6:
            query["limit"] = str(self.random.choice((1, 2, 3, 7)))
        if chance() < 0.15:
            query["page"] = str(self.random.choice((1, 2, 3)))
        return Sent("GET", RECORDS.format(collection), query, walk=self.random.choice((0, 2, 4)))

    def showing(self) -> Sent:
        collection = self.random.choice(COLLECTIONS)
        query = {"expand": ",".join(self._some(self._names(collection, "expand", "{}", EXPANDS),
        3))} if self.random.random() < 0.4 else {}
        if self.random.random() < 0.2:
            query["fields"] = ",".join(self._some(("id", "title", "phone", "margin", "secret", "name", "role", "version", "audit"), 2))
        return Sent(self.random.choice(("GET", "GET", "GET", "HEAD")), self._record(collection), query,
        conditional=self.random.random() < 0.5)

    def grouping(self) -> Sent:
        collection = self.random.choice(COLLECTIONS)
        query = {
            "group": ",".join(self._some(self._names(collection, "group", "{}", GROUPS), 2)),
            "measures": ",".join(self._some(self._names(collection, "measures", "{}", MEASURES), 3)),
        }
        if self.random.random() < 0.3:
            query["filter"] = self.condition(collection)
        return Sent("GET", RECORDS.format(collection) + "/aggregate", query)

    def changing(self) -> Sent:
        body = {**self.random.choice(BODIES), **(self.random.choice(BODIES) if self.random.random() < 0.3 else {})}
        return Sent("PATCH", self._record(self.random.choice(KEPT)), body=body, headers=self._condition())

    def making(self) -> Sent:
        owner = self._me if self._me in self._ids and self.random.random() < 0.7 else self.random.choice([*self._ids])
        body = {**self.random.choice(BODIES), "owner": self._ids[owner]}
        return Sent("POST", RECORDS.format(self.random.choice(("posts", "posts", "vaults", "users", "closed"))), body=body)

    def removing(self) -> Sent:
        return Sent("DELETE", self._record(self.random.choice(("posts", "vaults", "replies", "users", "closed"))),
        headers=self._condition())

    def condition(self, collection: str, depth: int = 0) -> str:
        if depth < 2 and self.random.random() < 0.45:
            left, right = (self.condition(collection, depth + 1) for _ in range(2))
            joined = f"{left} {self.random.choice(('&&', '||'))} {right}"
            return f"!({joined})" if self.random.random() < 0.25 else f"({joined})"
        return self._comparison(collection)

    def _comparison(self, collection: str) -> str:
        any_ = self.random.choice(("", "", "?"))
        kind = self.random.random()
        if kind < 0.55 or (collection not in MOMENTS and kind > 0.9):
            left = self.random.choice(TEXTS[collection])
            if self.random.random() < 0.15:
                return f"{left} {any_}= {self.random.choice(TEXTS[collection])}"
            if self.random.random() < 0.1:
                return f"{left} in ({', '.join(repr(each) for each in self._some(WORDS, 3))})"
            return f"{left} {any_}{self.random.choice(('=', '!=', '~', '!~', '<', '>='))} {self._word()!r}"
        if kind < 0.9:
            numbers = self._names(collection, "filter", "{} > 0", NUMBERS[collection])
            right = self.random.choice(("null", "0", "1", "2", "3", "5", "77", "0.5", *numbers))
            return f"{self.random.choice(numbers)} {any_}{self.random.choice(('=', '!=', '<', '>', '>='))} {right}"
        moments = self._names(collection, "filter", "{} > @now", MOMENTS[collection])
        return f"{self.random.choice(moments)} {self.random.choice(('<', '>', '='))} '2026-12-03'"

    def _word(self) -> str:
        return self.random.choice((*WORDS, *self._ids.values()))

    def _record(self, collection: str) -> str:
        """One of those that there are, in one form of the world or both; each third is the asker's own."""
        name, kind = self.random.choice(EVERYBODY[1:]), self.random.choice(("live", "draft"))
        if self._me in self._ids and self.random.random() < 0.35:
            own = {"posts": f"{kind}-{self._me}", "users": self._ids[self._me], "vaults": f"vault-{self._me}"}
            return f"{RECORDS.format(collection)}/{own.get(collection, f'{kind}-{self._me}-low')}"
        known = {
            "posts": (f"{kind}-{name}", f"{kind}-{name}", "draft-alice", "draft-more"), "users": tuple(self._ids.values()),
            "replies": (f"{kind}-{name}-low", f"{kind}-{name}-high", "reply-more"), "vaults": (f"vault-{name}", "vault-more"),
            "teams": ("red", "grey", "pink"), "tags": ("herb", "wine"), "closed": (f"closed-{name}",), "halfopen": ("half",),
            "board": (f"{kind}-{name}", "draft-more"), "tallies": ("no-such-group",),
        }[collection]  # fmt: skip
        return f"{RECORDS.format(collection)}/{self.random.choice((*known, 'no-such-id') if self.random.random() < 0.1 else known)}"

    def _condition(self) -> dict[str, str]:
        if self.random.random() < 0.8:
            return {}
        return {"If-Match": self.random.choice(('"v1-20261122130000000"', '"v2-20261122130000000"', "*", '"v1-20200101000000000"'))}

    def _some(self, pool: tuple[str, ...], most: int) -> list[str]:
        return self.random.sample(pool, min(len(pool), self.random.randint(1, most)))

    def _signed(self, key: str) -> str:
        return f"-{key}" if self.random.random() < 0.5 else key
