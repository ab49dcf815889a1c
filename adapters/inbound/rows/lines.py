"""Lines of text out of bytes, each of a bounded length, so that no file decides how much memory it takes; what is not in its encoding
is told with its line."""

import codecs
from collections.abc import Iterator
from io import TextIOWrapper
from typing import BinaryIO

from domain.errors import Invalid, TooLarge, invalid

LONGEST_LINE = 16 * 2**20
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def check_encoding(name: str) -> str:
    """Its name as Python knows it."""
    try:
        found = codecs.lookup(name)
    except LookupError:
        raise invalid("encoding", "unknown_encoding", f"no encoding `{name[:40]}`", hint="for example utf-8, latin-1 or cp1252") from None
    if not found._is_text_encoding:
        raise invalid("encoding", "unknown_encoding", f"`{name[:40]}` is no encoding of text", hint="for example utf-8 or cp1252")
    return found.name


def lines(file: BinaryIO, encoding: str = "utf-8") -> Iterator[str]:
    """Each with its end. A byte order mark is passed over."""
    name = check_encoding(encoding)
    return _wide_lines(file, name) if name.startswith(("utf-16", "utf-32")) else _lines(file, name)


def _lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        _check_length(len(raw), number)
        if number == 1:
            raw = _without_mark(raw, encoding)
        try:
            yield raw.decode(encoding)
        except UnicodeDecodeError:
            raise _not_in(encoding, number) from None


def _wide_lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Where a line does not end with a byte of its own."""
    text, number = TextIOWrapper(file, encoding=encoding, newline=""), 0
    try:
        while line := text.readline(LONGEST_LINE + 1):
            number += 1
            _check_length(len(line), number)
            yield line.removeprefix("\ufeff")
    except UnicodeError:
        raise _not_in(encoding, number + 1) from None
    finally:
        text.detach()


def _check_length(length: int, number: int) -> None:
    if length > LONGEST_LINE:
        hint = "is it one row a line, with line ends of \\n?"
        raise TooLarge(f"line {number} is longer than {LONGEST_LINE} bytes", code="line_too_long", hint=hint)


def _without_mark(raw: bytes, encoding: str) -> bytes:
    if raw.startswith(tuple(_MARKS)) and encoding == "utf-8":
        raise Invalid("the file is UTF-16, not UTF-8", code="not_utf8", hint="say so with the option `encoding`: utf-16")
    return raw.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8" else raw


def _not_in(encoding: str, line: int) -> Invalid:
    hint = "save it as UTF-8, or say what it is with the option `encoding`, for example cp1252"
    return Invalid(f"line {line} is not {encoding.upper()}", code="not_utf8", hint=hint)
