"""JSON Lines, and a JSON array of objects, as rows; of an array no more than one element is in memory.

The array is walked by the standard library's own decoder, element by element: readers of streams know no strictness (names used
twice, NaN), and give no lines.
"""

import json
from collections.abc import Iterator
from io import TextIOWrapper
from typing import Any, BinaryIO

from adapters.inbound.rows.lines import LONGEST_LINE, lines
from domain.errors import Fault, Invalid, TooLarge
from domain.records.cells import STRICT, read_json
from domain.records.imports import BadRow, Row
from domain.schema.fields import Unfit

_CHUNK = 256 * 1024
_SPACE = " \t\r\n"
_LENIENT = json.JSONDecoder()


class JsonLines:
    """One JSON object on each line."""

    header = None

    def __init__(self, file: BinaryIO, *, encoding: str = "utf-8") -> None:
        self._lines = lines(file, encoding)

    def __iter__(self) -> Iterator[Row | BadRow]:
        for number, text in enumerate(self._lines, 1):
            if not text.isspace():
                yield _object(number, text)


def _object(line: int, text: str) -> Row | BadRow:
    try:
        return _row(line, read_json(text))
    except Unfit as unfit:
        return BadRow(line, (Fault("", unfit.code, unfit.detail),))


def _row(line: int, value: Any) -> Row | BadRow:
    if not isinstance(value, dict):
        return BadRow(line, (Fault("", "not_an_object", "each row is one JSON object"),))
    return Row(line, value)


class JsonArray:
    """`[{…}, {…}]`."""

    header = None

    def __init__(self, file: BinaryIO) -> None:
        self._text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
        self._buffer, self._line, self._ended = "", 1, False

    def __iter__(self) -> Iterator[Row | BadRow]:
        self._expect("[", "the file is no JSON array of objects: it begins with `[`")
        if self._peek() == "]":
            return self._finish()
        while True:
            yield self._element()
            if self._peek() != ",":
                break
            self._take(1)
        return self._finish()

    def _finish(self) -> None:
        self._expect("]", "after an object comes a comma or the end of the array")
        if self._peek():
            raise self._broken("there is something behind the end of the array")

    def _element(self) -> Row | BadRow:
        if self._peek() != "{":
            raise self._broken("each element of the array is an object")
        line = self._line
        while True:
            try:
                _, end = _LENIENT.raw_decode(self._buffer)
                break
            except (ValueError, RecursionError) as unfinished:
                if isinstance(unfinished, RecursionError) or not self._more():
                    raise self._broken("this is no JSON") from unfinished
        return self._judged(line, self._take(end))

    def _judged(self, line: int, text: str) -> Row | BadRow:
        try:
            return _row(line, STRICT.decode(text))
        except Unfit as unfit:
            return BadRow(line, (Fault("", unfit.code, unfit.detail),))

    def _expect(self, character: str, otherwise: str) -> None:
        if self._peek() != character:
            raise self._broken(otherwise)
        self._take(1)

    def _peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            bare = self._buffer.lstrip(_SPACE)
            self._take(len(self._buffer) - len(bare))
            if bare or not self._more():
                return bare[:1]

    def _take(self, length: int) -> str:
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        self._line += taken.count("\n")
        return taken

    def _more(self) -> bool:
        """Reads on, twice as much each time, so that a long element is not tried over and over."""
        if self._ended:
            return False
        if len(self._buffer) > LONGEST_LINE:
            detail = f"the object that begins in line {self._line} is longer than {LONGEST_LINE} characters, or not closed"
            raise TooLarge(detail, code="line_too_long")
        try:
            read = self._text.read(max(_CHUNK, len(self._buffer)))
        except UnicodeDecodeError:
            raise Invalid(f"the file is not UTF-8 (at or after line {self._line})", code="not_utf8", hint="save it as UTF-8") from None
        self._ended = not read
        self._buffer += read
        return bool(read)

    def _broken(self, detail: str) -> Invalid:
        return Invalid(f"line {self._line}: {detail}", code="invalid_json")
