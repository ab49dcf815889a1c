"""The evaluator and both compilers choose the same rows where paths have many values: generated texts and chosen ones."""

import os
from collections import Counter
from random import Random

import pytest
from sqlalchemy import case, delete, func, select, update

from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.rules import RuleCompiler, bind_values
from adapters.outbound.sql.statements import prepare
from domain.errors import Invalid
from domain.rules.check import Scope, check
from domain.rules.evaluate import holds
from domain.rules.shape import shape
from tests.contract.many_cases import ACTORS, FEATURES, RECORDS, SCHEMA, WORLD, ClientSight, Writer, features
from tests.contract.sql_engines import filled_engines
from tests.contract.test_rules_agree import filtered, joined, twice, updated

CASES = int(os.environ.get("MANY_CASES", "600"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request):
    yield from filled_engines(request, SCHEMA, RECORDS)


def condition_of(text, client=False, collection="posts"):
    return check(text, Scope(SCHEMA, SCHEMA.collections[collection], client=client, sight=ClientSight() if client else None))


def evaluated(condition, actor, collection="posts"):
    return [record["id"] for record in RECORDS[collection] if holds(condition, record, ACTORS[actor], WORLD)]


def selected(engine, condition, actor, collection="posts", statement=filtered, *, whole=False):
    bound = shape(condition, ACTORS[actor])
    compiler = RuleCompiler(SCHEMA, engine.tables, engine.dialect)
    built = statement(engine.tables[collection], lambda source: compiler.condition(bound.shape, source, whole=whole))
    rows = engine.rows(prepare(built, engine.dialect), bind_values(compiler.binds, bound.values))
    found = {row[0] for row in rows if row[0] is not None}
    return [record["id"] for record in RECORDS[collection] if record["id"] in found]


def understood(text, client):
    """None where the texts that were put together do not fit."""
    try:
        return condition_of(text, client)
    except Invalid as refused:
        if refused.code != "type_mismatch" and not any(each in str(refused) for each in ("`nesting`", "`many_comparisons`")):
            raise
        return None


@pytest.mark.timeout(1800)
def test_generated_rules_over_many_values_choose_the_same_rows(engine, capsys):
    dice, outcomes = Random(int(os.environ.get("MANY_SEED", "11"))), Counter()
    seen = Counter(dict.fromkeys(FEATURES, 0))
    for _ in range(CASES):
        client, actor = dice.random() < 0.25, dice.randrange(len(ACTORS))
        text = Writer(dice, client).whole()
        condition = understood(text, client)
        if condition is None:
            outcomes["refused"] += 1
            continue
        expected = evaluated(condition, actor)
        assert selected(engine, condition, actor, whole=dice.random() < 0.5) == expected, (text, client, actor)
        seen.update(features(condition))
        outcomes["none" if not expected else "all" if len(expected) == len(RECORDS["posts"]) else "some"] += 1
    with capsys.disabled():
        told = ", ".join(f"{feature} {count}" for feature, count in seen.items())
        print(f"\n{engine.dialect}, {outcomes.total()} cases over many values: {told}; rows chosen: {dict(outcomes)}")
    assert [feature for feature in FEATURES if not seen[feature]] == []
    assert outcomes["some"] > CASES / 3, outcomes
    assert outcomes["refused"] < CASES / 4, outcomes


# Forms that the compilers write differently: each is asked as it stands, negated, and beside an alternative.
CHOSEN = [
    "comments_via_post.text ?= 'a'", "comments_via_post.text = 'a'", "comments_via_post.text != 'a'", "comments_via_post.text ?!= 'a'",
    "comments_via_post.text = ''", "comments_via_post.text ?= ''", "comments_via_post.text ?in ('a', 'b')", "comments_via_post ?= 'c1'",
    "comments_via_post:length > 1", "comments_via_post:length = 0", "comments_via_post.labels ?= 'red'", "comments_via_post.labels = 'red'",
    "comments_via_post.by ?= author", "comments_via_post.by.perms.active = true", "comments_via_post.sent + 1d ?> @now",
    "comments_via_post.price = null", "comments_via_post.reply_to ?= 'USER1@example.org'", "comments_via_post.stars ?= views",
    "comments_via_post.by ?= @request.auth.id && comments_via_post.stars ?> 1", "comments_via_post.extra.list:each ?= 'a'",
    "tags ?= 't1'", "tags = 't1'", "tags != 't1'", "tags ?= main", "tags = main", "main ?= tags", "tags ?in ('t1', main)", "tags = ''",
    "tags:length = 2", "tags:each ?= 't2'", "tags.name ?= 'a'", "tags.name = 'a'", "tags.name != 'a'", "tags.rank > 1", "tags.rank ?> 1",
    "tags.akin ?= tags", "tags.akin = tags", "tags.akin.name = ''", "tags.posts_via_tags.title ?= 'a'", "tags.posts_via_tags:length > 1",
    "tags ?= 't1' && tags.name ?!= 'a'", "tags.name ?= 'red' && (tags.rank ?= 1 || views = 2)", "tags ?= 't1' && tags ?= 't2'",
    "tags ?= 't1' && !(!(tags ?= 't2'))", "tags.owner.posts_via_author.comments_via_post.by.name ?= 'ab'",
    "labels ?= 'red'", "labels = 'red'", "labels != 'red'", "labels ?in ('red', 'blue')", "labels not in ('red')", "labels:length > 1",
    "labels ~ 'e'", "labels:lower ?= 'red'", "labels ?= 'red' && labels ?~ 'R'", "coalesce(labels, 'none') = 'none'", "labels = null",
    "author.perms.active = true", "author.perms.active ?= true", "author.perms = ''", "author.perms:length = 0", "author.perms:length > 1",
    "main.akin ?= 't1'", "main.akin.name = 'a'", "main.tags_via_akin.name ?= 'a'", "parent.comments_via_post.text ?= 'a'",
    "posts_via_parent.comments_via_post.text = 'a'", "posts_via_parent.tags:length ?> 1", "posts_via_parent.title ?> title",
    "meta.list:each = 'a'", "meta.list:each ?= true", "meta.list:each != null", "meta.list:each > 1", "meta:each ?= 'red'",
    "meta:each ?= 5", "meta.list:each = null", "author.roles:each ?= 'a'", "author.roles:length = 0",
    "@collection.members.user ?= @request.auth.id", "@collection.members.user ?= author && @collection.members.role ?= 'admin'",
    "@collection.members:x.user ?= @request.auth.id && @collection.members:y.role ?= 'a' && @collection.members:x.post ?= id",
    "@collection.members.role != 'nobody'", "@collection.members.of.role ?= 'a'", "@collection.members.role = title",
    "@collection.members.of:length ?> 1", "@collection.perms.active ?= true && views > 0",
    "@request.body.tags:changed", "@request.body.labels:changed", "@request.body.meta:changed = false", "tags ?= @request.body.tags",
    "tags = @request.body.tags", "tags != @request.body.tags", "labels ?in (title, 'red') && @request.body.labels ?= labels",
    "author.perms ?= @request.auth.perms", "author.perms = @request.auth.perms && views > 0", "author.perms != @request.auth.perms",
    "title ?= @request.auth.perms.name && @request.auth.perms.active ?= true", "title ?~ @request.auth.roles:each",
    "members_via_post ?= @request.auth.members_via_user", "id ?= @request.auth.members_via_user.post",
    "@request.auth.members_via_user = ''",
    "id ?= @request.auth.members_via_user.post && @request.auth.members_via_user.role ?= 'admin'",
    "views >= @request.auth.members_via_user:length",
    "title ?= @request.auth.members_via_user.post.title && @request.auth.members_via_user.post.views ?> views",
    "!(id = @request.auth.members_via_user.post)", "tags ?= @request.auth.members_via_user.post.tags", "main != @request.body.main.akin",
    "tags.name ?= @request.body.tags.name && tags.rank ?> 1", "@request.body.tags.akin ?= main && @request.body.tags.name ?!= title",
    "@request.body.tags.owner ?= author", "author = @request.body.main.owner", "@request.body.main.rank > views",
    "tags = @request.body.tags.id",
    "comments_via_post.labels ?= @request.body.labels", "@request.body.tags ?= main && tags ?= @request.body.tags && tags.rank ?> 1",
]  # fmt: skip


@pytest.mark.parametrize("text", CHOSEN)
def test_chosen_rules_over_many_values(engine, text):
    for form in (text, f"!({text})", f"{text} || title = 'b'", f"!({text} && views > 1)"):
        for actor in range(len(ACTORS)):
            condition = condition_of(form)
            expected = evaluated(condition, actor)
            assert selected(engine, condition, actor) == expected, (form, actor)
            assert selected(engine, condition, actor, whole=True) == expected, (form, actor)


@pytest.mark.parametrize("text", [text for text in CHOSEN if "@" not in text and "reply_to" not in text])
def test_chosen_filters_over_many_values(engine, text):
    condition = condition_of(text, client=True)
    assert selected(engine, condition, 1) == evaluated(condition, 1)


@pytest.mark.parametrize("text", [
    "posts_via_tags.title ?= 'a'", "posts_via_tags.title = 'a'", "posts_via_tags:length > 2", "posts_via_tags = ''",
    "posts_via_tags.labels ?= 'red' && posts_via_tags.views ?> 0", "posts_via_tags.author.perms.active = true",
    "tags_via_akin.name ?= 'a'", "tags_via_akin:length = 0", "akin.posts_via_tags.title ?!= 'a'", "akin ?= id",
])  # fmt: skip
@pytest.mark.parametrize("client", [False, True])
def test_ways_back_through_relations_to_many(engine, text, client):
    for form in (text, f"!({text})", f"{text} || name = 'red'"):
        condition = condition_of(form, client, "tags")
        assert selected(engine, condition, 1, "tags") == evaluated(condition, 1, "tags"), form


MOVED = ["comments_via_post.text = 'a' || tags.name ?= 'a'", "tags.akin ?= 't1' && labels ?= 'red'", "@collection.members.post ?= id",
         "!(author.perms.active = true)", "meta.list:each ?= 'a' || comments_via_post:length > 1"]  # fmt: skip


@pytest.mark.parametrize("statement", [joined, updated, twice])
@pytest.mark.parametrize("text", MOVED)
def test_it_means_the_same_wherever_it_stands(engine, text, statement):
    condition = condition_of(text)
    assert selected(engine, condition, 1, statement=statement) == evaluated(condition, 1)


class DeepWriter(Writer):
    def whole(self):
        return self.condition(self.dice.choice([3, 4, 5, 6]))


# What the deepest statement, a page after a cursor, has open on the parser's stack besides.
AROUND = 12


def test_what_is_accepted_is_never_too_deep_for_the_parser(engine):
    if engine.dialect != "sqlite":
        pytest.skip("only SQLite's parser has so little room")
    dice, counts = Random(5), Counter()
    for _ in range(150):
        client = dice.random() < 0.7
        condition = understood(DeepWriter(dice, client).whole(), client)
        if condition is None:
            counts["refused"] += 1
            continue
        counts["accepted"] += 1
        shown = statement_text(engine, condition)
        head, where = shown.split("WHERE", 1)
        engine.connection.execute(f"EXPLAIN {head} WHERE {'(' * AROUND}{where}{')' * AROUND}", ["1"] * where.count("?"))
    assert min(counts["accepted"], counts["refused"]) > 10, counts


def statement_text(engine, condition):
    compiler = RuleCompiler(SCHEMA, engine.tables, engine.dialect)
    shown = filtered(engine.tables["posts"], lambda source: compiler.condition(shape(condition, ACTORS[1]).shape, source))
    return prepare(shown, engine.dialect).text


def returned(table, condition):
    return update(table).values(version=table.c.version).returning(case((condition(table), table.c.id)))


def deleted(table, condition):
    """Of nothing that another record points at."""
    return delete(table).where(condition(table), table.c.id == "none").returning(table.c.id)


@pytest.mark.parametrize("text", MOVED)
def test_it_means_the_same_of_what_a_change_answers_with(engine, text):
    condition = condition_of(text)
    assert selected(engine, condition, 1, statement=returned) == evaluated(condition, 1)
    assert selected(engine, condition, 1, statement=deleted) == []


DRAFTED = ["tags ?= 't1'", "tags = 't1'", "tags.name ?= 'a'", "tags.name != 'a'", "tags:length > 1", "tags = ''", "labels ?= 'red'",
           "labels = 'red'", "labels:length = 0", "tags.akin ?= tags", "tags.posts_via_tags.title ?= 'a'", "author.perms.active = true",
           "tags ?= main", "tags.rank ?> 1 && tags ?!= 't2'", "tags in ('t1', 't2')", "@collection.members.user ?= author",
           "@collection.members.user ?= @request.auth.id && @collection.members.post ?= parent", "meta.list:each ?= 'a'"]  # fmt: skip


@pytest.mark.parametrize("text", DRAFTED)
def test_lists_of_a_draft_mean_the_same(engine, text):
    """A draft holds the ids themselves, and has no rows in link tables."""
    collect = func.json_group_array if engine.dialect == "sqlite" else func.jsonb_agg
    link = engine.tables[link_name(SCHEMA.collections["posts"], "tags")]

    def drafted(table, condition):
        ids = select(collect(link.c.target)).where(link.c.source == table.c.id).scalar_subquery()
        source = select(*table.c, ids.label("tags")).cte("_draft")
        return select(source.c.id).where(condition(source))

    for form in (text, f"!({text})", f"{text} || views = 1"):
        condition = condition_of(form)
        assert selected(engine, condition, 1, statement=drafted) == evaluated(condition, 1), form
