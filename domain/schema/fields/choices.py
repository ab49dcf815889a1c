"""One of the values that the owner listed, or several of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from domain.schema.fields.base import Field, Form, Tools, Unfit, field_type
from domain.schema.fields.lists import check_list_options, counted, listed
from domain.schema.fields.text import storable
from domain.schema.kinds import Kind
from domain.schema.words import kept_words


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class SelectField(Field):
    """A choice among `values`; with `many` a list of different ones, from `min` to `max` of them, in the order of the writer."""

    type: ClassVar[str] = "select"
    kind: ClassVar[Kind] = Kind.TEXT
    absent_text: ClassVar[bool] = True
    values: tuple[str, ...]
    many: bool = False
    min: int | None = None
    max: int | None = None
    searchable: bool = False

    def check_options(self) -> None:
        Field.check_options(self)
        if not isinstance(self.values, tuple) or not 1 <= len(self.values) <= 500:
            raise Unfit("invalid_option", "`values` is a list of 1 to 500 texts")
        for value in self.values:
            if not storable(value) or len(value) > 200:
                raise Unfit("invalid_option", "each of `values` is a text of 1 to 200 characters")
        if len(set(self.values)) < len(self.values):
            raise Unfit("invalid_option", "`values` lists a value twice")
        check_list_options(self, len(self.values))
        if not isinstance(self.searchable, bool) or (self.searchable and self.many):
            # The database changes lists by itself (`tags+`), and knows nothing of words.
            raise Unfit("invalid_option", "`searchable` is true or false, and not for many values")

    @property
    def forms(self) -> Mapping[str, Form]:
        return {"words": kept_words} if self.searchable else {}

    @property
    def most(self) -> int:
        """How many values a record may hold, where it may hold many."""
        return len(self.values) if self.max is None else self.max

    def accept(self, value: Any, tools: Tools) -> Any:
        return counted(self.elements(value), self.min, self.most) if self.many else self.one(value)

    def elements(self, value: Any) -> tuple[str, ...]:
        """A list of different choices, however many."""
        return listed(value, self.one, "choices")

    def one(self, value: Any) -> str:
        if not isinstance(value, str) or (value and value not in self.values):
            raise Unfit("not_a_choice", f"must be one of {', '.join(self.values[:20])}")
        return value
