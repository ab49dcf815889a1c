"""docs/metrics.md: every metric that there is, with its labels, and no other; and the figures that it tells."""

import re
from datetime import UTC, datetime

from adapters.outbound.prometheus_metrics import PrometheusObserver
from app.testing import Noticed
from app.usecases import metrics
from domain.deliveries import Backlog
from domain.jobs import tallies
from domain.jobs.schedules import Rounds
from domain.metrics import of_database, of_queues, of_runs, of_schedules, of_subscribers, of_webhooks
from domain.webhooks.deliveries import Backlog as Webhooks
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
TOLD = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in re.findall(r"^\| `(stillroom_\w+)` \|([^|]*)\|", PAGE, re.M)}


def test_every_metric_is_told_with_its_labels() -> None:
    backlog = Backlog("blog.follow", 0, None, 0, 0, 0)
    known = [*of_queues(()), *of_runs(()), *of_subscribers([backlog], datetime.now(UTC)), of_database(answers=True),
             *of_webhooks(Webhooks(0, 0, 0, 0, 0, 0)), *of_schedules(Rounds(0, 0, 0))]  # fmt: skip
    told = {each.name + ("_total" if each.kind == "counter" else ""): each.labels for each in known}
    counted = {"stillroom_request_seconds": ("operation", "status"), "stillroom_noticed_total": ("kind",)}
    own = {each.name for each in PrometheusObserver(Noticed()).collect()}
    assert own == {name.removesuffix("_total") for name in counted}
    assert told | counted == TOLD


def test_every_outcome_of_a_run_is_told() -> None:
    for outcome in (tallies.DONE, tallies.FAILED, tallies.DEAD, tallies.LOST):
        assert f"`{outcome}`" in PAGE


def test_its_figures_are_so() -> None:
    assert metrics._KEPT == 5.0
    assert "at most once in five seconds in each worker" in PAGE
