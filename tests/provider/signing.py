"""The test provider's keys, and tokens signed with them or forged in every way that a verifier has fallen for."""

import base64
import json
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.provider.manner import CLIENT, SECRET

KID = "k1"


class Keys:
    """`rotate` makes new ones under new names, as a provider does without telling."""

    def __init__(self) -> None:
        self.kid = KID
        self._made()

    def _made(self) -> None:
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.curve = ec.generate_private_key(ec.SECP256R1())

    def rotate(self, kid: str) -> None:
        self.kid = kid
        self._made()

    def published(self, **more: Any) -> list[dict[str, Any]]:
        return [
            public(self.rsa) | {"kid": self.kid, "use": "sig", "alg": "RS256"} | more,
            public(self.curve) | {"kid": f"{self.kid}-ec", "use": "sig", "alg": "ES256"} | more,
        ]

    def token(self, claims: dict[str, Any], signing: str = "RS256") -> str:
        """Signed as `Manner.signing` says."""
        if signing == "RS256":
            return jwt.encode(claims, self.rsa, "RS256", {"kid": self.kid})
        if signing == "ES256":
            return jwt.encode(claims, self.curve, "ES256", {"kid": f"{self.kid}-ec"})
        return _FORGED[signing](self, claims)

    def unsigned(self, claims: dict[str, Any]) -> str:
        return f"{_part({'alg': 'none', 'typ': 'JWT', 'kid': self.kid})}.{_part(claims)}."

    def shared(self, claims: dict[str, Any], secret: bytes) -> str:
        """Made by hand: the library that we make tokens with refuses to take a public key for a secret."""
        signing = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': self.kid})}.{_part(claims)}"
        made = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        return f"{signing}.{_text(made.sign(signing.encode(), secret))}"

    def pem(self) -> bytes:
        return self.rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public(key: Any) -> dict[str, Any]:
    made = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return dict(json.loads(made.to_jwk(key.public_key())))


@cache
def stranger() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _by_stranger(claims: dict[str, Any], kid: str, **headers: Any) -> str:
    return jwt.encode(claims, stranger(), "RS256", {"kid": kid} | headers)


_FORGED = {
    "none": lambda keys, claims: keys.unsigned(claims),
    "HS256-id": lambda keys, claims: keys.shared(claims, CLIENT.encode()),
    "HS256-secret": lambda keys, claims: keys.shared(claims, SECRET.encode()),
    "HS256-key": lambda keys, claims: keys.shared(claims, keys.pem()),
    "foreign": lambda keys, claims: _by_stranger(claims, keys.kid),
    "jwk": lambda keys, claims: _by_stranger(claims, keys.kid, jwk=public(stranger())),
    "jku": lambda keys, claims: _by_stranger(claims, keys.kid, jku="https://evil.example/keys"),
}
FORGED = tuple(_FORGED)


def _part(value: Any) -> str:
    return _text(json.dumps(value).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
