"""The Ed25519 keys that sign our tokens: kept sealed in the database, shared by all processes, rotated without signing anybody out.

Which keys there are is looked up anew whenever the schema version has moved, and a rotation moves it: whoever has asked the
database anything since then signs with the new key.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adapters.outbound.sealed_secrets import BrokenSeal, Seal
from domain.accounts.tokens import retired
from domain.schema.fields.times import write_instant
from ports.accounts import SigningKey
from ports.clock import Clock
from ports.unit_of_work import Stores, UnitOfWork

ALGORITHM = "EdDSA"
_RELOAD_EVERY = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Key:
    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    jwk: dict[str, Any]


class SigningKeys:
    def __init__(self, work: UnitOfWork, seal: Seal, clock: Clock) -> None:
        self._work, self._seal, self._clock = work, seal, clock
        self._keys: Mapping[str, Key] = {}
        self._loading, self._loaded_at, self._version = threading.Lock(), float("-inf"), -1

    def prepare(self) -> None:
        if not self._load():
            self._work.run(self._add_first)
            self._load()

    def present(self) -> Mapping[str, Key]:
        """By kid, the newest first: that one signs."""
        if self._version != self._work.glimpse().version or not self._keys:
            self.prepare()
        return self._keys

    def find(self, kid: object) -> Key | None:
        """Another process may have made a key since we looked; but whoever invents names makes us look once a second, no more."""
        if not isinstance(kid, str):
            return None
        found = self.present().get(kid)
        if found is None and monotonic() - self._loaded_at > _RELOAD_EVERY:
            self._load()
            found = self._keys.get(kid)
        return found

    def rotate(self, *, revoke: bool) -> str:
        made = _key(Ed25519PrivateKey.generate())
        self._work.change_schema(lambda stores: self._replace(stores, made, revoke))
        self._load()
        return made.kid

    def _replace(self, stores: Stores, made: Key, revoke: bool) -> None:
        kept = stores.keys.signing_keys()
        now = self._clock.now()
        gone = [row.kid for row in kept] if revoke else retired([(row.kid, row.created) for row in kept], now)
        stores.keys.add_signing_key(self._sealed(made))
        stores.keys.remove_signing_keys(gone)
        stores.keys.announce()

    def _load(self) -> bool:
        """Whether there is a key."""
        with self._loading:
            # Before the keys are read: what changes after that is looked up again.
            self._loaded_at, self._version = monotonic(), self._work.glimpse().version
            rows = self._work.read(lambda stores: stores.keys.signing_keys())
            keys = {row.kid: key for row in rows if (key := self._opened(row)) is not None}
            if rows and not keys:
                raise BrokenSeal("the secret key is not the one that sealed the signing keys of this database")
            self._keys = keys
            return bool(keys)

    def _opened(self, row: SigningKey) -> Key | None:
        """The public half is computed, not read: whoever can write to the table still cannot bring a key of his own."""
        try:
            return _key(Ed25519PrivateKey.from_private_bytes(self._seal.open(row.sealed, about=row.kid)))
        except BrokenSeal:
            return None

    def _add_first(self, stores: Stores) -> None:
        """On PostgreSQL two machines that start at once may each add one; both are good, as after a rotation."""
        if not stores.keys.signing_keys():
            stores.keys.add_signing_key(self._sealed(_key(Ed25519PrivateKey.generate())))

    def _sealed(self, key: Key) -> SigningKey:
        sealed = self._seal.close(key.private.private_bytes_raw(), about=key.kid)
        return SigningKey(key.kid, sealed, json.dumps(key.jwk), write_instant(self._clock.now()))


def _key(private: Ed25519PrivateKey) -> Key:
    """Its `kid` is its thumbprint (RFC 7638 and RFC 8037), so that no two keys share one."""
    public = private.public_key()
    parts = {"crv": "Ed25519", "kty": "OKP", "x": _base64(public.public_bytes_raw())}
    kid = _base64(hashlib.sha256(json.dumps(parts, separators=(",", ":"), sort_keys=True).encode()).digest())
    return Key(kid, private, public, {**parts, "kid": kid, "use": "sig", "alg": ALGORITHM})


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
