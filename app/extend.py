"""What an owner's own code declares: hooks, routes, jobs, commands and settings. Declaring does nothing; `discover` finds what is declared,
and the composition attaches it.

An `Extension` is to the backend what a Blueprint is to Flask.
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
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
    IdentityChange,
    InboundChange,
    InvitationChange,
    KeyChange,
    OwnKeyChange,
    ProviderChange,
    RecordCreate,
    RecordDelete,
    RecordImport,
    RecordUpdate,
    ScheduleChange,
    TrashChange,
    WebhookChange,
)
from domain.hooks.declared import KINDS, Command, Job, Route, Setting, T
from domain.jobs.job import DEFAULT_QUEUE
from domain.jobs.retrying import FIRST_WAIT, TRIES
from domain.jobs.tasks import Once

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
PATH = re.compile(r"(/([a-z0-9_-]+|<([a-z]+:)?[a-z_]+>))*")
COMMAND = re.compile(r"[a-z][a-z0-9-]{0,39}")
C = TypeVar("C", bound=Change)
F = TypeVar("F", bound=Callable[..., Any])
Name = str | None
Heard = Callable[[Told, Backend], object]

AccountEvent = Literal[
    "accounts.sign_in", "accounts.refresh", "accounts.sign_out", "accounts.end_sessions", "accounts.step_up", "accounts.change_password",
    "accounts.change_email", "accounts.verify", "accounts.ask_letter", "accounts.impersonate",
    "accounts.erase",
]  # fmt: skip
FactorEvent = Literal["factors.add", "factors.remove", "factors.rename", "factors.renew", "factors.reset"]
KeyEvent = Literal["api_keys.create", "api_keys.revoke", "signing_keys.rotate"]
OwnKeyEvent = Literal["own_keys.create", "own_keys.revoke"]
InvitationEvent = Literal["invitations.invite", "invitations.send", "invitations.withdraw"]
IdentityEvent = Literal["identities.link", "identities.unlink"]
ProviderEvent = Literal["providers.save", "providers.remove"]
ScheduleEvent = Literal["schedules.save", "schedules.remove", "schedules.run"]
WebhookEvent = Literal["webhooks.save", "webhooks.remove", "webhooks.renew", "webhooks.test", "webhooks.replay"]
InboundEvent = Literal["inbound.save", "inbound.remove", "inbound.receive"]
CollectionEvent = Literal["collections.create", "collections.change", "collections.delete"]
TrashEvent = Literal["records.restore", "trash.remove", "trash.empty"]
Event = (
    Literal["records.create", "records.update", "records.delete", "records.import"]
    | TrashEvent | AccountEvent | FactorEvent | KeyEvent | OwnKeyEvent | InvitationEvent | IdentityEvent | ProviderEvent
    | ScheduleEvent | WebhookEvent | InboundEvent | CollectionEvent
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
        self.routes: list[Route] = []
        self.jobs: list[Job] = []
        self.commands: list[Command] = []
        self.settings: list[Setting[Any]] = []

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
        self, event: OwnKeyEvent, collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[OwnKeyChange]: ...
    @overload
    def before(
        self, event: InvitationEvent, collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[InvitationChange]: ...
    @overload
    def before(
        self, event: IdentityEvent, collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[IdentityChange]: ...
    @overload
    def before(
        self, event: ProviderEvent, collection: Name = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[ProviderChange]: ...
    @overload
    def before(
        self, event: ScheduleEvent, collection: None = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[ScheduleChange]: ...
    @overload
    def before(
        self, event: WebhookEvent, collection: None = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[WebhookChange]: ...
    @overload
    def before(
        self, event: InboundEvent, collection: None = ..., *, name: Name = ..., priority: int = ...
    ) -> Asking[InboundChange]: ...
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


    # --- routes

    def get(self, path: str, *, query: Sequence[str] = (), public: bool = True) -> Callable[[F], F]:
        """Serves `/api/v1/ext/{extension}{path}` with what the function answers: an object or a list, with a status where that is not 200
        (`return made, 201`), or nothing (204). It is called with the `Call` and what `<name>` in the path stands for."""
        return self._routing("GET", path, None, query, public)

    def post(self, path: str, *, body: Any = None, query: Sequence[str] = (), public: bool = True) -> Callable[[F], F]:
        """As `get`. `body` is a dataclass, or a schema of marshmallow: what does not fit is refused, and `call.body` is what fits."""
        return self._routing("POST", path, body, query, public)

    def patch(self, path: str, *, body: Any = None, query: Sequence[str] = (), public: bool = True) -> Callable[[F], F]:
        return self._routing("PATCH", path, body, query, public)

    def delete(self, path: str, *, query: Sequence[str] = (), public: bool = True) -> Callable[[F], F]:
        return self._routing("DELETE", path, None, query, public)

    def _routing(self, method: str, path: str, body: Any, query: Sequence[str], public: bool) -> Callable[[F], F]:
        if not PATH.fullmatch(path):
            raise ValueError(f"a path is like /posts/<id>/likes, not `{path[:80]}`")

        def declare(function: F) -> F:
            if any(each.name == function.__name__ or (each.method, each.path) == (method, path) for each in self.routes):
                raise ValueError(f"there are two routes `{function.__name__}`, or two {method} {path}")
            route = Route(method, path, function, self.name, function.__name__, body, tuple(query), public, place_of(function))
            self.routes.append(route)
            return function

        return declare

    # --- jobs, commands, settings

    def job(
        self, name: str, *, every: str = "", cron: str = "", zone: str = "UTC", queue: str = DEFAULT_QUEUE, priority: int = 0,
        tries: int = TRIES, wait: timedelta = FIRST_WAIT, timeout: timedelta = timedelta(minutes=10), once: Once = "unfinished",
        kept: timedelta = timedelta(days=1),
    ) -> Callable[[F], F]:
        """Work outside of a request: `backend.jobs.enqueue(name, …)` asks for it, and the function is called with the backend and what was
        given there, at least once. Where it fails it is tried `tries` times, first after `wait`; a run that takes longer than `timeout` is
        ended. `once` says for how long two asks with one key are one, `kept` how long its result is. By itself it comes round each
        `every` ("1 day") or as `cron` says, by the clocks of `zone` ("Europe/Berlin"); then all its arguments have defaults."""
        if not NAME.fullmatch(name):
            raise ValueError(f"a job's name is made of a-z, 0-9 and _: not `{name[:60]}`")
        if every and cron:
            raise ValueError("a job comes round by `every` or by `cron`, not by both")

        options = {
            "queue": queue, "priority": priority, "tries": tries, "wait": wait, "timeout": timeout, "once": once, "kept": kept,
        }  # fmt: skip

        def declare(function: F) -> F:
            self.jobs.append(Job(name, function, self.name, every, cron, zone, place_of(function), options))
            return function

        return declare

    def command(self, name: str) -> Callable[[F], F]:
        """`stillroom NAME`: the function is called with the backend, and with the options that click's decorators below this one add."""
        if not COMMAND.fullmatch(name):
            raise ValueError(f"a command's name is made of a-z, 0-9 and -: not `{name[:60]}`")

        def declare(function: F) -> F:
            self.commands.append(Command(name, function, self.name, place_of(function)))
            return function

        return declare

    def setting(self, name: str, kind: type[T], default: T) -> Setting[T]:
        """A setting from the environment, STILLROOM_EXT_<EXTENSION>_<NAME>; its `value` is there once the backend is."""
        if not NAME.fullmatch(name):
            raise ValueError(f"a setting's name is made of a-z, 0-9 and _: not `{name[:60]}`")
        if kind not in KINDS:
            raise ValueError("a setting is str, int, float, bool or Decimal")
        made = Setting(self.name, name, kind, default)
        if any(each.variable == made.variable for each in self.settings):
            raise ValueError(f"there are two settings `{name}`")
        self.settings.append(made)
        return made


def place_of(function: Callable[..., Any]) -> str:
    """File and line, for people."""
    code = getattr(function, "__code__", None)
    return f"`{code.co_filename}`, line {code.co_firstlineno}" if code else ""
