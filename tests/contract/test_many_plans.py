"""Indexes serve conditions over many values: back relations, relations to many, lists of choices and other collections."""

from random import Random

import pytest
from sqlalchemy import select

from adapters.outbound.sql.ddl import add_index, create_collection
from adapters.outbound.sql.rules import RuleCompiler, bind_values
from adapters.outbound.sql.statements import prepare
from domain.rules.check import Scope, check
from domain.rules.shape import shape
from domain.rules.values import Values
from tests.contract.many_cases import fields, to
from tests.contract.rule_cases import MOMENT
from tests.contract.sql_engines import NOW, filled_engines, schema
from tests.contract.test_rule_plans import plan, scans

COLORS = ("red", "blue", "green", "rare")
SCHEMA = schema(
    {"name": "tags", "type": "base", "fields": fields(("text", "name"), ("bool", "open")), "indexes": [{"fields": ["name"]}]},
    {"name": "users", "type": "accounts", "fields": [*fields(("text", "name")), to("perms", "tags", many=True)],
     "indexes": [{"fields": ["name"]}]},
    {"name": "posts", "type": "base", "indexes": [{"fields": ["views"]}],
     "fields": [*fields(("integer", "views")), to("author", "users"), to("tags", "tags", many=True),
                {"name": "labels", "type": "select", "many": True, "values": list(COLORS)}]},
    {"name": "comments", "type": "base", "indexes": [{"fields": ["text"]}, {"fields": ["stars"]}],
     "fields": [*fields(("text", "text"), ("integer", "stars")), to("post", "posts"), to("by", "users")]},
)  # fmt: skip
# On SQLite a table is told by its alias.
LARGE = ("posts", "comments", "_links_posts", "_r")


def records():
    dice = Random(3)
    ids = lambda letter, count: [f"{letter}{at}" for at in range(count)]
    tags, users, posts = ids("t", 1000), ids("u", 400), ids("p", 16000)
    made = {
        "tags": [{"id": id_, "name": f"tag {id_}", "open": at % 9 != 0} for at, id_ in enumerate(tags)],
        "users": [{"id": id_, "name": f"name {id_}", "email": f"{id_}@example.org", "perms": tuple(dice.sample(tags, dice.randint(0, 3)))}
                  for id_ in users],
        "posts": [{"id": id_, "views": at, "author": dice.choice(users), "tags": tuple(dice.sample(tags, dice.randint(0, 3))),
                   "labels": ("rare",) if at % 1000 == 7 else tuple(dice.sample(COLORS[:3], dice.randint(0, 2)))}
                  for at, id_ in enumerate(posts)],
        "comments": [{"id": f"c{at}", "text": f"text {at % 8000}", "stars": at, "post": dice.choice(posts), "by": dice.choice(users)}
                     for at in range(20000)],
    }  # fmt: skip
    return {name: [{**each, "version": 1, "created": NOW, "updated": NOW} for each in rows] for name, rows in made.items()}


RECORDS = records()
ASKER = Values(now=MOMENT, request={("auth", "id"): "u7"})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request):
    for made in filled_engines(request, SCHEMA, RECORDS):
        for collection in SCHEMA.collections.values():
            indexes = [add_index(collection, index, made.dialect) for index in collection.every_index]
            indexes += [text for text in create_collection(SCHEMA, collection, made.dialect) if text.startswith("CREATE INDEX")]
            for text in indexes:
                made.run(text)
        made.run("ANALYZE")
        yield made


def compiled(engine, text, collection="posts", *, whole=False):
    bound = shape(check(text, Scope(SCHEMA, SCHEMA.collections[collection])), ASKER)
    table = engine.tables[collection]
    compiler = RuleCompiler(SCHEMA, engine.tables, engine.dialect)
    prepared = prepare(select(table.c.id).where(compiler.condition(bound.shape, table, whole=whole)), engine.dialect)
    return prepared, bind_values(compiler.binds, bound.values)


def read_whole(engine, prepared, values):
    """The large tables that are read from end to end."""
    return [name for name in scans(engine, plan(engine, prepared, values)) if name.startswith(LARGE)]


SERVED = [
    "comments_via_post.text ?= 'text 77'", "comments_via_post.text = 'text 77'", "comments_via_post.text ?in ('text 77', 'text 78')",
    "comments_via_post.text ?= 'text 77' && comments_via_post.stars ?> 100", "comments_via_post ?= 'c77'", "comments_via_post.id ?= 'c77'",
    "comments_via_post.by ?= @request.auth.id", "comments_via_post.by.name ?= 'name u7'", "comments_via_post.by.perms ?= 't7'",
    "author.comments_via_by.text ?= 'text 77'", "author.perms ?= 't7'", "author.perms = 't7'", "author.perms.name ?= 'tag t7'",
    "tags ?= 't7'", "tags = 't7'", "tags ?in ('t7', 't8')", "tags.name ?= 'tag t7'", "tags.name = 'tag t7'", "tags.id ?= 't7'",
    "tags ?= 't7' && tags.open ?= true", "tags.posts_via_tags.views ?= 5", "views = 5 || tags ?= 't7'",
    "views = 5 || comments_via_post.text ?= 'text 77'", "views = 5 && comments_via_post.text != 'text 77'",
    "views < 5 && tags.open = true", "views < 5 && comments_via_post:length > 0",
    "comments_via_post.text ?= 'text 77' || tags.name ?= 'tag t7'",
    "@collection.comments.by ?= @request.auth.id && @collection.comments.post ?= id",
    "@collection.comments.text ?= 'text 77' && @collection.comments.by ?= author",
    "author.posts_via_author.comments_via_post.text ?= 'text 77'", "author.posts_via_author.tags.name ?= 'tag t7'",
]  # fmt: skip


@pytest.mark.parametrize("text", SERVED)
def test_an_index_serves(engine, text):
    for whole in (False, True):
        prepared, values = compiled(engine, text, whole=whole)
        assert read_whole(engine, prepared, values) == [], f"{prepared.text}\n{plan(engine, prepared, values)}"


def test_an_index_finds_choices_on_postgresql(engine):
    """SQLite has none for what lies in JSON."""
    for text in ("labels ?= 'rare'", "labels = 'rare'", "views = 5 || labels ?= 'rare'", "labels ?in ('rare', 'gone')"):
        text = text.replace("'gone'", "'rare'")
        prepared, values = compiled(engine, text)
        assert {f"p{at}" for at in range(7, 16000, 1000)} <= {row[0] for row in engine.rows(prepared, values)}
        assert (read_whole(engine, prepared, values) == []) == (engine.dialect == "postgresql"), text


def test_a_full_scan_is_seen_as_one(engine):
    """The tests above could not fail if scans were not recognised."""
    for text in ("comments_via_post.text ?~ 'x77'", "tags.open = true", "comments_via_post.text != 'text 77'"):
        prepared, values = compiled(engine, text)
        assert read_whole(engine, prepared, values) != [], text


def test_one_group_is_one_look_at_the_elements(engine):
    prepared, _ = compiled(engine, "comments_via_post.text ?~ 'a' && comments_via_post.stars ?> 1 && comments_via_post.by ?= 'u7'")
    assert prepared.text.count("comments AS") == 1
