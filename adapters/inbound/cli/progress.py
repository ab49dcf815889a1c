"""How far a long command is: a bar with rows per second and the time left at a terminal, elsewhere (a log, a pipe) a plain line every some
seconds. Both on stderr: what a command answers goes to stdout."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import click

# Between two lines of a log, and between two looks at the speed at a terminal.
_LINES, _LOOKS = 10.0, 1.0


class Update(Protocol):
    def __call__(self, steps: int, rows: int | None = None, /) -> None:
        """So many more steps were made, of those that `bar` was told of; they are rows where `rows` says nothing else."""


class _Pace:
    """Counts, and tells the speed since it was last asked: after an interruption the rows that are only passed over would make an average
    of all too good."""

    def __init__(self, every: float) -> None:
        self.steps = self.rows = 0
        self._every, self._since = every, time.monotonic()
        self._steps = self._rows = 0

    def add(self, steps: int, rows: int | None) -> tuple[float, float] | None:
        """Steps and rows per second, if there is something new to tell."""
        self.steps += steps
        self.rows += steps if rows is None else rows
        took = time.monotonic() - self._since
        if took < self._every:
            return None
        speed = (self.steps - self._steps) / took, (self.rows - self._rows) / took
        self._since, self._steps, self._rows = self._since + took, self.steps, self.rows
        return speed


@contextmanager
def bar(label: str, length: int) -> Iterator[Update]:
    if not sys.stderr.isatty():
        yield _lines(label, length)
        return
    with click.progressbar(
        length=length, label=label, file=sys.stderr, update_min_steps=max(1, length // 200), item_show_func=lambda speed: speed or ""
    ) as shown:
        yield _bar(shown.update)


def _bar(update: Callable[[int, str], None]) -> Update:
    pace, told = _Pace(_LOOKS), ""

    def moved(steps: int, rows: int | None = None, /) -> None:
        nonlocal told
        speed = pace.add(steps, rows)
        if speed is not None:
            told = f"{speed[1]:,.0f} rows/s"
        update(steps, told)

    return moved


def _lines(label: str, length: int) -> Update:
    pace = _Pace(_LINES)

    def moved(steps: int, rows: int | None = None, /) -> None:
        speed = pace.add(steps, rows)
        if speed is not None:
            left = _left(length - pace.steps, speed[0])
            click.echo(f"{label}: {pace.rows:,} rows, {speed[1]:,.0f} rows/s{left}", err=True)

    return moved


def _left(steps: int, speed: float) -> str:
    if steps <= 0 or speed <= 0:
        return ""
    minutes, seconds = divmod(round(steps / speed), 60)
    return f", about {minutes} min {seconds} s left" if minutes else f", about {seconds} s left"
