"""What accounts do by a letter: prove their address, set a new password, sign in by a code, change their address.

Asking is the same work for an address with an account and for one without: a wish is written down, and that is all. Everything else
happens where letters are written.
"""

import secrets
from dataclasses import replace

from app.usecases.happenings import happens
from app.usecases.limits import LimitUseCases
from app.usecases.mail import MailUseCases, no_links
from app.usecases.passwords import PasswordDesk
from app.usecases.proving import prove
from app.usecases.refusals import LINK, SIGN_IN, Refusals
from app.usecases.sessions import SessionUseCases, SignedIn, accounts_of
from domain.accounts.factors import FactorAsked
from domain.accounts.languages import preferred
from domain.accounts.one_time import (
    EMAIL_COMES,
    EMAIL_LEAVES,
    PASSWORD_RESET,
    SIGN_IN_CODE,
    SIGN_IN_LINK,
    TOKEN_BYTES,
    VERIFICATION,
    OneTime,
    Presented,
    presented,
    refused,
    token,
)
from domain.accounts.wishes import Wish
from domain.actor import GUEST, Actor, account
from domain.errors import Forbidden, Unauthenticated, invalid
from domain.hooks.changes import AccountChange
from domain.records.changes import Changes
from domain.records.draft import stamps
from domain.records.reading import guard_of
from domain.rules.shape import ANYTHING
from domain.rules.values import RequestFacts
from domain.schema.collection import OLD_PASSWORD, Collection
from domain.schema.fields import TRUSTING, EmailField
from domain.schema.fields.base import Unfit
from domain.schema.fields.times import write_instant
from ports.accounts import Credentials
from ports.clock import Clock
from ports.unit_of_work import Stores, UnitOfWork

_EMAIL = EmailField(name="email", required=True)


class ProofUseCases:
    def __init__(
        self, work: UnitOfWork, mail: MailUseCases, sessions: SessionUseCases, desk: PasswordDesk, limits: LimitUseCases,
        refusals: Refusals, clock: Clock,
    ) -> None:  # fmt: skip
        self._work, self._mail, self._sessions, self._desk = work, mail, sessions, desk
        self._limits, self._refusals, self._clock = limits, refusals, clock

    # --- asking

    def ask(self, purpose: str, name: str, email: str, *, facts: RequestFacts) -> None:
        """A letter with a link for this purpose, to whoever has this address, if there is such an account. TooMany where too many
        were asked for, account or none; Unavailable where this backend sends no links."""
        self._mail.check(links=True)
        self._wish(name, Wish(purpose, "", read_address(email)), facts)

    def ask_code(self, name: str, email: str, *, facts: RequestFacts) -> str:
        """As `ask`, for a code to sign in with. Answers the ticket that belongs to it: whoever has none can neither guess at the code nor
        use up its tries."""
        self._mail.check(links=False)
        ticket = token(secrets.token_bytes(TOKEN_BYTES))
        self._wish(name, Wish(SIGN_IN_CODE, "", read_address(email), ticket=ticket), facts)
        return ticket

    def ask_email_change(self, name: str, email: str, old_password: str | None, *, actor: Actor, facts: RequestFacts) -> None:
        """For the account itself, with its present password, or where it has none in a fresh session: a letter to its present address
        first, and once that agreed one to the new address; where the present one was never proved, to the new one at once."""
        self._mail.check(links=True)
        if actor.is_guest:
            raise Unauthenticated("sign in to change your address")
        if actor.collection != name:
            raise Forbidden("this token is of another collection", hint=f"ask /api/v1/auth/{actor.collection}/email-change")
        new = read_address(email)
        credentials = self._work.read(lambda stores: _own_credentials(stores, actor))
        if credentials is not None and credentials.email is None:
            raise invalid("/email", "required", "an anonymous account has no address to change", hint="set `email` and `password` together")
        shown = {} if old_password is None else {OLD_PASSWORD: old_password}
        self._desk.check_old(credentials, shown, actor, facts.visit)
        self._limits.mail(facts.visit, name, new)
        self._work.run(lambda stores: self._wish_for_change(stores, actor, new, _languages(facts)))

    def _wish(self, name: str, wish: Wish, facts: RequestFacts) -> None:
        self._limits.mail(facts.visit, name, wish.email)
        wish = replace(wish, languages=_languages(facts))
        self._work.run(lambda stores: self._put(stores, _checked(stores, name), wish))

    def _put(self, stores: Stores, collection: Collection, wish: Wish) -> None:
        if wish.purpose == SIGN_IN_LINK and not (collection.mail and collection.mail.page("link")):
            raise no_links("this backend knows no page that a link to sign in could lead to")
        self._tell(stores, "ask_letter", collection, GUEST, "", wish.purpose)
        self._mail.want(stores, replace(wish, collection=collection.id))

    def _wish_for_change(self, stores: Stores, actor: Actor, new: str, languages: tuple[str, ...]) -> None:
        stores.records.check_guard(guard_of(actor))
        collection = accounts_of(stores, actor.collection)
        record = stores.records.load(collection, actor.id)
        purpose = EMAIL_LEAVES if record and record["verified"] else EMAIL_COMES
        self._tell(stores, "ask_letter", collection, actor, actor.id, purpose)
        self._mail.want(stores, Wish(purpose, collection.id, new, languages, account=actor.id, bound=new))

    def ask_link(self, name: str, email: str, *, facts: RequestFacts) -> None:
        """As `ask`, for a link to sign in with. It leads to a page of the app, whose tokens these are: Unavailable where the collection
        names none."""
        self._mail.check(links=False)
        self._wish(name, Wish(SIGN_IN_LINK, "", read_address(email)), facts)

    # --- proving

    def verify(self, name: str, text: str, *, facts: RequestFacts | None = None) -> None:
        """The address is proved. Unauthenticated where the link is not good; here and below the same whatever is wrong with it."""
        shown = presented(VERIFICATION, text)
        with self._refusals.noting(LINK, name, "", VERIFICATION, facts):
            self._work.run(lambda stores: self._verify(stores, name, shown))

    def set_password(self, name: str, text: str, password: str, *, facts: RequestFacts | None = None) -> None:
        """A new password in place of one that is forgotten. It ends every session and every other link and code of the account, and
        proves the address. Nobody is signed in by it: what else signing in asks for is asked as ever."""
        shown = presented(PASSWORD_RESET, text)
        with self._refusals.noting(LINK, name, "", PASSWORD_RESET, facts):
            email = self._work.read(lambda stores: self._reader(stores, name, shown))
            hashed = self._desk.prepare(password, email=email)
            self._work.run(lambda stores: self._set_password(stores, name, shown, hashed))

    def sign_in_by_code(self, name: str, ticket: str, typed: str, *, facts: RequestFacts, device: str = "") -> SignedIn | FactorAsked:
        shown = presented(SIGN_IN_CODE, ticket, typed)
        signed = self._work.run(lambda stores: self._signed_in(stores, name, shown, replace(facts, context="otp"), device))
        if signed is None:
            self._refusals.note(name, "", "code", facts)
            raise refused()
        return signed

    def sign_in_by_link(self, name: str, text: str, *, facts: RequestFacts, device: str = "") -> SignedIn | FactorAsked:
        shown = presented(SIGN_IN_LINK, text)
        with self._refusals.noting(SIGN_IN, name, "", "link", facts):
            return self._work.run(lambda stores: self._signed_in_by_link(stores, name, shown, replace(facts, context="otp"), device))

    def change_email(self, name: str, text: str, *, facts: RequestFacts) -> bool:
        """Whether the address is another now; False where this was the old address agreeing, and the new one is asked."""
        leaves, comes = presented(EMAIL_LEAVES, text), presented(EMAIL_COMES, text)
        with self._refusals.noting(LINK, name, "", "email_change", facts):
            return self._work.run(lambda stores: self._change_email(stores, name, leaves, comes, _languages(facts)))

    def _verify(self, stores: Stores, name: str, shown: Presented) -> None:
        collection = _checked(stores, name)
        taken = self._taken(stores, collection, shown)
        self._tell(stores, "verify", collection, self._account(collection, taken), taken.account, VERIFICATION)
        self._change(stores, collection, taken.account, Changes({"verified": True, **stamps(collection, self._now())}))

    def _reader(self, stores: Stores, name: str, shown: Presented) -> str:
        """The address that this link was sent to, before anything slow is done for it."""
        collection = _checked(stores, name)
        found = stores.one_time.find(collection, shown, self._now())
        credentials = stores.accounts.credentials_of(collection, found.account) if found else None
        if credentials is None or credentials.email is None:
            raise refused()
        return credentials.email

    def _set_password(self, stores: Stores, name: str, shown: Presented, hashed: str) -> None:
        collection = _checked(stores, name)
        taken = self._taken(stores, collection, shown)
        # An identity or a passkey that somebody left in an account of this address would outlive the new password.
        prove(stores, collection, taken.account, self._now())
        values = {"verified": True, **stamps(collection, self._now())}
        self._tell(stores, "change_password", collection, self._account(collection, taken), taken.account, "reset")
        self._change(stores, collection, taken.account, Changes(values, secrets={"password_hash": hashed}, end_sessions=True))

    def _signed_in(self, stores: Stores, name: str, shown: Presented, facts: RequestFacts, device: str) -> SignedIn | FactorAsked | None:
        """None where the code is wrong. Not raised here: the try that it cost is to be kept."""
        collection = _checked(stores, name)
        taken = stores.one_time.attempt(collection, shown, self._now())
        return self._opened(stores, collection, taken, facts, device) if taken else None

    def _signed_in_by_link(self, stores: Stores, name: str, shown: Presented, facts: RequestFacts, device: str) -> SignedIn | FactorAsked:
        collection = _checked(stores, name)
        return self._opened(stores, collection, self._taken(stores, collection, shown), facts, device)

    def _opened(self, stores: Stores, collection: Collection, taken: OneTime, facts: RequestFacts, device: str) -> SignedIn | FactorAsked:
        prove(stores, collection, taken.account, self._now())
        credentials = stores.accounts.credentials_of(collection, taken.account)
        if credentials is None:
            raise refused()
        return self._sessions.open(collection.name, credentials.id, credentials.epoch, facts=facts, device_name=device)

    def _change_email(self, stores: Stores, name: str, leaves: Presented, comes: Presented, languages: tuple[str, ...]) -> bool:
        collection = _checked(stores, name)
        agreed = stores.one_time.take(collection, leaves, self._now())
        if agreed is not None:
            wish = Wish(EMAIL_COMES, collection.id, agreed.bound, languages, account=agreed.account, bound=agreed.bound)
            self._mail.want(stores, wish)
            return False
        taken = self._taken(stores, collection, comes)
        self._tell(stores, "change_email", collection, self._account(collection, taken), taken.account, EMAIL_COMES)
        values = {"email": taken.bound, "verified": True, **stamps(collection, self._now())}
        self._change(stores, collection, taken.account, Changes(values, end_sessions=True))
        return True

    def _tell(self, stores: Stores, what: str, collection: Collection, actor: Actor, account: str, by: str) -> None:
        change = AccountChange(event=f"accounts.{what}", actor=actor, collection=collection.name, account=account, by=by)
        happens(stores, change, self._now(), collection)

    def _account(self, collection: Collection, taken: OneTime) -> Actor:
        """Whoever had the letter is its account."""
        return account(taken.account, collection.name)

    def _taken(self, stores: Stores, collection: Collection, shown: Presented) -> OneTime:
        taken = stores.one_time.take(collection, shown, self._now())
        if taken is None:
            raise refused()
        return taken

    def _change(self, stores: Stores, collection: Collection, id: str, changes: Changes) -> None:
        if stores.records.update(collection, id, changes, ANYTHING) is None:
            raise refused()
        if changes.end_sessions:
            # They are dead by the epoch already; nothing of them is kept.
            stores.one_time.end(collection, id)
            stores.own_keys.forget(collection, [id])

    def _now(self) -> str:
        return write_instant(self._clock.now())


def _checked(stores: Stores, name: str) -> Collection:
    """Under the schema that the database is at."""
    stores.records.check_guard(None)
    return accounts_of(stores, name)


def _own_credentials(stores: Stores, actor: Actor) -> Credentials | None:
    stores.records.check_guard(guard_of(actor))
    return stores.accounts.credentials_of(accounts_of(stores, actor.collection), actor.id)


def read_address(text: str) -> str:
    """Invalid where it is none: what breaks a line or names two never comes near a letter."""
    try:
        address = _EMAIL.accept(text, TRUSTING)
    except Unfit as unfit:
        raise invalid("/email", unfit.code, str(unfit)) from None
    if not address:
        raise invalid("/email", "required", "`email` is required")
    return address


def _languages(facts: RequestFacts) -> tuple[str, ...]:
    return preferred(facts.headers.get("accept_language", ""))
