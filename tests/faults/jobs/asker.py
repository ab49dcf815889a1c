"""A process that makes records, each with a job in one transaction, and hands over what follows from them; to be killed at any moment.

    python -m tests.faults.jobs.asker GENERATION THINGS

It makes so many things of its generation that are not there yet, and ends once it has handed over every event.
"""

import os
import sys
import time
from datetime import timedelta

from app import wiring
from app.settings import Settings
from app.usecases.backend import Backend
from domain.actor import SYSTEM
from domain.errors import Problem
from domain.events import Told
from domain.rules.values import RequestFacts
from tests.faults.jobs.work import note, notes

FACTS = RequestFacts("POST")
_KINDS = ("good",) * 7 + ("shaky", "bad", "good")
_PAUSE = 0.002


def main(generation: str, things: int) -> None:
    composed = wiring.build(Settings.from_environment(), log_level="error")
    backend = composed.backend
    # Shorter than that of a server, for what is killed here is killed often.
    backend.events.lease = timedelta(seconds=2)
    backend.events.subscribe("follower", ["records.created", "records.updated"], lambda event: _follow(backend, event))
    composed.relay.start()
    for number in range(_noted(generation), things):
        _made(backend, f"{generation}x{number}", _KINDS[number % len(_KINDS)])
    while backend.events.drain() or backend.deliveries.backlogs(actor=SYSTEM)[0].unheard:
        time.sleep(0.05)
    composed.close()


def _noted(generation: str) -> int:
    """Made and noted by those before; one more may be there that nobody noted."""
    return sum(line.startswith(f"{generation}x") for line in notes("asked"))


def _made(backend: Backend, thing: str, kind: str) -> None:
    def both() -> str:
        backend.records.create("things", {"id": thing, "kind": kind}, actor=SYSTEM, facts=FACTS)
        return backend.jobs.enqueue(kind, thing=thing, pause=_PAUSE)

    try:
        note("asked", thing, backend.job_runs._work.run(lambda stores: both()))
    except Problem as problem:
        if problem.code not in ("not_unique", "conflict"):
            raise
        note("asked", thing)  # it is there from before a kill
    backend.records.update("things", thing, {"n": 2}, actor=SYSTEM, facts=FACTS)


def _follow(backend: Backend, event: Told) -> None:
    note("heard", event.event.record, event.event.version)
    if event.kind == "records.created":
        backend.jobs.enqueue("follow", thing=event.event.record, key=str(event.id))


if __name__ == "__main__":
    os.umask(0o077)
    main(sys.argv[1], int(sys.argv[2]))
