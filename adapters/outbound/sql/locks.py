"""Turns at writing: among the threads of a process by a lock that counts who waits,
among the processes of a machine by `flock`.

SQLite's own way to wait is to sleep and try again; the kernel's queue wakes the next one at once.
"""

import fcntl
import os
import threading
from time import monotonic
from types import TracebackType

from domain.errors import Unavailable


def busy() -> Unavailable:
    return Unavailable("too many changes are waiting at the moment", retry_after=2, code="busy")


class Queue:
    """A lock; `waiting` is how many threads stand before it. Who holds it and
    reads 0 there is the last for now."""

    def __init__(self) -> None:
        self._lock, self._counting = threading.Lock(), threading.Lock()
        self.waiting = 0

    def enter(self, timeout: float) -> None:
        """Unavailable after `timeout` seconds."""
        self._count(1)
        try:
            entered = self._lock.acquire(timeout=min(timeout, threading.TIMEOUT_MAX))
        finally:
            self._count(-1)
        if not entered:
            raise busy()

    def leave(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self.enter(threading.TIMEOUT_MAX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def _count(self, by: int) -> None:
        with self._counting:
            self.waiting += by


class Turnstile:
    """The lock file beside a database: one process at a time holds it. For one
    thread at a time (the Queue sees to that).

    `flock` knows no timeout, so where the file is taken a thread of ours stands in the kernel's queue, and
    who asked waits for that thread. Gives it up, and the turn is handed back as soon as it comes.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1
        self._changed = threading.Condition()
        self._wanted = self._standing = self._held = self._closed = False

    def acquire(self, timeout: float) -> None:
        with self._changed:
            self._open()
            if not self._standing and self._taken_at_once():
                return
            self._wanted = True
            self._stand()
            try:
                self._changed.wait_for(lambda: self._held, min(timeout, threading.TIMEOUT_MAX))
            except BaseException:  # an interrupt: a turn that came just then would never be given back
                if self._held:
                    self.release()
                raise
            finally:
                self._wanted = False
            if not self._held:
                raise busy()

    def release(self) -> None:
        with self._changed:
            self._held = False
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        with self._changed:
            # A thread that still stands in the queue closes the file itself: its
            # number may be another file's by then.
            if self._file >= 0 and not self._closed and not self._standing:
                os.close(self._file)
            self._closed = True

    def _open(self) -> None:
        """Not before the first turn: a lock that was opened before a fork would be one for parent and child."""
        if self._file < 0:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _taken_at_once(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._held = True
        return True

    def _stand(self) -> None:
        if not self._standing:
            self._standing = True
            threading.Thread(target=self._wait_in_line, name="stillroom-turn", daemon=True).start()

    def _wait_in_line(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._changed:
            self._standing = False
            self._held, self._wanted = self._wanted, False
            if self._closed:
                os.close(self._file)  # which gives the turn back
            elif not self._held:
                fcntl.flock(self._file, fcntl.LOCK_UN)
            self._changed.notify_all()


class OpenDoor:
    """In place of a Turnstile for a database that no other process can reach."""

    def acquire(self, timeout: float) -> None:
        return

    def release(self) -> None:
        return

    def close(self) -> None:
        return


def remaining(until: float) -> float:
    return max(0.0, until - monotonic())
