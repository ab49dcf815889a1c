"""Acting as somebody else: an admin sees what an account sees and does what it may do, marked and for minutes. What makes the account whose
it is (its password, address, factors, identities, sessions, keys) stays with its owner, who signs in for that."""

from dataclasses import replace

from domain.actor import ADMINS, Actor, account
from domain.errors import Forbidden


def impersonated(admin: Actor, collection: str, id: str, epoch: int) -> Actor:
    """Without a session: it is not signed in, and nothing of it can be refreshed."""
    return replace(account(id, collection, epoch), behind=admin)


def check_impersonable(collection: str) -> None:
    if collection == ADMINS:
        raise Forbidden("nobody acts as an admin", hint="sign in as yourself; roles say what you may do")


def check_no_key(actor: Actor) -> None:
    """For everything that the scopes of a key cannot speak of."""
    if actor.key:
        detail = "this is for the account itself, and you ask with a key that it made"
        raise Forbidden(detail, code="not_with_a_key", hint="sign in to the account")


def check_itself(actor: Actor) -> None:
    """For everything that would give the account away, or take it from its owner."""
    check_no_key(actor)
    if actor.behind is not None:
        detail = "this is for the account itself, and you are an admin who acts as it"
        raise Forbidden(detail, code="acting_as_another", hint="do it as an admin, with your own token")
