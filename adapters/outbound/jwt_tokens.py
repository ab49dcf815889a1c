"""Tokens as JWTs signed with Ed25519, by flask-jwt-extended.

It lives in a small Flask application of its own, where its configuration and its loaders meet the keys; the doors go through
the port, so that a token is verified once and then found by its digest (its decorators verify at each request, which costs
more than serving it). Algorithm and keys are ours to choose: nothing in a token's header but `kid` is listened to.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException

from adapters.outbound.sealed_secrets import Seal
from adapters.outbound.signing_keys import ALGORITHM, Key, SigningKeys
from domain.accounts.tokens import ACCESS, LIFETIMES
from domain.actor import ADMINS, Actor, account
from domain.errors import Unauthenticated
from ports.clock import Clock
from ports.tokens import Issued
from ports.unit_of_work import UnitOfWork

LONGEST = 2_048  # characters; ours have about 600
_KEPT = 20_000
_LEEWAY = timedelta(seconds=30)  # by which the clocks of two machines may differ

# What parsing a token made by an attacker may raise besides the library's own errors (a header of brackets only recurses).
_MALFORMED = (jwt.PyJWTError, JWTExtendedException, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What flask-jwt-extended calls the identity: its loaders see nothing else, and key and `kid` must be those of one moment."""

    actor: Actor
    purpose: str
    key: Key


@dataclass(frozen=True, slots=True)
class _Statement:
    """What a good token said."""

    actor: Actor
    purpose: str
    expires: float
    kid: str


class JwtTokens:
    """`issuer` is the backend's public address or name; a token of another one is refused, also under the same key."""

    def __init__(
        self, work: UnitOfWork, seal: Seal, clock: Clock, *, issuer: str = "stillroom", lifetimes: Mapping[str, timedelta] = LIFETIMES
    ) -> None:
        self._clock, self._lifetimes = clock, lifetimes
        self._keys, self._verified = SigningKeys(work, seal, clock), _Verified()
        self._flask = self._configured(issuer)

    def prepare(self) -> None:
        self._keys.prepare()

    def rotate(self, *, revoke: bool = False) -> str:
        return self._keys.rotate(revoke=revoke)

    def issue(self, actor: Actor, purpose: str = ACCESS) -> Issued:
        lifetime = self._lifetimes[purpose]
        subject = _Subject(actor, purpose, next(iter(self._keys.present().values())))
        with self._flask.app_context():
            token = create_access_token(subject, expires_delta=lifetime)
        return Issued(token, int(lifetime.total_seconds()))

    def read(self, token: str, purpose: str = ACCESS) -> Actor:
        if len(token) > LONGEST or not token.isascii():
            raise _bad()
        digest = hashlib.sha256(token.encode()).digest()
        said = self._verified.get(digest)
        if said is None or said.kid not in self._keys.present():
            said = self._verify(token)
            self._verified.keep(digest, said)
        if said.purpose != purpose:
            raise _bad()
        if said.expires <= self._clock.now().timestamp():
            raise _expired()
        return said.actor

    def public_keys(self) -> Sequence[dict[str, Any]]:
        return [key.jwk for key in self._keys.present().values()]

    def _verify(self, token: str) -> _Statement:
        try:
            with self._flask.app_context():
                return _statement(decode_token(token), jwt.get_unverified_header(token)["kid"])
        except jwt.ExpiredSignatureError as late:
            raise _expired() from late
        except _MALFORMED as malformed:
            raise _bad() from malformed

    def _configured(self, issuer: str) -> Flask:
        flask = Flask("stillroom.tokens", root_path="/", static_folder=None)
        flask.config.update(
            JWT_ALGORITHM=ALGORITHM, JWT_DECODE_ALGORITHMS=[ALGORITHM], JWT_DECODE_LEEWAY=_LEEWAY, JWT_COOKIE_CSRF_PROTECT=False,
            JWT_ENCODE_ISSUER=issuer, JWT_DECODE_ISSUER=issuer, JWT_ENCODE_AUDIENCE=issuer, JWT_DECODE_AUDIENCE=issuer,
        )  # fmt: skip
        manager = JWTManager(flask)
        manager.user_identity_loader(lambda subject: subject.actor.id)
        manager.additional_headers_loader(lambda subject: {"kid": subject.key.kid})
        manager.additional_claims_loader(_claims)
        manager.encode_key_loader(lambda subject: subject.key.private)
        manager.decode_key_loader(lambda header, claims: self._key(header.get("kid")))
        return flask

    def _key(self, kid: object) -> Ed25519PublicKey:
        found = self._keys.find(kid)
        if found is None:
            raise jwt.InvalidKeyError("no such key")
        return found.public


class _Verified:
    """Statements of verified tokens by the token's digest; the oldest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, _Statement] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> _Statement | None:
        return self._kept.get(digest)

    def keep(self, digest: bytes, said: _Statement) -> None:
        with self._lock:
            self._kept[digest] = said
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def _claims(subject: _Subject) -> dict[str, Any]:
    actor = subject.actor
    # Who acts as another is told as RFC 8693 (4.1) has it.
    acting = {"act": {"sub": actor.behind.id, **_said(actor.behind)}} if actor.behind else {}
    return {"purpose": subject.purpose, **_said(actor), **acting}


def _said(actor: Actor) -> dict[str, Any]:
    said: dict[str, Any] = {"collection": actor.collection, "epoch": actor.epoch}
    return {**said, **({"sid": actor.session} if actor.session else {}), **({"role": actor.role} if actor.role else {})}


def _statement(claims: Mapping[str, Any], kid: str) -> _Statement:
    """A token without an end is none of ours, whoever signed it; nor is an admin's without a role, which no sign-in of now gives."""
    purpose, expires = claims["purpose"], claims["exp"]
    if not isinstance(purpose, str) or type(expires) is not int:
        raise jwt.InvalidTokenError("claims of the wrong type")
    behind = _actor(claims["act"]) if "act" in claims else None
    return _Statement(replace(_actor(claims), behind=behind), purpose, float(expires), kid)


def _actor(claims: Mapping[str, Any]) -> Actor:
    of_admin = {"role"} if claims["collection"] == ADMINS else set()
    texts = [claims[name] for name in ("sub", "collection", *({"sid"} & claims.keys()), *of_admin)]
    if not all(isinstance(each, str) and each for each in texts) or type(claims["epoch"]) is not int:
        raise jwt.InvalidTokenError("claims of the wrong type")
    return account(texts[0], texts[1], claims["epoch"], claims.get("sid", ""), claims.get("role", ""))


def _bad() -> Unauthenticated:
    return Unauthenticated("this token is not good", code="invalid_token", hint="sign in again")


def _expired() -> Unauthenticated:
    return Unauthenticated("this token has expired", code="token_expired", hint="sign in again")
