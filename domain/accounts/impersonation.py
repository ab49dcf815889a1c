"""Acting as somebody else: an admin sees what an account sees and does what it may do, marked and for minutes. What makes the account whose
it is (its password, address, factors, identities, sessions) stays with its owner."""

from dataclasses import replace

from domain.actor import ADMINS, Actor, account
from domain.errors import Forbidden


def impersonated(admin: Actor, collection: str, id: str, epoch: int) -> Actor:
    """Without a session: it is not signed in, and nothing of it can be refreshed."""
    return replace(account(id, collection, epoch), behind=admin)


def check_impersonable(collection: str) -> None:
    if collection == ADMINS:
        raise Forbidden("nobody acts as an admin", hint="sign in as yourself; roles say what you may do")


def check_itself(actor: Actor) -> None:
    """For everything that would give the account away, or take it from its owner."""
    if actor.behind is not None:
        detail = "this is for the account itself, and you are an admin who acts as it"
        raise Forbidden(detail, code="acting_as_another", hint="do it as an admin, with your own token")
