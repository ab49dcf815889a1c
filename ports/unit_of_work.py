"""One transaction and the stores that work in it."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from domain.hooks.chain import Chain
from domain.jobs.job import Waiting
from domain.schema.collection import Schema
from ports.accounts import AccountStore, KeyStore
from ports.answers import AnswerStore
from ports.api_keys import ApiKeyStore
from ports.audit import AuditStore
from ports.deliveries import DeliveryStore
from ports.factors import FactorStore
from ports.file_rows import FileRows
from ports.hooks import BeforeHooks
from ports.identities import IdentityStore, ProviderStore
from ports.imports import ImportStore
from ports.inbound import InboundStore
from ports.invitations import InvitationStore
from ports.jobs import JobStore
from ports.mailbox import Mailbox
from ports.one_time import OneTimeStore
from ports.outbox import OutboxStore
from ports.own_keys import OwnKeyStore
from ports.passkey_rows import PasskeyStore
from ports.records import RecordStore
from ports.schedules import ScheduleStore
from ports.schema import SchemaStore
from ports.sessions import SessionStore
from ports.traces import TraceStore
from ports.trash import TrashStore
from ports.uploads import UploadStore
from ports.webhooks import WebhookStore

T = TypeVar("T")


class Stores(Protocol):
    """What a body works with. `schema` is the one that every statement of the body is checked against: where the
    database has moved on, the body is stopped and run again with the new one."""

    @property
    def schema(self) -> Schema: ...
    def current(self) -> Schema:
        """`schema`, after asking the database whether it is still the one; for bodies that read nothing but definitions."""
        ...

    @property
    def records(self) -> RecordStore: ...
    @property
    def collections(self) -> SchemaStore: ...
    @property
    def accounts(self) -> AccountStore: ...
    @property
    def keys(self) -> KeyStore: ...
    @property
    def schedules(self) -> ScheduleStore: ...
    @property
    def answers(self) -> AnswerStore: ...
    @property
    def api_keys(self) -> ApiKeyStore: ...
    @property
    def own_keys(self) -> OwnKeyStore: ...
    @property
    def audit(self) -> AuditStore: ...
    @property
    def sessions(self) -> SessionStore: ...
    @property
    def factors(self) -> FactorStore: ...
    @property
    def passkeys(self) -> PasskeyStore: ...
    @property
    def invitations(self) -> InvitationStore: ...
    @property
    def one_time(self) -> OneTimeStore: ...
    @property
    def mailbox(self) -> Mailbox: ...
    @property
    def jobs(self) -> JobStore: ...
    @property
    def imports(self) -> ImportStore: ...
    @property
    def outbox(self) -> OutboxStore: ...
    @property
    def providers(self) -> ProviderStore: ...
    @property
    def identities(self) -> IdentityStore: ...
    @property
    def deliveries(self) -> DeliveryStore: ...
    @property
    def trash(self) -> TrashStore: ...
    @property
    def traces(self) -> TraceStore: ...
    @property
    def webhooks(self) -> WebhookStore: ...
    @property
    def inbound(self) -> InboundStore: ...
    @property
    def files(self) -> FileRows: ...
    @property
    def uploads(self) -> UploadStore: ...
    @property
    def hooks(self) -> BeforeHooks: ...


class UnitOfWork(Protocol):
    """Bodies may be run again (schema moved, serialization failure, a shared transaction lost), so they have no effect
    outside the stores; hashing, parsing and uploads come before. A call inside a body joins the running transaction."""

    def glimpse(self) -> Schema:
        """The schema that this process works under at the moment, without asking the database: it may be an old one.
        In a body it is that body's."""
        ...

    def is_inside(self) -> bool:
        """Whether a body runs in this thread: what is called now joins its transaction."""
        ...

    def read(self, body: Callable[[Stores], T], *, snapshot: bool = False) -> T:
        """Runs a body that only reads. Without `snapshot` each statement sees what is committed when it starts; with it
        all of them see one moment. Nothing waits for writers."""
        ...

    def run(self, body: Callable[[Stores], T], *, alone: bool = False, unhurried: bool = False) -> T:
        """Runs the body in one transaction and returns, or raises what the body raised, only when the transaction's outcome
        is durable: a refusal too may rest on another member's row. An exception undoes what the body did and nothing
        else. `alone` shares the commit with nobody; `unhurried` is alone and without the body's time limit (an import), so others
        wait or are told that we are busy. Raises Unavailable or OutOfSpace when the commit failed: then what was written may
        or may not be there."""
        ...

    def change_schema(self, body: Callable[[Stores], T], *, unhurried: bool = False) -> T:
        """Runs a body that changes collections, alone and with every other writer waiting; `unhurried` without its time limit (an
        import that makes its collection). All of it, or nothing, is kept;
        every process serves the new schema to requests that start after this returned. Unavailable when the lock is not had in time."""
        ...

    def heed(self, told: Callable[[], None]) -> None:
        """From now on `told` is called after each commit of this process that left events; it takes no time and raises nothing."""
        ...

    def overhear(self, told: Callable[[Sequence[Waiting]], None]) -> None:
        """From now on `told` is called after each commit of this process that left jobs which may begin at once, with them, and perhaps
        with some that were undone; it takes no time and raises nothing."""
        ...

    def ask(self, hooks: Chain) -> None:
        """From now on bodies ask these before something happens."""
        ...

    def learn(self) -> None:
        """Lets the engine see how much there is of what, so that it finds its ways by it; to be called from time to time. Costs
        little, most of all where little has changed, and is left out where somebody else is writing for long."""
        ...

    def scrub(self, collections: Sequence[str] = ()) -> bool:
        """What is deleted and committed goes from where the engine keeps it besides the tables: from SQLite's log, and from the samples of
        values, of these collections and of the backend's own tables, by which it plans. False where somebody was in the way: then it
        is to be asked again."""
        ...

    def close(self) -> None:
        """Ends what was opened; running bodies are waited for."""
        ...
