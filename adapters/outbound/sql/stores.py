"""What a body works with, made over one session; `wiring.py` says which stores."""

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from adapters.outbound.sql.answers import SqlAnswerStore
from adapters.outbound.sql.api_keys import SqlApiKeyStore
from adapters.outbound.sql.audit import SqlAuditStore
from adapters.outbound.sql.deliveries import SqlDeliveryStore
from adapters.outbound.sql.factors import SqlFactorStore
from adapters.outbound.sql.file_rows import SqlFileRows
from adapters.outbound.sql.hooks import SqlBeforeHooks
from adapters.outbound.sql.identities import SqlIdentityStore, SqlProviderStore
from adapters.outbound.sql.imports import SqlImportStore
from adapters.outbound.sql.inbound import SqlInboundStore
from adapters.outbound.sql.invitations import SqlInvitationStore
from adapters.outbound.sql.jobs import SqlJobStore
from adapters.outbound.sql.mailbox import SqlMailbox
from adapters.outbound.sql.one_time import SqlOneTimeStore
from adapters.outbound.sql.outbox import SqlOutboxStore
from adapters.outbound.sql.own_keys import SqlOwnKeyStore
from adapters.outbound.sql.passkeys import SqlPasskeyStore
from adapters.outbound.sql.schedules import SqlScheduleStore
from adapters.outbound.sql.schema import SqlSchemaStore
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.session_rows import SqlSessionStore
from adapters.outbound.sql.traces import SqlTraceStore
from adapters.outbound.sql.trash import SqlTrashStore
from adapters.outbound.sql.uploads import SqlUploadStore
from adapters.outbound.sql.webhooks import SqlWebhookStore
from domain.schema.collection import Schema
from ports.accounts import AccountStore, KeyStore
from ports.records import RecordStore
from ports.trash import TrashStore

S = TypeVar("S")
Factory = Callable[[Session], S]


class SqlStores:
    """Each store is made when it is first asked for, and then kept as long as the session."""

    def __init__(
        self,
        session: Session,
        records: Factory[RecordStore],
        accounts: Factory[AccountStore],
        keys: Factory[KeyStore],
        trash: Factory[TrashStore],
    ) -> None:
        self._session, self._records, self._accounts, self._keys = session, records, accounts, keys
        self._trash = trash

    @property
    def schema(self) -> Schema:
        return self._session.schema

    def current(self) -> Schema:
        self._session.check_version()
        return self._session.schema

    @cached_property
    def records(self) -> RecordStore:
        return self._records(self._session)

    @cached_property
    def collections(self) -> SqlSchemaStore:
        return SqlSchemaStore(self._session)

    @cached_property
    def accounts(self) -> AccountStore:
        return self._accounts(self._session)

    @cached_property
    def keys(self) -> KeyStore:
        return self._keys(self._session)

    @cached_property
    def schedules(self) -> SqlScheduleStore:
        return SqlScheduleStore(self._session)

    @cached_property
    def answers(self) -> SqlAnswerStore:
        return SqlAnswerStore(self._session)

    @cached_property
    def api_keys(self) -> SqlApiKeyStore:
        return SqlApiKeyStore(self._session)

    @cached_property
    def own_keys(self) -> SqlOwnKeyStore:
        return SqlOwnKeyStore(self._session)

    @cached_property
    def audit(self) -> SqlAuditStore:
        return SqlAuditStore(self._session)

    @cached_property
    def providers(self) -> SqlProviderStore:
        return SqlProviderStore(self._session)

    @cached_property
    def identities(self) -> SqlIdentityStore:
        return SqlIdentityStore(self._session)

    @cached_property
    def deliveries(self) -> SqlDeliveryStore:
        return SqlDeliveryStore(self._session)

    @cached_property
    def sessions(self) -> SqlSessionStore:
        return SqlSessionStore(self._session)

    @cached_property
    def factors(self) -> SqlFactorStore:
        return SqlFactorStore(self._session)

    @cached_property
    def passkeys(self) -> SqlPasskeyStore:
        return SqlPasskeyStore(self._session)

    @cached_property
    def invitations(self) -> SqlInvitationStore:
        return SqlInvitationStore(self._session)

    @cached_property
    def one_time(self) -> SqlOneTimeStore:
        return SqlOneTimeStore(self._session)

    @cached_property
    def mailbox(self) -> SqlMailbox:
        return SqlMailbox(self._session)

    @cached_property
    def jobs(self) -> SqlJobStore:
        return SqlJobStore(self._session)

    @cached_property
    def imports(self) -> SqlImportStore:
        return SqlImportStore(self._session)

    @cached_property
    def outbox(self) -> SqlOutboxStore:
        return SqlOutboxStore(self._session)

    @cached_property
    def traces(self) -> SqlTraceStore:
        return SqlTraceStore(self._session)

    @cached_property
    def webhooks(self) -> SqlWebhookStore:
        return SqlWebhookStore(self._session)

    @cached_property
    def inbound(self) -> SqlInboundStore:
        return SqlInboundStore(self._session)

    @cached_property
    def files(self) -> SqlFileRows:
        return SqlFileRows(self._session)

    @cached_property
    def uploads(self) -> SqlUploadStore:
        return SqlUploadStore(self._session)

    @cached_property
    def hooks(self) -> SqlBeforeHooks:
        return SqlBeforeHooks(self._session)

    @cached_property
    def trash(self) -> TrashStore:
        return self._trash(self._session)


def sql_stores(
    *,
    records: Factory[RecordStore],
    accounts: Factory[AccountStore],
    keys: Factory[KeyStore],
    trash: Factory[TrashStore] = SqlTrashStore,
) -> Callable[[Session], SqlStores]:
    """`SqlUnitOfWork(database, sql_stores(records=SqlRecordStore,
    accounts=SqlAccountStore, keys=SqlKeyStore), …)`"""
    return lambda session: SqlStores(session, records, accounts, keys, trash)
