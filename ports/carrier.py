"""Word of jobs that wait, from those who ask for them to those who run them. The rows are the truth: word may be lost, late or doubled."""

from collections.abc import Collection, Sequence
from typing import Protocol

from domain.jobs.job import Waiting


class Carrier(Protocol):
    @property
    def name(self) -> str:
        """As people are told which one it is."""
        ...

    @property
    def longest_wait(self) -> float:
        """Seconds between two looks at the rows by whoever has nothing to do: so late comes what no word came of."""
        ...

    def offer(self, waiting: Sequence[Waiting]) -> None:
        """Says that these wait; they are committed. Takes no time and raises nothing: word that cannot be given is lost."""
        ...

    def offered(self, queues: Collection[str], at_most: int, patience: float) -> int:
        """To how many jobs of these queues we are called. Waits for the first call, about so many seconds; 0 where none came, and where
        nobody can be heard. Raises nothing. Each call is heard by one."""
        ...

    def close(self) -> None:
        """After what was offered has been said, if that takes no longer than a moment."""
        ...
