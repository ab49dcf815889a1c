"""One request, one effect: what a key under which a request was sent stands for, how long its answer is kept, and which request
may have it again. How a key is written in a header is the business of doors."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from domain.actor import Actor
from domain.errors import Mismatched, invalid

KEPT_FOR = timedelta(hours=24)
HEADER = "Idempotency-Key"
# A guest is known by the key alone, so nobody may come upon the same one by chance: a UUID has 36 characters.
SHORTEST_OF_GUESTS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with. `replayed`: by an effect that was there before."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    replayed: bool = False


# In the place of an answer that told of somebody whose data was erased.
ERASED = Answer(0, (), b"")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under a key: `scope` is what the key names, `fingerprint` what was asked under it. Both are digests, so that neither keys
    nor bodies lie in the database."""

    scope: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The first answer, with the fingerprint of the request that it was given to."""

    fingerprint: str
    answer: Answer

    def answer_to(self, asked: Asked) -> Answer:
        if asked.fingerprint != self.fingerprint:
            detail = "this Idempotency-Key was sent before, with another request"
            raise Mismatched(detail, hint="a new request takes a new key; only a repetition sends the same")
        if self.answer == ERASED:
            detail = "this request was done before, and its answer was erased with the person whom it was about"
            raise Mismatched(detail, code="answer_erased", hint="it is not done again; ask for what is there now")
        return Answer(self.answer.status, self.answer.headers, self.answer.body, replayed=True)


def check_key(key: str, actor: Actor) -> None:
    """A guest has no identity, and its address changes with the network it is on, which is when requests are sent again: so its key has
    to be unguessable."""
    if actor.is_guest and len(key) < SHORTEST_OF_GUESTS:
        detail = f"without a token, an {HEADER} has at least {SHORTEST_OF_GUESTS} characters"
        raise invalid(HEADER, "invalid_header", detail, hint="send a UUID, or sign in")


def asked(key: str, actor: Actor, method: str, path: str, fingerprint: bytes) -> Asked:
    """A key names one request of one actor at one place: another's key is another key."""
    said = fingerprint.hex()
    # A guest's key stands for this very request: whoever knows the one without the other is told nothing by it. What an account asked for
    # itself is not told to a program that bears a key of its.
    own = said if actor.is_guest else actor.key or actor.id
    return Asked(digest([part.encode() for part in (actor.kind, actor.collection, own, method, path, key)]).hex(), said)


def digest(parts: Iterable[bytes]) -> bytes:
    """Of these parts and of where each of them ends."""
    made = sha256()
    for part in parts:
        made.update(len(part).to_bytes(8, "big"))
        made.update(part)
    return made.digest()


def expiry(now: datetime) -> datetime:
    return now + KEPT_FOR
