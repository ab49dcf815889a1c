"""Signatures of other issuers' tokens, by PyJWT: with keys that the issuer publishes, and by no other word of the token itself. And what we
sign for a provider that takes no shared secret."""

from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from jwt.types import Options

from domain.accounts.identities import ALGORITHMS, SignedToken
from ports.oauth import NotAnswered

_LONGEST = 20_000  # characters
_MOST_KEYS = 50
# A key says what it is for: an elliptic one verifies no RSA signature, and a secret one (`oct`) nothing at all here.
_FAMILIES = {"RSA": ("RS", "PS"), "EC": ("ES",)}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_SMALLEST_RSA = 2048  # bits
# Time, audience and issuer are judged by the domain, in one place for every provider.
_SIGNATURE_ALONE: Options = {
    "verify_signature": True, "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False, "verify_iss": False,
    "verify_sub": False, "verify_jti": False,
}  # fmt: skip
# What parsing a token or a key made by an attacker may raise besides the library's own errors.
_MALFORMED = (jwt.PyJWTError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


class PyjwtIdTokens:
    """Keeps ports.oauth.IdTokens."""

    def signed(self, token: str, keys: Sequence[Mapping[str, Any]]) -> SignedToken:
        try:
            return _verified(token, keys)
        except _MALFORMED as malformed:
            raise NotAnswered(f"the provider's token is not good: {type(malformed).__name__}") from malformed

    def made(self, claims: Mapping[str, Any], key: str, kid: str) -> str:
        try:
            return jwt.encode(dict(claims), key, "ES256", {"kid": kid})
        except _MALFORMED as unfit:
            # Not `from unfit`: the library's words may quote what it was given.
            raise NotAnswered(f"no key of ES256: {type(unfit).__name__}") from None


def _verified(token: str, keys: Sequence[Mapping[str, Any]]) -> SignedToken:
    if len(token) > _LONGEST or len(keys) > _MOST_KEYS:
        raise ValueError("longer than any")
    header = jwt.get_unverified_header(token)
    algorithm, kid = header.get("alg"), header.get("kid")
    # `none` and HS256, with the client's own id or secret for a key, are not on the list; `jwk`, `jku` and `x5u` are not read.
    if algorithm not in ALGORITHMS or "crit" in header:
        raise ValueError("no algorithm of ours")
    for key in _fitting(keys, algorithm, kid):
        try:
            claims = jwt.decode(token, _read(key, algorithm), algorithms=[algorithm], options=_SIGNATURE_ALONE)
        except jwt.InvalidSignatureError:
            continue
        return SignedToken(claims, algorithm, str(key.get("issuer", "")))
    raise ValueError("none of the keys")


def _fitting(keys: Sequence[Mapping[str, Any]], algorithm: str, kid: Any) -> list[Mapping[str, Any]]:
    """A token that names its key is asked of that one alone."""
    return [
        key for key in keys
        if algorithm[:2] in _FAMILIES.get(key.get("kty", ""), ())
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and key.get("crv") == _CURVES.get(algorithm)
        and (kid is None or key.get("kid") == kid)
    ]  # fmt: skip


def _read(key: Mapping[str, Any], algorithm: str) -> Any:
    read = jwt.PyJWK(dict(key), algorithm).key
    if key["kty"] == "RSA" and read.key_size < _SMALLEST_RSA:
        raise ValueError("a key that others can find")
    return read
