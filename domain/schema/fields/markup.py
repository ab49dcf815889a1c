"""Formatted text: HTML that is made harmless when it is written, so that whoever shows it may take it as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, ClassVar

from domain.schema.fields.base import Field, Form, Tools, Unfit, checked_bounds, field_type
from domain.schema.fields.text import storable
from domain.schema.kinds import Kind
from domain.schema.words import kept_words

# Cleaning takes up to some tenths of a second for the worst HTML of this length.
MAX_HTML = 100_000


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class RichTextField(Field):
    """What is stored is the cleaned HTML; `max` counts its characters, tags included."""

    type: ClassVar[str] = "richtext"
    kind: ClassVar[Kind] = Kind.TEXT
    absent_text: ClassVar[bool] = True
    max: int | None = None
    searchable: bool = False

    def check_options(self) -> None:
        Field.check_options(self)
        if self.unique:
            raise Unfit("invalid_option", "a richtext field cannot be unique")
        if not isinstance(self.searchable, bool):
            raise Unfit("invalid_option", "`searchable` is true or false")
        checked_bounds(None, self.max, lambda n: type(n) is int and 0 < n <= MAX_HTML, f"a whole number from 1 to {MAX_HTML}")

    @property
    def forms(self) -> Mapping[str, Form]:
        return {"words": _words_of_html} if self.searchable else {}

    def accept(self, value: Any, tools: Tools) -> str:
        html = storable(value)
        longest = MAX_HTML if self.max is None else self.max
        cleaned = tools.clean(html) if len(html) <= MAX_HTML else html
        if len(cleaned) > longest:
            raise Unfit("too_long", f"at most {longest} characters, tags included")
        return cleaned

    def fits_default(self, tools: Tools) -> None:
        """A default is written as it will be stored, as records that are there get it too."""
        if isinstance(self.default, str) and (cleaned := self.accept(self.default, tools)) != self.default:
            raise Unfit("invalid_option", f"the default would be cleaned; write it as {cleaned[:200]}")
        Field.fits_default(self, tools)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        self._part(tag)

    def _part(self, tag: str) -> None:
        """A word goes on over `<b>`, not over `<p>`."""
        if tag not in _INLINE:
            self.parts.append(" ")


_INLINE = frozenset({
    "a", "abbr", "b", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub",
    "sup", "time", "u", "var",
})  # fmt: skip


def text_of(html: str) -> str:
    """What a reader reads of cleaned HTML, without its tags."""
    if "<" not in html and "&" not in html:
        return html
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.parts)


def _words_of_html(html: str) -> str | None:
    return kept_words(text_of(html))
