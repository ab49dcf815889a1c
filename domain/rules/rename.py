"""Rule texts after a rename: the names that meant the renamed thing are written anew, everything else stays as its author wrote it.

Names are found by resolving them, so `title` changes only where it is the renamed collection's, and a key inside JSON, a query
parameter or a text of the same spelling never does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from domain.errors import Conflict, Fault
from domain.rules.parse import parse
from domain.rules.paths import resolve
from domain.rules.requests import ROLES
from domain.rules.scope import VIA, Scope
from domain.rules.syntax import (
    Alone,
    Called,
    Compared,
    Either,
    Every,
    Expr,
    Listed,
    Moved,
    Name,
    Negated,
    Operand,
    Source,
    Text,
)
from domain.rules.tree import Path, Step
from domain.rules.turns import Turn, accounts_of, turns
from domain.schema.collection import Collection

_COLLECTION_NAME = ("@request", "auth", "collectionName")


@dataclass(frozen=True, slots=True)
class Rename:
    """What one change of a collection calls anew: `fields` from their old names to their new ones, and `to` where the collection
    `collection` itself gets another name."""

    collection: str
    fields: Mapping[str, str] = field(default_factory=dict)
    to: str | None = None


def renamed(text: str, scope: Scope, change: Rename) -> str:
    """The text with the same meaning after the change. `scope` is the text's own, before the change, under which it is sound.
    Conflict (`ambiguous_rename`) where no one text means the same: a name that several accounts collections answer to, and `hasRole`."""
    if not text:
        return text
    source = Source(text, scope.pointer)
    writer = _Writer(scope, source, change)
    edits = [edit for expr in _atoms(parse(text, scope.pointer)) for edit in writer.of_atom(expr)]
    for at, old, new in sorted(edits, reverse=True):
        text = text[:at] + new + text[at + len(old) :]
    return text


_Edit = tuple[int, str, str]
_Atom = Alone | Compared | Listed


@dataclass(frozen=True, slots=True)
class _Writer:
    """Finds the places of one text where something else has to stand: where, what stands there, and what will."""

    scope: Scope
    source: Source
    change: Rename

    def of_atom(self, atom: _Atom) -> Iterator[_Edit]:
        operands = _operands(atom)
        for operand in operands:
            yield from self._of_operand(operand)
        if self.change.to and any(isinstance(each, Name) and each.parts == _COLLECTION_NAME for each in operands):
            yield from (self._of_text(each, self.change.to) for each in operands if self._is_old_name(each))

    def _is_old_name(self, operand: Operand) -> bool:
        return isinstance(operand, Text) and operand.value == self.change.collection

    def _of_text(self, text: Operand, to: str) -> _Edit:
        """A collection's name as a text that `@request.auth.collectionName` is compared with; it stands after a quote."""
        return text.at + 1, self.change.collection, to

    def _of_operand(self, operand: Operand) -> Iterator[_Edit]:
        if isinstance(operand, Name):
            yield from self._of_name(operand)
        elif isinstance(operand, Moved):
            yield from self._of_operand(operand.operand)
        elif isinstance(operand, Called):
            self._refuse_roles(operand)
            for arg in operand.args:
                yield from self._of_operand(arg)

    def _of_name(self, name: Name) -> Iterator[_Edit]:
        for part, new in self._parts(name):
            if new != name.parts[part]:
                yield _place(name, part), name.parts[part], new

    def _parts(self, name: Name) -> Iterator[tuple[int, str]]:
        """The parts that name a field or a collection, by position, with what they are called after the change."""
        if name.parts[:2] == ("@request", "auth"):
            yield from self._of_turns(name, accounts_of(self.scope))
        elif name.parts[:2] == ("@request", "body"):
            yield from self._of_turns(name, (self.scope.collection,))
        elif name.parts[0] != "@request":
            yield from self._of_path(name)

    def _of_path(self, name: Name) -> Iterator[tuple[int, str]]:
        path = resolve(name, self.scope, self.source).operand
        assert isinstance(path, Path)
        first = 0
        if path.root is not None:
            first = 2
            yield 1, self._collection(path.root)
        for at, step in enumerate(path.steps):
            yield first + at, self._step(step)
        end = first + len(path.steps)
        if end < len(name.parts):
            yield end, self._field(path.collection, path.name)

    def _of_turns(self, name: Name, start: Sequence[Collection]) -> Iterator[tuple[int, str]]:
        for at, turn in enumerate(turns(name.parts[2:], start, self.scope), 2):
            yield from ((at, new) for new in self._called(name, name.parts[at], turn))

    def _called(self, name: Name, old: str, turn: Turn) -> set[str]:
        """Where the collection is not known before the request, the name has to be the same in all that it may be."""
        if turn.back is not None:
            return {self._way_back(turn.back[0].name, turn.back[1].name)}
        called = {self._field(holder.name, old) for holder, _ in turn.fields}
        if len(called) > 1:
            others = sorted(holder.name for holder, _ in turn.fields if holder.name != self.change.collection)
            detail = f"`{name.written}` asks `{old}` of {', '.join(f'`{each}`' for each in others)} too, where it keeps its name"
            raise self._refused(name.at, detail, "rename the field in all of them first, or change this rule")
        return called

    def _refuse_roles(self, call: Called) -> None:
        """`hasRole` finds its fields by their names."""
        holders = [each.name for each in accounts_of(self.scope)]
        gone = [each for each in ROLES if self.change.fields.get(each, each) != each]
        if call.name == "hasRole" and gone and self.change.collection in holders:
            hint = "compare `@request.auth` with the role in this rule instead"
            raise self._refused(call.at, f"`hasRole` reads the field `{gone[0]}`", hint)

    def _refused(self, at: int, detail: str, hint: str) -> Conflict:
        detail = f"{self.source.place(at)}: {detail}"
        return Conflict(detail, code="ambiguous_rename", hint=hint, faults=(Fault(self.scope.pointer, "ambiguous_rename", detail),))

    def _step(self, step: Step) -> str:
        if not step.back:
            return self._field(step.source, step.field)
        return self._way_back(step.target, step.field)

    def _way_back(self, collection: str, relation: str) -> str:
        return f"{self._collection(collection)}{VIA}{self._field(collection, relation)}"

    def _field(self, collection: str, name: str) -> str:
        return self.change.fields.get(name, name) if collection == self.change.collection else name

    def _collection(self, name: str) -> str:
        return self.change.to or name if name == self.change.collection else name


def _place(name: Name, part: int) -> int:
    """Where the part begins in the text: parts follow each other with one dot between, the alias stands after the second."""
    at = name.at + sum(len(each) + 1 for each in name.parts[:part])
    return at + len(name.alias) + 1 if name.alias is not None and part > 1 else at


def _atoms(expr: Expr) -> Iterator[_Atom]:
    if isinstance(expr, (Every, Either)):
        for item in expr.items:
            yield from _atoms(item)
    elif isinstance(expr, Negated):
        yield from _atoms(expr.item)
    else:
        yield expr


def _operands(atom: _Atom) -> tuple[Operand, ...]:
    if isinstance(atom, Compared):
        return atom.left, atom.right
    return (atom.operand, *atom.items) if isinstance(atom, Listed) else (atom.operand,)
