"""Every event that hooks may be declared for: what a before hook is handed, and by which committed events an after hook is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from domain.errors import did_you_mean
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


@dataclass(frozen=True, slots=True)
class Kind:
    """`committed` is the kind of the event in the outbox; `meaning` is for people. One that is `on_demand` is written only where an
    after hook hears of it."""

    shape: type[Change]
    committed: str
    meaning: str
    on_demand: bool = False


CATALOGUE: Mapping[str, Kind] = MappingProxyType({
    "records.create": Kind(RecordCreate, "records.created", "a record is created, also an account by sign-up, by a batch or an upsert"),
    "records.update": Kind(RecordUpdate, "records.updated", "a record is changed by a body"),
    "records.delete": Kind(RecordDelete, "records.deleted", "a record is deleted, also by a cascade"),
    "records.restore": Kind(TrashChange, "trash.restored", "a record comes back from the trash"),
    "records.import": Kind(RecordImport, "records.imported", "rows of a file are written"),
    "trash.remove": Kind(TrashChange, "trash.removed", "a record in the trash is removed for good"),
    "trash.empty": Kind(TrashChange, "trash.emptied", "the trash of a collection is emptied"),
    "accounts.sign_in": Kind(AccountChange, "accounts.signed_in", "a session is opened", on_demand=True),
    "accounts.refresh": Kind(AccountChange, "accounts.refreshed", "a session goes on with new tokens", on_demand=True),
    "accounts.sign_out": Kind(AccountChange, "accounts.signed_out", "an account ends the session of its token"),
    "accounts.end_sessions": Kind(AccountChange, "accounts.sessions_ended", "another session is ended, or all others"),
    "accounts.step_up": Kind(AccountChange, "accounts.stepped_up", "a session is made fresh"),
    "accounts.change_password": Kind(AccountChange, "accounts.password_changed", "an account gets another password"),
    "accounts.change_email": Kind(AccountChange, "accounts.email_changed", "a new address is confirmed"),
    "accounts.verify": Kind(AccountChange, "accounts.verified", "an address is proved by its letter"),
    "accounts.ask_letter": Kind(AccountChange, "accounts.letter_asked", "somebody asks for a letter, account or none"),
    "accounts.impersonate": Kind(AccountChange, "accounts.impersonated", "an admin acts as an account from now on"),
    "accounts.erase": Kind(AccountChange, "accounts.erased", "an account is erased with all that is known of it"),
    "factors.add": Kind(FactorChange, "factors.added", "a second factor is confirmed"),
    "factors.remove": Kind(FactorChange, "factors.removed", "a second factor is removed"),
    "factors.rename": Kind(FactorChange, "factors.renamed", "a passkey is called otherwise"),
    "factors.renew": Kind(FactorChange, "factors.renewed", "recovery codes are made anew"),
    "factors.reset": Kind(FactorChange, "factors.cleared", "all second factors are taken away"),
    "api_keys.create": Kind(KeyChange, "api_keys.created", "a key for another program is made"),
    "api_keys.revoke": Kind(KeyChange, "api_keys.revoked", "a key for another program is revoked"),
    "own_keys.create": Kind(OwnKeyChange, "own_keys.created", "an account makes a key for a program of its own"),
    "own_keys.revoke": Kind(OwnKeyChange, "own_keys.revoked", "such a key is revoked, by the account or an admin"),
    "signing_keys.rotate": Kind(KeyChange, "signing_keys.rotated", "the keys that sign tokens are rotated"),
    "invitations.invite": Kind(InvitationChange, "invitations.invited", "an address is invited to have an account"),
    "invitations.send": Kind(InvitationChange, "invitations.sent", "an invitation is sent again"),
    "invitations.withdraw": Kind(InvitationChange, "invitations.withdrawn", "an invitation is taken back"),
    "identities.link": Kind(IdentityChange, "identities.linked", "an account that is there already is known by an identity at a provider"),
    "identities.unlink": Kind(IdentityChange, "identities.unlinked", "an account is known by it no more"),
    "providers.save": Kind(ProviderChange, "providers.saved", "a provider of sign-in is named, or gets other settings"),
    "providers.remove": Kind(ProviderChange, "providers.removed", "nobody signs in by a provider any more"),
    "schedules.save": Kind(ScheduleChange, "schedules.saved", "a job comes round at other times, or is paused"),
    "schedules.remove": Kind(ScheduleChange, "schedules.removed", "a job comes round no more"),
    "schedules.run": Kind(ScheduleChange, "schedules.run_once", "a job of a schedule is asked for at once"),
    "webhooks.save": Kind(WebhookChange, "webhooks.saved", "another server is told what happens, or of something else"),
    "webhooks.remove": Kind(WebhookChange, "webhooks.removed", "another server is told nothing any more"),
    "webhooks.renew": Kind(WebhookChange, "webhooks.renewed", "messages to another server are signed by another secret"),
    "webhooks.test": Kind(WebhookChange, "webhooks.tested", "a message that tells of nothing is sent"),
    "webhooks.replay": Kind(WebhookChange, "webhooks.replayed", "messages are sent again"),
    "inbound.save": Kind(InboundChange, "inbound.saved", "another server may tell us what happens, or otherwise"),
    "inbound.remove": Kind(InboundChange, "inbound.removed", "another server may tell us nothing any more"),
    "inbound.receive": Kind(InboundChange, "inbound.received", "a message of another server is taken, once"),
    "collections.create": Kind(CollectionChange, "collections.created", "a collection is made"),
    "collections.change": Kind(CollectionChange, "collections.changed", "a collection is changed"),
    "collections.delete": Kind(CollectionChange, "collections.deleted", "a collection is deleted"),
})  # fmt: skip


def check_event(event: str) -> None:
    """ValueError where there is none of this name."""
    if event not in CATALOGUE:
        hint = did_you_mean(event, list(CATALOGUE)) or f"there are {', '.join(CATALOGUE)}"
        raise ValueError(f"there is no event `{event}`; {hint}")
