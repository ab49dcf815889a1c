"""What a rule's text says before any name in it is looked up: nodes with the places they came from, and refusals that name those places."""

from dataclasses import dataclass
from decimal import Decimal

from domain.errors import Invalid, invalid

MAX_CHARACTERS = 4000
MAX_COMPARISONS = 200
MAX_NESTING = 32
MAX_RELATION_DEPTH = 6
MAX_RELATION_STEPS = 48
MAX_SORT_KEYS = 8
# For clients: each of them may go through all elements of all records.
MAX_MANY_COMPARISONS = 30


@dataclass(frozen=True, slots=True)
class Source:
    """A text and where the asker wrote it (`filter`, `/rules/list`), so that a refusal can point into it."""

    text: str
    pointer: str

    def place(self, at: int) -> str:
        """Lines and columns count from 1; the line is named only where there is more than one."""
        line, start = self.text.count("\n", 0, at) + 1, self.text.rfind("\n", 0, at) + 1
        column = f"column {at - start + 1}"
        return f"line {line}, {column}" if "\n" in self.text else column

    def refusal(self, code: str, at: int, detail: str, hint: str | None = None) -> Invalid:
        return invalid(self.pointer, code, f"{self.place(at)}: {detail}", hint=hint)

    def beyond(self, limit: str, at: int, detail: str) -> Invalid:
        """A refusal that names the limit."""
        return self.refusal("limit_exceeded", at, f"beyond the limit `{limit}`: {detail}")


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Number:
    """Exact: an int, or a Decimal where there is a fraction."""

    value: int | Decimal
    at: int


@dataclass(frozen=True, slots=True)
class Word:
    """true, false or null."""

    value: bool | None
    at: int


@dataclass(frozen=True, slots=True)
class Macro:
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A dotted path as it was written. `alias` is that of `@collection.NAME:alias`; `modifier` stands at the end."""

    parts: tuple[str, ...]
    at: int
    modifier: str | None = None
    alias: str | None = None

    @property
    def written(self) -> str:
        """The path as the asker typed it, cut where it is too long to be read."""
        head = self.parts if self.alias is None else (self.parts[0], f"{self.parts[1]}:{self.alias}", *self.parts[2:])
        text = ".".join(head) + (f":{self.modifier}" if self.modifier else "")
        return text if len(text) <= 80 else text[:79] + "…"


@dataclass(frozen=True, slots=True)
class Called:
    name: str
    args: tuple["Operand", ...]
    at: int


@dataclass(frozen=True, slots=True)
class Moved:
    operand: "Operand"
    seconds: int
    at: int


Operand = Text | Number | Word | Macro | Name | Called | Moved


@dataclass(frozen=True, slots=True)
class Alone:
    """An operand without a comparison: it stands for `= true`."""

    operand: Operand
    at: int


@dataclass(frozen=True, slots=True)
class Compared:
    op: str
    left: Operand
    right: Operand
    any: bool
    at: int


@dataclass(frozen=True, slots=True)
class Listed:
    operand: Operand
    items: tuple[Operand, ...]
    any: bool
    negated: bool
    at: int


@dataclass(frozen=True, slots=True)
class Every:
    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Either:
    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Negated:
    item: "Expr"


Expr = Alone | Compared | Listed | Every | Either | Negated
