"""Tokens as JWTs signed with Ed25519, by flask-jwt-extended.

It lives in a small Flask application of its own, where its configuration and its loaders meet the keys; the doors go through
the port, so that a token is verified once and then found by its digest (its decorators verify at each request, which costs
more than serving it). Algorithm and keys are ours to choose: nothing in a token's header but `kid` is listened to.
"""

import base64
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException

from adapters.outbound.sealed_secrets import BrokenSeal, Seal
from domain.accounts.tokens import ACCESS, LIFETIMES
from domain.actor import Actor, account
from domain.errors import Unauthenticated
from domain.schema.fields.times import write_instant
from ports.accounts import SigningKey
from ports.clock import Clock
from ports.tokens import Issued
from ports.unit_of_work import Stores, UnitOfWork

ALGORITHM = "EdDSA"
LONGEST = 2_048  # characters; ours have about 600
_KEPT = 20_000
_RELOAD_EVERY = 1.0  # seconds
_LEEWAY = timedelta(seconds=30)  # by which the clocks of two machines may differ

# What parsing a token made by an attacker may raise besides the library's own errors (a header of brackets only recurses).
_MALFORMED = (jwt.PyJWTError, JWTExtendedException, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    jwk: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What flask-jwt-extended calls the identity: its loaders see nothing else, and key and `kid` must be those of one moment."""

    actor: Actor
    purpose: str
    key: _Key


@dataclass(frozen=True, slots=True)
class _Statement:
    """What a good token said."""

    actor: Actor
    purpose: str
    expires: float


class JwtTokens:
    """`issuer` is the backend's public address or name; a token of another one is refused, also under the same key."""

    def __init__(
        self, work: UnitOfWork, seal: Seal, clock: Clock, *, issuer: str = "stillroom", lifetimes: Mapping[str, timedelta] = LIFETIMES
    ) -> None:
        self._work, self._seal, self._clock, self._lifetimes = work, seal, clock, lifetimes
        self._keys: Mapping[str, _Key] = {}
        self._loading, self._loaded_at = threading.Lock(), float("-inf")
        self._verified = _Verified()
        self._flask = self._configured(issuer)

    def prepare(self) -> None:
        if not self._load():
            self._work.run(self._add_first)
            self._load()

    def issue(self, actor: Actor, purpose: str = ACCESS) -> Issued:
        lifetime = self._lifetimes[purpose]
        if not self._keys:
            self.prepare()
        subject = _Subject(actor, purpose, next(iter(self._keys.values())))
        with self._flask.app_context():
            token = create_access_token(subject, expires_delta=lifetime)
        return Issued(token, int(lifetime.total_seconds()))

    def read(self, token: str, purpose: str = ACCESS) -> Actor:
        if len(token) > LONGEST or not token.isascii():
            raise _bad()
        digest = hashlib.sha256(token.encode()).digest()
        said = self._verified.get(digest)
        if said is None:
            said = self._verify(token)
            self._verified.keep(digest, said)
        if said.purpose != purpose:
            raise _bad()
        if said.expires <= self._clock.now().timestamp():
            raise _expired()
        return said.actor

    def public_keys(self) -> Sequence[dict[str, Any]]:
        if not self._keys:
            self.prepare()
        return [key.jwk for key in self._keys.values()]

    def _verify(self, token: str) -> _Statement:
        try:
            with self._flask.app_context():
                return _statement(decode_token(token))
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
        manager.decode_key_loader(lambda header, claims: self._key(header.get("kid")).public)
        return flask

    # --- keys

    def _key(self, kid: object) -> _Key:
        """Another process may have made a key since we looked; but whoever invents names makes us look once a second, no more."""
        if not isinstance(kid, str):
            raise jwt.InvalidKeyError("no kid")
        if kid not in self._keys and monotonic() - self._loaded_at > _RELOAD_EVERY:
            self._load()
        if kid not in self._keys:
            raise jwt.InvalidKeyError("no such key")
        return self._keys[kid]

    def _load(self) -> bool:
        """Whether there is a key."""
        with self._loading:
            self._loaded_at = monotonic()
            rows = self._work.read(lambda stores: stores.keys.signing_keys())
            keys = {row.kid: key for row in rows if (key := self._opened(row)) is not None}
            if rows and not keys:
                raise BrokenSeal("the secret key is not the one that sealed the signing keys of this database")
            if self._keys.keys() - keys.keys():
                self._verified.forget()
            self._keys = keys
            return bool(keys)

    def _opened(self, row: SigningKey) -> _Key | None:
        """The public half is computed, not read: whoever can write to the table still cannot bring a key of his own."""
        try:
            return _key(Ed25519PrivateKey.from_private_bytes(self._seal.open(row.sealed, about=row.kid)))
        except BrokenSeal:
            return None

    def _add_first(self, stores: Stores) -> None:
        """On PostgreSQL two machines that start at once may each add one; both are good, as after a rotation."""
        if stores.keys.signing_keys():
            return
        made = _key(Ed25519PrivateKey.generate())
        sealed = self._seal.close(made.private.private_bytes_raw(), about=made.kid)
        stores.keys.add_signing_key(SigningKey(made.kid, sealed, json.dumps(made.jwk), write_instant(self._clock.now())))


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

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()


def _claims(subject: _Subject) -> dict[str, Any]:
    actor = subject.actor
    said = {"purpose": subject.purpose, "collection": actor.collection, "epoch": actor.epoch}
    return {**said, "sid": actor.session} if actor.session else said


def _statement(claims: Mapping[str, Any]) -> _Statement:
    """A token without an end is none of ours, whoever signed it."""
    texts = [claims[name] for name in ("sub", "collection", "purpose", *({"sid"} & claims.keys()))]
    numbers = [claims[name] for name in ("epoch", "exp")]
    if not all(isinstance(each, str) and each for each in texts) or not all(type(each) is int for each in numbers):
        raise jwt.InvalidTokenError("claims of the wrong type")
    return _Statement(account(texts[0], texts[1], numbers[0], claims.get("sid", "")), texts[2], float(numbers[1]))


def _key(private: Ed25519PrivateKey) -> _Key:
    """Its `kid` is its thumbprint (RFC 7638 and RFC 8037), so that no two keys share one."""
    public = private.public_key()
    parts = {"crv": "Ed25519", "kty": "OKP", "x": _base64(public.public_bytes_raw())}
    kid = _base64(hashlib.sha256(json.dumps(parts, separators=(",", ":"), sort_keys=True).encode()).digest())
    return _Key(kid, private, public, {**parts, "kid": kid, "use": "sig", "alg": ALGORITHM})


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bad() -> Unauthenticated:
    return Unauthenticated("this token is not good", code="invalid_token", hint="sign in again")


def _expired() -> Unauthenticated:
    return Unauthenticated("this token has expired", code="token_expired", hint="sign in again")
