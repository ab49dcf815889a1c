"""From syntax back to text: one spelling for each thing, so that a part of a rule can be shown by itself.

What is written reads as the same syntax again, places aside.
"""

from decimal import Decimal

from domain.rules.syntax import (
    Alone,
    Called,
    Compared,
    Either,
    Every,
    Expr,
    Listed,
    Macro,
    Moved,
    Name,
    Negated,
    Number,
    Operand,
    Text,
    Word,
)


def written(expr: Expr) -> str:
    """The text of an expression, in parentheses only where they decide something."""
    if isinstance(expr, Either):
        return " || ".join(_within(item, (Either,)) for item in expr.items)
    if isinstance(expr, Every):
        return " && ".join(_within(item, (Either, Every)) for item in expr.items)
    if isinstance(expr, Negated):
        return f"!({written(expr.item)})"
    if isinstance(expr, Alone):
        return written_operand(expr.operand)
    sign = "?" if expr.any else ""
    if isinstance(expr, Compared):
        return f"{written_operand(expr.left)} {sign}{expr.op} {written_operand(expr.right)}"
    listed = ", ".join(written_operand(item) for item in expr.items)
    return f"{written_operand(expr.operand)} {sign}{'not ' if expr.negated else ''}in ({listed})"


def _within(expr: Expr, apart: tuple[type, ...]) -> str:
    return f"({written(expr)})" if isinstance(expr, apart) else written(expr)


def written_operand(operand: Operand) -> str:
    if isinstance(operand, Text):
        return _quoted(operand.value)
    if isinstance(operand, Number):
        return format(operand.value, "f") if isinstance(operand.value, Decimal) else str(operand.value)
    if isinstance(operand, Word):
        return "null" if operand.value is None else str(operand.value).lower()
    if isinstance(operand, Macro):
        return operand.name
    if isinstance(operand, Name):
        return _name(operand)
    if isinstance(operand, Called):
        return f"{operand.name}({', '.join(written_operand(each) for each in operand.args)})"
    return f"{written_operand(operand.operand)} {'-' if operand.seconds < 0 else '+'} {_duration(abs(operand.seconds))}"


def _quoted(text: str) -> str:
    quote = '"' if "'" in text and '"' not in text else "'"
    return quote + text.replace(quote, "\\" + quote) + quote


def _duration(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


_UNITS = ((604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def _name(name: Name) -> str:
    head = name.parts if name.alias is None else (name.parts[0], f"{name.parts[1]}:{name.alias}", *name.parts[2:])
    return ".".join(head) + (f":{name.modifier}" if name.modifier is not None else "")


def names_in(expr: Expr) -> tuple[Name, ...]:
    """Every name of the expression, in its order, each spelling once."""
    found: dict[str, Name] = {}
    for operand in _operands(expr):
        for name in _names(operand):
            found.setdefault(_name(name), name)
    return tuple(found.values())


def _operands(expr: Expr) -> tuple[Operand, ...]:
    if isinstance(expr, (Either, Every)):
        return tuple(operand for item in expr.items for operand in _operands(item))
    if isinstance(expr, Negated):
        return _operands(expr.item)
    if isinstance(expr, Compared):
        return expr.left, expr.right
    return (expr.operand, *expr.items) if isinstance(expr, Listed) else (expr.operand,)


def _names(operand: Operand) -> tuple[Name, ...]:
    if isinstance(operand, Name):
        return (operand,)
    if isinstance(operand, Moved):
        return _names(operand.operand)
    return tuple(name for each in operand.args for name in _names(each)) if isinstance(operand, Called) else ()
