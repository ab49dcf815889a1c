"""Whether the accounts of a collection may make API keys for themselves, and how many."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import did_you_mean, invalid

# A list of them is read whole, by people and by us.
MOST = 100


@dataclass(frozen=True, slots=True)
class AccountKeys:
    """Each account has at most `max` that stand."""

    max: int

    def definition(self) -> dict[str, Any]:
        return {"max": self.max}


def read_account_keys(value: Any) -> AccountKeys | None:
    """From its JSON form, in which null says that accounts make none."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise invalid("/api_keys", "not_an_object", "this must be an object with `max`, or null")
    for key in value:
        if key != "max":
            hint = did_you_mean(str(key), ["max"]) or "the option is `max`"
            raise invalid(f"/api_keys/{key}", "unknown_option", f"nothing here is called `{key}`", hint=hint)
    most = value.get("max")
    if type(most) is not int or not 1 <= most <= MOST:
        raise invalid("/api_keys/max", "invalid_option", f"`max` is how many keys an account has at most, from 1 to {MOST}")
    return AccountKeys(most)
