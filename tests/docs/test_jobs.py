"""docs/jobs.md: its example runs, and what it says of defaults and limits is so."""

import sys
from inspect import signature
from types import ModuleType

from app.extend import Extension
from app.settings import Settings
from app.usecases.job_runs import LEASE
from app.working import GRACE
from domain.jobs.job import DEAD_KEPT
from domain.jobs.retrying import LONGEST_WAIT, MOST_LOST
from domain.jobs.tasks import MOST_BYTES, ONCE, PRIORITIES
from tests.docs.blocks import blocks
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")


def test_the_example_runs(monkeypatch) -> None:
    extension, tried = blocks("jobs.md", "python")
    package, module = ModuleType("extensions"), ModuleType("extensions.blog")
    monkeypatch.setitem(sys.modules, "extensions", package)
    monkeypatch.setitem(sys.modules, "extensions.blog", module)
    exec(compile(extension, "jobs.md", "exec"), module.__dict__)
    exec(compile(tried, "jobs.md", "exec"), {})


def test_every_option_is_told_with_its_default() -> None:
    parameters = signature(Extension.job).parameters.items()
    options = {name: each.default for name, each in parameters if name not in ("self", "name", "every", "cron", "zone")}
    told = [line.split("|")[1].strip(" `") for line in PAGE.splitlines() if line.startswith("| `")]
    assert sorted(told) == sorted(options)
    assert (options["tries"], options["wait"].seconds, options["timeout"].seconds, options["kept"].days) == (10, 1, 600, 1)
    assert (options["queue"], options["priority"], options["once"]) == ("default", 0, "unfinished")


def test_its_figures_are_so() -> None:
    assert (LEASE.seconds, GRACE, MOST_LOST, DEAD_KEPT.days, LONGEST_WAIT.seconds, MOST_BYTES) == (30, 10, 10, 30, 3600, 65_536)
    assert (ONCE, PRIORITIES) == (("waiting", "unfinished", "kept"), (-10, 10))
    assert Settings.from_environment({}).job_workers == 1
    for told in ("30 seconds", "within 10 seconds", "after ten of those", "thirty days", "up to an hour", "65,536 bytes", "from -10 to 10"):
        assert told in PAGE, told
