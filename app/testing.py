"""A whole backend in memory, for our tests and for yours: SQLite `:memory:`, cheap passwords and tokens, a clock that is told.

    with backend() as room:
        room.collections.create({"name": "posts", "fields": […]}, actor=SYSTEM)
        answer = client(room).get("/api/v1/collections/posts/records")
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, TypeVar

from flask.testing import FlaskClient

from adapters.outbound.embedded_carrier import EmbeddedCarrier
from adapters.outbound.memory.clock import CountedIds, ToldClock
from adapters.outbound.memory.files import MemoryFiles
from adapters.outbound.memory.limits import MemoryLimits
from adapters.outbound.memory.mail import MemoryMailer
from adapters.outbound.memory.passwords import QuickPasswords
from adapters.outbound.memory.tokens import QuickTokens
from adapters.outbound.pillow_images import PillowImages
from adapters.outbound.sealed_secrets import Seal
from adapters.outbound.sql.engines import open_database
from adapters.outbound.sql.start import migrate_database
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from adapters.outbound.system_clock import Uuid7Ids
from app.attach import attach
from app.extend import Extension
from app.settings import Settings
from app.usecases.backend import Backend
from app.wiring import STORES, Parts, field_tools, use_cases
from domain.accounts.issuers import read_trusted
from domain.accounts.presets import PRESETS, Preset
from domain.files.ways import SERVER
from domain.jobs.crowd import MOST_WAITING
from domain.limits.policies import read_policies
from ports.carrier import Carrier
from ports.clock import Clock, Ids
from ports.files import Files
from ports.observer import Observation
from ports.unit_of_work import Stores, UnitOfWork

T = TypeVar("T")
# What links in letters begin with.
PUBLIC_URL = "https://planes.example"


NOTHING_SET: Mapping[str, str] = MappingProxyType({})


class Noticed:
    """An observer that keeps what it was told, for tests to look at. `curious` asks for what takes statements to find out as well: which
    part of a rule refused."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.curious = False

    def observe(self, observation: Observation) -> None:
        self.observations.append(observation)

    def wants(self, kind: type[Observation]) -> bool:
        return self.curious


class _Undone(Exception):
    """Ends a transaction of which nothing is to stay."""


@dataclass(frozen=True, slots=True)
class TestBackend(Backend):
    """A backend, and what a test wants besides. Close it, or use it as a context manager."""

    __test__ = False  # pytest takes names that begin with Test for its own

    clock: Clock
    observer: Noticed
    close: Callable[[], None]
    work: UnitOfWork
    post: MemoryMailer
    extensions: tuple[Extension, ...] = ()

    def undone(self, body: Callable[[], T]) -> T:
        """What the body answers, and nothing of what it wrote; a refusal is raised as ever. It may write records, not collections."""
        answered: list[T] = []

        def once(stores: Stores) -> None:
            answered[:] = [body()]
            raise _Undone

        try:
            self.work.run(once, alone=True)
        except _Undone:
            return answered[0]
        raise AssertionError("a body that raises ends its transaction")

    def __enter__(self) -> "TestBackend":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def backend(
    *, clock: Clock | None = None, ids: Ids | None = None, database: str = "sqlite:///:memory:", limits: str = "off",
    sign_up_bits: int = 0, extensions: Sequence[Extension] = (), loopback_providers: bool = False, trusted_issuers: str = "",
    presets: Mapping[str, Preset] = PRESETS, settings: Mapping[str, str] = NOTHING_SET, carrier: Carrier | None = None,
    most_jobs: int = MOST_WAITING, admins_need_factor: bool = False, loopback_webhooks: bool = False, files: Files | None = None,
    files_served: str = SERVER,
) -> TestBackend:
    """Empty, migrated and ready. Without a clock, time stands still until the test moves it on (`room.clock.advance(minutes=5)`);
    `ids=CountedIds()` gives ids that a test can foretell; `database` takes any URL, of an empty database or one at this version;
    `limits` is a text as STILLROOM_LIMITS has it: a clock that stands still would let nobody try again; `extensions` are attached
    as a server attaches them, and after hooks run with `room.events.drain()`; `loopback_providers` and `trusted_issuers` are as the
    settings; `presets` are the providers that are known by name, `settings` those of extensions, by variable; `carrier` carries jobs, and
    `most_jobs` of them may wait; `admins_need_factor` and `loopback_webhooks` are as the settings. `files` is where
    files are kept, if not in memory, and `files_served` is as the setting."""
    clock, observer = clock or ToldClock(), Noticed()
    opened = open_database(database)
    migrate_database(opened)
    work = SqlUnitOfWork(opened, STORES, observer)
    counting = MemoryLimits(clock), read_policies(limits)
    post, images = MemoryMailer(), PillowImages()
    seal = Seal(os.urandom(32))
    parts = Parts(
        work, QuickPasswords(), QuickTokens(clock), *field_tools(), *counting, post, files or MemoryFiles(clock), images, seal,
        PUBLIC_URL, clock, ids or Uuid7Ids(), observer, sign_up_bits, asks_loopback=loopback_providers,
        trusted=read_trusted(trusted_issuers), presets=presets, carrier=carrier or EmbeddedCarrier(), most_jobs=most_jobs,
        admins_need_factor=admins_need_factor, files_served=files_served, tells_loopback=loopback_webhooks,
    )  # fmt: skip
    inside = use_cases(parts)
    attach(extensions, inside, work, settings)

    def close() -> None:
        images.close()
        work.close()

    own = {each.name: getattr(inside, each.name) for each in fields(Backend)}
    return TestBackend(**own, clock=clock, observer=observer, close=close, work=work, post=post, extensions=tuple(extensions))


def client(of: Backend, settings: Settings | None = None) -> FlaskClient:
    """A client of the application over this backend, as a browser or an app would be."""
    from app.factory import create_app  # everything of the web: not wanted by those who test use cases

    observer = of.observer if isinstance(of, TestBackend) else Noticed()
    extensions = of.extensions if isinstance(of, TestBackend) else ()
    application: Any = create_app(settings or Settings(), of, observer, extensions)
    made: FlaskClient = application.test_client()
    return made


__all__ = ["CountedIds", "Noticed", "TestBackend", "ToldClock", "backend", "client"]
