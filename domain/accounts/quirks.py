"""How single providers say who somebody is, where they do not say it as the standard does. Which has which is told in `presets`."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from domain.accounts.identities import Claims, SignedToken, read_name, told_email, verified_email
from domain.accounts.oauth import TENANT, TENANT_PLACE

_TENANT_PART = re.compile(r"(https?://[^/]+/)([^/]+)(/v2\.0)")
_WORDS_FOR_MANY = ("common", "organizations", "consumers")


def no_email(claims: Claims) -> str:
    """The provider tells none, or one that it does not vouch for."""
    return ""


def google_email(claims: Claims) -> str:
    """Google vouches for the addresses that it hosts: of others it checked once that they were the person's, and they may have changed
    hands since."""
    email = verified_email(claims)
    return email if email.casefold().endswith("@gmail.com") or isinstance(claims.get("hd"), str) else ""


def google_issuer(awaited: str, token: SignedToken) -> str:
    """Google leaves the scheme out of `iss` at times."""
    return awaited if token.claims.get("iss") in (awaited, awaited.partition("://")[2]) else ""


def apple_email(claims: Claims) -> str:
    """Apple says true as a boolean, or as a text."""
    said = claims.get("email_verified")
    return told_email(claims) if said is True or said == "true" else ""


def apple_name(answer: Mapping[str, str]) -> str:
    """Told by the browser, and with the first sign-in only: good to call somebody by. The address beside it is anybody's claim."""
    try:
        name = json.loads(answer.get("user", ""))["name"]
        return read_name(f"{name['firstName']} {name['lastName']}".strip())
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def microsoft_email(claims: Claims) -> str:
    """A tenant's people write what they like into `email`; `xms_edov` says that the owner of its domain is known. It comes as a boolean, a
    number or a text."""
    said = claims.get("xms_edov")
    return told_email(claims) if said is True or said in (1, "1", "true") else ""


def microsoft_issuer(awaited: str, token: SignedToken) -> str:
    """Each tenant is an issuer of its own, and each key signs for the tenants that it is published for."""
    tenant = token.claims.get("tid")
    if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
        return ""
    issuer = awaited.replace(TENANT_PLACE, tenant)
    signs_for = token.key_issuer.replace(TENANT_PLACE, tenant)
    return issuer if token.claims.get("iss") == issuer and signs_for in ("", issuer) else ""


def is_microsoft(asked: str, said: Any) -> bool:
    """Asked for many tenants, or by a tenant's domain, the document names a place for the tenant or the tenant's number."""
    if said == asked:
        return True
    wanted, found = _TENANT_PART.fullmatch(asked), _TENANT_PART.fullmatch(said if isinstance(said, str) else "")
    if wanted is None or found is None or TENANT.fullmatch(wanted[2]) or (wanted[1], wanted[3]) != (found[1], found[3]):
        return False
    return TENANT.fullmatch(found[2]) is not None or (found[2] == TENANT_PLACE and wanted[2] in _WORDS_FOR_MANY)


def slack_subject(claims: Claims) -> Any:
    """A person's id is unique within a workspace."""
    team, user = claims.get("https://slack.com/team_id"), claims.get("sub")
    return f"{team}-{user}" if isinstance(team, str) and team and isinstance(user, str) and user else None


def id_subject(claims: Claims) -> Any:
    return claims.get("id")


def uuid_subject(claims: Claims) -> Any:
    return claims.get("uuid")


def x_subject(claims: Claims) -> Any:
    data = claims.get("data")
    return data.get("id") if isinstance(data, dict) else None


def discord_email(claims: Claims) -> str:
    return told_email(claims) if claims.get("verified") is True else ""


def github_email(claims: Claims) -> str:
    return _first_of(claims.get("emails"), "primary", "verified")


def bitbucket_email(claims: Claims) -> str:
    emails = claims.get("emails")
    return _first_of(emails.get("values") if isinstance(emails, dict) else None, "is_primary", "is_confirmed")


def facebook_proof(secret: str, access_token: str) -> dict[str, str]:
    """Goes with each question to Facebook: an access token that was stolen, or made for another app, is of no use without our secret."""
    return {"appsecret_proof": hmac.new(secret.encode(), access_token.encode(), hashlib.sha256).hexdigest()}


def _first_of(emails: Any, *needed: str) -> str:
    """The address of which all that is needed is true."""
    listed: Iterable[Any] = emails if isinstance(emails, list) else ()
    fitting = (each for each in listed if isinstance(each, dict) and all(each.get(name) is True for name in needed))
    return next((told_email(each) for each in fitting), "")
