"""What an extension declares besides hooks: routes, commands, jobs, settings of its own."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

from domain.errors import did_you_mean

T = TypeVar("T", str, int, float, bool, Decimal)
PREFIX = "STILLROOM_EXT_"


@dataclass(frozen=True, slots=True)
class Route:
    """`path` is what follows the extension's own address. `body` is a dataclass or a schema of marshmallow, None where none is read;
    `query` are the parameters that it knows; `public` says whether everyone is told of it in the document of the API."""

    method: str
    path: str
    run: Callable[..., Any]
    extension: str
    name: str
    body: Any = None
    query: tuple[str, ...] = ()
    public: bool = True
    place: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    run: Callable[..., Any]
    extension: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """`every` is an interval in words ("1 day"), `cron` an expression, by the clocks of `zone`; a job without either runs when it is
    asked for. `options` are those of a `Task`."""

    name: str
    run: Callable[..., Any]
    extension: str
    every: str = ""
    cron: str = ""
    zone: str = "UTC"
    place: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Setting(Generic[T]):
    """`value` is what the environment says once the extension is attached, and the default until then."""

    extension: str
    name: str
    kind: type[T]
    default: T
    value: T = field(init=False)

    def __post_init__(self) -> None:
        self.value = self.default

    @property
    def variable(self) -> str:
        return f"{PREFIX}{self.extension.upper()}_{self.name.upper()}"


def read_settings(settings: list[Setting[Any]], environ: Mapping[str, str]) -> list[str]:
    """Gives each its value; a sentence for each mistake. Values are not repeated: they may be secrets."""
    mistakes, known = [], {each.variable: each for each in settings}
    for setting in settings:
        setting.value = setting.default
    for name, text in sorted(environ.items()):
        if name not in known:
            hint = did_you_mean(name, list(known))
            mistakes.append(f"{name} is no setting of an extension" + (f"; {hint}" if hint else ""))
            continue
        try:
            known[name].value = _READ[known[name].kind](text)
        except (ValueError, InvalidOperation, KeyError):
            mistakes.append(f"{name} is {_WORDS[known[name].kind]}")
    return mistakes


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError
    return int(text)


_READ: Mapping[type, Callable[[str], Any]] = {
    str: str, int: _whole, float: float, Decimal: Decimal, bool: lambda text: {"true": True, "false": False}[text.lower()],
}  # fmt: skip
_WORDS = {str: "text", int: "a whole number", float: "a number", Decimal: "a decimal number", bool: "true or false"}
KINDS = frozenset(_READ)
