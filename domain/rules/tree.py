"""The checked tree: what a rule or filter means once every name is resolved and every comparison has a kind.

`check.py` builds it, `evaluate.py` decides it in Python, the SQL adapter compiles it. Nothing here decides anything.
Everything is frozen and hashable, so compiled forms can be kept by it.
"""

from dataclasses import dataclass
from typing import Any

from domain.schema.kinds import Kind


@dataclass(frozen=True, slots=True)
class Step:
    """One relation step from `source` to `target` through the relation `field`. A forward step reads `source.field`;
    with `back` the relation stands on `target` and points at `source` (many); a forward step is `many` where the field holds
    many relations. `guard`, where it is not None, is a condition on the target (its list rule, for clients' filters): a target
    that fails it counts as absent. `field_guard`, on forward steps only, is a condition on the record that holds the relation (the
    relation's view rule): where that fails, the relation counts as empty; a back step has it within its `guard`."""

    field: str
    source: str
    target: str
    back: bool = False
    many: bool = False
    guard: "Condition | None" = None
    field_guard: "Condition | None" = None


@dataclass(frozen=True, slots=True)
class Path:
    """A value of the record: the field `name` of the collection reached by `steps` (none: of the record itself).

    `json` are the keys and array positions inside a json field. `kind` is the field's (JSON with or without `json` keys: the
    comparison says as what it is read). `many` tells that the path may have any number of values. `root` and `alias`
    are those of `@collection.ROOT:alias`. `modifier` is None, lower, length or each, and whole for a list that is compared as one
    value (`:changed`). `elements` tells that the field itself holds many values (a many relation or select) and that the path
    stands for each of them. `email` marks an e-mail field: it is equal by its normalised key. `fold` marks a folded text: every
    operator and sorting go by its key, functions and modifiers by what was written. `guard`, where it is not None, is
    a condition on the record that holds the field (its view rule, for clients' texts): where that fails, the value counts as
    absent."""

    name: str
    kind: Kind
    collection: str
    steps: tuple[Step, ...] = ()
    json: tuple[str | int, ...] = ()
    many: bool = False
    root: str | None = None
    alias: str | None = None
    modifier: str | None = None
    absent_text: bool = False
    email: bool = False
    scale: int = 0
    elements: bool = False
    guard: "Condition | None" = None
    fold: bool = False

    @property
    def keyed(self) -> bool:
        """Whether it is grouped and sorted by a key instead of what was written."""
        return self.email or self.fold


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the text, in the Python form of its kind; `kind` is None for null. Date literals become DATE
    once the other side is temporal. `value` of a macro is the macro's name (`@now`) and `macro` is True: its value
    is that of the request."""

    value: Any
    kind: Kind | None
    macro: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """`@request.…`, read when the request runs: path is ("auth", "id"), ("body", "title"), ("query", "x"), ("method",)….
    `modifier` is None, isset, changed, lower, length or count (of all that the path leads to); `stored` is the record's own field,
    for `:changed`. `lists` are the lengths of those beginnings of the path that hold lists: the value stands for each combination
    of their elements."""

    path: tuple[str, ...]
    modifier: str | None = None
    stored: Path | None = None
    lists: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A function: geoDistance strftime hasRole lower length startsWith contains coalesce; `kind` is what it answers."""

    name: str
    args: tuple["Operand", ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Shift:
    """A date moved by a whole number of seconds."""

    operand: "Operand"
    seconds: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A value known for this request, in place of a Literal, a Request or a shifted one; only `shape.py` makes them. `kind` is
    the kind that it is compared as; an absent one is folded away or has `form` "absent". For the right side of `~`, `form` is
    "pattern" where the text is a pattern with `%` and "text" where it is taken literally; elsewhere it is "value"."""

    index: int
    kind: Kind
    form: str = "value"


Operand = Path | Literal | Request | Call | Shift | Slot


@dataclass(frozen=True, slots=True)
class Compare:
    """`op` is one of = != > >= < <= ~ !~ ; `any` is the `?` form; both sides are read as `kind`."""

    op: str
    left: Operand
    right: Operand
    kind: Kind
    any: bool = False


@dataclass(frozen=True, slots=True)
class In:
    operand: Operand
    items: tuple[Operand, ...]
    kind: Kind
    any: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


@dataclass(frozen=True, slots=True)
class And:
    items: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    item: "Condition"


# A lone boolean operand is Compare("=", operand, Literal(True, BOOL), BOOL); boolean calls (hasRole, startsWith, contains) likewise.
Condition = Compare | In | Constant | And | Or | Not
TRUE, FALSE = Constant(True), Constant(False)
