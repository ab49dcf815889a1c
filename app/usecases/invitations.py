"""Sign-up by invitation: admins invite an address, and whoever reads its letters makes the account, with a password of their own and
what was preset for it. The create rule has no say: it may be closed to everybody."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.usecases.chosen_values import ChosenValues
from app.usecases.happenings import happens
from app.usecases.limits import LimitUseCases
from app.usecases.mail import MailUseCases
from app.usecases.passwords import PasswordDesk, Prepared
from app.usecases.proofs import read_address
from app.usecases.record_writes import RecordWrites
from app.usecases.refusals import LINK, Refusals
from app.usecases.requests import Request
from app.usecases.sessions import accounts_of
from domain.accounts.invitations import (
    LISTED_AFTER,
    Invitation,
    already_invited,
    ends,
    not_invited,
)
from domain.accounts.languages import languages_of, preferred
from domain.accounts.one_time import INVITATION, presented, refused
from domain.accounts.roles import EDIT, LOOK, RUN, require
from domain.accounts.wishes import Wish
from domain.actor import ADMINS, SYSTEM, Actor
from domain.errors import invalid
from domain.hooks.changes import InvitationChange
from domain.records.draft import Author, Moment
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.account_fields import LANGUAGE
from domain.schema.collection import Collection
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.text import email_key
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

_WHAT = "invitations are"


class InvitationUseCases:
    def __init__(
        self, work: UnitOfWork, mail: MailUseCases, desk: PasswordDesk, limits: LimitUseCases, refusals: Refusals, chosen: ChosenValues,
        writes: RecordWrites, clock: Clock, ids: Ids,
    ) -> None:  # fmt: skip
        self._work, self._mail, self._desk, self._limits, self._refusals = work, mail, desk, limits, refusals
        self._chosen, self._writes = chosen, writes
        self._clock, self._ids = clock, ids

    # --- for admins

    def invite(self, name: str, email: str, values: Mapping[str, Any], *, actor: Actor, facts: RequestFacts) -> Invitation:
        """A letter to this address, with a link that is good for a week. Conflict where it is invited already. Whether it has an account
        is told to nobody: then no letter goes out."""
        self._require(actor, name, EDIT)
        self._mail.check(links=True)
        address = read_address(email)
        self._limits.mail(facts.visit, name, address)
        id = self._ids.new()
        return self._work.run(lambda stores: self._invited(stores, name, id, address, values, actor, facts))

    def _invited(
        self, stores: Stores, name: str, id: str, email: str, values: Mapping[str, Any], actor: Actor, facts: RequestFacts
    ) -> Invitation:
        collection = _checked(stores, name, actor)
        self._chosen.judge_for(collection, values, Author(None, sees_hidden=True))
        now = self._clock.now()
        invitation = Invitation(id, collection.id, email, values, write_instant(now), ends(now), actor.id)
        if not stores.invitations.add(invitation, email_key(email)):
            raise already_invited()
        self._tell(stores, "invite", collection, invitation, actor, facts)
        self._post(stores, invitation, facts)
        return invitation

    def list(self, name: str, *, limit: int, cursor: str | None = None, actor: Actor) -> Sequence[Invitation]:
        """Those that nobody has accepted yet, the newest first."""
        self._require(actor, name, LOOK)
        if cursor is not None and not RECORD_ID.fullmatch(cursor):
            raise invalid("cursor", "invalid_cursor", "this is not a cursor that a list gave", hint="start the list again without a cursor")
        return self._work.read(lambda stores: stores.invitations.waiting(_checked(stores, name, actor), limit, cursor))

    def send(self, name: str, id: str, *, actor: Actor, facts: RequestFacts) -> Invitation:
        """Another letter, good for a week from now; the links of earlier ones are good no more."""
        self._require(actor, name, EDIT)
        self._mail.check(links=True)

        found = self._work.read(lambda stores: stores.invitations.get(_checked(stores, name, actor), id))
        if found is None:
            raise not_invited()
        self._limits.mail(facts.visit, name, found.email)
        return self._work.run(lambda stores: self._sent(stores, name, id, actor, facts))

    def _sent(self, stores: Stores, name: str, id: str, actor: Actor, facts: RequestFacts) -> Invitation:
        collection = _checked(stores, name, actor)
        renewed = stores.invitations.renew(collection, id, ends(self._clock.now()))
        if renewed is None:
            raise not_invited()
        self._tell(stores, "send", collection, renewed, actor, facts)
        self._post(stores, renewed, facts)
        return renewed

    def withdraw(self, name: str, id: str, *, actor: Actor, facts: RequestFacts) -> None:
        self._require(actor, name, EDIT)

        def body(stores: Stores) -> None:
            collection = _checked(stores, name, actor)
            found = stores.invitations.get(collection, id)
            if found is None or not stores.invitations.remove(collection, id):
                raise not_invited()
            self._tell(stores, "withdraw", collection, found, actor, facts)

        self._work.run(body)

    def _require(self, actor: Actor, name: str, doing: str) -> None:
        """Who invites an admin gives power over the backend."""
        require(actor, RUN if name == ADMINS and doing != LOOK else doing, _WHAT)

    def _post(self, stores: Stores, invitation: Invitation, facts: RequestFacts) -> None:
        own = invitation.values.get(LANGUAGE)
        languages = languages_of(own if isinstance(own, str) else None, preferred(facts.headers.get("accept_language", "")))
        self._mail.want(stores, Wish(INVITATION, invitation.collection, invitation.email, languages, bound=invitation.id))

    def _tell(
        self, stores: Stores, what: str, collection: Collection, invitation: Invitation, actor: Actor, facts: RequestFacts
    ) -> None:
        change = InvitationChange(
            event=f"invitations.{what}", actor=actor, request=facts.request_id, collection=collection.name, id=invitation.id,
            email=invitation.email,
        )  # fmt: skip
        happens(stores, change, write_instant(self._clock.now()), collection, facts=facts)

    # --- for whoever was invited

    def accept(self, name: str, text: str, password: str, values: Mapping[str, Any], *, facts: RequestFacts) -> None:
        """The account, its address proved by the letter; nobody is signed in by it. Unauthenticated where the link is not good."""
        with self._refusals.noting(LINK, name, "", INVITATION, facts):
            self._accept(name, presented(INVITATION, text).digest, password, values, facts)

    def _accept(self, name: str, digest: str, password: str, values: Mapping[str, Any], facts: RequestFacts) -> None:
        found = self._work.read(lambda stores: self._found(stores, name, digest, values, facts))
        # Slow, so before the transaction; and only for a link that is good.
        hashed = self._desk.prepare(password, email=found.email)
        moment = Moment(write_instant(self._clock.now()), self._ids.new())
        if not self._work.run(lambda stores: self._accepted(stores, name, digest, hashed, values, moment, facts)):
            raise refused()

    def _found(self, stores: Stores, name: str, digest: str, values: Mapping[str, Any], facts: RequestFacts) -> Invitation:
        stores.records.check_guard(None)
        collection = accounts_of(stores, name)
        found = stores.invitations.find(collection, digest, write_instant(self._clock.now()))
        if found is None:
            raise refused()
        self._chosen.judge(stores, collection, values, facts, preset=found.values.keys())
        return found

    def _accepted(
        self, stores: Stores, name: str, digest: str, hashed: str, values: Mapping[str, Any], moment: Moment, facts: RequestFacts
    ) -> bool:
        stores.records.check_guard(None)
        collection = accounts_of(stores, name)
        taken = stores.invitations.take(collection, digest, moment.now)
        if taken is None:
            return False
        stores.invitations.forget(collection, email_key(taken.email))
        if stores.accounts.credentials(collection, email_key(taken.email)) is not None:
            # Not raised: it is used up. Who has an account by now needs none.
            return False
        self._chosen.judge(stores, collection, values, facts, preset=taken.values.keys())
        body = {**values, **taken.values, "email": taken.email, "verified": True}
        prepared = Prepared(collection.id, {"password_hash": hashed, "epoch": 1})
        self._writes.create_in(stores, collection, name, Request(SYSTEM, facts, body, name), moment, prepared)
        return True


def sweep_invitations(stores: Stores, clock: Clock, limit: int) -> int:
    return stores.invitations.sweep(write_instant(clock.now() - LISTED_AFTER), limit)


def _checked(stores: Stores, name: str, actor: Actor) -> Collection:
    stores.records.check_guard(guard_of(actor))
    return accounts_of(stores, name)
