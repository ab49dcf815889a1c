"""Rules, indexes, names and values of PocketBase in our words."""

import pytest

from domain.pocketbase.fields import check, definition
from domain.pocketbase.indexes import index
from domain.pocketbase.names import names_of
from domain.pocketbase.source import ForeignCollection
from domain.pocketbase.texts import differences, in_our_words, unlike_lists, with_lists
from domain.pocketbase.values import reader
from domain.schema.fields import Unfit

WORDS = {"firstName": "first_name", "Tags": "tags", "emailVisibility": "email_visible"}
LISTS = {"tags", "labels"}


@pytest.mark.parametrize("there, here", [
    ("author.firstName = 'firstName'", "author.first_name = 'firstName'"),
    ('firstName = "firstName \\" firstName"', 'first_name = "firstName \\" firstName"'),
    ("firstName != '' // firstName", "first_name != '' // firstName"),
    ("@request.headers.firstName = @request.query.firstName", "@request.headers.firstName = @request.query.firstName"),
    ("@request.body.firstName:isset = true", "@request.body.first_name:isset = true"),
    ("@request.data.firstName = ''", "@request.body.first_name = ''"),
    ("@collection.Tags:a.firstName ?= 'x'", "@collection.tags:a.first_name ?= 'x'"),
    ("Tags_via_firstName.id ?= 'x'", "tags_via_first_name.id ?= 'x'"),
    ("@request.context = 'protectedFile'", "@request.context = 'file'"),
    ("myfirstName = firstName2", "myfirstName = firstName2"),
])  # fmt: skip
def test_names_follow_and_texts_stay(there: str, here: str) -> None:
    assert in_our_words(there, WORDS) == here


@pytest.mark.parametrize("there, here", [
    ("tags ~ 'x' && title ~ 'tags ~ y'", "tags ?~ 'x' && title ~ 'tags ~ y'"),
    ("post.tags ~ @request.auth.id", "post.tags ?~ @request.auth.id"),
    ("tags:each ~ 'x'", "tags:each ~ 'x'"),
    ("tags !~ 'x'", "tags !~ 'x'"),
    ("tags.name ~ 'x'", "tags.name ~ 'x'"),
])  # fmt: skip
def test_a_list_that_is_like_something_has_such_an_element(there: str, here: str) -> None:
    assert with_lists(there, LISTS) == here
    assert unlike_lists(there, LISTS) is None


@pytest.mark.parametrize("rule", [
    "tags ?= 'x'", "tags = ''", "tags != 'x'", "title = 'a' && post.tags ?= 'x'", "@request.auth.id ?= tags", "'x' = post.labels",
    "@request.auth.labels ?= 'x'", "(labels='x')",
])  # fmt: skip
def test_a_list_that_is_compared_as_a_whole_is_told(rule: str) -> None:
    assert unlike_lists(rule, LISTS) in LISTS


@pytest.mark.parametrize("rule", [
    "tags:each ?= 'x'", "tags:length > 1", "tags.id ?= 'x'", "title = 'tags = x'", "title != '' // tags = 'x'", "mytags = 'x'",
    "@request.auth.id ?= tags.id", "title = tags.name",
])  # fmt: skip
def test_what_lies_in_a_list_is_no_list(rule: str) -> None:
    assert unlike_lists(rule, LISTS) is None


@pytest.mark.parametrize("rule, count", [
    ("author = @request.auth.id", 1), ("@request.auth.team = team", 1), ("id = @request.auth.id", 0),
    ("@request.auth.id != '' && author = @request.auth.id", 0), ("@request.auth.role = 'x'", 0), ("title ~ author.name", 1),
    ("title ~ 'x'", 0), ("@request.auth.id != ''", 0),
])  # fmt: skip
def test_differences_are_told_where_there_are_some(rule: str, count: int) -> None:
    assert len(list(differences(rule))) == count


FIELDS = {"title": "title", "firstName": "first_name", "id": "id", "day": "day"}


@pytest.mark.parametrize("text, made", [
    ("CREATE INDEX `a` ON `t` (`title`, firstName DESC)", {"fields": ["title", "first_name"]}),
    ('create unique index if not exists a on t ("title")', {"fields": ["title"], "unique": True}),
    ("CREATE UNIQUE INDEX a ON t (title) WHERE `title` != ''", {"fields": ["title"], "unique": True}),
    ("CREATE INDEX a ON t (day) WHERE firstName = 'and' AND day <> ''", {"fields": ["day"], "where": "first_name = 'and' && day != ''"}),
    ("CREATE INDEX a ON t (lower(title))", None),
    ("CREATE INDEX a ON t (title COLLATE NOCASE)", None),
    ("CREATE INDEX a ON t (gone)", None),
    ("DROP TABLE users", None),
    ("CREATE INDEX a ON t (title); DROP TABLE users", None),
])  # fmt: skip
def test_indexes_are_read_or_left(text: str, made: object) -> None:
    assert index(text, FIELDS) == made


def test_names_fit_and_differ() -> None:
    given = ("firstName", "first_name", "version", "id", "9to5", "a_via_b", "Ünicode", "_x")
    fields = tuple({"name": name, "type": "text"} for name in given)
    collections = (ForeignCollection("1", "blogPosts", "base", fields), ForeignCollection("2", "blog_posts", "base"),
                   ForeignCollection("3", "sqlite_things", "base"))  # fmt: skip
    names = names_of(collections)
    assert names.collections == {"blogPosts": "blog_posts", "blog_posts": "blog_posts_", "sqlite_things": "x_sqlite_things"}
    assert [new for (_, old), new in names.fields.items()] == [
        "first_name", "first_name_", "version_", "x9to5", "a_by_b", "nicode", "x",
    ]  # fmt: skip


@pytest.mark.parametrize("field, made", [
    ({"type": "number", "min": 5}, {"type": "number", "min": 5}),
    ({"type": "number", "onlyInt": True, "max": 9.0, "required": True}, {"type": "integer", "max": 9, "default": 0}),
    ({"type": "text", "pattern": "^a$", "max": 0}, {"type": "text", "pattern": "^a$"}),
    ({"type": "text", "pattern": "a|b"}, {"type": "text", "pattern": "(?s:.*)(?:a|b)(?s:.*)"}),
    ({"type": "select", "values": ["a"], "maxSelect": 3, "required": True}, {"type": "select", "values": ["a"], "many": True, "max": 1,
                                                                             "required": True}),
    ({"type": "relation", "maxSelect": 1, "required": True}, {"type": "relation", "collection": "t", "on_delete": "restrict",
                                                              "required": True}),
    ({"type": "relation", "maxSelect": 9, "minSelect": 2, "cascadeDelete": True}, {"type": "relation", "collection": "t", "many": True,
                                                                                   "min": 2, "max": 9, "on_delete": "restrict"}),
    ({"type": "password"}, None),
])  # fmt: skip
def test_fields_are_made_by_type(field: dict[str, object], made: dict[str, object] | None) -> None:
    target = "t" if field["type"] == "relation" else None
    assert definition(field, "f", target) == (None if made is None else {"name": "f", **made})


def test_what_is_required_there_is_checked_here() -> None:
    made = check({"type": "number", "required": True}, "n")
    assert made is not None
    assert made["rule"] == "n != 0"
    assert check({"type": "text", "required": True}, "n") is None


@pytest.mark.parametrize("field, stored, value", [
    ({"type": "text"}, "", None), ({"type": "number"}, 0, 0), ({"type": "number", "onlyInt": True}, 5.0, 5), ({"type": "bool"}, 1, True),
    ({"type": "json"}, "null", None), ({"type": "json"}, '{"a":1}', {"a": 1}), ({"type": "geoPoint"}, '{"lon":0,"lat":0}', None),
    ({"type": "geoPoint"}, '{"lon":1,"lat":0}', {"lon": 1, "lat": 0}), ({"type": "relation", "maxSelect": 2}, "[]", None),
    ({"type": "select", "maxSelect": 2}, '["a"]', ["a"]), ({"type": "relation", "maxSelect": 1}, "", None),
    ({"type": "file"}, "a.png", "a.png"),
])  # fmt: skip
def test_values_mean_the_same(field: dict[str, object], stored: object, value: object) -> None:
    assert reader(field)(stored) == value


def test_a_zero_that_limits_keep_out_was_no_value() -> None:
    assert reader({"type": "number"}, zero_is_nothing=True)(0) is None
    assert reader({"type": "number"}, zero_is_nothing=True)(7) == 7


@pytest.mark.parametrize("stored", ["{", "[" * 100_000])
def test_broken_json_is_told(stored: str) -> None:
    with pytest.raises(Unfit):
        reader({"type": "json"})(stored)
