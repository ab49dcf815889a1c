"""Sessions of accounts: every way to sign in opens one here. How somebody proves who they are is left to those ways."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from app.usecases.audit import note
from app.usecases.devices import DeviceDesk
from app.usecases.factor_proofs import ask_enrolment, ask_factor
from app.usecases.factor_rule import FactorRule
from app.usecases.happenings import happens
from app.usecases.idempotency import Keep, unkept
from app.usecases.request_values import request_values
from app.usecases.rulebook import Rulebook
from app.usecases.sights import sights_for
from domain.accounts.factors import FactorAsked, FirstFactor, to_be_set_up
from domain.accounts.impersonation import check_itself
from domain.accounts.refresh import (
    FAMILY_BYTES,
    SECRET_BYTES,
    RefreshToken,
    grace_begins,
    minted,
    read_refresh_token,
    refresh_refused,
)
from domain.accounts.roles import EDIT, LOOK, ROLE
from domain.accounts.sessions import Device, Session, device, idle_end, opened, whose, within
from domain.actor import ADMINS, GUEST, Actor, account
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.hooks.changes import AccountChange
from domain.records.page import Shown
from domain.records.reading import Reading, guard_of
from domain.records.visibility import check_scope
from domain.rules.shape import ANYTHING, Bound, shape
from domain.rules.values import RequestFacts, Values
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.observer import Observation, Observer
from ports.sessions import Turn
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
    device_token: str
    recovery_codes: tuple[str, ...] = ()  # where a first second factor was set up on the way, and never again


@dataclass(frozen=True, slots=True)
class RefreshRefused(Observation):
    """`ended`: its session was ended by that, because the token was spent before, so that somebody has a copy."""

    collection: str
    ended: bool


@dataclass(frozen=True, slots=True)
class _Turned:
    session: Session
    salt: bytes
    shown: Shown


class SessionUseCases:
    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, factor_rule: FactorRule, tokens: Tokens, devices: DeviceDesk, clock: Clock, ids: Ids,
        observer: Observer,
    ) -> None:  # fmt: skip
        self._work, self._rulebook, self._factor_rule, self._tokens, self._devices = work, rulebook, factor_rule, tokens, devices
        self._clock, self._ids, self._observer = clock, ids, observer

    def open(
        self, name: str, id: str, epoch: int, *, facts: RequestFacts, device_name: str = "", both: bool = False
    ) -> SignedIn | FactorAsked:  # fmt: skip
        """A new session of the account that has just proved to be this one, by the way that `facts.context` names. Forbidden where the
        collection's `auth` rule does not hold for it, Unauthenticated where its epoch has moved on since. Called inside a body,
        it joins that: a code that was taken for it is taken only if this succeeds. Every way to sign in comes here with one factor, and an
        account that has a second one is asked for it, or to set one up where it has to have one: the session is opened by whoever comes
        with `both`."""
        device = _device(device_name, facts)
        session = opened(self._ids.new(), account=id, epoch=epoch, at=self._clock.now(), method=facts.context, device=device)
        token = minted(secrets.token_bytes(FAMILY_BYTES), secrets.token_bytes(SECRET_BYTES))
        actor = account(id, name, epoch)
        opening = self._work.run(lambda stores: self._opened(stores, actor, session, token, facts, both=both))
        if isinstance(opening, FactorAsked):
            return opening
        return self._signed_in(replace(actor, session=session.id), token, opening)

    def _opened(
        self, stores: Stores, actor: Actor, session: Session, token: RefreshToken, facts: RequestFacts, *, both: bool
    ) -> Shown | FactorAsked:
        shown = self._admitted(stores, actor, facts)
        collection, first = stores.schema.collection(actor.collection), FirstFactor(session.method, session.device)
        if not both and self._factor_rule.wants_more(stores, collection, actor.id, facts):
            return ask_enrolment(stores, collection, actor, first, self._clock.now(), self._factor_rule.choices)
        if stores.sessions.add(collection, within(session, collection.id), token.kept, both=both):
            signed = replace(actor, session=session.id)
            self._tell(stores, "sign_in", collection, signed, by=session.method, facts=facts)
            return shown
        if both:
            raise _gone()
        # Not raised: the ticket is to be kept, and so is that a code or a link was used up for it.
        return ask_factor(stores, collection, actor, first, self._clock.now())

    def _signed_in(self, actor: Actor, token: RefreshToken, shown: Shown) -> SignedIn:
        issued = self._tokens.issue(_with_role(actor, shown))
        return SignedIn(issued.token, issued.expires_in, token.text, shown, self._devices.token(actor))

    # --- going on

    def refresh(self, name: str, text: str, *, facts: RequestFacts) -> SignedIn:
        """New tokens for a refresh token, which is spent by that; within a short grace it is answered with the same successor again.
        Unauthenticated for every other token, and where somebody spent it before that, its session is over. Forbidden, and the
        token not spent, where the `auth` rule holds no more, and Unauthenticated where the account came to need a second factor."""
        token, now, salt = read_refresh_token(text), self._clock.now(), secrets.token_bytes(SECRET_BYTES)
        turn = Turn(token.kept, token.successor(salt).kept, salt, write_instant(now), grace_begins(now), idle_end(now), _address(facts))
        turned = self._work.run(lambda stores: self._turned(stores, name, turn, facts))
        if isinstance(turned, RefreshRefused):
            self._observer.observe(turned)
            raise refresh_refused()
        actor = account(turned.session.account, name, turned.session.epoch, turned.session.id)
        return self._signed_in(actor, token.successor(turned.salt), turned.shown)

    def _turned(self, stores: Stores, name: str, turn: Turn, facts: RequestFacts) -> _Turned | RefreshRefused:
        collection = accounts_of(stores, name)
        session, salt = stores.sessions.spend(collection, turn), turn.salt
        if session is None:
            session, salt = stores.sessions.just_spent(collection, turn) or (None, b"")
        if session is None:
            return self._refused_token(stores, collection, turn, facts)
        actor = account(session.account, name, session.epoch, session.id)
        self._tell(stores, "refresh", collection, actor, facts=facts)
        by_first = replace(facts, context=session.method)
        return _Turned(session, salt, self.goes_on(stores, actor, by_first))

    def goes_on(self, stores: Stores, actor: Actor, facts: RequestFacts) -> Shown:
        """What is asked of whoever was let in before: as `admit`, and Unauthenticated where the account came to need a second factor."""
        shown = self._admitted(stores, actor, facts)
        if self._factor_rule.wants_more(stores, stores.schema.collection(actor.collection), actor.id, facts):
            raise to_be_set_up()
        return shown

    def _refused_token(self, stores: Stores, collection: Collection, turn: Turn, facts: RequestFacts) -> RefreshRefused:
        """Not raised here: what ends the session is to be kept, and that somebody had a copy of its token."""
        ended = stores.sessions.end_family(collection, turn.presented.family)
        if ended is not None:
            detail = f"{collection.name}: a refresh token was used again"
            note(stores, self._ids.new(), turn.now, "session.reused", ended.account, actor=GUEST, facts=facts, detail=detail)
        return RefreshRefused(collection.name, ended=ended is not None)

    # --- seeing and ending them

    def list(self, name: str, account: str | None = None, *, actor: Actor) -> Sequence[Session]:
        """Those that stand, of the actor itself or, for an admin, of any account; the one used last first."""
        now = write_instant(self._clock.now())
        return self._work.read(lambda stores: stores.sessions.of_account(*_whose(stores, name, account, actor, LOOK), now))

    def end(
        self, name: str, id: str, account: str | None = None, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept
    ) -> None:
        """NotFound where that account has no such session."""

        def body(stores: Stores) -> None:
            collection, whose = _whose(stores, name, account, actor, EDIT)
            if not stores.sessions.end(collection, whose, id):
                raise NotFound("there is no such session, or it is not yours")
            self._tell(stores, "end_sessions", collection, actor, whose, session=id, facts=facts)
            keep(stores, None)

        self._work.run(body)

    def end_others(
        self, name: str, account: str | None = None, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept
    ) -> int:
        """All but the one that asks; how many."""

        def body(stores: Stores) -> int:
            collection, whose = _whose(stores, name, account, actor, EDIT)
            ended = stores.sessions.end_others(collection, whose, actor.session)
            self._tell(stores, "end_sessions", collection, actor, whose, session="", facts=facts)
            return keep(stores, ended)

        return self._work.run(body)

    def sign_out(self, name: str, *, actor: Actor, facts: RequestFacts | None = None) -> None:
        """Ends the session of the actor's token."""
        check_itself(actor)
        if actor.is_guest:
            raise Unauthenticated("sign in first, or send the refresh token of the session that is to end")

        def body(stores: Stores) -> None:
            collection, id = _whose(stores, name, None, actor, EDIT)
            if stores.sessions.end(collection, id, actor.session):
                self._tell(stores, "sign_out", collection, actor, facts=facts)

        self._work.run(body)

    def sign_out_by(self, name: str, text: str, *, facts: RequestFacts | None = None) -> None:
        """Ends the session of a refresh token, spent or not: a session that is over already is signed out of as well."""
        family = read_refresh_token(text).kept.family

        def body(stores: Stores) -> None:
            collection = accounts_of(stores, name)
            ended = stores.sessions.end_family(collection, family)
            if ended is not None:
                self._tell(stores, "sign_out", collection, account(ended.account, name, ended.epoch, ended.id), facts=facts)

        self._work.run(body)

    def _tell(
        self, stores: Stores, what: str, collection: Collection, actor: Actor, account: str = "", *,
        by: str = "", session: str | None = None, facts: RequestFacts | None = None,
    ) -> None:  # fmt: skip
        change = AccountChange(
            event=f"accounts.{what}", actor=actor, request=facts.request_id if facts else "", collection=collection.name,
            account=account or actor.id, by=by, session=actor.session if session is None else session,
        )  # fmt: skip
        happens(stores, change, write_instant(self._clock.now()), collection, facts=facts)

    # --- who may sign in, and how an account sees itself

    def own_account(self, actor: Actor, *, facts: RequestFacts) -> Shown:
        """As far as a key goes, where one asks."""

        def body(stores: Stores) -> Shown:
            where = ANYTHING
            if actor.key:
                stores.records.check_guard(guard_of(actor))
                collection = accounts_of(stores, actor.collection)
                check_scope(collection, "view", actor)
                where = shape(self._rulebook.narrowing(stores.schema, collection, actor).condition, Values(self._clock.now()))
            return self._own_record(stores, actor, where, facts)

        return self._work.read(body)

    def admit(self, stores: Stores, actor: Actor, facts: RequestFacts) -> None:
        """What each sign-in asks, for whoever comes without one of ours: Unauthenticated where the account has moved on, Forbidden
        where the `auth` rule does not hold for it."""
        self._admitted(stores, actor, facts)

    def _admitted(self, stores: Stores, actor: Actor, facts: RequestFacts) -> Shown:
        """Rule, epoch and the record to answer with are one statement."""
        collection = stores.schema.collection(actor.collection)
        text = collection.rules.auth
        if text is None:
            stores.records.check_guard(guard_of(actor))
            self._refuse_by_rule(collection)
        ruling = self._rulebook.admission(stores.schema, collection, text)
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
            raise _gone()
        sights = sights_for(self._rulebook, stores, actor, facts, self._clock.now())
        sight = sights.of(collection)
        row = stores.records.get(Reading(collection, sight.names, where, sight.masks), actor.id, guard_of(actor))
        if row is None:
            raise NotFound("there is no such account")
        return Shown(actor.id, row[sight.names.index("version")], row[sight.names.index("created")], sight.names, row)

    def _refuse_by_rule(self, collection: Collection) -> NoReturn:
        self._observer.observe(SignInRefused(collection.name, "rule"))
        raise Forbidden(f"this account of `{collection.name}` may not sign in", code="sign_in_refused")


def accounts_of(stores: Stores, name: str) -> Collection:
    collection = stores.schema.collections.get(name)
    if collection is None or not collection.is_accounts:
        stores.records.check_guard(None)  # it may be newer than our schema
        raise NotFound("there is no such collection of accounts, or you may not know of it")
    return collection


def _gone() -> Unauthenticated:
    return Unauthenticated("this account is gone")


def _whose(stores: Stores, name: str, account: str | None, actor: Actor, doing: str) -> tuple[Collection, str]:
    """Once it is sure that the actor still stands."""
    stores.records.check_guard(guard_of(actor))
    id = whose(actor, name, account, doing)
    return accounts_of(stores, name), id


def _with_role(actor: Actor, shown: Shown) -> Actor:
    """As the statement read it that let the account in: another role would be another epoch."""
    if actor.collection != ADMINS:
        return actor
    return replace(actor, role=str(shown.as_object()[ROLE]))


def _device(name: str, facts: RequestFacts) -> Device:
    return device(name, facts.headers.get("user_agent", ""), _address(facts))


def _address(facts: RequestFacts) -> str:
    return facts.visit.address if facts.visit else ""
