"""What a PocketBase keeps, as it keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SUPERUSERS = "_superusers"
# The account by which PocketBase makes its first superuser.
INSTALLER = "__pbinstaller@example.com"
RULES = ("list", "view", "create", "update", "delete", "manage", "auth")


@dataclass(frozen=True, slots=True)
class ForeignCollection:
    """`fields` are the definitions as PocketBase wrote them; rules by our names for the actions."""

    id: str
    name: str
    type: str
    fields: tuple[Mapping[str, Any], ...] = ()
    indexes: tuple[str, ...] = ()
    rules: Mapping[str, str | None] = field(default_factory=dict)
    system: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What the report says of one thing. `kind` is renamed, changed, differs, locked or left out."""

    kind: str
    place: str
    text: str
