"""Keys of other programs: what they look like, what is kept of them, and what they may do.

A key may do what its scopes say, and nothing else: `{"posts": ["list", "view"]}`. There the rules of the collection do not bind it, but its
own do: `{"posts": "status = 'live'"}`. It is no account: to rules it is a guest, and it never sees what is hidden nor writes what is for
admins. Whether the text of a rule can be understood is for the rulebook.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.actor import API_KEYS, Actor
from domain.errors import Unauthenticated, did_you_mean, invalid
from domain.schema.collection import MAX_RULE, Collection, Schema
from domain.schema.fields.times import read_instant, write_instant

# People and scanners recognise one that leaked by the prefix, and a mistyped one by its checksum, before anything is looked up.
PREFIX = "srk_"
SECRET_BYTES = 32
_LONGEST_NAME, _MOST = 100, 50
_READING, _WRITING = ("list", "view"), ("create", "update", "delete")
_SECRET = re.compile(r"([0-9a-f]{64})([0-9a-f]{8})")
_PARTS = ("name", "scopes", "rules", "expires")

Scopes = frozenset[tuple[str, str]]
RuleTexts = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`scopes` are (id of a collection, action): one that is renamed stays the same, and one that takes its name is another. `rules` are
    (id of one of them, text)."""

    id: str
    name: str
    scopes: Scopes
    created: str
    by: str
    expires: str | None = None
    used: str | None = None
    rules: RuleTexts = frozenset()

    @property
    def actor(self) -> Actor:
        return Actor("key", self.id, API_KEYS, 1, scopes=self.scopes, rules=self.rules)

    def as_object(self, names: Mapping[str, str]) -> dict[str, Any]:
        """`names` are those of collections by their ids; what is gone is not told."""
        told: dict[str, list[str]] = {}
        for collection, action in sorted(self.scopes):
            if collection in names:
                told.setdefault(names[collection], []).append(action)
        rules = {names[collection]: text for collection, text in sorted(self.rules) if collection in names}
        return {"id": self.id, "name": self.name, "scopes": told, "rules": rules, "created": self.created, "by": self.by,
                "expires": self.expires, "used": self.used}  # fmt: skip


def minted(secret: bytes, prefix: str = PREFIX) -> str:
    text = secret.hex()
    return f"{prefix}{text}{zlib.crc32(text.encode()):08x}"


def digest(text: str, prefix: str = PREFIX) -> str:
    """What is kept, and looked up by. A fast hash is enough: there is nothing to guess in 256 random bits, and argon2 would be paid with
    every request. Refuses what cannot be a key."""
    found = _SECRET.fullmatch(text.removeprefix(prefix)) if text.startswith(prefix) else None
    if found is None or f"{zlib.crc32(found[1].encode()):08x}" != found[2]:
        raise key_refused()
    return hashlib.sha256(text.encode()).hexdigest()


def key_refused() -> Unauthenticated:
    """The same for one that never was, one that was revoked and one that has expired."""
    return Unauthenticated("this key is not good", code="invalid_token", hint="ask whoever gave it to you for another")


def read_key(body: Mapping[str, Any], schema: Schema, *, id: str, by: str, at: datetime) -> ApiKey:
    """A new key as it was asked for; everything wrong in it is refused with a pointer."""
    for each in body:
        if each not in _PARTS:
            raise invalid(f"/{each[:80]}", "unknown_field", f"there is no `{each[:80]}` here", hint=did_you_mean(each, list(_PARTS)))
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise invalid("/name", "invalid", f"`name` says what the key is for, in a line of at most {_LONGEST_NAME} characters")
    scopes, rules = _scopes(body.get("scopes"), schema), _rules(body.get("rules", {}), body, schema)
    return ApiKey(id, name, scopes, write_instant(at), by, _expiry(body.get("expires"), at), rules=rules)


def _scopes(asked: Any, schema: Schema) -> Scopes:
    if not isinstance(asked, dict) or not 1 <= len(asked) <= _MOST:
        hint = 'write {"posts": ["list", "view"]}'
        raise invalid("/scopes", "wrong_type", f"`scopes` are the actions by collection, of 1 to {_MOST} collections", hint=hint)
    return frozenset(scope for name, actions in asked.items() for scope in _of_collection(name, actions, schema))


def _of_collection(name: str, actions: Any, schema: Schema) -> Scopes:
    pointer, found = f"/scopes/{name[:80]}", schema.collections.get(name)
    if found is None or found.system:
        hint = did_you_mean(name, list(schema.collections))
        raise invalid(pointer, "unknown_collection", f"there is no collection `{name[:80]}`", hint=hint)
    known = _READING if found.is_view else _READING + _WRITING
    if not isinstance(actions, list) or not actions or any(each not in known for each in actions):
        raise invalid(pointer, "invalid", f"a list of actions, of {', '.join(known)}")
    return frozenset((found.id, each) for each in actions)


def _rules(asked: Any, body: Mapping[str, Any], schema: Schema) -> RuleTexts:
    if not isinstance(asked, dict):
        raise invalid("/rules", "wrong_type", "`rules` are texts by collection", hint="""write {"posts": "status = 'live'"}""")
    return frozenset((_ruled(name, body["scopes"], schema).id, _rule_text(name, text)) for name, text in asked.items())


def _ruled(name: str, scopes: Mapping[str, Any], schema: Schema) -> Collection:
    if name not in scopes:
        hint = did_you_mean(name, list(scopes))
        raise invalid(f"/rules/{name[:80]}", "unknown_collection", f"`{name[:80]}` is in none of the scopes", hint=hint)
    return schema.collections[name]


def _rule_text(name: str, text: Any) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_RULE:
        detail = f"a rule is a text of at most {MAX_RULE} characters"
        raise invalid(f"/rules/{name}", "wrong_type", detail, hint="leave it out where the key may do so with every record")
    return text


def check_reads(paths: Iterable[tuple[str, ...]], name: str) -> None:
    """`paths` are what a rule reads of the request. What could not be there for a key is refused: the rule would say what nobody meant."""
    for path in paths:
        if path[0] in ("auth", "query"):
            detail = f"a key's rule reads no `@request.{path[0]}`: a key is nobody's account, and sends no parameters of its own"
            hint = "ask for fields of the record, or `@request.body`"
            raise invalid(f"/rules/{name}", "invalid", detail, hint=hint)


def _expiry(asked: Any, at: datetime) -> str | None:
    if asked is None:
        return None
    instant = read_instant(asked) if isinstance(asked, str) else None
    if instant is None or instant <= at:
        raise invalid("/expires", "invalid", "an instant that is still to come, as 2027-01-01T00:00:00Z, or null")
    return write_instant(instant)
