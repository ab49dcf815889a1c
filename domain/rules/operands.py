"""From what is written to operands of the tree: names resolved, literals, moved dates and the functions with their arguments."""

from collections.abc import Callable

from domain.errors import did_you_mean
from domain.rules.functions import from_start, is_formattable, moved_by
from domain.rules.paths import resolve
from domain.rules.requests import ROLES
from domain.rules.scope import Scope
from domain.rules.syntax import Called, Macro, Moved, Name, Number, Source, Text, Word
from domain.rules.syntax import Operand as Written
from domain.rules.tree import Call, Literal, Operand, Request, Shift
from domain.rules.turns import accounts_of
from domain.rules.typed import ARTICLED, Typed, common_kind, family, fit, own_kind, quoted, storable_kind
from domain.schema.fields import Field, RelationField
from domain.schema.kinds import Kind

_INTEGER_MACROS = frozenset({"@second", "@minute", "@hour", "@day", "@weekday", "@month", "@year"})
_NOW = Literal("@now", Kind.DATE, macro=True)


class Operands:
    """Those of one text."""

    def __init__(self, scope: Scope, source: Source) -> None:
        self._scope, self._source = scope, source

    def operand(self, written: Written) -> Typed:
        if isinstance(written, Name):
            return self._named(written)
        if isinstance(written, Text):
            return Typed(Literal(written.value, Kind.TEXT), Kind.TEXT, quoted(written.value), written.at)
        if isinstance(written, Number):
            kind = Kind.INTEGER if isinstance(written.value, int) else Kind.DECIMAL
            return Typed(Literal(written.value, kind), kind, str(written.value)[:40], written.at)
        if isinstance(written, Word):
            kind_of_word = None if written.value is None else Kind.BOOL
            return Typed(Literal(written.value, kind_of_word), kind_of_word, str(written.value).lower(), written.at)
        if isinstance(written, Macro):
            kind = Kind.INTEGER if written.name in _INTEGER_MACROS else Kind.DATE
            return Typed(Literal(written.name, kind, macro=True), kind, f"`{written.name}`", written.at)
        return self._moved(written) if isinstance(written, Moved) else self._called(written)

    def _named(self, name: Name) -> Typed:
        found = resolve(name, self._scope, self._source)
        return Typed(found.operand, own_kind(found.operand), f"`{name.written}`", name.at, found.declared)

    def _moved(self, written: Moved) -> Typed:
        operand = self.operand(written.operand)
        node = self._argument(operand, Kind.DATE, "only a date can be moved")
        return Typed(Shift(node, written.seconds), Kind.DATE, f"{operand.label} moved", operand.at)

    def _argument(self, side: Typed, kind: Kind, need: str) -> Operand:
        """An operand where a value of this kind is asked for."""
        fits = side.kind is None or family(side.kind) == family(kind)
        if not fits and not (kind.is_temporal and side.is_literal and side.kind is Kind.TEXT):
            raise self._source.refusal("type_mismatch", side.at, f"{side.described}, and {need}")
        if kind.is_temporal and side.is_json:
            raise self._source.refusal("not_supported", side.at, f"{side.label} is inside json, and {need}", "keep it in a date field")
        return fit(self._source, side, kind)

    def _called(self, written: Called) -> Typed:
        make = _FUNCTIONS.get(written.name)
        if make is None:
            known = [name for name in _FUNCTIONS if name != "hasRole" or not self._scope.client]
            hint = did_you_mean(written.name, known) or f"known are {', '.join(known)}"
            raise self._source.refusal("unknown_name", written.at, f"no function `{written.name[:40]}`", hint)
        call = make(self, written)
        return Typed(call, call.kind, f"`{written.name}(…)`", written.at)

    def arguments(self, written: Called, kinds: tuple[Kind, ...]) -> tuple[Operand, ...]:
        need = f"`{written.name}` takes {_listing(kinds)}"
        if len(written.args) != len(kinds):
            raise self._source.refusal("syntax_error", written.at, f"{need}; {len(written.args)} are given here")
        return tuple(self._argument(self.operand(arg), kind, need) for arg, kind in zip(written.args, kinds, strict=True))

    def coalesce(self, written: Called) -> Call:
        if len(written.args) != 2:
            raise self._source.refusal("syntax_error", written.at, f"`coalesce` takes 2 values; {len(written.args)} are given here")
        sides = [self.operand(arg) for arg in written.args]
        kind = common_kind(self._source, *sides)
        if kind is Kind.JSON:
            raise self._source.refusal("type_mismatch", written.at, "neither value of `coalesce` has a type", "give it one that has")
        self.refuse_bare_changed(*sides)
        kind = storable_kind(kind, sides)
        return Call("coalesce", tuple(fit(self._source, side, kind) for side in sides), kind)

    def strftime(self, written: Called) -> Call:
        if not written.args:
            raise self._source.refusal("syntax_error", written.at, "`strftime` takes a format, a date and modifiers; none is given here")
        pattern = self._format(written.args[0])
        date = self._argument(self.operand(written.args[1]), Kind.DATE, "`strftime` takes a date") if written.args[1:] else _NOW
        for at, modifier in enumerate(written.args[2:], 3):
            pattern, date = self._modified(pattern, date, modifier, is_last=at == len(written.args))
        return Call("strftime", (Literal(pattern, Kind.TEXT), date), Kind.TEXT)

    def _format(self, written: Written) -> str:
        if not isinstance(written, Text):
            raise self._source.refusal("not_allowed", written.at, "the format of `strftime` is written in the rule, in quotes")
        if not is_formattable(written.value):
            hint = "known are %d %f %H %j %m %M %s %S %w %Y %%"
            raise self._source.refusal("not_allowed", written.at, f"{quoted(written.value)} is no format", hint)
        return written.value

    def _modified(self, pattern: str, date: Operand, written: Written, *, is_last: bool) -> tuple[str, Operand]:
        """SQLite's modifiers, as far as they are a move of the date or, at the end, a change of the format."""
        text = written.value if isinstance(written, Text) else ""
        seconds = moved_by(text)
        if seconds is not None:
            return pattern, Shift(date, seconds)
        start = from_start(pattern, text) if is_last else None
        if start is None:
            hint = "known are '+2 days', hours, minutes, seconds, and at the end 'start of day', 'start of month', 'start of year'"
            raise self._source.refusal("not_supported", written.at, "this modifier of `strftime` is not known, or not here", hint)
        return start, date

    def has_role(self, written: Called) -> Call:
        """True where `@request.auth.role` or one of `@request.auth.roles` is the name: a text, a choice, an element of a json
        array, or the `name` of the record that a relation points at."""
        if self._scope.client:
            raise self._source.refusal("not_allowed", written.at, "`hasRole` is for rules; a filter or sort may not use it")
        (name,) = self.arguments(written, (Kind.TEXT,))
        if not isinstance(name, Literal) or not name.value:
            raise self._source.refusal("not_allowed", written.at, "the role is written in the rule, in quotes")
        fields = [each.every_field[key] for key in ROLES for each in accounts_of(self._scope) if key in each.every_field]
        held = tuple(dict.fromkeys(Request(("auth", *self._role_path(field))) for field in fields))
        if not held:
            hint = "add one to the accounts collection"
            raise self._source.refusal("unknown_field", written.at, "no accounts collection has a field `role` or `roles`", hint)
        return Call("hasRole", (name, *held), Kind.BOOL)

    def _role_path(self, field: Field) -> tuple[str, ...]:
        target = self._scope.collection_of(field.collection) if isinstance(field, RelationField) else None
        return (field.name, "name") if target is not None and "name" in target.every_field else (field.name,)

    def refuse_bare_changed(self, *sides: Typed) -> None:
        for side in sides:
            if isinstance(side.node, Request) and side.node.modifier == "changed":
                raise self._source.refusal("not_allowed", side.at, f"{side.label} stands alone or is compared with true or false")


def _plain_call(kinds: tuple[Kind, ...], answer: Kind) -> Callable[[Operands, Called], Call]:
    return lambda checker, written: Call(written.name, checker.arguments(written, kinds), answer)


_FUNCTIONS: dict[str, Callable[[Operands, Called], Call]] = {
    "geoDistance": _plain_call((Kind.NUMBER,) * 4, Kind.NUMBER),
    "strftime": Operands.strftime,
    "hasRole": Operands.has_role,
    "lower": _plain_call((Kind.TEXT,), Kind.TEXT),
    "length": _plain_call((Kind.TEXT,), Kind.INTEGER),
    "startsWith": _plain_call((Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "contains": _plain_call((Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "coalesce": Operands.coalesce,
}


def _listing(kinds: tuple[Kind, ...]) -> str:
    names = [ARTICLED[kind] for kind in kinds]
    if len(names) == 1:
        return names[0]
    return f"{len(names)} numbers" if len(set(names)) == 1 and kinds[0] is Kind.NUMBER else f"{', '.join(names[:-1])} and {names[-1]}"
