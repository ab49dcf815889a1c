"""What an account begins with that is made for somebody whom another issuer vouches for."""

from collections.abc import Mapping
from typing import Any

from domain.accounts.identities import Identity
from domain.schema.collection import Collection
from domain.schema.fields import TRUSTING, TextField
from domain.schema.fields.access import OPEN_TO_ALL
from domain.schema.fields.base import Unfit

_NAME = "name"


def values_of(identity: Identity, collection: Collection, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given for it; the address that is vouched for, and no other; and what the person is called, where the collection has
    an ordinary field for that and nobody said otherwise. No sign-up fails for a name: Apple tells it once, and proves it never."""
    address = {"email": identity.email} if identity.email else {}
    named = {_NAME: identity.name} if _NAME not in given and _takes(collection, identity.name) else {}
    return {**named, **given, **address}


def _takes(collection: Collection, name: str) -> bool:
    field = collection.every_field.get(_NAME)
    if not name or not isinstance(field, TextField) or field.rules != OPEN_TO_ALL:
        return False
    if field.hidden or field.unique or field.pattern is not None:
        return False
    try:
        field.accept(name, TRUSTING)
    except Unfit:
        return False
    return True
