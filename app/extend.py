"""What an owner's own code declares: hooks, routes, jobs, commands and settings. Declaring does nothing; `discover` finds what is declared,
and the composition attaches it.

An `Extension` is to the backend what a Blueprint is to Flask.
"""

import re
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar, overload

from app.usecases.backend import Backend
from domain.events import Told
from domain.hooks.catalogue import check_event
from domain.hooks.chain import AFTER, BEFORE, Hook
from domain.hooks.changes import (
    AccountChange,
    Change,
    CollectionChange,
    FactorChange,
    KeyChange,
    RecordCreate,
    RecordDelete,
    RecordImport,
    RecordUpdate,
    TrashChange,
)

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
C = TypeVar("C", bound=Change)
F = TypeVar("F", bound=Callable[..., Any])
Name = str | None
Heard = Callable[[Told, Backend], object]

AccountEvent = Literal[
    "accounts.sign_in", "accounts.refresh", "accounts.sign_out", "accounts.end_sessions", "accounts.step_up", "accounts.change_password",
    "accounts.change_email", "accounts.verify", "accounts.ask_letter", "accounts.erase",
]  # fmt: skip
FactorEvent = Literal["factors.add", "factors.remove", "factors.renew", "factors.reset"]
KeyEvent = Literal["api_keys.create", "api_keys.revoke", "signing_keys.rotate"]
CollectionEvent = Literal["collections.create", "collections.change", "collections.delete"]
TrashEvent = Literal["records.restore", "trash.remove", "trash.empty"]
Event = (
    Literal["records.create", "records.update", "records.delete", "records.import"]
    | TrashEvent | AccountEvent | FactorEvent | KeyEvent | CollectionEvent
)  # fmt: skip


class Asking(Protocol[C]):
    """Takes a function of the change and the backend, and hands it back."""

    def __call__(self, hook: Callable[[C, Backend], object], /) -> Callable[[C, Backend], object]: ...


class Extension:
    """`name` is part of the paths of its routes and of the names of its settings."""

    def __init__(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise ValueError(f"an extension's name has 1 to 40 characters of a-z, 0-9 and _, and begins with a letter: not `{name[:60]}`")
        self.name = name
        self.hooks: list[Hook] = []

    def __repr__(self) -> str:
        return f"Extension({self.name!r})"

    # --- hooks

    @overload
    def before(
        self, event: Literal["records.create"], collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[RecordCreate]: ...
    @overload
    def before(
        self, event: Literal["records.update"], collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[RecordUpdate]: ...
    @overload
    def before(
        self, event: Literal["records.delete"], collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[RecordDelete]: ...
    @overload
    def before(
        self, event: Literal["records.import"], collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[RecordImport]: ...
    @overload
    def before(
        self, event: TrashEvent, collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[TrashChange]: ...
    @overload
    def before(
        self, event: AccountEvent, collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[AccountChange]: ...
    @overload
    def before(
        self, event: FactorEvent, collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[FactorChange]: ...
    @overload
    def before(
        self, event: KeyEvent, collection: None = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[KeyChange]: ...
    @overload
    def before(
        self, event: CollectionEvent, collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[CollectionChange]: ...
    def before(self, event: str, collection: str | None = None, *, name: str | None = None, priority: int = 0) -> Callable[[Any], Any]:
        """Calls the function with what is about to happen and the backend, inside of the transaction and under its time limit: it may
        change the values or raise a Problem, and may be called again. It does no input or output. Without `collection` it hears of all
        of them. The lowest `priority` comes first; `name` is the function's own where none is given, and that of another extension's
        hook (`blog.slug`) replaces it."""
        return self._declaring(BEFORE, event, collection, name, priority)

    def after(self, event: Event, collection: str | None = None, *, name: str | None = None, priority: int = 0) -> Callable[[Heard], Heard]:
        """Calls the function with the committed event and the backend: at least once, so it has to bear an event that it has heard before.
        Where it fails it is called again, later and later, and no other hook waits for it."""
        return self._declaring(AFTER, event, collection, name, priority)

    def _declaring(self, when: str, event: str, collection: str | None, name: str | None, priority: int) -> Callable[[F], F]:
        check_event(event)

        def declare(function: F) -> F:
            called = name or function.__name__
            full = called if "." in called else f"{self.name}.{called}"
            self.hooks.append(Hook(when, event, full, function, collection, priority, self.name, place_of(function)))
            return function

        return declare


def place_of(function: Callable[..., Any]) -> str:
    """File and line, for people."""
    code = getattr(function, "__code__", None)
    return f"`{code.co_filename}`, line {code.co_firstlineno}" if code else ""
