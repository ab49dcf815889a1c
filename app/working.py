"""Where jobs are run: in processes of the `worker` command, and in a runner that a server starts beside itself and starts again."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from app.rounds import Rounds
from app.runner import Runner
from app.settings import Settings
from app.slates import Left, Slate
from app.usecases.schedules import PACE
from ports.observer import Observer, WorkerEnded

# How long a job may go on once its process is to end; then it is given back, and begins anew elsewhere.
GRACE = 10.0
_PATIENCE = 6.0
_FIRST_WAIT, _LONGEST_WAIT, _SOUND_AFTER = 0.5, 30.0, 60.0
_MEBIBYTE = 1024 * 1024


def work_off(
    settings: Settings, observer: Observer, *, processes: int, queues: Collection[str] | None, burst: bool, parent: int | None = None
) -> None:
    """Runs jobs until it is told to end; in a burst until nothing is due. Ends with `parent`, where there is one."""
    # Before processes are forked, so that they share it.
    from app import wiring
    from app.hands import Hand

    # Asked before it forks: a process that asks for its parent may have lost it by then.
    watcher = os.getpid()

    def work(slate: Slate, left: Left | None, why: str) -> None:
        _limit_memory(settings)
        composed = wiring.build(settings)
        # Beside a server that is the server's business.
        looks = parent is None and not burst
        if looks:
            composed.backend.schedules.settle()
        ticks = Rounds(PACE if looks else 0, lambda stopped: composed.backend.schedules.tick(stopped=stopped), "schedules", observer)
        hand = Hand(composed.backend.job_runs, slate, composed.observer, queues=queues, burst=burst, grace=GRACE, parent=watcher)
        try:
            hand.go(left, why)
        finally:
            ticks.before(composed.close)()

    runner = Runner(processes, work, lambda why, wait: observer.observe(WorkerEnded(why, wait)), grace=GRACE, burst=burst)
    runner.run(alive=lambda: parent is None or os.getppid() == parent)


def _limit_memory(settings: Settings) -> None:
    """What a job asks for beyond it raises in the job alone; without a limit the system might end any process, even the database."""
    if settings.job_memory:
        most = settings.job_memory * _MEBIBYTE
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


class RunnerBeside:
    """The `worker` command as a process of its own, for as long as the server runs: a context manager. `say` is told a sentence where it
    ended and is started again."""

    def __init__(self, settings: Settings, overrides: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._processes, self._overrides, self._say = settings.job_workers, overrides, say
        self._over = Event()
        self._thread = Thread(target=self._keep_alive, name="stillroom-runner", daemon=True)

    def __enter__(self) -> "RunnerBeside":
        if self._processes:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(GRACE + _PATIENCE + 1)

    def _keep_alive(self) -> None:
        wait = _FIRST_WAIT
        while not self._over.is_set():
            began = monotonic()
            process = self._start()
            while process.poll() is None and not self._over.wait(0.2):
                pass
            if self._over.is_set():
                _end(process)
                return
            wait = _FIRST_WAIT if monotonic() - began > _SOUND_AFTER else wait
            self._say(f"The runner of jobs ended with {process.returncode}; another one starts in {wait:g} seconds.")
            self._over.wait(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "app.main", "worker", "--parent", str(os.getpid())]
        root = str(Path(__file__).parents[1])
        environment = {**os.environ, **self._overrides, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
        # Its own group: Ctrl-C at a terminal reaches the server, which ends this one when it has ended itself.
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, process_group=0)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(GRACE + _PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
