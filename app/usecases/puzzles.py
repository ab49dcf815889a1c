"""Proof of work on sign-up: giving out puzzles, looking at solutions before anything is hashed, and using up each puzzle once.

Puzzles are sealed and not kept: only those that somebody signed up with leave a row, in the transaction of the sign-up, until they expire.
"""

import base64
import secrets
from dataclasses import dataclass

from app.usecases.sessions import accounts_of
from domain.accounts.puzzles import (
    HEADER,
    LIFETIME,
    Puzzle,
    Solution,
    check,
    puzzle_from,
    read_solution,
    refused,
)
from domain.actor import Actor
from domain.idempotency import Answer, Asked
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.seals import Sealing
from ports.unit_of_work import Stores, UnitOfWork

# So that a puzzle is nothing else that we sealed.
_ABOUT = "puzzle"
_FACT = HEADER.lower().replace("-", "_")


@dataclass(frozen=True, slots=True)
class Used:
    digest: str
    expires: str
    name: str


class PuzzleUseCases:
    """`bits` is how hard they are; with 0 none is asked for."""

    def __init__(self, work: UnitOfWork, seal: Sealing, clock: Clock, bits: int) -> None:
        self._work, self._seal, self._clock, self._bits = work, seal, clock, bits

    def give(self, name: str) -> tuple[str, int]:
        """A new puzzle and how many zero bits its solution has."""
        collection = self._work.read(lambda stores: accounts_of(stores, name))
        puzzle = Puzzle(collection.id, self._bits, self._clock.now() + LIFETIME)
        sealed = self._seal.close(puzzle.content().encode(), about=_ABOUT)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("="), self._bits

    def solved(self, collection: Collection, actor: Actor, facts: RequestFacts) -> Used | None:
        """The puzzle that this sign-up comes with, solved; None where none is asked for. Forbidden where it is missing or no good."""
        if not self._bits or actor.passes_rules:
            return None
        solution = read_solution(facts.headers.get(_FACT, ""), collection.name)
        puzzle = self._opened(solution, collection.name)
        check(solution, puzzle, collection.id, collection.name, self._clock.now())
        return Used(solution.digest, write_instant(puzzle.expires), collection.name)

    def _opened(self, solution: Solution, name: str) -> Puzzle:
        try:
            padded = solution.puzzle + "=" * (-len(solution.puzzle) % 4)
            return puzzle_from(self._seal.open(base64.urlsafe_b64decode(padded), about=_ABOUT).decode())
        except Exception as error:  # whatever is wrong with it, we did not give it out
            raise refused("its puzzle is not of this backend", name) from error


def use_up(stores: Stores, used: Used | None, now: str) -> None:
    """In the transaction of the sign-up: of many that come with one puzzle one succeeds, since the row decides; and it is gone with the
    transaction, so that a sign-up that failed may try again with the same solution."""
    if used is None:
        return
    # The table of answers that are kept for a while is one of digests that are taken once, and it is swept.
    asked = Asked(used.digest, secrets.token_hex(16))
    if not stores.answers.put(asked, Answer(204, (), b""), now=now, expires=used.expires):
        raise refused("its puzzle was used before", used.name)
