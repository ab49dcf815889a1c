"""The collections of both backends, in words that each side translates to its own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench import rows, shape
from bench.fields import FieldOf
from bench.rows import OWNED, PUBLIC


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` are made of how many are wished for, and of the id of the account that owns them. Relations have an index of their own
    on both sides; `indexes` are single fields besides."""

    name: str
    fields: tuple[FieldOf, ...]
    rules: Mapping[str, str]
    rows: Callable[[int, str], Iterator[dict[str, Any]]]
    indexes: tuple[str, ...] = ()


# Targets before what points at them.
WORLDS: dict[str, tuple[Table, ...]] = {
    "posts": (
        Table("authors", rows.AUTHOR_FIELDS, PUBLIC, lambda count, owner: rows.authors()),
        Table("posts", rows.POST_FIELDS, PUBLIC, rows.posts, rows.POST_INDEXES),
        Table("notes", rows.POST_FIELDS, OWNED, rows.posts, rows.POST_INDEXES),
    ),
    "words": (Table("entries", rows.ENTRY_FIELDS, PUBLIC, lambda count, owner: rows.entries(count), ("views",)),),
    "shape": (
        Table("organizations", shape.ORGANIZATION_FIELDS, shape.RULES, lambda count, owner: shape.organizations()),
        Table("permissions", shape.PERMISSION_FIELDS, shape.RULES, lambda count, owner: shape.permissions()),
        Table("members", shape.MEMBER_FIELDS, shape.RULES, lambda count, owner: shape.members(), ("views",)),
        Table("articles", shape.ARTICLE_FIELDS, shape.RULES, lambda count, owner: shape.articles(count), ("views",)),
    ),
}
