"""docs/schedules.md: its example comes round as it says, its call is taken, and its table names every part of a schedule."""

import json
import re

from app.testing import backend
from domain.actor import SYSTEM
from domain.jobs.schedules import MISSED, MOST_MISSED
from tests.docs.blocks import blocks
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8")


def test_the_example_comes_round_and_the_call_is_taken() -> None:
    (example,) = blocks("schedules.md", "python")
    module: dict[str, object] = {}
    exec(compile(example, "schedules.md", "exec"), module)
    with backend(extensions=[module["blog"]]) as room:
        room.schedules.settle()
        told = {each.name: (each.timing.cron, each.timing.zone, each.timing.every) for each in room.schedules.list(actor=SYSTEM)}
        assert told["digest"] == ("30 6 * * 1-5", "Europe/Berlin", None)
        assert told["sweep"][2].total_seconds() == 900
        name, body = re.search(r"schedules/(\w+).*?-d '(\{.*?\})'", PAGE, re.S).groups()
        assert len(room.schedules.coming(room.schedules.put(name, json.loads(body), actor=SYSTEM))) == 5


def test_every_part_and_policy_is_told() -> None:
    told = " ".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))
    assert re.findall(r"`(\w+)`", told) == ["job", "arguments", "every", "cron", "zone", "missed", "paused"]
    assert all(f"`{each}`" in PAGE for each in MISSED)
    assert MOST_MISSED == 100
