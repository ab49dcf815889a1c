"""Who signs in at the test provider, and how it behaves: as a good OpenID Connect provider unless a test says otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

CLIENT, SECRET = "app-1", "the app's own secret"
TENANT = "5d2c1d9e-7a0b-4f5e-9a53-0d7a4b6a2f10"


def own(text: str, home: str) -> str:
    """{home} is where the provider is, {host} the same without its scheme."""
    return text.replace("{home}", home).replace("{host}", home.partition("://")[2])


@dataclass(frozen=True)
class Person:
    """Whoever consents. `verified` is what the provider says of the address, in whatever form it says it; None says nothing."""

    subject: str = "s-1"
    email: str | None = "ann@example.org"
    verified: Any = True
    name: str = ""

    def claims(self) -> dict[str, Any]:
        said = {"sub": self.subject, "email": self.email, "email_verified": self.verified, "name": self.name or None}
        return {name: value for name, value in said.items() if value is not None}


Shape = Callable[[Person], Any]


@dataclass(frozen=True)
class Manner:
    """One way in which a provider may behave, or misbehave.

    `claims` are laid over the id token's own; None takes one away. `ills` name, by endpoint, what its answer suffers from (`server.ILLS`).
    """

    # What it is.
    issuer: str = "{home}"  # what tokens say in `iss`
    document_issuer: str = ""  # where the document says something else
    id_token: bool = True
    profile: Shape = Person.claims  # what /userinfo and /user say
    emails: Shape | None = None  # what /user/emails says
    token_extra: Mapping[str, Any] = field(default_factory=dict)
    error_status: int = 400
    error_body: Mapping[str, Any] = field(default_factory=lambda: {"error": "invalid_grant"})
    key_issuer: str = ""

    # What it asks for.
    secret_by: tuple[str, ...] = ("post", "basic")  # or ("apple",)
    pkce: str = "required"  # or "ignored", "refused"
    nonce: str = "echoed"  # or "dropped"
    only_form_post: bool = False
    json_if_asked: bool = False  # form-encoded unless Accept says JSON
    asks_proof: bool = False  # appsecret_proof on every call with an access token
    needs_scopes: tuple[str, ...] = ()  # without them nothing of the person is told
    email_scope: str = ""  # without it no address is told
    email_claims: bool = False  # without the `claims` parameter no address is in the id token

    # What it says with its answer.
    iss_parameter: str | None = None  # {home}, or somebody else's
    announces_iss: bool = False
    user_field: Mapping[str, Any] | None = None  # Apple's `user`, on the first sign-in of a person

    # How it lies.
    claims: Mapping[str, Any] = field(default_factory=dict)
    signing: str = "RS256"  # ES256, none, HS256-id, HS256-secret, HS256-key, foreign, jwk, jku
    reusable_codes: bool = False
    ills: Mapping[str, str] = field(default_factory=dict)
