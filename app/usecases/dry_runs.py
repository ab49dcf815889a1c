"""Writes that are carried out, judged, answered and undone: their transaction is taken back once it has come to its result."""

from collections.abc import Callable
from typing import Any, TypeVar

from app.usecases.idempotency import Keep
from ports.unit_of_work import Stores

T = TypeVar("T")


class _Undone(Exception):
    """Takes the transaction back, and its result out of it."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


def settled(do: Callable[[Keep], T], keep: Keep, *, dry_run: bool) -> T:
    """What `do` comes to; a dry run keeps neither that nor its answer."""
    if not dry_run:
        return do(keep)
    try:
        return do(_undo)
    except _Undone as undone:
        return undone.result  # type: ignore[no-any-return]


def _undo(stores: Stores, result: T, /) -> T:
    raise _Undone(result)
