"""Proof of work before a sign-up: a sum that costs a person's device a second and a program that makes thousands of accounts its day.

The solver counts upwards until SHA-256 of `{puzzle}:{count}` begins with so many zero bits; whoever checks does it once.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.errors import Forbidden

HEADER = "X-Proof-Of-Work"
LIFETIME = timedelta(minutes=5)
# On average 2^bits tries; 2^30 takes a phone an hour.
MOST_BITS = 30
_SOLUTION = re.compile(r"([A-Za-z0-9_-]{20,200}):([0-9]{1,20})")
_CONTENT = re.compile(r"([0-9]{1,12}) ([0-9]{1,2}) (.+)")


@dataclass(frozen=True, slots=True)
class Puzzle:
    """`collection` is the id of the one that it lets somebody sign up in."""

    collection: str
    bits: int
    expires: datetime

    def content(self) -> str:
        """What is sealed: a solver can neither read nor change it, so no puzzle has to be kept until it is used."""
        return f"{int(self.expires.timestamp())} {self.bits} {self.collection}"


@dataclass(frozen=True, slots=True)
class Solution:
    puzzle: str
    count: str

    @property
    def digest(self) -> str:
        """Names the puzzle, so that it is used once, however often it is solved."""
        return hashlib.sha256(f"puzzle {self.puzzle}".encode()).hexdigest()

    def has(self, bits: int) -> bool:
        found = hashlib.sha256(f"{self.puzzle}:{self.count}".encode()).digest()
        return int.from_bytes(found, "big") >> (256 - bits) == 0


def read_solution(text: str, collection: str) -> Solution:
    if not text:
        raise Forbidden("a sign-up takes a proof of work", code="proof_of_work_required", hint=_hint(collection))
    found = _SOLUTION.fullmatch(text)
    if found is None:
        raise refused("it is not written as `puzzle:count`", collection)
    return Solution(*found.groups())


def puzzle_from(content: str) -> Puzzle:
    found = _CONTENT.fullmatch(content)
    if found is None:
        raise ValueError("this is no puzzle")
    expires, bits, collection = found.groups()
    return Puzzle(collection, int(bits), datetime.fromtimestamp(int(expires), UTC))


def check(solution: Solution, puzzle: Puzzle, collection: str, name: str, now: datetime) -> None:
    if puzzle.collection != collection:
        raise refused("its puzzle is for another collection", name)
    if now >= puzzle.expires:
        raise refused("its puzzle has expired", name)
    if not solution.has(puzzle.bits):
        raise refused("it does not solve its puzzle", name)


def refused(why: str, collection: str) -> Forbidden:
    return Forbidden(f"this proof of work is not taken: {why}", code="proof_of_work_refused", hint=_hint(collection))


def _hint(collection: str) -> str:
    return f"GET /api/v1/auth/{collection}/puzzle gives a puzzle; send its solution as `{HEADER}`"
