"""What ends the keys of an account besides its owner: a change of the account, or of what a key's rule names."""

import re

from domain.accounts.own_keys import OwnKey
from domain.schema.collection import Collection
from domain.schema.renames import Renames
from ports.unit_of_work import Stores

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def keep_own_keys(stores: Stores, collection: Collection, id: str, *, standing: bool) -> None:
    """After the account's epoch has grown. What is not kept is dead by that already; nothing of it stays."""
    if collection.api_keys is None:
        return
    if standing:
        stores.own_keys.carry_over(collection, id)
    else:
        stores.own_keys.forget(collection, [id])


def end_renamed(stores: Stores, before: Collection | None, after: Collection | None, renames: Renames | None) -> None:
    """Of keys whose rule names a field that is renamed or goes: the rule would mean nothing, or another field. Accounts cannot hold up a
    change of the schema, and a rule is not written anew by somebody who did not write it."""
    if before is None or after is None:
        return
    there = {each.name for each in after.fields}
    gone = {each.name for each in before.fields if each.name not in there} | {old for old, _ in (renames.fields if renames else ())}
    if gone:
        ending = [each.key.id for each in stores.own_keys.narrowed(before.id) if not gone.isdisjoint(_named(each, before))]
        stores.own_keys.end(ending)


def _named(key: OwnKey, collection: Collection) -> list[str]:
    return _NAME.findall(dict(key.key.rules).get(collection.id, ""))
