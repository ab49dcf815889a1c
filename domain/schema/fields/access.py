"""The rules of a single field: who may view it, who may write it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import did_you_mean, invalid

_NAMES = ("view", "write")
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class FieldRules:
    """Each is a text of the rule language, `""` for whoever may do so with the record, or None for admins only."""

    view: str | None = ""
    write: str | None = ""

    def definition(self) -> dict[str, str | None]:
        """Those that bind somebody."""
        return {name: text for name in _NAMES if (text := getattr(self, name)) != ""}


OPEN_TO_ALL = FieldRules()


def define_field_rules(value: Any, pointer: str, *, read_only: bool) -> FieldRules:
    """From the JSON definition; unknown names are refused."""
    if not isinstance(value, Mapping):
        raise invalid(pointer, "invalid_rule", "the rules of a field are an object with `view` and `write`")
    for name, text in value.items():
        if name not in _NAMES:
            hint = did_you_mean(str(name), list(_NAMES)) or "a field has the rules view, write"
            raise invalid(f"{pointer}/{name}", "unknown_option", f"a field has no rule `{str(name)[:80]}`", hint=hint)
        if text is not None and (not isinstance(text, str) or len(text) > _LONGEST):
            detail = f'a rule is a text of at most {_LONGEST} characters, "" (everyone) or null (admins only)'
            raise invalid(f"{pointer}/{name}", "invalid_rule", detail)
    if read_only and value.get("write", "") != "":
        raise invalid(f"{pointer}/write", "invalid_rule", "the backend writes this field: a write rule would bind nobody")
    return FieldRules(**value)
