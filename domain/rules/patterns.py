r"""Patterns of `~`: `%` any run of characters, `_` one character, `\` makes the next one mean itself, a last `\` is itself.

Letters of ASCII match in both cases, others only themselves; matching is without backtracking over what a client wrote.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.errors import Invalid
from domain.rules.functions import ascii_lower

# A pattern is tried at every place of a text, by the engines too: one of thousands of characters on a text of a million
# takes seconds for each row, in which SQLite does not look at the clock.
MAX_PATTERN = 200

_SPECIAL = frozenset("%_\\")


def sized(text: str) -> str:
    """What a literal or `@request` value on the right of `~` may be; asked before anything is made of it."""
    if len(text) > MAX_PATTERN:
        detail = f"the text to look for with `~` has more than {MAX_PATTERN} characters"
        raise Invalid(detail, code="limit_exceeded", hint="look for a shorter text, or use `=` or contains(x, y)")
    return text


def is_pattern(text: str) -> bool:
    """Whether a literal or `@request` value on the right of `~` is a pattern; without a `%` it is looked for as it stands."""
    return "%" in text


def rewritten(pattern: str) -> str:
    r"""The same pattern with `\` only before `%`, `_` and `\`: the engines disagree about all other places."""
    return "".join(f"\\{part}" if literal and part in _SPECIAL else part for part, literal in _parts(pattern))


def matches_everything(pattern: str) -> bool:
    """Whether it matches the empty text: it then matches every text."""
    return all(part == "%" and not literal for part, literal in _parts(pattern))


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text is of this pattern."""
    return _fits(_pieces(sized(pattern)), ascii_lower(text))


def holds(text: str, part: str) -> bool:
    """Whether `part`, taken literally, stands somewhere in `text`."""
    return ascii_lower(part) in ascii_lower(text)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two `%`: of fixed length, so where the last one begins is known from the end."""

    expression: re.Pattern[str]
    length: int


def _fits(pieces: tuple[_Piece, ...], text: str) -> bool:
    """Each piece is taken at its first place; that leaves the most for those behind it."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return first.expression.fullmatch(text) is not None
    if first.expression.match(text) is None:
        return False
    at = first.length
    for piece in pieces[1:-1]:
        found = piece.expression.search(text, at)
        if found is None:
            return False
        at = found.end()
    begin = len(text) - last.length
    return begin >= at and last.expression.fullmatch(text, begin) is not None


@lru_cache(maxsize=256)
def _pieces(pattern: str) -> tuple[_Piece, ...]:
    pieces: list[list[str]] = [[]]
    for part, literal in _parts(ascii_lower(pattern)):
        if part == "%" and not literal:
            pieces.append([])
        else:
            pieces[-1].append("." if part == "_" and not literal else re.escape(part))
    return tuple(_Piece(re.compile("".join(piece), re.DOTALL), len(piece)) for piece in pieces)


@lru_cache(maxsize=256)
def _parts(pattern: str) -> tuple[tuple[str, bool], ...]:
    """Each character, and whether it means itself."""
    parts: list[tuple[str, bool]] = []
    escaped = False
    for character in pattern:
        if character == "\\" and not escaped:
            escaped = True
            continue
        parts.append((character, escaped or character not in _SPECIAL))
        escaped = False
    if escaped:
        parts.append(("\\", True))
    return tuple(parts)
