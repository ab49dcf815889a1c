"""Which writes may be tried without being made."""

from collections.abc import Mapping
from typing import Any

from domain.actor import Actor
from domain.errors import invalid
from domain.schema.collection import Collection


def check_dry_run(collection: Collection, body: Mapping[str, Any], actor: Actor) -> None:
    """Invalid where the body has an address of an account. Signing up tells that an address is taken, and leaves an account where it is
    not; tried in a dry run it would leave nothing, so that anybody could ask for one address after the other."""
    if collection.is_accounts and "email" in body and not actor.passes_rules:
        hint = "leave `dry_run` out; a refused change keeps nothing either"
        raise invalid("dry_run", "not_supported", "an account's address takes no dry run", hint=hint)
