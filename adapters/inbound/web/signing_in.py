"""What every way to sign in answers with."""

from typing import Any

from adapters.inbound.web.document.fixed import ref
from app.usecases.sessions import SignedIn


def signed_in(signed: SignedIn) -> dict[str, Any]:
    return {
        "access_token": signed.access_token, "token_type": "Bearer", "expires_in": signed.expires_in,
        "refresh_token": signed.refresh_token, "account": signed.account.as_object(),
    }  # fmt: skip


SIGNED_IN: dict[str, Any] = {
    "access_token": {"type": "string"},
    "token_type": {"type": "string", "const": "Bearer"},
    "expires_in": {"type": "integer", "description": "seconds"},
    "refresh_token": {"type": "string", "description": "Good once, for a new pair of tokens"},
    "account": ref("Record"),
}
