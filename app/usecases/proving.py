"""An account whose address is proved by signing in: from then on it is its owner's alone."""

from collections.abc import Mapping
from typing import Any

from domain.accounts.one_time import refused
from domain.records.changes import Changes
from domain.records.draft import stamps
from domain.rules.shape import ANYTHING
from domain.schema.collection import Collection
from ports.unit_of_work import Stores


def prove(stores: Stores, collection: Collection, id: str, now: str) -> None:
    """Until the address was proved anybody may have signed up with it: the password, the sessions and the open links of that somebody end
    here, and so do second factors, passkeys and identities of providers, else they would share the account with its owner from now on.
    Every way in that an account may be given belongs here."""
    record = stores.records.load(collection, id)
    if record is None or record["verified"]:
        return
    # Nobody signs up as an admin: who has an admin's address was given it by those who run this backend.
    planted: Mapping[str, Any] = {} if collection.system else {"secrets": {"password_hash": None}, "end_sessions": True}
    if stores.records.update(collection, id, Changes({"verified": True, **stamps(collection, now)}, **planted), ANYTHING) is None:
        raise refused()
    if planted:
        # They are dead by the epoch already; nothing of them is kept.
        stores.one_time.end(collection, id)
        stores.factors.forget(collection, [id])
        stores.identities.forget(collection, [id])
        stores.own_keys.forget(collection, [id])
