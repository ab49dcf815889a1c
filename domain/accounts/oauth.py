"""Going to a provider and coming back: what is sent along, which answer is the one to it, and where people may be sent afterwards.

OpenID Connect with code and PKCE (RFC 7636, S256), whose issuer is named back (RFC 9207). Keeping a sign-in that was begun, and taking it
once, is left to stores; who came back is judged in `identities`.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from domain.accounts.identities import identity_refused
from domain.errors import Invalid, invalid
from domain.outgoing import read_target

SECRET_BYTES = 32
TENANT_PLACE = "{tenantid}"
TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Issuer:
    """What a provider tells about itself, or what is known of it. `names_itself`: it says with each answer who it is, so an answer without
    that is another's.

    Without `keys` it signs no tokens: who came back is asked at `people`, and the addresses at `emails` where they are told apart. `asks`
    goes along with a request for authorization. Without `proof` it turns down who sends the challenge of PKCE.
    """

    issuer: str
    authorization: str
    token: str
    keys: str = ""
    names_itself: bool = False
    people: str = ""
    emails: str = ""
    asks: tuple[tuple[str, str], ...] = ()
    proof: bool = True


@dataclass(frozen=True, slots=True)
class Begun:
    """The secrets of one sign-in. `state` ties the answer to the browser, `nonce` the token to the sign-in, `verifier` the code to us."""

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        return _text(hashlib.sha256(self.verifier.encode()).digest())


def begun(state: bytes, nonce: bytes, verifier: bytes) -> Begun:
    return Begun(_text(state), _text(nonce), _text(verifier))


def discovery_address(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def is_itself(asked: str, said: Any) -> bool:
    return bool(said == asked)


def read_issuer(document: Any, issuer: str, *, loopback: bool = False, is_own: Callable[[str, Any], bool] = is_itself) -> Issuer:
    """Invalid where it is not the issuer's own, or leads where we do not go: one issuer may not speak for another (OpenID Connect
    Discovery, 4.3), and its addresses are no better than what any page may write."""
    if not isinstance(document, dict) or not is_own(issuer, document.get("issuer")):
        raise not_its_own("issuer")
    for name in _ENDPOINTS:
        try:
            read_target(document[name], loopback=loopback)
        except (LookupError, TypeError, ValueError) as error:
            raise not_its_own(name) from error
    names_itself = document.get("authorization_response_iss_parameter_supported") is True
    authorization, token, keys = (document[name] for name in _ENDPOINTS)
    return Issuer(document["issuer"], authorization, token, keys, names_itself)


def authorization_address(issuer: Issuer, began: Begun, *, client_id: str, callback: str, scopes: Collection[str]) -> str:
    asked = {
        "response_type": "code", "client_id": client_id, "redirect_uri": callback, "scope": " ".join(scopes), "state": began.state,
    } | dict(issuer.asks)  # fmt: skip
    if issuer.keys:
        asked["nonce"] = began.nonce
    if issuer.proof:
        asked |= {"code_challenge": began.challenge, "code_challenge_method": "S256"}
    return f"{issuer.authorization}{'&' if '?' in issuer.authorization else '?'}{urlencode(asked)}"


def check_answering(issuer: Issuer, answer: Mapping[str, str]) -> None:
    """Before its code is sent anywhere: a provider that was mixed up with another would be handed the other's code."""
    said = answer.get("iss")
    if issuer.names_itself if said is None else not is_tenant_of(issuer.issuer, said):
        raise identity_refused()


def is_tenant_of(issuer: str, said: str) -> bool:
    """Microsoft tells one issuer for all of its tenants, with a place for the tenant's number. Any other is itself alone."""
    if TENANT_PLACE not in issuer:
        return said == issuer
    before, _, after = issuer.partition(TENANT_PLACE)
    return said.startswith(before) and said.endswith(after) and TENANT.fullmatch(said[len(before) : len(said) - len(after)]) is not None


def check_return(address: str, allowed: Collection[str]) -> None:
    """Whole texts are compared: every way to compare parts of addresses has been bent by somebody."""
    if address not in allowed:
        raise invalid("/return_to", "invalid", "people are sent back to addresses of the app's list alone, written as they are there")


def not_its_own(name: str) -> Invalid:
    return Invalid(f"what this issuer tells about itself cannot be used: `{name}`", hint="compare the issuer with the provider's own pages")


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")
