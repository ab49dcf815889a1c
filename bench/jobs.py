"""What jobs cost: run by one process from a backlog, and begun by an idle one; as embedded, carried by RQ, and by RQ alone, in one run.

    python -m bench.jobs --redis redis://127.0.0.1:6379/15 [--database postgresql://…] [--jobs 5000]

The Redis is one that may be written into; queues of ours have names of their own. Without a database each round makes a SQLite file.
"""

import argparse
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from rq import Queue, SimpleWorker, Worker
from rq.serializers import JSONSerializer

from app import wiring
from app.extend import Extension
from app.settings import Settings
from app.usecases.backend import Backend
from bench.processes import cpu_seconds, family
from domain.actor import SYSTEM
from domain.jobs.job import DONE, Job

ROOT = Path(__file__).parents[1]
SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"
_ALONE = {"simple": SimpleWorker, "forking": Worker}
_SINGLE = 40

work = Extension("bench")


@work.job("nothing")
def nothing(backend: Backend, number: int) -> None:
    """What is measured is what goes around it."""


def nothing_alone(number: int) -> None:
    """The same for RQ by itself."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Jobs per second of the clock, CPU seconds of each and of its enqueue, and milliseconds from the row to the start, where idle."""

    name: str
    per_second: float
    cpu: float
    enqueue_cpu: float
    begun: Sequence[float] = ()

    def __str__(self) -> str:
        cpu, enqueue = self.cpu * 1e6, self.enqueue_cpu * 1e6
        told = f"{self.name:18} {self.per_second:6,.0f} jobs/s, CPU {cpu:6,.0f} µs a job and {enqueue:4,.0f} µs an enqueue"
        if not self.begun:
            return told
        late = statistics.quantiles(self.begun, n=20)[-1]
        return f"{told}   begun after {statistics.median(self.begun):.0f} ms, 95 % within {late:.0f} ms"


def ours(name: str, settings: Mapping[str, str], folder: Path, jobs: int) -> Measured:
    """A backlog, and then some by themselves, one process each."""
    environ = {"STILLROOM_DATA_DIR": str(folder), "STILLROOM_EXTENSIONS": "bench.jobs", "STILLROOM_SECRET_KEY": SECRET, **settings}
    with _backend(environ) as backend, _working(backend, environ) as pids:
        _signal(pids, signal.SIGSTOP)
        began, before = time.process_time(), cpu_seconds(pids)
        for number in range(jobs):
            backend.jobs.enqueue("nothing", number=number)
        # What was asked for last may still have to be said.
        time.sleep(0.5)
        enqueue_cpu = (time.process_time() - began) / jobs
        _signal(pids, signal.SIGCONT)
        done = _latest(backend, jobs)
        cpu = (cpu_seconds(pids) - before) / jobs
        took = (max(each.ended or 0 for each in done) - min(each.started or 0 for each in done)) / 1000
        return Measured(name, jobs / took, cpu, enqueue_cpu, list(_begun(backend)))


def alone(kind: str, url: str, jobs: int) -> Measured:
    with redis.Redis.from_url(url) as connection:
        queue = Queue(f"bench-{os.getpid()}", connection=connection, serializer=JSONSerializer)
        began = time.process_time()
        for number in range(jobs):
            queue.enqueue("bench.jobs.nothing_alone", number, result_ttl=0)
        enqueue_cpu = (time.process_time() - began) / jobs
        before, began = _cpu_of_children(), time.monotonic()
        pid = os.fork()
        if not pid:
            worker = _ALONE[kind]([queue.name], connection=redis.Redis.from_url(url), serializer=JSONSerializer)
            worker.work(burst=True, logging_level="ERROR")
            os._exit(0)
        os.waitpid(pid, 0)
        took = time.monotonic() - began
        return Measured(f"RQ alone, {kind}", jobs / took, (_cpu_of_children() - before) / jobs, enqueue_cpu)


@contextmanager
def _backend(environ: Mapping[str, str]) -> Iterator[Backend]:
    settings = Settings.from_environment(environ)
    wiring.migrate(settings)
    with wiring.open_backend(settings) as composed:
        yield composed.backend


@contextmanager
def _working(backend: Backend, environ: Mapping[str, str]) -> Iterator[list[int]]:
    """A worker with one process that has run a job already, and the ids of both."""
    command = [sys.executable, "-m", "app.main", "worker", "--processes", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as worker:
        try:
            _wait_for(backend, backend.jobs.enqueue("nothing", number=0))
            yield family(worker.pid)
        finally:
            worker.terminate()


def _signal(pids: Sequence[int], signum: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, signum)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _begun(backend: Backend) -> Iterator[float]:
    chance = random.Random(7)
    for number in range(_SINGLE):
        time.sleep(chance.uniform(0.3, 1.5))
        job = _wait_for(backend, backend.jobs.enqueue("nothing", number=number))
        yield (job.started or 0) - job.created


def _wait_for(backend: Backend, id: str) -> Job:
    while (job := backend.jobs.inspect(id, actor=SYSTEM)).started is None or job.ended is None:
        time.sleep(0.02)
    return job


def _latest(backend: Backend, jobs: int) -> list[Job]:
    """Once all are done."""
    while any(each.state != DONE for each in backend.jobs.depths(actor=SYSTEM)):
        time.sleep(0.05)
    found: list[Job] = []
    while len(found) < jobs:
        found += backend.jobs.list({}, before=found[-1].id if found else None, actor=SYSTEM)
    return found[:jobs]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.jobs", description="What jobs cost.")
    parser.add_argument("--redis", required=True, help="a Redis that may be written into")
    parser.add_argument("--database", default="", help="an empty PostgreSQL database (a SQLite file)")
    parser.add_argument("--jobs", type=int, default=5000, help="jobs of a backlog (5,000)")
    asked = parser.parse_args()
    engine = {"STILLROOM_DATABASE_URL": asked.database} if asked.database else {}
    with tempfile.TemporaryDirectory(prefix="stillroom-bench-") as folder:
        rounds: tuple[Callable[[], Measured], ...] = (
            lambda: ours("embedded", engine, _made(folder, "embedded"), asked.jobs),
            lambda: ours("by RQ", {**engine, "STILLROOM_REDIS_URL": asked.redis}, _made(folder, "rq"), asked.jobs),
            lambda: alone("simple", asked.redis, asked.jobs),
            lambda: alone("forking", asked.redis, max(asked.jobs // 20, 50)),
        )  # fmt: skip
        for each in rounds:
            print(each(), flush=True)


def _made(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir()
    return path


if __name__ == "__main__":
    os.umask(0o077)
    main()
