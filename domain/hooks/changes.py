"""What is about to happen, as before hooks are handed it: one class for each shape that a change has.

Values are as the API has them: decimals are text, lists are lists. No password, token or code is ever among them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.actor import SYSTEM, Actor


@dataclass(slots=True, kw_only=True)
class Change:
    """`event` names it; `actor` is who asks; `request` is the id of the request, "" where there was none. `collection` is the one that it
    is about, "" where it is about none."""

    event: str
    actor: Actor = SYSTEM
    request: str = ""
    collection: str = ""

    @property
    def subject(self) -> str:
        """The record or account that the event of this is about."""
        return ""

    @property
    def told(self) -> dict[str, Any]:
        """What the event says besides: no secret, since events are kept and read by others."""
        return {}


@dataclass(slots=True, kw_only=True)
class RecordCreate(Change):
    """`values` are those that the new record will have, defaults among them, without what is absent. What a hook writes here is
    validated as a body is; the actor's own rules of fields do not bind it."""

    id: str
    values: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class RecordUpdate(Change):
    """`record` is the record as it is, held against other writers; `values` are what the body names, operators such as `views+` among
    them. What a hook writes here is validated as a body is, and replaces what the body says of the same field."""

    id: str
    values: dict[str, Any]
    record: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class RecordDelete(Change):
    """`record` as it is. It may go because another one does, by a cascade."""

    id: str
    record: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class RecordImport(Change):
    """Rows are about to be written, in one transaction; their values are not shown."""


@dataclass(slots=True, kw_only=True)
class TrashChange(Change):
    """A record in the trash is restored or removed for good, with what went with it: `id` is the record's, "" where the whole trash is
    emptied."""

    id: str = ""

    @property
    def subject(self) -> str:
        return self.id


@dataclass(slots=True, kw_only=True)
class AccountChange(Change):
    """`account` is the id of the account. `by` says how: the way of signing in (`password`, `otp`, `passkey` …), the kind of letter, or
    `old_password`, `reset`, `admin` for a new password. `session` is the session that it is about, "" where it is about none or all."""

    account: str
    by: str = ""
    session: str = ""

    @property
    def subject(self) -> str:
        return self.account

    @property
    def told(self) -> dict[str, Any]:
        return {"by": self.by, "session": self.session}


@dataclass(slots=True, kw_only=True)
class FactorChange(Change):
    """`factor` is `totp`, `passkey`, `recovery_codes`, or `all`."""

    account: str
    factor: str

    @property
    def subject(self) -> str:
        return self.account

    @property
    def told(self) -> dict[str, Any]:
        return {"factor": self.factor}


@dataclass(slots=True, kw_only=True)
class ScheduleChange(Change):
    """A job that comes round by itself: `name` is the schedule's, `job` that of the job."""

    name: str
    job: str

    @property
    def subject(self) -> str:
        return self.name

    @property
    def told(self) -> dict[str, Any]:
        return {"job": self.job}


@dataclass(slots=True, kw_only=True)
class WebhookChange(Change):
    """An endpoint that is told what happens: its `id` and what its owner calls it. Its address may be a secret, so it is not told."""

    id: str
    name: str = ""

    @property
    def subject(self) -> str:
        return self.id

    @property
    def told(self) -> dict[str, Any]:
        return {"name": self.name}


@dataclass(slots=True, kw_only=True)
class InboundChange(Change):
    """A source of messages from another server. Of a message that is taken `id` is its own, `kind` what its sender calls it, `record` the
    id of the record that it has made, and `body` what it says."""

    source: str
    id: str = ""
    kind: str = ""
    record: str = ""
    body: Any = None

    @property
    def subject(self) -> str:
        return self.source

    @property
    def told(self) -> dict[str, Any]:
        return {"id": self.id, "kind": self.kind, "record": self.record, "body": self.body} if self.id else {}


@dataclass(slots=True, kw_only=True)
class KeyChange(Change):
    """`id` and `name` of the API key; both "" of keys that sign tokens."""

    id: str = ""
    name: str = ""

    @property
    def subject(self) -> str:
        return self.id

    @property
    def told(self) -> dict[str, Any]:
        return {"name": self.name}


@dataclass(slots=True, kw_only=True)
class OwnKeyChange(Change):
    """`account` is whose key it is; `id` and `name` are the key's, the name "" of one that is revoked."""

    account: str
    id: str
    name: str = ""

    @property
    def subject(self) -> str:
        return self.account

    @property
    def told(self) -> dict[str, Any]:
        return {"key": self.id, "name": self.name}


@dataclass(slots=True, kw_only=True)
class InvitationChange(Change):
    """`id` is the invitation's, `email` whom it is for; the address is in no event."""

    id: str
    email: str

    @property
    def subject(self) -> str:
        return self.id


@dataclass(slots=True, kw_only=True)
class IdentityChange(Change):
    """`account` is whose identity at a provider it is; `provider` is what the collection calls that one, `id` the identity's."""

    account: str
    id: str
    provider: str

    @property
    def subject(self) -> str:
        return self.account

    @property
    def told(self) -> dict[str, Any]:
        return {"identity": self.id, "provider": self.provider}


@dataclass(slots=True, kw_only=True)
class ProviderChange(Change):
    """`provider` is what the collection calls it; its settings are not shown."""

    provider: str

    @property
    def told(self) -> dict[str, Any]:
        return {"provider": self.provider}


@dataclass(slots=True, kw_only=True)
class CollectionChange(Change):
    """The definitions before and after, as the API shows them; None where there is none."""

    before: Mapping[str, Any] | None = field(default=None)
    after: Mapping[str, Any] | None = field(default=None)

    @property
    def told(self) -> dict[str, Any]:
        """Not the definitions: the history of collections has them."""
        return {"name": (self.after or self.before or {}).get("name", "")}
