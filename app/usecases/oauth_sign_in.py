"""Signing in with a provider: the way there, the way back, and the exchange of what the app was handed for a session.

Nothing of a session stands in an address: the app gets a code that is good once, for a minute or two, and for whoever has the verifier of
the challenge that the way there began with (RFC 7636, between the app and us). No transaction is open while a provider is asked.
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from app.usecases.audit import note
from app.usecases.factor_proofs import need_fresh
from app.usecases.happenings import happens
from app.usecases.limits import LimitUseCases
from app.usecases.naming import take_name
from app.usecases.oauth import ProviderTalks
from app.usecases.providers import ProviderUseCases
from app.usecases.proving import prove
from app.usecases.refusals import SIGN_IN, Refusals
from app.usecases.sessions import SessionUseCases, SignedIn, accounts_of
from app.usecases.sign_ups import SignUps
from domain.accounts.factors import FactorAsked, own
from domain.accounts.identities import Identity, identity_refused
from domain.accounts.impersonation import check_itself
from domain.accounts.oauth import SECRET_BYTES, Begun, authorization_address, begun, check_return
from domain.accounts.one_time import refused
from domain.accounts.providers import Provider, read_challenge
from domain.actor import Actor
from domain.actor import account as account_actor
from domain.errors import Conflict, Forbidden, NotFound, Problem, Unauthenticated, Unavailable
from domain.hooks.changes import IdentityChange
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.text import email_key
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.identities import KeptIdentity
from ports.seals import Sealing
from ports.unit_of_work import Stores, UnitOfWork

# Steps of a sign-in that is under way: a link that was asked for, people who went to the provider, people who came back.
_WANTED, _ASKED, _CAME = "wanted", "asked", "came"
_LIVES = {_WANTED: timedelta(minutes=2), _ASKED: timedelta(minutes=10), _CAME: timedelta(minutes=2)}
_CONTEXT = "oauth2"
# Two sign-ups of one person at once: one makes the account, the other finds it.
_TRIES = 3
_LONGEST_ERROR = 50


@dataclass(frozen=True, slots=True)
class Way:
    """What is known of a sign-in when its people go to the provider. `links` is the account that is to know this identity, "" where
    somebody signs in; `browser` the digest of what its cookie holds."""

    provider: str
    return_to: str
    challenge: str
    browser: str
    links: str
    state: str
    nonce: str
    verifier: str

    @property
    def began(self) -> Begun:
        return Begun(self.state, self.nonce, self.verifier)


@dataclass(frozen=True, slots=True)
class Arrival:
    provider: str
    challenge: str
    links: str
    issuer: str
    subject: str
    email: str
    name: str = ""

    @property
    def identity(self) -> Identity:
        return Identity(self.issuer, self.subject, self.email, self.name)


class OAuthUseCases:
    def __init__(
        self, work: UnitOfWork, talks: ProviderTalks, providers: ProviderUseCases, sessions: SessionUseCases, sign_ups: SignUps,
        seal: Sealing, limits: LimitUseCases, refusals: Refusals, clock: Clock, ids: Ids, *, public_url: str,
    ) -> None:  # fmt: skip
        self._work, self._talks, self._providers, self._sessions, self._sign_ups = work, talks, providers, sessions, sign_ups
        self._seal, self._limits, self._refusals = seal, limits, refusals
        self._clock, self._ids, self._public_url = clock, ids, public_url

    def offered(self, name: str) -> Sequence[Provider]:
        """Those of the collection, for whoever wants to sign in."""
        if not self._public_url:
            return ()
        return self._work.read(lambda stores: stores.providers.all(_checked(stores, name)))

    def identity(self, name: str) -> tuple[str, ...]:
        """What accounts of the collection sign in by, with a password."""
        return self._work.read(lambda stores: _checked(stores, name)).identity

    # --- going there

    def go(self, name: str, called: str, return_to: str, challenge: str, browser: str, *, facts: RequestFacts) -> str:
        """The address at the provider. `browser` is a secret that only this browser will bring back."""
        self._check_possible()
        self._limits.provider(facts.visit)
        return self._gone(name, called, return_to, read_challenge(challenge), browser)

    def want_link(self, name: str, called: str, return_to: str, challenge: str, *, actor: Actor) -> str:
        """An address of ours, good once, that leads the browser that opens it to the provider: who comes back is known as the actor's
        account from then on. Forbidden where the session is not fresh."""
        self._check_possible()
        own(actor, name)
        read_challenge(challenge)
        ticket = _secret()

        def body(stores: Stores) -> None:
            collection = self._fresh(stores, actor)
            provider, _ = self._providers.found(stores, collection, called)
            check_return(return_to, provider.return_to)
            wish = {"provider": called, "return_to": return_to, "challenge": challenge, "account": actor.id}
            self._begin(stores, collection, _WANTED, ticket, wish)

        self._work.run(body)
        return f"{self._public_url}/api/v1/auth/{name}/oauth/{called}?{urlencode({'ticket': ticket})}"

    def go_linking(self, name: str, called: str, ticket: str, browser: str) -> str:
        self._check_possible()
        wish = self._work.run(lambda stores: self._taken(stores, _checked(stores, name), _WANTED, ticket))
        if wish is None or wish["provider"] != called:
            raise refused()
        return self._gone(name, called, wish["return_to"], wish["challenge"], browser, links=wish["account"])

    def _gone(self, name: str, called: str, return_to: str, challenge: str, browser: str, *, links: str = "") -> str:
        provider, client = self._work.read(lambda stores: self._providers.found(stores, _checked(stores, name), called))
        check_return(return_to, provider.return_to)
        issuer = self._talks.issuer(client)
        began = begun(*(secrets.token_bytes(SECRET_BYTES) for _ in range(3)))
        way = Way(called, return_to, challenge, _digest(browser), links, began.state, began.nonce, began.verifier)
        self._work.run(lambda stores: self._begin(stores, _checked(stores, name), _ASKED, began.state, asdict(way)))
        return authorization_address(issuer, began, client_id=client.id, callback=client.callback, scopes=provider.scopes)

    # --- coming back

    def come_back(self, name: str, called: str, answer: Mapping[str, str], browser: str) -> str:
        """The app's address that people are sent back to, with a code or an error. Invalid where this is no answer to a sign-in of this
        browser: then nobody knows whose app that would be."""
        taken = self._work.run(lambda stores: self._taken(stores, _checked(stores, name), _ASKED, answer.get("state", "")))
        if taken is None:
            raise identity_refused()
        way = Way(**taken)
        if way.provider != called or not hmac.compare_digest(way.browser, _digest(browser)):
            raise identity_refused()
        if answer.get("error"):
            return _returning(way, error=_error(answer["error"]))
        try:
            code = self._arrived(name, way, answer)
        except Unavailable:
            return _returning(way, error="provider_unavailable")
        except Problem:
            return _returning(way, error="identity_refused")
        return _returning(way, code=code)

    def _arrived(self, name: str, way: Way, answer: Mapping[str, str]) -> str:
        _, client = self._work.read(lambda stores: self._providers.found(stores, _checked(stores, name), way.provider))
        found = self._talks.identity(client, self._talks.issuer(client), way.began, answer)
        arrival = Arrival(way.provider, way.challenge, way.links, found.issuer, found.subject, found.email, found.name)
        code = _secret()
        self._work.run(lambda stores: self._begin(stores, _checked(stores, name), _CAME, code, asdict(arrival)))
        return code

    # --- the session

    def exchange(
        self, name: str, code: str, verifier: str, values: Mapping[str, Any], *, actor: Actor, facts: RequestFacts, device: str = ""
    ) -> SignedIn | FactorAsked | None:
        """What every way to sign in ends with. None where an identity was linked to the actor's account. `values` are those of a new
        account; where they are refused the code is still good, for its time."""
        self._limits.provider(facts.visit)
        with self._refusals.noting(SIGN_IN, name, "", "provider", facts):
            return self._signed_in(name, code, verifier, values, actor, facts, device)

    def _signed_in(
        self, name: str, code: str, verifier: str, values: Mapping[str, Any], actor: Actor, facts: RequestFacts, device: str
    ) -> SignedIn | FactorAsked | None:
        arrival = self._shown(name, code, verifier)
        facts = replace(facts, context=_CONTEXT)
        for last in (False,) * (_TRIES - 1) + (True,):
            try:
                return self._work.run(lambda stores: self._exchanged(stores, name, code, arrival, values, actor, facts, device))
            except Conflict:
                if last:
                    raise
        raise AssertionError

    def _shown(self, name: str, code: str, verifier: str) -> Arrival:
        """Who comes with a wrong verifier found the code: it is gone with that."""
        kept = self._work.read(lambda stores: self._looked_up(stores, _checked(stores, name), code))
        if kept is None:
            raise refused()
        arrival = Arrival(**kept)
        if not hmac.compare_digest(_challenge(verifier), arrival.challenge):
            self._work.run(lambda stores: self._taken(stores, _checked(stores, name), _CAME, code))
            raise refused()
        return arrival

    def _exchanged(
        self, stores: Stores, name: str, code: str, arrival: Arrival, values: Mapping[str, Any], actor: Actor, facts: RequestFacts,
        device: str,
    ) -> SignedIn | FactorAsked | None:  # fmt: skip
        collection = _checked(stores, name)
        if self._taken(stores, collection, _CAME, code) is None:
            raise refused()
        if arrival.links:
            self._link(stores, collection, arrival, actor, facts)
            return None
        account = self._account(stores, collection, arrival, values, facts)
        credentials = stores.accounts.credentials_of(collection, account)
        if credentials is None:
            raise refused()
        return self._sessions.open(collection.name, account, credentials.epoch, facts=facts, device_name=device)

    def _account(self, stores: Stores, collection: Collection, arrival: Arrival, values: Mapping[str, Any], facts: RequestFacts) -> str:
        """Whose identity it is: of the account that is known by it, else of the one whose address it proves, else of a new one."""
        known = stores.identities.find(collection, arrival.issuer, arrival.subject)
        if known is not None:
            stores.identities.use(collection, arrival.issuer, arrival.subject, self._now())
            return known
        there = self._of_address(stores, collection, arrival.email)
        account = there or self._new(stores, collection, arrival, values, facts)
        identity = self._know(stores, collection, arrival, account)
        if identity is not None and there is not None:
            # Whoever comes with the address is the account.
            self._tell(stores, "link", collection, account_actor(there, collection.name), facts, identity)
        if identity is None:
            raise Conflict("this sign-in is carried out by another request at this moment", hint="begin it again")
        return account

    def _of_address(self, stores: Stores, collection: Collection, email: str) -> str | None:
        """An address that the provider does not vouch for finds nobody."""
        credentials = stores.accounts.credentials(collection, email_key(email)) if email else None
        if credentials is None:
            return None
        prove(stores, collection, credentials.id, self._now())
        return credentials.id

    def _new(self, stores: Stores, collection: Collection, arrival: Arrival, values: Mapping[str, Any], facts: RequestFacts) -> str:
        provider, _ = self._providers.found(stores, collection, arrival.provider)
        if not provider.signs_up:
            hint = "sign in otherwise, and link it to your account"
            raise Forbidden("nobody is known by this identity", code="sign_up_refused", hint=hint)
        return self._sign_ups.by_provider(stores, collection, arrival.identity, values, facts)

    # --- identities of an account

    def identities(self, name: str, *, actor: Actor) -> Sequence[KeptIdentity]:
        own(actor, name)

        def body(stores: Stores) -> Sequence[KeptIdentity]:
            stores.records.check_guard(guard_of(actor))
            return stores.identities.of_account(accounts_of(stores, name), actor.id)

        return self._work.read(body)

    def unlink(self, name: str, id: str, *, actor: Actor, facts: RequestFacts) -> None:
        """Conflict where the account would have no way in any more."""
        own(actor, name)

        def body(stores: Stores) -> None:
            collection = self._fresh(stores, actor)
            # Of two that are taken away at once the second one sees that the first is gone.
            stores.records.hold(collection, [actor.id])
            there = stores.identities.of_account(collection, actor.id)
            going, others = [each for each in there if each.id == id], [each for each in there if each.id != id]
            if not stores.identities.remove(collection, actor.id, id):
                raise NotFound("there is no such identity, or it is not yours")
            if not others and not _has_another_way(stores, collection, actor.id):
                raise Conflict("this is the account's only way in", code="last_way_in", hint="set a password or register a passkey first")
            self._tell(stores, "unlink", collection, actor, facts, going[0])
            self._note(stores, "identity.unlinked", actor, facts, id)

        self._work.run(body)

    def _link(self, stores: Stores, collection: Collection, arrival: Arrival, actor: Actor, facts: RequestFacts) -> None:
        """The account that asked for it, and is still the one that asks: whoever got hold of the code is not."""
        if actor.is_guest:
            raise Unauthenticated("sign in as the account that the identity is to be linked to")
        check_itself(actor)
        stores.records.check_guard(guard_of(actor))
        if (actor.collection, actor.id) != (collection.name, arrival.links):
            raise Forbidden("this identity is to be linked to another account")
        # Else an account that is being deleted would leave its identity behind, by which nobody could come any more.
        stores.records.hold(collection, [actor.id])
        stores.records.check_guard(guard_of(actor))
        known = stores.identities.find(collection, arrival.issuer, arrival.subject)
        if known is not None and known != actor.id:
            raise Conflict("this identity belongs to another account", code="identity_taken", hint="sign in with it, and unlink it there")
        identity = self._know(stores, collection, arrival, actor.id) if known is None else None
        if identity is not None:
            self._tell(stores, "link", collection, actor, facts, identity)
            take_name(stores, collection, actor.id, self._now())
            self._note(stores, "identity.linked", actor, facts, arrival.provider)

    def _know(self, stores: Stores, collection: Collection, arrival: Arrival, account: str) -> KeptIdentity | None:
        """None where it is known already."""
        now = self._now()
        known = KeptIdentity(self._ids.new(), arrival.issuer, arrival.subject, account, arrival.provider, arrival.email, now, now)
        return known if stores.identities.add(collection, known) else None

    def _tell(
        self, stores: Stores, what: str, collection: Collection, actor: Actor, facts: RequestFacts, identity: KeptIdentity
    ) -> None:
        change = IdentityChange(
            event=f"identities.{what}", actor=actor, request=facts.request_id, collection=collection.name, account=actor.id,
            id=identity.id, provider=identity.provider,
        )  # fmt: skip
        happens(stores, change, self._now(), collection, facts=facts)

    def _note(self, stores: Stores, action: str, actor: Actor, facts: RequestFacts, detail: str) -> None:
        note(stores, self._ids.new(), self._now(), action, actor.id, actor=actor, facts=facts, detail=detail)

    # --- sign-ins that are under way

    def _begin(self, stores: Stores, collection: Collection, step: str, secret: str, kept: Mapping[str, str]) -> None:
        digest, expires = _digest(secret), write_instant(self._clock.now() + _LIVES[step])
        sealed = self._seal.close(json.dumps(kept).encode(), about=f"sign-in:{digest}")
        stores.identities.begin(digest, collection, step, sealed, expires)

    def _taken(self, stores: Stores, collection: Collection, step: str, secret: str) -> dict[str, str] | None:
        digest = _digest(secret)
        return self._read(digest, stores.identities.take_begun(digest, collection, step, self._now()))

    def _looked_up(self, stores: Stores, collection: Collection, code: str) -> dict[str, str] | None:
        digest = _digest(code)
        return self._read(digest, stores.identities.find_begun(digest, collection, _CAME, self._now()))

    def _read(self, digest: str, sealed: bytes | None) -> dict[str, str] | None:
        if sealed is None:
            return None
        kept: dict[str, str] = json.loads(self._seal.open(sealed, about=f"sign-in:{digest}"))
        return kept

    def _fresh(self, stores: Stores, actor: Actor) -> Collection:
        stores.records.check_guard(guard_of(actor))
        collection = accounts_of(stores, actor.collection)
        need_fresh(stores, collection, actor, self._clock.now())
        return collection

    def _check_possible(self) -> None:
        if not self._public_url:
            detail = "this backend does not know its public address, which providers send people back to"
            raise Unavailable(detail, code="links_not_configured", retry_after=3600, hint="ask whoever runs it")

    def _now(self) -> str:
        return write_instant(self._clock.now())


def _checked(stores: Stores, name: str) -> Collection:
    """Under the schema that the database is at."""
    stores.records.check_guard(None)
    return accounts_of(stores, name)


def _has_another_way(stores: Stores, collection: Collection, account: str) -> bool:
    credentials = stores.accounts.credentials_of(collection, account)
    has_password = credentials is not None and credentials.password_hash is not None
    return has_password or bool(stores.passkeys.of_account(collection, account))


def _returning(way: Way, **told: str) -> str:
    return f"{way.return_to}{'&' if '?' in way.return_to else '?'}{urlencode({**told, 'provider': way.provider})}"


def _error(said: str) -> str:
    """The provider's own word (RFC 6749, 4.1.2.1), if it is one: the app's address is no place for whatever somebody writes."""
    is_word = len(said) <= _LONGEST_ERROR and said.replace("_", "").isalpha() and said.isascii()
    return said if is_word else "identity_refused"


def _secret() -> str:
    return urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode(errors="surrogatepass")).digest()).decode().rstrip("=")
