"""What `:changed` compares: what a body asks a field to be, with what it is."""

from typing import Any

from domain.rules.tree import Path
from domain.rules.values import read
from domain.schema.kinds import Kind

# What the body asks for is no value of the field at all.
UNREADABLE: Any = object()


def compared_as(stored: Path) -> Kind:
    """A list is compared whole, in its order, as JSON is."""
    return Kind.JSON if stored.elements else stored.kind


def asked_for(raw: Any, stored: Path) -> Any:
    """What the body asks for in the form that the field has; None for nothing."""
    if stored.elements:
        return _listed(raw)
    if stored.kind is Kind.JSON:
        return raw
    asked = read(raw, stored.kind)
    return UNREADABLE if asked is None and raw is not None and raw != "" else asked


def _listed(raw: Any) -> Any:
    if raw is None or raw == "":
        return None
    if isinstance(raw, (list, tuple)):
        return tuple(raw) or None
    return (raw,) if isinstance(raw, str) else UNREADABLE
