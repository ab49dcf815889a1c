"""Which passwords are accepted, and the one form in which they are hashed and compared."""

import unicodedata
from typing import Any

from domain.accounts.common_passwords import COMMON
from domain.errors import invalid
from domain.schema.fields.text import email_key

# In bytes of UTF-8: below, guessing takes no time; above, the length alone would cost us. Nothing in between is ever cut.
SHORTEST, LONGEST = 8, 1024


def read_password(value: Any, pointer: str) -> str:
    """The password in the form that is hashed: NFKC, so that one typed on another keyboard or system (é as one character or as two,
    full-width digits) is the same. NUL is a character like others. Refuses what no account can have, before anything is hashed."""
    if not isinstance(value, str):
        raise invalid(pointer, "wrong_type", "a password is text")
    if len(value) > LONGEST or _bytes(value, pointer) > LONGEST:
        raise invalid(pointer, "too_long", f"a password has at most {LONGEST} bytes")
    return unicodedata.normalize("NFKC", value)


def check_new_password(password: str, pointer: str, *, email: str | None) -> None:
    """`password` as `read_password` gave it, `email` of the account that it is for."""
    if len(password.encode()) < SHORTEST:
        hint = "a few words in a row are easy to remember and hard to guess"
        raise invalid(pointer, "too_short", f"a password has at least {SHORTEST} bytes", hint=hint)
    folded = password.casefold()
    if folded in COMMON or len(set(folded)) == 1:
        raise invalid(pointer, "too_common", "this is one of the passwords that are tried first", hint="choose one that nobody else has")
    if email and folded in _of_address(email):
        raise invalid(pointer, "same_as_email", "a password is not one's own e-mail address", hint="choose one that nobody else has")


def _bytes(value: str, pointer: str) -> int:
    try:
        return len(value.encode())
    except UnicodeEncodeError as broken:
        raise invalid(pointer, "invalid_text", "a lone surrogate is no character") from broken


def _of_address(email: str) -> tuple[str, str]:
    key = email_key(email)
    return key, key.partition("@")[0]
