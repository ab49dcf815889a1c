"""Learning from a provider who came back from it. Who that is to us, and whether they may sign in, is left to whoever opens sessions."""

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus, urlencode

from domain.accounts.identities import Awaited, Identity, identity_of, identity_refused, told_identity
from domain.accounts.oauth import Begun, Issuer, check_answering, discovery_address, read_issuer
from domain.accounts.presets import BASIC, OTHER, SIGNED, Preset, read_signing_key
from domain.errors import Invalid, Unavailable, invalid
from ports.clock import Clock
from ports.oauth import IdTokens, NotAnswered, ProviderDoor, Question, TurnedDown
from ports.observer import Observation, Observer

_ERROR = re.compile(r"[a-z_]{1,50}")


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows us by, and what is known of it."""

    issuer: str
    id: str
    secret: str
    callback: str
    preset: Preset = OTHER


@dataclass(frozen=True, slots=True)
class ProviderFailed(Observation):
    """A sign-in that came to nothing, and why: for whoever runs this, since people and apps are told no more than that it did."""

    issuer: str
    reason: str


class _Unfit(Exception):
    """Why an answer is none, in words for the log."""


class ProviderTalks:
    """Nothing is kept here between calls: settings and keys of one provider never meet the answer of another."""

    def __init__(self, door: ProviderDoor, tokens: IdTokens, clock: Clock, observer: Observer, *, loopback: bool = False) -> None:
        self._door, self._tokens, self._clock, self._observer, self._loopback = door, tokens, clock, observer, loopback

    def check_secret(self, client: Client) -> None:
        """Invalid for one that the provider's kind of sign-in cannot be done with; without asking it."""
        if client.preset.secret == SIGNED:
            self._signed_secret(client, client.issuer)

    def issuer(self, client: Client) -> Issuer:
        """Invalid where it is not one; Unavailable where it does not answer."""
        preset = client.preset
        if preset.known is not None:
            return preset.completed(preset.known)
        document = self._asked(client, Question(discovery_address(client.issuer)))
        return preset.completed(read_issuer(document, client.issuer, loopback=self._loopback, is_own=preset.is_own))

    def identity(self, client: Client, issuer: Issuer, began: Begun, answer: Mapping[str, str]) -> Identity:
        """`answer` is what the browser brought back, whose state was found to be this sign-in's. Invalid where it is not the answer to it;
        Unavailable where the provider does not answer. Asks the provider twice or more, so never inside a transaction."""
        try:
            found = self._identity(client, issuer, began, answer)
        except _Unfit as unfit:
            self._observer.observe(ProviderFailed(client.issuer, str(unfit)))
            raise identity_refused() from unfit
        named = client.preset.named
        return found if named is None or found.name else replace(found, name=named(answer))

    def _identity(self, client: Client, issuer: Issuer, began: Begun, answer: Mapping[str, str]) -> Identity:
        with _as("it is not named by whoever was asked"):
            check_answering(issuer, answer)
        given = self._asked(client, self._exchange(client, issuer, began, answer.get("code", "")))
        return self._signed(client, issuer, began, given) if issuer.keys else self._told(client, issuer, given)

    def _signed(self, client: Client, issuer: Issuer, began: Begun, given: Any) -> Identity:
        keys = self._asked(client, Question(issuer.keys))
        id_token, access, published = _member(given, "id_token", str), _member(given, "access_token", str), _member(keys, "keys", list)
        try:
            token = self._tokens.signed(id_token, published)
        except NotAnswered as forged:
            raise _Unfit(str(forged)) from forged
        awaited = Awaited(issuer.issuer, client.id, began.nonce)
        with _as("its id token is not the answer to this sign-in"):
            return identity_of(token, awaited, access_token=access, at=self._clock.now(), reading=client.preset.reading)

    def _told(self, client: Client, issuer: Issuer, given: Any) -> Identity:
        """What is told to us alone, over TLS, for an access token that was given to us alone: nobody else may have put it in."""
        access = _member(given, "access_token", str)
        person = self._asked(client, _about(client, issuer.people, access))
        if not isinstance(person, dict):
            raise _Unfit("it tells nothing of the person")
        emails = {"emails": self._asked(client, _about(client, issuer.emails, access))} if issuer.emails else {}
        with _as("it tells nobody's id"):
            return told_identity({**person, **emails}, issuer.issuer, client.preset.reading)

    def _exchange(self, client: Client, issuer: Issuer, began: Begun, code: str) -> Question:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.callback}
        if issuer.proof:
            form["code_verifier"] = began.verifier
        if client.preset.secret == BASIC:
            return Question(issuer.token, form, {"Authorization": _basic(client)})
        secret = self._signed_secret(client, issuer.issuer) if client.preset.secret == SIGNED else client.secret
        return Question(issuer.token, form | {"client_id": client.id, "client_secret": secret})

    def _signed_secret(self, client: Client, audience: str) -> str:
        signing = read_signing_key(client.secret)
        try:
            return self._tokens.made(signing.claims(client.id, audience, self._clock.now()), signing.key, signing.kid)
        except NotAnswered as unfit:
            raise invalid("/client_secret", "invalid", "`private_key` is no key of ES256: give the text of the .p8 file") from unfit

    def _asked(self, client: Client, question: Question) -> Any:
        try:
            return self._door.ask(question)
        except NotAnswered as silent:
            self._observer.observe(ProviderFailed(client.issuer, str(silent)))
            if isinstance(silent, TurnedDown):
                raise identity_refused() from silent
            # In the same words whatever it was: a port that is closed is not told from one that says nothing of use.
            raise Unavailable("the provider gives no answer that can be used", hint="try again in a minute") from silent


def _about(client: Client, address: str, access_token: str) -> Question:
    proof = client.preset.proves(client.secret, access_token) if client.preset.proves else {}
    asking = f"{address}{'&' if '?' in address else '?'}{urlencode(proof)}" if proof else address
    return Question(asking, headers={"Authorization": f"Bearer {access_token}"})


def _basic(client: Client) -> str:
    """RFC 6749, 2.3.1: what may hold a colon is encoded before."""
    pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _member(answer: Any, name: str, kind: type) -> Any:
    """Some providers refuse with 200 and a word for it."""
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, kind):
        word = answer.get("error") if isinstance(answer, dict) else None
        raise _Unfit(f"it gives no `{name}`" + (f": {word}" if isinstance(word, str) and _ERROR.fullmatch(word) else ""))
    return value


@contextmanager
def _as(reason: str) -> Iterator[None]:
    try:
        yield
    except Invalid as refused:
        raise _Unfit(reason) from refused
