"""An account that had no way to sign in but its session has one now, which is no name and no password: it is anonymous no more."""

from domain.records.changes import Changes
from domain.records.draft import stamps
from domain.rules.shape import ANYTHING
from domain.schema.account_fields import ANONYMOUS
from domain.schema.collection import Collection
from ports.unit_of_work import Stores


def take_name(stores: Stores, collection: Collection, id: str, now: str) -> None:
    """Inside the transaction that gives it a passkey or an identity of a provider."""
    if collection.anonymous is None:
        return
    record = stores.records.load(collection, id)
    if record is not None and record[ANONYMOUS]:
        stores.records.update(collection, id, Changes({ANONYMOUS: False, **stamps(collection, now)}), ANYTHING)
