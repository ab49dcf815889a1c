"""How often each actor may do what with the records of a collection, as its owner says it in the definition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import did_you_mean, invalid
from domain.limits.quotas import WANTED, Quota, read_quota


@dataclass(frozen=True, slots=True)
class CollectionLimits:
    """A quota by action; an action without one is not limited."""

    quotas: tuple[tuple[str, Quota], ...]

    def quota(self, action: str) -> Quota | None:
        return next((quota for name, quota in self.quotas if name == action), None)

    def definition(self) -> dict[str, Any]:
        return {name: str(quota) for name, quota in self.quotas}


def read_limits(value: Any, actions: tuple[str, ...]) -> CollectionLimits | None:
    """From its JSON form; null, or nothing in it, says that there are none. An action whose limit is null has none."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise invalid("/limits", "not_an_object", "this must be an object with a limit by action, or null")
    for name in value:
        if name not in actions:
            hint = did_you_mean(str(name), list(actions)) or f"actions are {', '.join(actions)}"
            raise invalid(f"/limits/{name}", "unknown_field", f"there is no action `{str(name)[:60]}` to limit here", hint=hint)
    quotas = tuple((name, _quota(value[name], name)) for name in actions if value.get(name) is not None)
    return CollectionLimits(quotas) if quotas else None


def _quota(told: Any, name: str) -> Quota:
    quota = read_quota(told) if isinstance(told, str) else None
    if quota is None:
        raise invalid(f"/limits/{name}", "invalid_limit", f"a limit {WANTED}")
    return quota
