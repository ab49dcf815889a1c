"""Carries nothing: who runs jobs looks for them in the database, which needs nobody else."""

from collections.abc import Collection, Sequence
from time import sleep

from domain.jobs.job import Waiting


class EmbeddedCarrier:
    """Keeps ports.carrier.Carrier."""

    name = "by the database"
    longest_wait = 0.25

    def offer(self, waiting: Sequence[Waiting]) -> None:
        pass

    def offered(self, queues: Collection[str], at_most: int, patience: float) -> int:
        sleep(patience)
        return 0

    def close(self) -> None:
        pass
