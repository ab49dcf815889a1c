"""Sessions of accounts: every way to sign in opens one here. How somebody proves who they are is left to those ways."""

import secrets
from dataclasses import dataclass, replace
from typing import NoReturn

from app.usecases.request_values import request_values
from app.usecases.rulebook import OPEN, Rulebook
from app.usecases.sights import sights_for
from domain.accounts.refresh import FAMILY_BYTES, SECRET_BYTES, RefreshToken, minted
from domain.accounts.sessions import Device, Session, device, opened, within
from domain.actor import GUEST, Actor, account
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.records.page import Shown
from domain.records.reading import Reading, guard_of
from domain.rules.shape import ANYTHING, Bound, shape
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from ports.clock import Clock, Ids
from ports.observer import Observation, Observer
from ports.tokens import Tokens
from ports.unit_of_work import Stores, UnitOfWork


@dataclass(frozen=True, slots=True)
class SignInRefused(Observation):
    """`reason` is credentials or rule. Whose sign-in it was is not told: what people type there may be a password."""

    collection: str
    reason: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    access_token: str
    expires_in: int  # seconds
    refresh_token: str
    account: Shown


class SessionUseCases:
    def __init__(self, work: UnitOfWork, rulebook: Rulebook, tokens: Tokens, clock: Clock, ids: Ids, observer: Observer) -> None:
        self._work, self._rulebook, self._tokens = work, rulebook, tokens
        self._clock, self._ids, self._observer = clock, ids, observer

    def open(self, name: str, id: str, epoch: int, *, facts: RequestFacts, device_name: str = "") -> SignedIn:
        """A new session of the account that has just proved to be this one, by the way that `facts.context` names. Forbidden where the
        collection's `auth` rule does not hold for it, Unauthenticated where its epoch has moved on since. Called inside a body,
        it joins that: a code that was taken for it is taken only if this succeeds."""
        session = opened(self._ids.new(), account=id, epoch=epoch, at=self._clock.now(), device=_device(device_name, facts))
        token = minted(secrets.token_bytes(FAMILY_BYTES), secrets.token_bytes(SECRET_BYTES))
        actor = account(id, name, epoch)
        shown = self._work.run(lambda stores: self._opened(stores, actor, session, token, facts))
        return self._signed_in(replace(actor, session=session.id), token, shown)

    def _opened(self, stores: Stores, actor: Actor, session: Session, token: RefreshToken, facts: RequestFacts) -> Shown:
        shown = self._admitted(stores, actor, facts)
        stores.sessions.add(within(session, stores.schema.collection(actor.collection).id), token.kept)
        return shown

    def _signed_in(self, actor: Actor, token: RefreshToken, shown: Shown) -> SignedIn:
        issued = self._tokens.issue(actor)
        return SignedIn(issued.token, issued.expires_in, token.text, shown)

    # --- who may sign in, and how an account sees itself

    def own_account(self, actor: Actor, *, facts: RequestFacts) -> Shown:
        return self._work.read(lambda stores: self._own_record(stores, actor, ANYTHING, facts))

    def _admitted(self, stores: Stores, actor: Actor, facts: RequestFacts) -> Shown:
        """Rule, epoch and the record to answer with are one statement."""
        collection = stores.schema.collection(actor.collection)
        text = collection.rules.auth
        if text is None:
            stores.records.check_guard(guard_of(actor))
            self._refuse_by_rule(collection)
        ruling = self._rulebook.condition(stores.schema, collection, text) if text else OPEN
        # Nobody has signed in yet: to the rule the asker is a guest, and the record is the account.
        values = request_values(stores, ruling.paths, GUEST, facts, None, self._clock.now())
        try:
            return self._own_record(stores, actor, shape(ruling.condition, values), facts)
        except NotFound:
            self._refuse_by_rule(collection)

    def _own_record(self, stores: Stores, actor: Actor, where: Bound, facts: RequestFacts) -> Shown:
        """As the account itself may see it: the view rules of fields bind it too."""
        collection = stores.schema.collections.get(actor.collection)
        if collection is None:
            stores.records.check_guard(None)
            raise Unauthenticated("this account is gone")
        sights = sights_for(self._rulebook, stores, actor, facts, self._clock.now())
        sight = sights.of(collection)
        row = stores.records.get(Reading(collection, sight.names, where, sight.masks), actor.id, guard_of(actor))
        if row is None:
            raise NotFound("there is no such account")
        return Shown(actor.id, row[sight.names.index("version")], row[sight.names.index("created")], sight.names, row)

    def _refuse_by_rule(self, collection: Collection) -> NoReturn:
        self._observer.observe(SignInRefused(collection.name, "rule"))
        raise Forbidden(f"this account of `{collection.name}` may not sign in", code="sign_in_refused")


def keep_own_session(stores: Stores, collection: Collection, id: str, actor: Actor) -> None:
    """Who changes the sign-in data of one's own account ends all other sessions of it; this one goes on, with new tokens."""
    if (actor.collection, actor.id) == (collection.name, id) and actor.session:
        stores.sessions.carry_over(collection, id, actor.session)


def _device(name: str, facts: RequestFacts) -> Device:
    return device(name, facts.headers.get("user_agent", ""), facts.visit.address if facts.visit else "")
