"""What writes of accounts need of passwords, done before any transaction: hashing is slow on purpose and must hold no lock."""

from collections.abc import Mapping
from typing import Any

from domain.accounts.passwords import check_new_password, read_password
from domain.errors import invalid
from domain.schema.collection import OLD_PASSWORD, PASSWORD, Collection
from ports.passwords import Passwords
from ports.unit_of_work import UnitOfWork


class PasswordDesk:
    def __init__(self, work: UnitOfWork, passwords: Passwords) -> None:
        self._work, self._passwords = work, passwords

    def prepare(self, password: Any, *, email: Any) -> str:
        """The hash of a new password; Invalid where the policy refuses it."""
        text = read_password(password, f"/{PASSWORD}")
        check_new_password(text, f"/{PASSWORD}", email=email if isinstance(email, str) else None)
        return self._passwords.hash(text)

    def check_old(self, collection: Collection, id: str, body: Mapping[str, Any]) -> None:
        """A stolen token alone changes no sign-in data: the present password is asked for again."""
        if OLD_PASSWORD not in body:
            hint = f"send the present password as `{OLD_PASSWORD}`"
            raise invalid(
                f"/{OLD_PASSWORD}", "required", "sign-in data changes only with the present password", hint=hint
            )
        text = read_password(body[OLD_PASSWORD], f"/{OLD_PASSWORD}")
        credentials = self._work.read(lambda stores: stores.accounts.credentials_of(collection, id))
        if not self._passwords.verify(text, credentials.password_hash if credentials else None):
            raise invalid(f"/{OLD_PASSWORD}", "wrong_password", "this is not the present password")
