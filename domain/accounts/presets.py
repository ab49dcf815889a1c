"""Providers that are known by name: where they are, what to ask them for, and in what they differ from OpenID Connect as it is written.

What each difference is read with stands in `quirks`; asking is left to app.usecases.oauth. `documented` is the provider's own page that
tells of it. Identities of a provider that names no issuer are kept under the address that stands here for one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from domain.accounts import quirks
from domain.accounts.identities import STANDARD, Reading
from domain.accounts.oauth import Issuer, is_itself
from domain.errors import invalid

# How a provider is told that we are who we say (RFC 6749, 2.3.1): in the form, in a header, or by a token that we sign.
POST, BASIC, SIGNED = "post", "basic", "signed"
_SECRET_LIVES = timedelta(minutes=5)
_OIDC = ("openid", "email", "profile")
_FACEBOOK, _GITHUB = "https://graph.facebook.com", "https://api.github.com"


@dataclass(frozen=True, slots=True)
class Preset:
    """Without `known` the provider is asked where its endpoints are. `quirks` says in words what it does otherwise."""

    name: str
    issuer: str
    documented: str = ""
    scopes: tuple[str, ...] = _OIDC
    secret: str = POST
    known: Issuer | None = None
    asks: tuple[tuple[str, str], ...] = ()
    proof: bool = True
    reading: Reading = STANDARD
    is_own: Callable[[str, Any], bool] = is_itself
    # What goes along with questions about people, of our secret and the access token; and the name that came with the answer.
    proves: Callable[[str, str], dict[str, str]] | None = None
    named: Callable[[Mapping[str, str]], str] | None = None
    quirks: tuple[str, ...] = ()

    def completed(self, issuer: Issuer) -> Issuer:
        """What the provider tells about itself, with what it does not tell."""
        return replace(issuer, asks=self.asks, proof=self.proof)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Apple's kind of client secret: not a word, but a key to sign one with."""

    team: str
    kid: str
    key: str

    def claims(self, client_id: str, audience: str, at: datetime) -> dict[str, Any]:
        made = int(at.timestamp())
        return {"iss": self.team, "iat": made, "exp": made + int(_SECRET_LIVES.total_seconds()), "aud": audience, "sub": client_id}


def read_signing_key(secret: str) -> SigningKey:
    names = ("team_id", "key_id", "private_key")
    try:
        parts = json.loads(secret)
        values = [parts[name] for name in names]
    except (ValueError, LookupError, TypeError, RecursionError):
        values = []
    if not values or not all(isinstance(value, str) and value for value in values):
        detail = "this provider takes no shared secret, but a JSON object, as text, of `team_id`, `key_id` and `private_key` (the .p8 file)"
        raise invalid("/client_secret", "invalid", detail)
    return SigningKey(*values)


def _without_tokens(issuer: str, authorization: str, token: str, people: str, emails: str = "") -> Issuer:
    return Issuer(issuer, authorization, token, people=people, emails=emails)


OTHER = Preset("", "")  # any issuer that keeps to the standard

_ALL = (
    Preset(
        "google", "https://accounts.google.com", "https://developers.google.com/identity/gsi/web/guides/verify-google-id-token",
        reading=Reading(email=quirks.google_email, issuer=quirks.google_issuer),
        quirks=(
            "an address counts where Google hosts it: @gmail.com, or `hd` in the token",
            "`iss` may come without `https://`",
        ),
    ),
    Preset(
        "github", "https://github.com/login/oauth", "https://docs.github.com/en/rest/users/emails",
        scopes=("read:user", "user:email"),
        known=_without_tokens(
            "https://github.com/login/oauth", "https://github.com/login/oauth/authorize", "https://github.com/login/oauth/access_token",
            f"{_GITHUB}/user", f"{_GITHUB}/user/emails",
        ),
        reading=Reading(subject=quirks.id_subject, email=quirks.github_email),
        quirks=(
            "no id token: the person is asked for at the API, and known by the number `id`, since `login` changes hands",
            "`email` of the profile is whatever the person shows: the primary address with `verified` is asked for apart",
            "refuses a code with 200 and `error`",
            "answers as a form unless asked for JSON",
        ),
    ),
    Preset(
        "apple", "https://appleid.apple.com",
        "https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple",
        scopes=("openid", "email", "name"), secret=SIGNED, asks=(("response_mode", "form_post"),),
        reading=Reading(email=quirks.apple_email), named=quirks.apple_name,
        quirks=(
            "answers by a form that is posted (`form_post`) when asked for the address or the name",
            "the secret is a token that we sign with a key of ES256, for five minutes and for each sign-in anew",
            "`email_verified` is true or the text `true`",
            "the name comes with the first sign-in only, through the browser; the address beside it never counts",
        ),
    ),
    Preset(
        "microsoft", "https://login.microsoftonline.com/common/v2.0",
        "https://learn.microsoft.com/entra/identity-platform/migrate-off-email-claim-authorization",
        reading=Reading(email=quirks.microsoft_email, issuer=quirks.microsoft_issuer), is_own=quirks.is_microsoft,
        quirks=(
            "each tenant is an issuer: its number in `tid` belongs into `iss`, and the key must sign for it",
            "`email` is what the tenant's people write: it counts with the optional claim `xms_edov` only",
        ),
    ),
    Preset(
        "gitlab", "https://gitlab.com", "https://docs.gitlab.com/integration/openid_connect_provider/",
        quirks=("an instance of your own is an issuer of its own: give its address",),
    ),
    Preset(
        "facebook", "https://www.facebook.com", "https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow",
        scopes=("public_profile", "email"),
        known=_without_tokens(
            "https://www.facebook.com", "https://www.facebook.com/dialog/oauth", f"{_FACEBOOK}/oauth/access_token",
            f"{_FACEBOOK}/me?fields=id,name,email",
        ),
        reading=Reading(subject=quirks.id_subject, email=quirks.no_email), proves=quirks.facebook_proof,
        quirks=(
            "no id token: the person is asked for at the Graph API, with a proof of our secret (`appsecret_proof`)",
            "an address is not said to be verified, so none counts",
        ),
    ),
    Preset(
        "discord", "https://discord.com", "https://discord.com/developers/docs/resources/user",
        scopes=("identify", "email"),
        known=_without_tokens(
            "https://discord.com", "https://discord.com/oauth2/authorize", "https://discord.com/api/oauth2/token",
            "https://discord.com/api/users/@me",
        ),
        reading=Reading(subject=quirks.id_subject, email=quirks.discord_email),
        quirks=("no id token: the person is asked for at the API", "an address counts with `verified`"),
    ),
    Preset(
        "x", "https://x.com", "https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code",
        scopes=("users.read", "tweet.read"), secret=BASIC,
        known=_without_tokens(
            "https://x.com", "https://x.com/i/oauth2/authorize", "https://api.x.com/2/oauth2/token", "https://api.x.com/2/users/me",
        ),
        reading=Reading(subject=quirks.x_subject, email=quirks.no_email),
        quirks=(
            "no id token: the person is asked for at the API, and comes inside of `data`",
            "the secret goes in a header alone",
            "tells no address",
        ),
    ),
    Preset(
        "linkedin", "https://www.linkedin.com/oauth",
        "https://learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2",
        proof=False, reading=Reading(nonce=False),
        quirks=(
            "the id token repeats no `nonce`: what binds an answer to its sign-in is `state` and the code",
            "turns PKCE down unless an app was let in to it, so none is sent",
        ),
    ),
    Preset(
        "slack", "https://slack.com", "https://docs.slack.dev/authentication/sign-in-with-slack/",
        reading=Reading(subject=quirks.slack_subject),
        quirks=("a person's id is unique within a workspace: the workspace's id stands before it", "refuses with 200 and `ok: false`"),
    ),
    Preset(
        "spotify", "https://accounts.spotify.com", "https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile",
        scopes=("user-read-email",), secret=BASIC,
        known=_without_tokens(
            "https://accounts.spotify.com", "https://accounts.spotify.com/authorize", "https://accounts.spotify.com/api/token",
            "https://api.spotify.com/v1/me",
        ),
        reading=Reading(subject=quirks.id_subject, email=quirks.no_email),
        quirks=(
            "no id token: the person is asked for at the API",
            "the secret goes in a header alone",
            "its address is one that nobody has checked, as Spotify says itself, so none counts",
        ),
    ),
    Preset(
        "twitch", "https://id.twitch.tv/oauth2", "https://dev.twitch.tv/docs/authentication/getting-tokens-oidc/",
        scopes=("openid", "user:read:email"), asks=(("claims", '{"id_token":{"email":null,"email_verified":null}}'),),
        quirks=("an address comes only if asked for by the `claims` parameter and a scope of its own",),
    ),
    Preset(
        "bitbucket", "https://bitbucket.org", "https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/",
        scopes=("account", "email"), secret=BASIC,
        known=_without_tokens(
            "https://bitbucket.org", "https://bitbucket.org/site/oauth2/authorize", "https://bitbucket.org/site/oauth2/access_token",
            "https://api.bitbucket.org/2.0/user", "https://api.bitbucket.org/2.0/user/emails",
        ),
        reading=Reading(subject=quirks.uuid_subject, email=quirks.bitbucket_email),
        quirks=(
            "no id token: the person is asked for at the API, and known by `uuid`",
            "the secret goes in a header",
            "addresses are asked for apart: the primary one counts if it `is_confirmed`",
        ),
    ),
)  # fmt: skip
PRESETS = {each.name: each for each in _ALL}
