"""What writes of accounts need of passwords, done before any transaction: hashing is slow on purpose and must hold no lock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.usecases.factor_proofs import need_fresh
from app.usecases.limits import LimitUseCases
from app.usecases.puzzles import PuzzleUseCases, Used
from app.usecases.refusals import STEP_UP, Refusals
from domain.accounts.impersonation import check_itself
from domain.accounts.passwords import check_new_password, read_password
from domain.accounts.sessions import ends_sessions
from domain.actor import Actor
from domain.errors import Forbidden, invalid
from domain.limits.visits import Visit
from domain.records.visibility import owns
from domain.rules.values import RequestFacts
from domain.schema.collection import OLD_PASSWORD, PASSWORD, Collection
from domain.schema.identity import EMAIL, needed
from ports.accounts import Credentials
from ports.clock import Clock
from ports.passwords import Passwords
from ports.unit_of_work import UnitOfWork

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was decided and hashed before a write. `collection_id` is that of the accounts collection that it was done for, None
    where there was nothing to do: the transaction compares it with what it finds, since the schema may have moved between. `values` are
    those of fields that no body names."""

    collection_id: str | None = None
    secrets: Mapping[str, Any] = field(default_factory=dict)
    puzzle: Used | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


NOTHING = Prepared()


class PasswordDesk:
    def __init__(
        self, work: UnitOfWork, passwords: Passwords, limits: LimitUseCases, puzzles: PuzzleUseCases, refusals: Refusals, clock: Clock
    ) -> None:
        self._work, self._passwords, self._limits, self._puzzles, self._clock = work, passwords, limits, puzzles, clock
        self._refusals = refusals

    def for_new(self, collection: Collection, body: Body, actor: Actor, facts: RequestFacts) -> Prepared:
        """For a sign-up; Invalid where there is no password or the policy refuses it. A proof of work that is asked for comes first: it
        is there so that hashing is not done for nothing."""
        puzzle = self._puzzles.solved(collection, actor, facts)
        if PASSWORD not in body:
            raise invalid(f"/{PASSWORD}", "required", "an account needs a `password`")
        wanted = needed(collection.identity)
        if not body.get(wanted):
            raise invalid(f"/{wanted}", "required", f"an account needs {'an' if wanted == EMAIL else 'its'} `{wanted}`")
        hashed = self.prepare(body[PASSWORD], email=body.get("email"))
        return Prepared(collection.id, {"password_hash": hashed, "epoch": 1}, puzzle)

    def for_change(self, collection: Collection, id: str, body: Body, actor: Actor, visit: Visit | None = None) -> Prepared:
        """For a change of sign-in data: by the account itself with its present password, or by an admin."""
        if not owns(collection, id, actor):
            raise Forbidden("only the account itself and admins change its sign-in data")
        credentials = self._work.read(lambda stores: stores.accounts.credentials_of(collection, id))
        wanted = needed(collection.identity)
        if wanted in body and not body[wanted]:
            raise invalid(f"/{wanted}", "required", f"an account keeps its `{wanted}`")
        if (actor.collection, actor.id) == (collection.name, id) and not _takes_a_name(collection, credentials, body, actor):
            self.check_old(credentials, body, actor, visit)
        if PASSWORD not in body:
            return Prepared(collection.id)
        email = body.get("email") or (credentials.email if credentials else None)
        return Prepared(collection.id, {"password_hash": self.prepare(body[PASSWORD], email=email)})

    def prepare(self, password: Any, *, email: Any) -> str:
        """The hash of a new password; Invalid where the policy refuses it."""
        text = read_password(password, f"/{PASSWORD}")
        check_new_password(text, f"/{PASSWORD}", email=email if isinstance(email, str) else None)
        return self._passwords.hash(text)

    def check_old(self, credentials: Credentials | None, body: Body, actor: Actor, visit: Visit | None) -> None:
        """A stolen token alone changes no sign-in data, an admin's neither: the present password is asked for again."""
        check_itself(actor)
        pointer = f"/{OLD_PASSWORD}"
        if OLD_PASSWORD not in body and credentials is not None and credentials.password_hash is None:
            # There is none to ask for. What a stolen token has not is a sign-in, or a step-up, of just now.
            self._work.read(lambda stores: need_fresh(stores, stores.schema.collection(actor.collection), actor, self._clock.now()))
            return
        if OLD_PASSWORD not in body:
            hint = f"send the present password as `{OLD_PASSWORD}`"
            raise invalid(pointer, "required", "sign-in data changes only with the present password", hint=hint)
        self.check_present(credentials, body[OLD_PASSWORD], pointer, actor, visit)

    def check_present(self, credentials: Credentials | None, given: Any, pointer: str, actor: Actor, visit: Visit | None) -> None:
        text = read_password(given, pointer)
        self._limits.check_password(visit, actor)
        if not self._passwords.verify(text, credentials.password_hash if credentials else None):
            # Whoever has the token and tries for the password is seen by that.
            self._refusals.note(actor.collection, actor.id, "present password", RequestFacts("POST", visit=visit), action=STEP_UP)
            raise invalid(pointer, "wrong_password", "this is not the present password")


def _takes_a_name(collection: Collection, credentials: Credentials | None, body: Body, actor: Actor) -> bool:
    """An anonymous account has no password to ask for; it sets one with what it will sign in by, and whoever has its session has all
    there is. Of two that do so at once the second finds its token ended."""
    if credentials is None or not credentials.is_anonymous or credentials.password_hash is not None:
        return False
    wanted = needed(collection.identity)
    if not (wanted in body and PASSWORD in body):
        raise invalid("", "required", f"an anonymous account sets `{wanted}` and `password` together")
    check_itself(actor)
    return True


def owed_for_new(collection: Collection) -> str | None:
    """The `Prepared.collection_id` that a create in this collection needs."""
    return collection.id if collection.is_accounts else None


def owed_for_change(collection: Collection, body: Body) -> str | None:
    return collection.id if collection.is_accounts and ends_sessions(collection.identity, body) else None
