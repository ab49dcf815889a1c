"""A soft authenticator: passkeys in memory, which answer as a browser does, and lie where a test says so."""

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One passkey. `host` and `origin` are what its browser says."""

    origin: str
    host: str
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: str = ""

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any], **lies: Any) -> dict[str, Any]:
        self.handle = options["user"]["id"]
        point = self._key.public_key().public_numbers()
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + key
        data = self._data(lies, ATTESTED) + attested
        said = self._said("webauthn.create", options, lies)
        response = {"clientDataJSON": b64(said), "attestationObject": b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data}))}
        return self._answer(response)

    def get(self, options: dict[str, Any], **lies: Any) -> dict[str, Any]:
        self.counter += 1
        data, said = self._data(lies), self._said("webauthn.get", options, lies)
        signature = self._key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": b64(said), "authenticatorData": b64(data), "signature": b64(signature)}
        return self._answer({**response, "userHandle": lies.get("handle", self.handle)})

    def _data(self, lies: dict[str, Any], more: int = 0) -> bytes:
        host = hashlib.sha256(lies.get("host", self.host).encode()).digest()
        return bytes(host + struct.pack(">BI", lies.get("flags", self.flags) | more, lies.get("counter", self.counter)))

    def _said(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> bytes:
        challenge = lies.get("challenge", options["challenge"])
        return json.dumps({"type": kind, "challenge": challenge, "origin": lies.get("origin", self.origin), "crossOrigin": False}).encode()

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response, "clientExtensionResults": {}}
