"""Providers that an accounts collection lets people sign in with: what admins say of one, and what of it is told to whom.

Talking to a provider is in `oauth`, what each known one does otherwise in `presets`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from domain.accounts.presets import PRESETS
from domain.errors import NotFound, did_you_mean, invalid
from domain.outgoing import read_target

# Where apps exchange their codes; no provider has that address.
EXCHANGE = "exchange"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
# Visible ASCII: what else may be in an id or a scope would be read differently by somebody (RFC 6749, appendix A).
_WORD = re.compile(r"[!#-\[\]-~]{1,200}")
_ID = re.compile(r"[ -~]{1,500}")
_LONGEST_SECRET = 10_000
_MOST_SCOPES, _MOST_ADDRESSES, _LONGEST_ADDRESS = 30, 20, 500
# Of apps (RFC 8252, 7.1): a name that is theirs has a dot in it, and `javascript` and `data` have none.
_APP_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PARTS = ("preset", "issuer", "client_id", "client_secret", "scopes", "return_to", "sign_up")


@dataclass(frozen=True, slots=True)
class Provider:
    """`name` stands in addresses. `issuer` is the preset's own where admins gave none. `return_to` are the addresses that people may be
    sent back to, and `signs_up` says whether who is not known yet gets an account."""

    name: str
    preset: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    return_to: tuple[str, ...]
    signs_up: bool
    created: str
    updated: str

    def as_object(self) -> dict[str, Any]:
        """All of it but the secret, which nobody is told again."""
        return {
            "name": self.name, "preset": self.preset or None, "issuer": self.issuer, "client_id": self.client_id,
            "scopes": list(self.scopes), "return_to": list(self.return_to), "sign_up": self.signs_up, "created": self.created,
            "updated": self.updated,
        }  # fmt: skip


def read_provider(name: str, body: Mapping[str, Any], *, created: str, now: str, loopback: bool) -> tuple[Provider, str]:
    """What admins wrote, and the secret, "" where they sent none. Invalid with a pointer for what nobody could be signed in with."""
    for each in body:
        if each not in _PARTS:
            raise invalid(f"/{each[:80]}", "unknown_field", f"there is no `{each[:80]}` here", hint=did_you_mean(each, list(_PARTS)))
    if not _NAME.fullmatch(name) or name == EXCHANGE:
        told = "a provider's name is of a to z, 0 to 9, `_` and `-`, at most 50, begins with a letter, and is not `exchange`"
        raise invalid("", "invalid_name", told)
    preset = _preset(name, body)
    made = Provider(
        name, preset, _issuer(preset, body, loopback), _client_id(body), _scopes(preset, body), _addresses(body), _signs_up(body), created,
        now,
    )  # fmt: skip
    return made, _secret(body)


def read_challenge(text: str) -> str:
    """The S256 challenge of the app (RFC 7636): only who has its verifier gets the session."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        hint = "send base64url(sha256(verifier)) without padding, and keep the verifier for the exchange"
        raise invalid("challenge", "invalid_challenge", "`challenge` is 43 characters of base64url", hint=hint)
    return text


def no_provider() -> NotFound:
    return NotFound("accounts of this collection do not sign in by this provider", hint="see …/methods for those that there are")


def _preset(name: str, body: Mapping[str, Any]) -> str:
    """Whoever calls a provider by the name of a known one means that."""
    asked = body.get("preset", name if name in PRESETS and "issuer" not in body else "")
    if asked in ("", None):
        return ""
    if not isinstance(asked, str) or asked not in PRESETS:
        raise invalid("/preset", "invalid", f"one of {', '.join(PRESETS)}", hint="leave it out for any other issuer of OpenID Connect")
    return asked


def _issuer(preset: str, body: Mapping[str, Any], loopback: bool) -> str:
    given = body.get("issuer")
    if given is None and preset:
        return PRESETS[preset].issuer
    if not isinstance(given, str) or not given:
        raise invalid("/issuer", "required", "`issuer` is the address that the provider calls itself by", hint="or name a `preset`")
    if preset and PRESETS[preset].known is not None and given != PRESETS[preset].issuer and not loopback:
        raise invalid("/issuer", "invalid", f"{preset} has endpoints of its own", hint="leave `issuer` out")
    try:
        read_target(given, loopback=loopback)
    except ValueError as unfit:
        raise invalid("/issuer", "invalid", f"not an address that is asked: {unfit}") from unfit
    return given


def _client_id(body: Mapping[str, Any]) -> str:
    value = body.get("client_id")
    if not isinstance(value, str) or not _ID.fullmatch(value):
        code = "required" if value is None else "invalid"
        raise invalid("/client_id", code, "`client_id` is what the provider gave you when you told it of your app")
    return value


def _secret(body: Mapping[str, Any]) -> str:
    value = body.get("client_secret", "")
    if not isinstance(value, str) or len(value) > _LONGEST_SECRET or ("client_secret" in body and not value):
        raise invalid("/client_secret", "invalid", "`client_secret` is what the provider gave you with the client id")
    return value


def _scopes(preset: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    value = body.get("scopes")
    if value is None:
        return PRESETS[preset].scopes if preset else ("openid", "email", "profile")
    fits = isinstance(value, list) and 1 <= len(value) <= _MOST_SCOPES
    if not fits or not all(isinstance(each, str) and _WORD.fullmatch(each) for each in value):
        raise invalid("/scopes", "invalid", f"a list of 1 to {_MOST_SCOPES} scopes, without spaces in them")
    return tuple(dict.fromkeys(value))


def _addresses(body: Mapping[str, Any]) -> tuple[str, ...]:
    value = body.get("return_to")
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_ADDRESSES:
        hint = 'write ["https://app.example.org/signed-in"]'
        detail = f"`return_to` lists the addresses of your app that people come back to, 1 to {_MOST_ADDRESSES}"
        raise invalid("/return_to", "required", detail, hint=hint)
    return tuple(dict.fromkeys(_address(at, each) for at, each in enumerate(value)))


def _address(at: int, value: Any) -> str:
    if isinstance(value, str) and len(value) <= _LONGEST_ADDRESS and re.fullmatch(r"[!-\[\]-~]+", value) and _may_return(value):
        return value
    detail = "https://…, a scheme of your app's own as org.example.app:/…, or in development http://localhost; without a fragment"
    raise invalid(f"/return_to/{at}", "invalid", detail)


def _may_return(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if "#" in text or "@" in parts.netloc:
        return False
    if parts.scheme in ("http", "https"):
        return bool(host) and (parts.scheme == "https" or host in _LOOPBACK)
    return _APP_SCHEME.fullmatch(parts.scheme) is not None


def _signs_up(body: Mapping[str, Any]) -> bool:
    value = body.get("sign_up", True)
    if not isinstance(value, bool):
        raise invalid("/sign_up", "wrong_type", "`sign_up` is true or false")
    return value
