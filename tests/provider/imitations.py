"""The test provider in the manner of each provider that there is a preset for, and that preset moved to where the test provider is.

Only what a preset is there for is imitated: how a client is told, what is asked for, in which shape and with which proof people are told.
"""

import json
from dataclasses import replace
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from domain.accounts.presets import PRESETS, Preset
from tests.provider.manner import SECRET, TENANT, Manner, Person
from tests.provider.server import Provider

TEAM = "T0123ABC"


def _listed(person: Person, first: str, good: str) -> list[dict[str, Any]]:
    """An address that is not verified, one that is not the first, and the one that counts."""
    return [
        {"email": "old@example.org", first: False, good: True},
        {"email": "typo@example.org", first: False, good: False},
        {"email": person.email, first: True, good: person.verified},
    ]


_NO_TOKEN: dict[str, Any] = {"id_token": False}
MANNERS = {
    "google": Manner(announces_iss=True, iss_parameter="{home}", claims={"hd": "example.org"}),
    "github": Manner(
        **_NO_TOKEN, json_if_asked=True, error_status=200, needs_scopes=("read:user",), email_scope="user:email", iss_parameter="{home}",
        # What the profile shows is up to the person.
        profile=lambda person: {"id": int(person.subject), "login": "ann", "name": person.name or None, "email": "shown@example.org"},
        emails=lambda person: _listed(person, "primary", "verified"),
    ),
    "apple": Manner(
        secret_by=("apple",), pkce="ignored", only_form_post=True, email_scope="email",
        user_field={"name": {"firstName": "Ann", "lastName": "Ames"}, "email": "claimed@example.org"},
    ),
    "microsoft": Manner(
        issuer=f"{{home}}/{TENANT}/v2.0", document_issuer="{home}/{tenantid}/v2.0", key_issuer="{home}/{tenantid}/v2.0",
        claims={"tid": TENANT, "email_verified": None, "xms_edov": True}, email_scope="email",
    ),
    "gitlab": Manner(email_scope="email"),
    "facebook": Manner(
        **_NO_TOKEN, pkce="ignored", asks_proof=True, email_scope="email",
        profile=lambda person: {"id": person.subject, "name": person.name, "email": person.email, "email_verified": person.verified},
    ),
    "discord": Manner(
        **_NO_TOKEN, pkce="ignored", needs_scopes=("identify",), email_scope="email",
        profile=lambda person: {"id": person.subject, "username": "ann", "email": person.email, "verified": person.verified},
    ),
    "x": Manner(
        **_NO_TOKEN, secret_by=("basic",), needs_scopes=("users.read", "tweet.read"),
        profile=lambda person: {"data": {"id": person.subject, "name": person.name, "username": "ann"}},
    ),
    "linkedin": Manner(secret_by=("post",), pkce="refused", nonce="dropped", email_scope="email"),
    "slack": Manner(
        pkce="ignored", error_status=200, error_body={"ok": False}, token_extra={"ok": True}, email_scope="email",
        claims={"https://slack.com/team_id": TEAM, "https://slack.com/user_id": "583231"},
    ),
    "spotify": Manner(
        **_NO_TOKEN, secret_by=("basic",), email_scope="user-read-email",
        # Said as if it were verified, for a client that looks for it.
        profile=lambda person: {"id": person.subject, "email": person.email, "email_verified": True, "verified": True},
    ),
    "twitch": Manner(
        secret_by=("post",), pkce="ignored", email_scope="user:read:email", email_claims=True, token_extra={"scope": ["openid"]}
    ),
    "bitbucket": Manner(
        **_NO_TOKEN, secret_by=("basic",), pkce="ignored", needs_scopes=("account",), email_scope="email",
        profile=lambda person: {"uuid": person.subject, "account_id": "557058:1", "nickname": "ann", "display_name": "Ann"},
        emails=lambda person: {"values": _listed(person, "is_primary", "is_confirmed")},
    ),
}  # fmt: skip


def imitate(provider: Provider, name: str) -> Preset:
    """The provider behaves as `name` from now on; its preset, with this provider's addresses for the real ones."""
    provider.manner = MANNERS[name]
    provider.grants.apple = _apple_key().public_key()
    return moved(PRESETS[name], provider.home)


def moved(preset: Preset, home: str) -> Preset:
    known = preset.known and replace(
        preset.known, issuer=home, authorization=f"{home}/authorize", token=f"{home}/token", people=f"{home}/user",
        emails=preset.known.emails and f"{home}/user/emails",
    )  # fmt: skip
    return replace(preset, issuer=f"{home}/common/v2.0" if preset.name == "microsoft" else home, known=known)


def secret_of(preset: Preset) -> str:
    """As an admin would give it."""
    return apple_secret() if preset.name == "apple" else SECRET


@cache
def _apple_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def apple_secret(**changed: str) -> str:
    pem = _apple_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps({"team_id": "TEAM123456", "key_id": "KEY1234567", "private_key": pem} | changed)
