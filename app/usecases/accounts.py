"""Signing in, and the people who run this backend. Sign-up and changes of sign-in data are record use cases."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from app.usecases.audit import note
from app.usecases.devices import DeviceDesk
from app.usecases.foreign_accounts import ForeignAccounts
from app.usecases.happenings import happens
from app.usecases.hooked_records import CREATE, asked_of_new
from app.usecases.limits import LimitUseCases
from app.usecases.passwords import PasswordDesk
from app.usecases.refusals import Refusals
from app.usecases.sessions import SessionUseCases, SignedIn, SignInRefused, accounts_of
from domain.accounts.factors import FactorAsked
from domain.accounts.passwords import read_password
from domain.accounts.roles import ROLE
from domain.accounts.tokens import SETUP_LIFETIME
from domain.actor import ADMINS, OWNER, SYSTEM, Actor
from domain.errors import Forbidden, Unauthenticated, Unavailable
from domain.hooks.changes import KeyChange
from domain.limits.visits import Visit
from domain.records.changes import Draft
from domain.records.draft import Author, Moment, draft
from domain.records.page import Shown
from domain.records.reading import guard_of
from domain.records.visibility import present
from domain.rules.values import RequestFacts
from domain.schema.collection import PASSWORD, Collection
from domain.schema.fields import TRUSTING, Tools
from domain.schema.fields.text import email_key
from domain.schema.fields.times import write_instant
from domain.schema.identity import EMAIL, meant
from ports.accounts import Credentials
from ports.clock import Clock, Ids
from ports.observer import Observer
from ports.passwords import Passwords
from ports.tokens import Tokens
from ports.unit_of_work import Stores, UnitOfWork

PLAIN_REQUEST = RequestFacts("GET")
_LONGEST_IDENTITY = 254  # no address is longer


class AccountUseCases:
    def __init__(
        self, work: UnitOfWork, sessions: SessionUseCases, desk: PasswordDesk, passwords: Passwords, tokens: Tokens,
        limits: LimitUseCases, devices: DeviceDesk, foreign: ForeignAccounts, refusals: Refusals, tools: Tools, clock: Clock, ids: Ids,
        observer: Observer,
    ) -> None:  # fmt: skip
        self._work, self._sessions, self._desk, self._passwords, self._tokens = work, sessions, desk, passwords, tokens
        self._limits, self._devices, self._foreign, self._tools = limits, devices, foreign, tools
        self._refusals = refusals
        self._clock, self._ids, self._observer = clock, ids, observer

    # --- signing in

    def sign_in(self, name: str, identity: str, password: str, *, facts: RequestFacts, device: str = "") -> SignedIn | FactorAsked:
        """A session of the account with this address and password, or what asks for its second factor. Unauthenticated, the same and
        after the same work, where there is no such account and where the password is another; TooMany where it was tried too
        often, account or none; Forbidden where the collection's `auth` rule does not hold for it."""
        given = read_password(password, f"/{PASSWORD}")
        credentials = self._counted(name, identity, facts.visit)
        agrees = self._agrees(given, password, credentials)
        if credentials is None or not agrees:
            self._refuse_credentials(name, credentials.id if credentials else "", facts)
        with_password = replace(facts, context="password")
        signed = self._sessions.open(name, credentials.id, credentials.epoch, facts=with_password, device_name=device)
        self._renew_hash(name, credentials, given)
        return signed

    def _counted(self, name: str, identity: str, visit: Visit | None) -> Credentials | None:
        """Of the account that is tried, once that was counted: by its own device, or with all others. A device of another account is one of
        those others, and so is one for an identity without an account."""
        device = self._devices.spared(visit, name)
        if device is None:
            self._limits.sign_in(visit, name, identity)
        credentials = self._work.read(lambda stores: _credentials(stores, name, identity))
        if device is not None and not (credentials and device.is_of(credentials.id, credentials.epoch)):
            self._limits.sign_in(visit, name, identity)
        return credentials

    def _agrees(self, given: str, typed: str, credentials: Credentials | None) -> bool:
        """A hash that came from elsewhere was made of what was typed, not of the form in which we hash it."""
        hashed = credentials.password_hash if credentials else None
        if self._passwords.verify(given, hashed):
            return True
        return typed != given and hashed is not None and self._passwords.is_outdated(hashed) and self._passwords.verify(typed, hashed)

    def identify(self, token: str) -> Actor:
        """Who bears this token, one of ours or of an issuer that is trusted. Whether the account still stands is asked by the first
        statement of what comes next."""
        actor = self._foreign.actor(token) or self._tokens.read(token)
        behind = guard_of(actor.behind) if actor.behind else None
        if behind is not None:
            # Whoever acts as another has to stand as well; nobody else pays for that.
            self._work.read(lambda stores: stores.records.check_guard(behind))
        return actor

    def check(self, actor: Actor) -> None:
        """Unauthenticated where it no longer stands: for whoever serves an actor without asking a use case in its name."""
        if actor.kind not in ("guest", "system"):
            self._work.read(lambda stores: stores.records.check_guard(guard_of(actor)))

    def me(self, name: str, *, actor: Actor, facts: RequestFacts = PLAIN_REQUEST) -> Shown:
        """The account of the actor, as its owner sees it: the collection's view rule says what others see."""
        if actor.is_guest:
            raise Unauthenticated("sign in to see your account")
        if actor.collection != name:
            raise Forbidden("this token is of another collection", hint=f"ask /api/v1/auth/{actor.collection}/me")
        return self._sessions.own_account(actor, facts=facts)

    def public_keys(self) -> Sequence[dict[str, Any]]:
        """What others verify our tokens with, as JWKs."""
        return self._tokens.public_keys()

    def _renew_hash(self, name: str, credentials: Credentials, given: str) -> None:
        """Only now is the password known, so only now can an outdated hash be made anew; that it cannot be is no reason to refuse."""
        old = credentials.password_hash
        if old is None or not self._passwords.is_outdated(old):
            return
        try:
            new = self._passwords.hash(given)
            self._work.run(lambda stores: _renew(stores, name, credentials.id, old, new))
        except Unavailable:
            pass

    def _refuse_credentials(self, name: str, account: str, facts: RequestFacts) -> NoReturn:
        self._observer.observe(SignInRefused(name, "credentials"))
        self._refusals.note(name, account, "identity or password", facts)
        raise Unauthenticated("no account has this identity and password", code="invalid_credentials", hint="check both and try again")

    def rotate_keys(self, *, revoke: bool = False) -> str:
        """For whoever runs the backend's own command. Nobody is signed out: who has a token that is refused refreshes it."""
        self._work.run(lambda stores: happens(stores, KeyChange(event="signing_keys.rotate"), write_instant(self._clock.now())))
        return self._tokens.rotate(revoke=revoke)

    # --- admins

    def setup_token(self) -> str | None:
        """A new one-time token that makes the first admin, in place of any earlier one; None where there is an admin."""
        token = secrets.token_urlsafe(32)
        expires = write_instant(self._clock.now() + SETUP_LIFETIME)
        return token if self._work.run(lambda stores: _keep_setup_token(stores, token, expires)) else None

    def create_first_admin(self, setup_token: str, email: str, password: str) -> Shown:
        """Forbidden where the token is wrong, used or expired, or where there is an admin: of many at once one is made."""
        now = write_instant(self._clock.now())
        if not self._work.read(lambda stores: stores.keys.has_setup_token(_digest(setup_token), now)):
            raise _no_setup()
        made = self._drafted(email, password)
        return self._work.run(lambda stores: _insert_first(stores, _digest(setup_token), now, made, self._ids.new()))

    def create_admin(self, email: str, password: str, role: str = OWNER) -> Shown:
        """For whoever runs the backend's own command: an admin more, or the first one."""
        made = self._drafted(email, password, role)
        return self._work.run(lambda stores: _insert_admin(stores, made, self._ids.new()))

    def _drafted(self, email: str, password: str, role: str = OWNER) -> Draft:
        """All that is slow, before any transaction."""
        admins = self._work.read(_admins)
        moment = Moment(write_instant(self._clock.now()), self._ids.new())
        author = Author(id=None, sees_hidden=True)
        made = draft(admins, {"email": email, ROLE: role}, author=author, moment=moment, tools=self._tools)
        return replace(made, secrets={"password_hash": self._desk.prepare(password, email=email), "epoch": 1})


def _credentials(stores: Stores, name: str, identity: str) -> Credentials | None:
    collection = accounts_of(stores, name)
    if len(identity) > _LONGEST_IDENTITY or not identity.isprintable():
        return None
    field = meant(collection.identity, identity)
    if field == EMAIL:
        return stores.accounts.credentials(collection, email_key(identity))
    return stores.accounts.credentials_named(collection, field, identity) if identity else None


def _renew(stores: Stores, name: str, id: str, old: str, new: str) -> bool:
    return stores.accounts.renew_hash(stores.schema.collection(name), id, old=old, new=new)


def _admins(stores: Stores) -> Collection:
    return stores.schema.collection(ADMINS)


def _keep_setup_token(stores: Stores, token: str, expires: str) -> bool:
    if stores.accounts.count(_admins(stores)):
        return False
    stores.keys.put_setup_token(_digest(token), expires)
    return True


def _insert_first(stores: Stores, digest: str, now: str, made: Draft, note_id: str) -> Shown:
    """The token decides: it is taken by one statement, so whoever comes later finds none."""
    if not stores.keys.take_setup_token(digest, now) or stores.accounts.count(_admins(stores)):
        raise _no_setup()
    return _insert_admin(stores, made, note_id)


def _insert_admin(stores: Stores, made: Draft, note_id: str) -> Shown:
    admins = _admins(stores)
    if stores.hooks.any_of(CREATE, ADMINS):
        made = asked_of_new(stores, admins, made, SYSTEM, "", TRUSTING)
    stores.records.insert(admins, made)
    note(stores, note_id, made.values["created"], "admin.created", made.values["id"], actor=SYSTEM)
    names = admins.field_names
    return Shown(made.values["id"], made.values["version"], made.values["created"], names, present(names, made.values))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _no_setup() -> Forbidden:
    hint = "start the server again for a new one, or use `stillroom admin create`"
    return Forbidden("this setup token is wrong, used or expired", code="setup_refused", hint=hint)
