"""What accounts of a collection sign in by, besides their password: their address, a name that they chose, or both.

Two at most, and a name holds no `@` beside an address: so whatever is typed is meant for one field, and nobody's name can stand in the
way of somebody else's address.
"""

from collections.abc import Mapping
from typing import Any

from domain.errors import Fault, invalid
from domain.schema.fields import Field, TextField

EMAIL = "email"
BY_EMAIL = (EMAIL,)


def read_identity(value: Any) -> tuple[str, ...]:
    """From its JSON form, in which null says that it is the address."""
    if value is None:
        return BY_EMAIL
    named = value if isinstance(value, list) and all(isinstance(each, str) for each in value) else []
    if not 1 <= len(named) <= 2 or len({*named}) < len(named) or len({*named} - {EMAIL}) > 1:
        told = '`identity` is `["email"]`, the name of one text field, or both'
        raise invalid("/identity", "invalid_identity", told, hint='for example ["email", "username"]')
    return tuple(named)


def check_identity(identity: tuple[str, ...], fields: Mapping[str, Field]) -> None:
    for at, name in enumerate(identity):
        field = fields.get(name)
        if field is None:
            raise invalid(f"/identity/{at}", "unknown_field", f"no field `{name[:80]}` that accounts could sign in by")
        if name != EMAIL and (type(field) is not TextField or not field.unique or field.read_only):
            told = f"accounts sign in by a text field that is unique, and `{name}` is none"
            raise invalid(f"/identity/{at}", "invalid_identity", told, hint="give it `unique: true`; `fold: true` joins cases")


def name_field(identity: tuple[str, ...]) -> str | None:
    """The field of the name, where accounts sign in by one."""
    return next((each for each in identity if each != EMAIL), None)


def meant(identity: tuple[str, ...], typed: str) -> str:
    """The one field that what was typed is looked for in."""
    name = name_field(identity)
    return EMAIL if name is None or (EMAIL in identity and "@" in typed) else name


def needed(identity: tuple[str, ...]) -> str:
    """What a new account cannot do without."""
    return EMAIL if EMAIL in identity else identity[0]


def fault_of(identity: tuple[str, ...], values: Mapping[str, Any]) -> Fault | None:
    """Of a name that nobody could sign in by, since it would be taken for an address."""
    name = name_field(identity)
    if name is None or EMAIL not in identity or "@" not in (values.get(name) or ""):
        return None
    return Fault(f"/{name}", "invalid_identity", f"`{name}` has no `@` in it: what has one is taken for an e-mail address")
