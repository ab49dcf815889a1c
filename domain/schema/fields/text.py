"""Text and the two kinds of text with a form of their own: e-mail addresses and links."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from domain.schema.fields.base import AUTH_ID, Field, Form, Tools, Unfit, checked_bounds, field_type
from domain.schema.kinds import Kind
from domain.schema.words import kept_words

MAX_TEXT = 1_000_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(value: Any) -> str:
    """Text that both engines keep byte for byte: no NUL (PostgreSQL refuses it) and no lone surrogate (it is no character)."""
    if not isinstance(value, str):
        raise Unfit("not_text", "this must be text")
    if _UNSTORABLE.search(value):
        raise Unfit("invalid_text", "text may not hold NUL or a lone surrogate")
    return value


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class TextField(Field):
    """`min` and `max` count code points; `pattern` is RE2 and must match the whole text. With `fold` it is compared, sorted
    and unique by `fold_key`."""

    type: ClassVar[str] = "text"
    kind: ClassVar[Kind] = Kind.TEXT
    absent_text: ClassVar[bool] = True
    magic_defaults: ClassVar[frozenset[str]] = frozenset({AUTH_ID})
    min: int | None = None
    max: int | None = None
    pattern: str | None = None
    fold: bool = False
    searchable: bool = False

    def check_options(self) -> None:
        Field.check_options(self)
        for flag in ("fold", "searchable"):
            if not isinstance(getattr(self, flag), bool):
                raise Unfit("invalid_option", f"`{flag}` is true or false")
        checked_bounds(
            self.min, self.max, lambda n: type(n) is int and 0 <= n <= MAX_TEXT, f"a whole number up to {MAX_TEXT}"
        )
        if self.pattern is not None and not isinstance(self.pattern, str):
            raise Unfit("invalid_option", "`pattern` is an RE2 expression")

    def accept(self, value: Any, tools: Tools) -> str:
        text = storable(value)
        if self.min is not None and 0 < len(text) < self.min:
            raise Unfit("too_short", f"at least {self.min} characters")
        longest = MAX_TEXT if self.max is None else self.max
        if len(text) > longest:
            raise Unfit("too_long", f"at most {longest} characters")
        if self.pattern is not None and text and not tools.matches(self.pattern, text):
            raise Unfit("pattern_mismatch", f"must match {self.pattern}")
        return text

    @property
    def forms(self) -> Mapping[str, Form]:
        return {**({"key": fold_key} if self.fold else {}), **({"words": kept_words} if self.searchable else {})}

    def fits_default(self, tools: Tools) -> None:
        if self.pattern is not None:
            tools.matches(self.pattern, "")
        Field.fits_default(self, tools)


# One linear expression: a local part of atoms, a domain of labels (letters of any script) with at least one dot.
_EMAIL = re.compile(
    r"[^\s@\"(),:;<>\[\]\\.]+(?:\.[^\s@\"(),:;<>\[\]\\.]+)*@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W_](?:[\w-]{0,61}[^\W_])?"
)


def email_key(address: str) -> str:
    """The form by which addresses are compared and unique: compatibility-normalised and case-folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", address).casefold())


def fold_key(text: str) -> str:
    """The form by which folded texts are compared: without regard to case in any script, canonically composed (so that a letter is
    one character, however its accent was typed). Of no language: the same everywhere."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailField(Field):
    """Stored as written; compared, sorted and unique by `email_key`."""

    type: ClassVar[str] = "email"
    kind: ClassVar[Kind] = Kind.TEXT
    absent_text: ClassVar[bool] = True

    @property
    def forms(self) -> Mapping[str, Form]:
        return {"key": email_key}

    def accept(self, value: Any, tools: Tools) -> str:
        text = storable(value)
        if text and (
            len(text) > 254 or len(text.partition("@")[0]) > 64 or not _EMAIL.fullmatch(text) or not text.isprintable()
        ):
            raise Unfit("invalid_email", "this is not an e-mail address")
        return text


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class UrlField(Field):
    """An absolute http or https link; other schemes (`javascript:`, `data:`) run code or carry content in a browser."""

    type: ClassVar[str] = "url"
    kind: ClassVar[Kind] = Kind.TEXT
    absent_text: ClassVar[bool] = True

    def accept(self, value: Any, tools: Tools) -> str:
        text = storable(value)
        if text and (len(text) > 2048 or not _is_link(text)):
            raise Unfit("invalid_url", "this is not an http or https link")
        return text


def _is_link(text: str) -> bool:
    if any(character.isspace() or not character.isprintable() for character in text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
