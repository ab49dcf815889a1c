"""docs/events.md: its example runs, and its kinds are those that there are."""

import re

from app.settings import Settings
from app.usecases.events import LEASE
from domain.deliveries import DEAD_FOR, MOST_TRIES
from domain.records import events
from tests.docs.blocks import blocks
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")


def test_the_example_runs() -> None:
    (example,) = blocks("events.md", "python")
    exec(compile(example, "events.md", "exec"), {})


def test_every_kind_is_told() -> None:
    kinds = {events.CREATED, events.UPDATED, events.DELETED, events.IMPORTED}
    assert set(re.findall(r"^\| `(records\.[a-z]+)` \|", PAGE, re.M)) == kinds


def test_how_long_they_are_kept_is_told() -> None:
    assert Settings.from_environment({}).events_kept == 24
    assert (LEASE.total_seconds(), MOST_TRIES, DEAD_FOR.days) == (15, 15, 30)
    for told in ("that are a day old (`STILLROOM_EVENTS_KEPT`", "within 15 seconds", "After fifteen tries", "kept for thirty days"):
        assert told in PAGE, told
