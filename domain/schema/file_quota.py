"""How many bytes files may have together, as a collection's owner says it in the definition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import did_you_mean, invalid
from domain.schema.fields.files import LARGEST

_OPTIONS = ["total", "account"]


@dataclass(frozen=True, slots=True)
class FileQuota:
    """Of all files that records of this collection hold (`total`); and, of an accounts collection, of all files that one of its accounts
    sent, whatever collection they are in (`account`). None: as many as there is room for."""

    total: int | None = None
    account: int | None = None

    def definition(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _OPTIONS if getattr(self, name) is not None}


def read_file_quota(value: Any) -> FileQuota | None:
    """From its JSON form, in which null says that there is none."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise invalid("/file_quota", "not_an_object", "this must be an object with `total` or `account`, or null")
    for name, given in value.items():
        if name not in _OPTIONS:
            hint = did_you_mean(str(name), _OPTIONS) or "there are `total` and, of accounts, `account`"
            raise invalid(f"/file_quota/{name}", "unknown_option", f"nothing here is called `{str(name)[:60]}`", hint=hint)
        if type(given) is not int or not 0 <= given <= LARGEST:
            raise invalid(f"/file_quota/{name}", "invalid_option", f"`{name}` is a number of bytes from 0 to {LARGEST}")
    return FileQuota(**value) if value else None
