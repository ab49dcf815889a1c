"""What extensions import: one module, since an owner's own package may well be called `app`. It holds names and nothing else."""

from app.extend import Extension
from app.usecases.backend import Backend
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Problem,
    Unauthenticated,
    Unavailable,
)
from domain.events import Told as Event
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
from domain.jobs.outcomes import GiveUp
from domain.records.page import ListQuery, Page, Shown
from domain.rules.values import RequestFacts

__all__ = [
    "GUEST", "SYSTEM", "AccountChange", "Actor", "Backend", "Change", "CollectionChange", "Conflict", "Event", "Extension", "FactorChange",
    "Forbidden", "GiveUp", "IdentityChange", "InboundChange", "Invalid", "InvitationChange", "KeyChange", "ListQuery", "NotFound",
    "OwnKeyChange", "Page",
    "PreconditionFailed", "Problem", "ProviderChange", "RecordCreate", "RecordDelete", "RecordImport", "RecordUpdate", "RequestFacts",
    "ScheduleChange", "Shown", "TrashChange", "Unauthenticated", "Unavailable", "WebhookChange",
]  # fmt: skip
