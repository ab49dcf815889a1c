"""What every account has besides the fields of its owner's own: what it signs in with, and what it may."""

from domain.schema.fields import EmailField, Field, TextField
from domain.schema.fields.flags import BoolField

EMAIL_VISIBLE, LANGUAGE, DISABLED, ANONYMOUS = "email_visible", "language", "disabled", "anonymous"
# As letters and dates are written for people (RFC 5646): `de`, `pt-BR`, `zh-Hant-TW`.
_TAG = "[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*"

# `email` signs in, `email_visible` shows it to whoever sees the record, `verified` is for admins to write, `language` is that of its
# letters. `anonymous` says that it has no way to sign in but its session, and is written by nobody. `disabled` is hidden, so nobody but
# admins reads or writes it, and filters cannot ask for it. The password is never read, so it is no field.
ACCOUNT_FIELDS: tuple[Field, ...] = (
    EmailField(name="email", required=True, unique=True),
    BoolField(name=EMAIL_VISIBLE, default=False),
    BoolField(name="verified", default=False),
    TextField(name=LANGUAGE, max=35, pattern=_TAG),
    BoolField(name=ANONYMOUS, default=False),
    BoolField(name=DISABLED, default=False, hidden=True),
)
_WITHOUT_ADDRESS = (EmailField(name="email", unique=True), *ACCOUNT_FIELDS[1:])
# Seen by the account itself, and found by nobody.
OWN_FIELDS = ("email", LANGUAGE)
ACCOUNT_FIELD_NAMES = frozenset(each.name for each in ACCOUNT_FIELDS)


def account_fields(*, needs_email: bool) -> tuple[Field, ...]:
    return ACCOUNT_FIELDS if needs_email else _WITHOUT_ADDRESS
