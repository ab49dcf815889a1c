"""What a process that runs jobs is at, in memory that it shares with the one that watches it, who can read it after a kill too.

The watcher needs no database for this, and whoever takes the place of a process that is gone learns here what it was at.
"""

import json
import mmap
import struct
from dataclasses import dataclass
from time import monotonic

# Seconds since which the present job runs (0: none), its time limit, its place in the batch, whether it is nobody's any more, jobs that
# have ended, and the length of the batch that is behind it.
_HEAD = struct.Struct("<ddQQQQ")
_SIZE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """What was claimed together."""

    holder: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """What a process was at when it went."""

    batch: Batch
    place: int
    was_running: bool

    @property
    def running(self) -> str | None:
        return self.batch.ids[self.place] if self.was_running and self.place < len(self.batch.ids) else None


class Slate:
    """One process writes; the one that made it reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)

    # --- by the one that runs jobs

    def take(self, batch: Batch) -> None:
        text = json.dumps([batch.holder, batch.ids]).encode()
        self._write(since=0.0, place=0, abandoned=0, length=0)
        self._memory[_HEAD.size : _HEAD.size + len(text)] = text
        self._write(length=len(text))

    def begin(self, place: int, timeout: float) -> None:
        self._write(since=0.0, place=place, timeout=timeout)
        self._write(since=monotonic())

    def end(self) -> None:
        self._write(since=0.0, ended=self.ended + 1)

    def clear(self) -> None:
        self._write(since=0.0, length=0, abandoned=0)

    def abandon(self) -> None:
        """The present job is nobody's any more: it is to be stopped, which only ending the process can."""
        self._write(abandoned=1)

    # --- by both

    @property
    def since(self) -> float:
        return float(self._head()[0])

    @property
    def ended(self) -> int:
        return int(self._head()[4])

    # --- by the one that watches

    @property
    def is_abandoned(self) -> bool:
        return bool(self._head()[3])

    @property
    def is_overdue(self) -> bool:
        since, timeout = self._head()[:2]
        return bool(since) and monotonic() > since + timeout

    def left(self) -> Left | None:
        since, _, place, _, _, length = self._head()
        if not length:
            return None
        holder, ids = json.loads(self._memory[_HEAD.size : _HEAD.size + length])
        return Left(Batch(holder, tuple(ids)), int(place), bool(since))

    def _head(self) -> tuple[float, float, int, int, int, int]:
        since, timeout, place, abandoned, ended, length = _HEAD.unpack_from(self._memory)
        return since, timeout, place, abandoned, ended, length

    def _write(self, **changed: float) -> None:
        names = ("since", "timeout", "place", "abandoned", "ended", "length")
        head = dict(zip(names, self._head(), strict=True)) | changed
        _HEAD.pack_into(self._memory, 0, *head.values())
