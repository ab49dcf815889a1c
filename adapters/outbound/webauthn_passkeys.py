"""Passkeys by the library webauthn. They are bound to the host of the public address; browsers know no passkeys of addresses by number, so
on this very machine that is `localhost`."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ports.passkeys import NewPasskey

_LOOPBACK = ("127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - compared with, not bound to
T = TypeVar("T")


@cache
def _webauthn() -> ModuleType:
    """Imported with the first passkey: a tenth of what every start and every command would wait for."""
    import webauthn
    import webauthn.helpers.structs

    return webauthn


def _structs() -> ModuleType:
    found: ModuleType = _webauthn().helpers.structs
    return found


class WebauthnPasskeys:
    def __init__(self, public_url: str, origins: Iterable[str] = ()) -> None:
        """`origins` are trusted as our own is. Browsers let a page use passkeys of its own host and of those above it alone, so of these
        only the ones below our host count."""
        parts = urlsplit(public_url)
        host = "localhost" if parts.hostname in _LOOPBACK else parts.hostname or ""
        self._host = host
        own = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
        self._origins = [own, *sorted(each for each in origins if f".{urlsplit(each).hostname}".endswith(f".{host}"))]

    @property
    def are_possible(self) -> bool:
        return bool(self._host)

    def registration(self, challenge: bytes, *, handle: bytes, name: str, there: Sequence[str]) -> dict[str, Any]:
        # Discoverable where the authenticator can, so that it may be the only factor; verified always: a found phone signs nobody in.
        wanted = _structs().AuthenticatorSelectionCriteria(
            resident_key=_structs().ResidentKeyRequirement.PREFERRED, user_verification=_structs().UserVerificationRequirement.REQUIRED
        )
        options = _webauthn().generate_registration_options(
            rp_id=self._host, rp_name=self._host, user_id=handle, user_name=name, user_display_name=name, challenge=challenge,
            exclude_credentials=_descriptors(there), authenticator_selection=wanted,
        )  # fmt: skip
        return _as_object(_webauthn().options_to_json(options))

    def registered(self, answer: Mapping[str, Any], challenge: bytes) -> NewPasskey | None:
        found = _judged(lambda: _webauthn().verify_registration_response(
            credential=dict(answer), expected_challenge=challenge, expected_rp_id=self._host, expected_origin=self._origins,
            require_user_verification=True,
        ))  # fmt: skip
        if found is None:
            return None
        return NewPasskey(_webauthn().helpers.bytes_to_base64url(found.credential_id), found.credential_public_key, found.sign_count)

    def authentication(self, challenge: bytes, *, allowed: Sequence[str]) -> dict[str, Any]:
        options = _webauthn().generate_authentication_options(
            rp_id=self._host, challenge=challenge, allow_credentials=_descriptors(allowed),
            user_verification=_structs().UserVerificationRequirement.REQUIRED,
        )  # fmt: skip
        return _as_object(_webauthn().options_to_json(options))

    def authenticated(self, answer: Mapping[str, Any], challenge: bytes, *, public_key: bytes, counter: int) -> int | None:
        found = _judged(lambda: _webauthn().verify_authentication_response(
            credential=dict(answer), expected_challenge=challenge, expected_rp_id=self._host, expected_origin=self._origins,
            credential_public_key=public_key, credential_current_sign_count=counter, require_user_verification=True,
        ))  # fmt: skip
        return None if found is None else found.new_sign_count


def _judged(judge: Callable[[], T]) -> T | None:
    try:
        return judge()
    except Exception:  # noqa: BLE001 - parsing what an attacker made (JSON, CBOR, X.509) raises whatever its libraries do
        return None


def _descriptors(credentials: Sequence[str]) -> list[Any]:
    return [_structs().PublicKeyCredentialDescriptor(id=_webauthn().base64url_to_bytes(each)) for each in credentials]


def _as_object(text: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(text)
    return read
