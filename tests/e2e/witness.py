"""A process that writes records and has a subscriber, which notes what it hears in a file: to be killed at any moment.

    python -m tests.e2e.witness HEARD WRITTEN SECONDS
"""

import os
import sys
import time
from datetime import timedelta
from itertools import count
from pathlib import Path

from app import wiring
from app.settings import Settings
from domain.actor import SYSTEM
from domain.errors import Problem
from domain.rules.values import RequestFacts

FACTS = RequestFacts("POST")
LEASE = timedelta(seconds=1)


def main(heard: Path, written: Path, seconds: float) -> None:
    settings = Settings.from_environment()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    wiring.migrate(settings)
    composed = wiring.build(settings, log_level="error")
    try:
        composed.backend.collections.create({"name": "things", "fields": [{"name": "n", "type": "integer"}]}, actor=SYSTEM)
    except Problem:
        pass  # there from the run before
    with heard.open("a") as note, written.open("a") as own:
        hear = lambda event: _note(note, f"{event.position} {event.event.record}")
        composed.backend.events.lease = LEASE
        composed.backend.events.subscribe("witness", ["records.created"], hear)
        composed.relay.start()
        until = time.monotonic() + seconds
        for number in count():
            if time.monotonic() > until:
                break
            _note(own, composed.backend.records.create("things", {"n": number}, actor=SYSTEM, facts=FACTS).id)
        composed.relay.stop()
        _drain(composed.backend)
        composed.close()


def _drain(backend) -> None:
    """Whatever the relay had not come to; one that was killed may hold its lease yet."""
    until = time.monotonic() + 10 * LEASE.total_seconds()
    while backend.events.drain() or (backend.deliveries.backlogs(actor=SYSTEM)[0].unheard and time.monotonic() < until):
        time.sleep(0.05)


def _note(file, line: str) -> None:
    file.write(line + "\n")
    file.flush()


if __name__ == "__main__":
    os.umask(0o077)
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
