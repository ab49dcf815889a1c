"""Processes that ask for jobs, hand events over and run what follows, and somebody who kills them; then what the records say of it all."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app import wiring
from app.settings import Settings
from app.usecases.backend import Backend
from domain.actor import SYSTEM
from domain.jobs.job import DEAD, DONE, Job
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from tests.e2e.job_room import children
from tests.e2e.server import ROOT, environment
from tests.faults.jobs.asker import FACTS
from tests.faults.jobs.work import _GIVEN_UP
from tests.redis_server import RedisServer

READ = RequestFacts("GET")
_OVER = (DONE, DEAD)


@dataclass
class Experiment:
    folder: Path
    more: Mapping[str, str]
    redis: RedisServer | None = None
    askers: int = 1
    workers: int = 1
    processes: int = 2
    seed: int = 7
    kills: Counter[str] = field(default_factory=Counter)
    # When which process was killed: nothing of it went on after that.
    ends: dict[int, float] = field(default_factory=dict)
    _asking: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _working: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    _things: int = 0
    _most: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.chance = random.Random(self.seed)

    @property
    def settings(self) -> dict[str, str]:
        own = {
            "STILLROOM_DATA_DIR": str(self.folder / "data"), "STILLROOM_EXTENSIONS": "tests.faults.jobs.work",
            "STILLROOM_LOG_LEVEL": "error", "FAULTS_NOTES": str(self.folder), **self.more,
        }  # fmt: skip
        return own | ({"STILLROOM_REDIS_URL": self.redis.url} if self.redis else {})

    @contextmanager
    def backend(self) -> Iterator[Backend]:
        settings = Settings.from_environment({key: each for key, each in self.settings.items() if key.startswith("STILLROOM_")})
        settings.data_dir.mkdir(exist_ok=True)
        wiring.migrate(settings)
        with wiring.open_backend(settings) as composed:
            yield composed.backend

    def run(self, things: int, acts: Mapping[str, float], *, every: float, patience: float, most: int = 1_000_000) -> None:
        """Until everything that was asked for is over; meanwhile one of the acts at a time, by their weights."""
        self._things, self._most = things, most
        with self.backend() as backend:
            fields = [{"name": "kind", "type": "text"}, {"name": "n", "type": "integer"}]
            backend.collections.create({"name": "things", "fields": fields}, actor=SYSTEM)
            try:
                self._keep_running()
                self._disturb(acts, every, patience)
                self._mend_redis()
                self._settle(backend, patience)
            finally:
                self._end()

    # --- processes

    def _keep_running(self) -> None:
        for name in (f"g{each}" for each in range(self.askers)):
            if name not in self._asking or self._asking[name].poll() not in (None, 0):
                self._asking[name] = self._started("-m", "tests.faults.jobs.asker", name, str(self._things // self.askers))
        self._working = [each for each in self._working if each.poll() is None]
        while len(self._working) < self.workers:
            self._working.append(self._started("-m", "app.main", "worker", "--processes", str(self.processes)))

    def _started(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=environment(**self.settings), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output,
            )  # fmt: skip

    @property
    def is_asking(self) -> bool:
        return any(each.poll() != 0 for each in self._asking.values())

    def _disturb(self, acts: Mapping[str, float], every: float, patience: float) -> None:
        until = time.monotonic() + patience
        while self.is_asking:
            assert time.monotonic() < until, f"things were not made in time:\n{self.output[-2000:]}"
            time.sleep(self.chance.uniform(0, 2 * every))
            if acts and self.kills.total() < self._most:
                act = self.chance.choices(list(acts), list(acts.values()))[0]
                getattr(self, act)()
                self.kills[act] += 1
            self._keep_running()

    def _settle(self, backend: Backend, patience: float) -> None:
        until = time.monotonic() + patience
        while open_ := sum(each.count for each in backend.jobs.depths(actor=SYSTEM) if each.state not in _OVER):
            assert time.monotonic() < until, f"{open_} jobs were not over in time:\n{self.output[-2000:]}"
            self._keep_running()
            time.sleep(0.1)

    def _end(self) -> None:
        for each in (*self._asking.values(), *self._working):
            if each.poll() is None:
                each.terminate()
        for each in (*self._asking.values(), *self._working):
            each.wait(30)

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")

    # --- what is done to them

    def kill_a_hand(self) -> None:
        """Of those that run jobs; whoever watches it puts another in its place."""
        self._kill([pid for worker in self._working for pid in children(worker.pid)])

    def kill_a_worker(self) -> None:
        """The one that watches; its processes end by themselves."""
        self._kill([each.pid for each in self._working if each.poll() is None])

    def kill_all_of_a_worker(self) -> None:
        """As a power cut does: who runs its jobs next has to wait until the leases are over."""
        alive = [each for each in self._working if each.poll() is None]
        if alive:
            worker = self.chance.choice(alive)
            hands = children(worker.pid)
            for pid in (worker.pid, *hands):
                self._kill([pid])

    def kill_an_asker(self) -> None:
        """A server between commit and hand-over, with its relay."""
        self._kill([each.pid for each in self._asking.values() if each.poll() is None])

    def flush_redis(self) -> None:
        if self.redis is not None:
            with self.redis.client() as client:
                client.flushall()

    def restart_redis(self) -> None:
        if self.redis is not None:
            self.redis.kill()
            time.sleep(self.chance.uniform(0, 2))
            self.redis.start()

    def hang_redis(self) -> None:
        if self.redis is not None:
            self.redis.signal(signal.SIGSTOP)
            time.sleep(self.chance.uniform(0.5, 4))
            self.redis.signal(signal.SIGCONT)

    def _mend_redis(self) -> None:
        if self.redis is not None:
            self.redis.signal(signal.SIGCONT)

    def _kill(self, pids: list[int]) -> None:
        if not pids:
            return
        pid = self.chance.choice(pids)
        # Before it, for whoever takes its place may be quicker than we are.
        now = time.monotonic()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.ends[pid] = now

    # --- what came of it

    def found(self) -> "Found":
        with self.backend() as backend:
            asked = [(words[0], words[1]) for words in self._notes("asked") if len(words) == 4]
            return Found(_jobs(backend), _things(backend), self._notes("runs"), self._notes("heard"), asked, dict(self.ends))

    def _notes(self, name: str) -> list[list[str]]:
        path = self.folder / name
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def _jobs(backend: Backend) -> list[Job]:
    found: list[Job] = []
    while page := backend.jobs.list({}, before=found[-1].id if found else None, actor=SYSTEM):
        found += page
    return found


def _things(backend: Backend) -> set[str]:
    found: set[str] = set()
    following: str | None = None
    while True:
        query = ListQuery(limit=500, cursor=following)
        page = backend.records.list("things", query, actor=SYSTEM, facts=READ)
        found |= {each["id"] for each in page.as_object()["items"]}
        following = page.next
        if following is None:
            return found


@dataclass(frozen=True)
class Found:
    """`runs` has: what, thing, process, moment; `heard`: thing, version; `asked`: thing, job."""

    jobs: list[Job]
    things: set[str]
    runs: list[list[str]]
    heard: list[list[str]]
    asked: list[tuple[str, str]]
    ends: dict[int, float]

    def faults(self) -> list[str]:
        """Everything that was promised and is not so."""
        checks: tuple[Callable[[], Iterator[str]], ...] = (
            self._lost, self._unlike_their_record, self._at_once, self._miscounted, self._unheard,
        )  # fmt: skip
        return [fault for check in checks for fault in check()]

    def _lost(self) -> Iterator[str]:
        """With each record its job, and its follower's; and whatever was answered is there."""
        own = Counter(each.arguments["thing"] for each in self.jobs if each.name != "follow")
        after = Counter(each.arguments["thing"] for each in self.jobs if each.name == "follow")
        yield from (f"{thing} has {own[thing]} jobs" for thing in self.things if own[thing] != 1)
        yield from (f"{thing} is followed by {after[thing]} jobs" for thing in self.things if after[thing] != 1)
        yield from (f"there is a job of {thing}, which is not there" for thing in own.keys() - self.things)
        ids = {each.id for each in self.jobs}
        yield from (f"{thing} was answered and is gone" for thing, job in self.asked if job not in ids or thing not in self.things)

    def _unlike_their_record(self) -> Iterator[str]:
        ended = {each[1] for each in self.runs if each[0] == "end"}
        for job in self.jobs:
            wanted = DEAD if job.name == "bad" else DONE
            if job.state != wanted:
                yield f"{_name(job)} is {job.state} and not {wanted}: {job.reason}"
            elif (_name(job) in ended) is not (wanted == DONE):
                yield f"{_name(job)} is {job.state}, but its runs say otherwise"
            elif job.name == "bad" and job.tries != _GIVEN_UP:
                yield f"{_name(job)} was given up after {job.tries} tries"

    def _at_once(self) -> Iterator[str]:
        """A run that has no end ended with its process."""
        running: dict[str, tuple[int, float]] = {}
        for what, thing, process, moment in self.runs:
            pid, now = int(process), float(moment)
            if what != "begin":
                running.pop(thing, None)
            elif thing in running and running[thing][0] != pid and self.ends.get(running[thing][0], float("inf")) > now:
                yield f"{thing} began again while it ran"
            if what == "begin":
                running[thing] = (pid, now)

    def _miscounted(self) -> Iterator[str]:
        """Each run counts once, as a success, as a failure or as lost. One that was killed may count without having begun or, where it
        waited for others to be kept with, have ended without being counted."""
        begun = Counter(each[1] for each in self.runs if each[0] == "begin")
        failed = Counter(each[1] for each in self.runs if each[0] == "fail")
        counted = {_name(job): job.tries + job.lost + (job.state == DONE) for job in self.jobs}
        excess = sum(max(0, count - begun[name]) for name, count in counted.items())
        if excess > len(self.ends):
            yield f"{excess} runs more than began, with {len(self.ends)} kills"
        for job in self.jobs:
            if job.tries < min(failed[_name(job)], 1) - len(self.ends):
                yield f"{_name(job)} failed {failed[_name(job)]} times and counts {job.tries}"

    def _unheard(self) -> Iterator[str]:
        """Each event at least once, and what was told of a record first was first."""
        versions: dict[str, list[int]] = defaultdict(list)
        for thing, version, *_ in self.heard:
            versions[thing].append(int(version))
        for thing in self.things:
            first = list(dict.fromkeys(versions[thing]))
            if first != sorted(first) or not first or first[0] != 1:
                yield f"of {thing} was heard: {first}"


def _name(job: Job) -> str:
    thing: str = job.arguments["thing"]
    return f"after-{thing}" if job.name == "follow" else thing


__all__ = ["FACTS", "Experiment", "Found"]
