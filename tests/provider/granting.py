"""What the test provider gives out, and to whom: codes for one use, access tokens, id tokens; and what it asks of an app before."""

import base64
import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import jwt

from tests.provider.manner import CLIENT, SECRET, Manner, Person, own
from tests.provider.signing import Keys


class Refused(Exception):
    """The reason, as its `error` says it."""


@dataclass(frozen=True)
class Grant:
    person: Person
    client: str
    callback: str
    challenge: str
    nonce: str
    scopes: tuple[str, ...]
    claims: str


class Grants:
    """`secrets` are the clients it knows. `apple` is the public key that Apple's kind of client secret is verified with."""

    def __init__(self, home: str, keys: Keys) -> None:
        self.home, self.keys = home, keys
        self.secrets = {CLIENT: SECRET}
        self.apple: Any = None
        self._codes: dict[str, Grant] = {}
        self._tokens: dict[str, Grant] = {}
        self._turn = threading.Lock()

    def code(self, asked: dict[str, str], person: Person, manner: Manner) -> str:
        if asked.get("response_type") != "code" or asked.get("client_id") not in self.secrets or not asked.get("redirect_uri"):
            raise Refused("invalid_request")
        if manner.pkce == "refused" and "code_challenge" in asked:
            raise Refused("unauthorized_client")
        if manner.pkce == "required" and asked.get("code_challenge_method") != "S256":
            raise Refused("invalid_request")
        grant = Grant(
            person, asked["client_id"], asked["redirect_uri"], asked.get("code_challenge", ""), asked.get("nonce", ""),
            tuple(asked.get("scope", "").split()), asked.get("claims", ""),
        )  # fmt: skip
        code = secrets.token_urlsafe(12)
        self._codes[code] = grant
        return code

    def exchange(self, form: dict[str, str], authorization: str, manner: Manner) -> dict[str, Any]:
        client = self._client(form, authorization, manner)
        with self._turn:  # a code is taken by one of those who come with it
            code = form.get("code", "")
            grant = self._codes.get(code) if manner.reusable_codes else self._codes.pop(code, None)
        if grant is None or form.get("grant_type") != "authorization_code":
            raise Refused("invalid_grant")
        if (grant.client, grant.callback) != (client, form.get("redirect_uri")) or not _proves(form, grant, manner):
            raise Refused("invalid_grant")
        access = secrets.token_urlsafe(12)
        self._tokens[access] = grant
        given = {"access_token": access, "token_type": "Bearer", "expires_in": 60} | dict(manner.token_extra)
        return given | ({"id_token": self.id_token(grant, access, manner)} if manner.id_token else {})

    def granted(self, authorization: str) -> Grant:
        kind, _, access = authorization.partition(" ")
        if kind != "Bearer" or access not in self._tokens:
            raise Refused("invalid_token")
        return self._tokens[access]

    def id_token(self, grant: Grant, access: str, manner: Manner) -> str:
        now = int(time.time())
        iss = own(manner.issuer, self.home)
        claims = {"iss": iss, "aud": grant.client, "iat": now, "exp": now + 60, "at_hash": at_hash(access)}
        if grant.nonce and manner.nonce == "echoed":
            claims["nonce"] = grant.nonce
        claims |= grant.person.claims()
        if (manner.email_claims and "email" not in grant.claims) or not tells_email(grant, manner):
            claims = {name: value for name, value in claims.items() if not name.startswith("email")}
        said = claims | dict(manner.claims)
        return self.keys.token({name: value for name, value in said.items() if value is not None}, manner.signing)

    def _client(self, form: dict[str, str], authorization: str, manner: Manner) -> str:
        if "apple" in manner.secret_by:
            return self._apple_client(form)
        name, secret, way = form.get("client_id", ""), form.get("client_secret", ""), "post"
        if authorization.startswith("Basic "):
            if secret:
                raise Refused("invalid_request")  # one way at a time (RFC 6749, 2.3)
            name, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
            name, secret, way = unquote_plus(name), unquote_plus(secret), "basic"
        if way not in manner.secret_by or not hmac.compare_digest(self.secrets.get(name, "").encode(), secret.encode()) or not secret:
            raise Refused("invalid_client")
        return name

    def _apple_client(self, form: dict[str, str]) -> str:
        try:
            claims = jwt.decode(
                form.get("client_secret", ""), self.apple, ["ES256"], audience=self.home, issuer="TEAM123456",
                options={"require": ["exp", "iat", "iss", "sub", "aud"]},
            )  # fmt: skip
        except jwt.PyJWTError as wrong:
            raise Refused("invalid_client") from wrong
        named = jwt.get_unverified_header(form["client_secret"]).get("kid") == "KEY1234567"
        if not named or claims["sub"] != form.get("client_id") or claims["exp"] - claims["iat"] > 15_777_000:
            raise Refused("invalid_client")
        return str(claims["sub"])


def tells_email(grant: Grant, manner: Manner) -> bool:
    return not manner.email_scope or manner.email_scope in grant.scopes


def at_hash(access: str) -> str:
    return _text(hashlib.sha256(access.encode()).digest()[:16])


def _proves(form: dict[str, str], grant: Grant, manner: Manner) -> bool:
    if manner.pkce == "refused" and "code_verifier" in form:
        return False
    if manner.pkce != "required":
        return True
    return _text(hashlib.sha256(form.get("code_verifier", "").encode()).digest()) == grant.challenge


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
