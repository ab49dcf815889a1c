"""The patterns port on RE2, whose time grows with the text alone: no pattern that an owner writes can stall a request."""

from functools import lru_cache
from typing import Any

import re2

from domain.schema.fields import Unfit

MAX_PATTERN = 1_000  # characters
# What a compiled pattern may take, and the states that it may have: `(\pL{1,99}){1,99}` is short and its automaton is not.
MAX_MEMORY = 4 << 20
MAX_STATES = 5_000
_KEPT = 256


class Re2Patterns:
    def matches(self, pattern: str, text: str) -> bool:
        return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=_KEPT)
def _compiled(pattern: str) -> Any:
    if len(pattern) > MAX_PATTERN:
        raise Unfit("invalid_pattern", f"a pattern has at most {MAX_PATTERN} characters")
    try:
        compiled = re2.compile(pattern, _options())
    except (re2.error, UnicodeEncodeError) as broken:
        raise Unfit("invalid_pattern", f"this is not an RE2 expression: {_reason(broken)}") from broken
    if max(compiled.programsize, compiled.reverseprogramsize) > MAX_STATES:
        raise Unfit("invalid_pattern", "this pattern repeats too much: its automaton is too large")
    return compiled


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.never_capture = True  # only whether it matches is asked
    options.log_errors = False
    return options


def _reason(broken: Exception) -> str:
    """RE2's own words, which name the place; it hands them over as bytes."""
    reason = broken.args[0] if isinstance(broken, re2.error) and broken.args else "it holds a lone surrogate"
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
