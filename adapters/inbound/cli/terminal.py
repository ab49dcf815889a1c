"""What every command shares: failures as sentences, and numbers as people read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from domain.errors import Fault, Problem


class Failed(Exception):
    """A command that could not do what it was asked; `lines` say why to the person at the terminal."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@contextmanager
def told() -> Iterator[None]:
    """Failures as sentences on stderr and exit code 1, never a traceback."""
    try:
        yield
    except Failed as failed:
        raise _Exit(list(failed.lines)) from failed
    except Problem as problem:
        raise _Exit(_lines(problem)) from problem
    except OSError as error:
        raise _Exit([f"{error.filename or 'the system'}: {error.strerror or error}"]) from error


class _Exit(click.ClickException):
    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


def _lines(problem: Problem) -> list[str]:
    first = _sentence(problem.detail) + (f" {_sentence(problem.hint)}" if problem.hint else "")
    if len(problem.faults) < 2:
        return [first]
    return [first, *(f"  {place(fault)}{fault.detail}" for fault in problem.faults)]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def place(fault: Fault) -> str:
    return f"{fault.pointer.removeprefix('/')}: " if fault.pointer else ""


def count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
