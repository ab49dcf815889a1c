"""Fields of many values: what their elements, the records behind them and the records that point through them come to."""

import time

import pytest

from domain.errors import Invalid
from domain.rules.bound import Bound
from domain.rules.check import Scope, check
from domain.rules.evaluate import holds, holds_bound
from domain.rules.manys import manys
from domain.rules.shape import shape
from domain.rules.steps import joins
from domain.rules.tree import FALSE, TRUE, Compare, In, Literal, Not, Slot, Step
from domain.rules.values import Values, request_paths
from domain.schema.collection import Schema
from domain.schema.kinds import Kind
from tests.unit.rules.worlds import (
    ANN,
    EMPTY,
    GUEST,
    NOW,
    POST,
    POSTS,
    SCHEMA,
    TAGS,
    WORLD,
    answers,
    collection,
    rule,
    to,
)

YES, NO = True, False
TAG = WORLD["tags"]["g1"]
TAGGED, COUNTED, TEAM_OF = (rule(text).left for text in ("tags = ''", "labels:length = 0", "author.team = ''"))
WHOLE = rule("@request.body.tags:changed").left.stored


@pytest.mark.parametrize("text,record,expected", [
    # the elements themselves: all must match, with `?` any one
    ("tags = 'g1'", POST, NO), ("tags ?= 'g1'", POST, YES), ("tags ?= 'g3'", POST, NO), ("tags != 'g3'", POST, YES),
    ("tags != 'g1'", POST, NO), ("tags ?!= 'g1'", POST, YES), ("tags in ('g1', 'g2')", POST, YES), ("tags in ('g1')", POST, NO),
    ("tags ?in ('g1', 'g9')", POST, YES), ("tags not in ('g1')", POST, NO), ("tags ?not in ('g1')", POST, YES),
    ("labels ~ 'E'", POST, YES), ("labels ~ 'r'", POST, NO), ("labels ?~ 'r'", POST, YES), ("labels:lower ?= 'red'", POST, YES),
    ("labels ?= 'red'", POST, NO), ("labels > 'A'", POST, YES), ("labels ?< 'a'", POST, YES), ("labels < 'a'", POST, NO),
    ("lower(labels) ?= 'red'", POST, YES), ("startsWith(labels, 'b')", POST, NO), ("length(labels) > 2", POST, YES),
    ("length(labels) = 4", POST, NO), ("coalesce(labels, 'none') != 'none'", POST, YES),
    ("tags ?= labels", POST, NO), ("labels != tags", POST, YES), ("labels ?!= title", POST, YES),
    # nothing there counts as one absent value
    ("tags = 'g1'", EMPTY, NO), ("tags != 'g1'", EMPTY, YES), ("tags ?= 'g1'", EMPTY, NO), ("tags ?!= 'g1'", EMPTY, YES),
    ("tags = ''", EMPTY, YES), ("tags = null", EMPTY, YES), ("tags != ''", EMPTY, NO), ("tags = ''", POST, NO),
    ("tags != ''", POST, YES), ("tags ?= ''", POST, NO), ("labels ~ ''", EMPTY, YES), ("labels in ('Red', '')", EMPTY, YES),
    ("labels not in ('Red')", EMPTY, YES), ("coalesce(labels, 'none') = 'none'", EMPTY, YES),
    # modifiers
    ("tags:each ?= 'g1'", POST, YES), ("tags:each = 'g1'", POST, NO), ("tags:length = 2", POST, YES),
    ("tags:length = 0", EMPTY, YES), ("labels:length > 1 && labels:length < 3", POST, YES), ("labels:length = 1.5", POST, NO),
    ("tags:length in (0, 2)", POST, YES), ("tags:length = rank - 0", POST, None), ("tags:length < rank", POST, YES),
    # through the relation
    ("tags.name ?= 'hot'", POST, YES), ("tags.name = 'hot'", POST, NO), ("tags.name in ('hot', 'new')", POST, YES),
    ("tags.rank > 0", POST, YES), ("tags.rank > 1", POST, NO), ("tags.owner.name ?= 'Bob'", POST, YES),
    ("tags.owner = 'u1'", POST, NO), ("tags.id ?= 'g1'", POST, YES), ("tags.name = ''", EMPTY, YES), ("tags.rank = null", EMPTY, YES),
    ("tags.rank != 1", EMPTY, YES), ("tags.akin.name ?= 'odd'", POST, YES), ("tags.akin.name = 'odd'", POST, NO),
    ("tags.akin ?= 'g3'", POST, YES), ("tags.akin ?= ''", POST, YES), ("tags.akin != ''", POST, NO), ("tags.akin:length ?= 0", POST, YES),
    ("tags.akin:length < 3", POST, YES), ("tags.akin:length = 2", POST, NO), ("parent.tags.name = ''", POST, YES),
    ("parent.tags:length = 0", POST, YES), ("comments_via_post.post.tags ?= 'g2'", POST, YES), ("tags.name:lower ?= 'hot'", POST, YES),
    # the same element within one group, whether it is named itself or what it leads to
    ("tags.name ?= 'hot' && tags.rank ?= 2", POST, YES), ("tags.name ?= 'hot' && tags.rank ?= 1", POST, NO),
    ("tags ?= 'g1' && tags.name ?= 'new'", POST, YES), ("tags ?= 'g1' && tags.name ?= 'hot'", POST, NO),
    ("tags ?= 'g1' && tags ?= 'g2'", POST, NO), ("tags ?= 'g1' && !(tags ?!= 'g2')", POST, NO),
    ("tags ?= 'g1' && !(!(tags ?= 'g2'))", POST, YES), ("tags ?= 'g1' && (pinned || tags ?= 'g2')", POST, NO),
    ("tags ?= 'g1' && labels ?= 'blue'", POST, YES), ("tags.akin ?= 'g3' && tags.name ?= 'hot'", POST, NO),
    ("tags.akin ?= 'g3' && tags.name ?= 'new' && tags.akin.name ?= 'odd'", POST, YES),
    ("labels ?= 'Red' && labels ?~ 'RED'", POST, YES), ("labels ?= 'Red' && labels ?~ 'blue'", POST, NO),
    ("tags ?= 'g1' || tags ?= 'g9'", POST, YES), ("@collection.tags.akin ?= 'g1' && @collection.tags.name ?= 'odd'", POST, YES),
    ("@collection.tags.akin ?= 'g1' && @collection.tags.name ?= 'new'", POST, NO),
    ("@collection.tags:a.akin ?= 'g1' && @collection.tags:b.name ?= 'new'", POST, YES),
])  # fmt: skip
def test_elements_and_what_they_lead_to(text, record, expected):
    if expected is None:
        with pytest.raises(Invalid):
            answers(text, record)
    else:
        assert answers(text, record) is expected


@pytest.mark.parametrize("text,expected", [
    ("posts_via_tags.title ?= 'Hello_World'", YES), ("posts_via_tags.title = 'Hello_World'", YES),
    ("posts_via_tags.author.name = 'Ann'", YES), ("posts_via_tags:length = 1", YES), ("posts_via_tags ?= 'p1'", YES),
    ("posts_via_tags.labels ?= 'blue' && posts_via_tags.live ?= true", YES), ("posts_via_tags.tags ?= 'g2'", YES),
    ("posts_via_tags.tags.name = 'new'", NO), ("tags_via_akin.name ?= 'odd'", YES), ("tags_via_akin:length = 1", YES),
    ("tags_via_akin.posts_via_tags.title = ''", YES), ("akin.posts_via_tags.title ?= 'Hello_World'", YES),
    ("akin.tags_via_akin.name ?= 'new' && akin.name ?= 'odd'", YES), ("owner.posts_via_author.tags.name ?= 'hot'", YES),
])  # fmt: skip
def test_records_that_point_here_among_others(text, expected):
    assert answers(text, TAG, collection=TAGS) is expected


def test_what_the_tree_says_of_them():
    end = rule("author.posts_via_author.tags = 'g1'").left
    assert (end.name, end.elements, end.many, len(end.steps)) == ("tags", True, True, 2)
    through = rule("tags.name = 'a'").left
    assert through.steps == (Step("tags", "posts", "tags", many=True),)
    assert (through.elements, through.many) == (False, True)
    counted = rule("tags:length = 1").left
    assert (counted.modifier, counted.many, counted.elements) == ("length", False, True)
    back = check("posts_via_tags.title = 'a'", Scope(SCHEMA, TAGS)).left
    assert back.steps == (Step("tags", "tags", "posts", back=True, many=True),)
    assert list(manys(through)) == list(manys(rule("tags = 'g1'").left))
    assert rule("tags:each ?= 'a'") == rule("tags ?= 'a'")


class Seeing:
    """Lists tags below the second rank, and sees the tags and the owner of a record only where these conditions hold."""

    def may_name(self, collection, field):
        return True

    def guard(self, collection):
        return rule("rank < 2", TAGS) if collection.name == "tags" else TRUE

    def field_guard(self, collection, field):
        asked = {("posts", "tags"): "views < 20", ("posts", "title"): "author = @request.auth.id", ("tags", "owner"): "rank > 1",
                 ("comments", "post"): "private = false"}.get((collection.name, field.name))  # fmt: skip
        return rule(asked, collection) if asked else TRUE


@pytest.mark.parametrize("text,record,expected", [
    ("title = 'Hello_World'", POST, YES), ("title = ''", {**POST, "author": "u2"}, YES), ("title ~ 'o'", {**POST, "author": "u2"}, NO),
    ("tags ?= 'g2'", POST, YES), ("tags ?= 'g2'", {**POST, "views": 20}, NO), ("tags:length = 0", {**POST, "views": 20}, YES),
    ("tags:length = 2", POST, YES), ("tags.name ?= 'new'", POST, YES), ("tags.name ?= 'hot'", POST, NO), ("tags.name ?= ''", POST, YES),
    ("tags ?= 'g2' && tags.name ?= ''", POST, YES), ("tags.name ?= 'new'", {**POST, "views": 20}, NO),
    ("tags.name = null", {**POST, "views": 20}, YES), ("tags.owner ?= 'u1'", POST, NO), ("tags.owner.name = ''", POST, YES),
    ("comments_via_post.text = 'nice'", POST, YES), ("comments_via_post:length = 1", POST, YES),
    ("lower(title) = 'hello_world'", POST, YES), ("title:lower = 'hello_world'", {**POST, "author": "u2"}, NO),
])  # fmt: skip
def test_a_guarded_value_counts_as_absent_where_its_guard_fails(text, record, expected):
    condition = check(text, Scope(SCHEMA, POSTS, "filter", client=True, sight=Seeing()))
    assert holds(condition, record, ANN, WORLD) is expected
    assert holds_bound(shape(condition, ANN), record, WORLD) is expected


@pytest.mark.parametrize("text,values,expected", [
    ("@request.body.tags ?= 'g2'", ANN, YES), ("@request.body.tags = 'g2'", ANN, NO), ("@request.body.tags != 'g9'", ANN, YES),
    ("@request.body.tags:each in ('g1', 'g2')", ANN, YES), ("@request.body.tags in ('g1')", ANN, NO),
    ("@request.body.tags ?in ('g1')", ANN, YES), ("@request.body.tags not in ('g1')", ANN, NO),
    ("@request.body.tags ?not in ('g1')", ANN, YES), ("@request.body.tags ~ 'G'", ANN, YES), ("@request.body.tags:lower ?~ '1'", ANN, YES),
    ("@request.body.tags:length = 2", ANN, YES), ("@request.body.labels:length = 0", ANN, YES), ("@request.body.tags:isset", ANN, YES),
    ("@request.body.labels:isset", ANN, YES), ("@request.body.labels:isset", GUEST, NO), ("@request.body.labels:length = 0", GUEST, YES),
    # an empty list counts as one absent value, which equals nothing but a literal
    ("@request.body.labels = ''", ANN, YES), ("@request.body.labels = 'Red'", ANN, NO), ("@request.body.labels != 'Red'", ANN, YES),
    ("@request.body.labels = subtitle", ANN, NO), ("@request.body.labels ?= link", ANN, NO), ("@request.body.labels ?!= link", ANN, YES),
    ("tags ?= @request.body.labels", ANN, NO), ("tags != @request.body.labels", ANN, YES), ("@request.auth.crews = ''", GUEST, YES),
    # elements against fields, single and many
    ("tags = @request.body.tags", ANN, NO), ("tags ?= @request.body.tags", ANN, YES), ("tags != @request.body.tags", ANN, NO),
    ("tags ?!= @request.body.tags", ANN, YES), ("author.team ?= @request.auth.crews", ANN, YES),
    ("author.team = @request.auth.crews", ANN, NO), ("author.team != @request.auth.crews", ANN, NO),
    ("editor.team != @request.auth.crews", ANN, YES), ("author.team ?= @request.auth.crews", GUEST, NO),
    ("@request.body.tags ?in (author, 'g2')", ANN, YES), ("title ?~ @request.body.meta.list:each", ANN, NO),
    ("coalesce(@request.body.tags, 'x') ?= 'g1' && lower(@request.body.tags) != 'x'", ANN, YES),
    # the same element within one group
    ("@request.body.tags ?= 'g1' && @request.body.tags ?= 'g2'", ANN, NO),
    ("@request.body.tags ?= 'g1' && @request.body.tags ?~ '1'", ANN, YES),
    ("@request.body.tags ?= 'g1' && (pinned || @request.body.tags ?~ '2')", ANN, NO),
    ("@request.body.tags ?= 'g1' && !(!(@request.body.tags ?= 'g2'))", ANN, YES),
    ("@request.body.tags ?= 'g1' && @request.body.tags != 'g9' && tags ?= @request.body.tags && tags ?= 'g2'", ANN, NO),
    ("@request.body.tags ?= 'g1' && tags ?= @request.body.tags && tags ?= 'g1'", ANN, YES),
    ("@request.auth.crews ?= author.team && @request.auth.crews.open ?= true", ANN, YES),
    ("@request.auth.crews ?= author.team && @request.auth.crews.name ?= 'Blue'", ANN, NO),
    ("@request.auth.crews.name ?= 'Blue' && @request.auth.crews.open ?= true", ANN, NO), ("@request.auth.crews.name ?= 'Blue'", ANN, YES),
    ("@request.auth.crews.name = 'Red'", ANN, NO), ("@request.auth.crews.name != 'Green'", ANN, YES),
    ("@request.auth.crews:length = 2", ANN, YES),
    # what a body changes
    ("@request.body.tags:changed", ANN, YES), ("@request.body.labels:changed", ANN, YES), ("@request.body.tags:changed", GUEST, NO),
    ("@request.body.tags:changed", Values(NOW, {("body", "tags"): ["g1", "g2"]}), NO),
    ("@request.body.tags:changed", Values(NOW, {("body", "tags"): ["g1"]}), YES),
    ("@request.body.tags:changed", Values(NOW, {("body", "tags"): None}), YES),
    ("@request.body.tags:changed", Values(NOW, {("body", "tags+"): "g1"}), YES),
    ("@request.body.labels:changed = false", Values(NOW, {("body", "labels"): ["Red", "blue"]}), YES),
    ("@request.body.labels:changed", Values(NOW, {("body", "labels"): {"no": "list"}}), YES),
])  # fmt: skip
def test_lists_in_the_request(text, values, expected):
    assert answers(text, values=values) is expected


def test_setting_an_empty_list_to_nothing_is_no_change():
    for raw in ([], None, ""):
        assert answers("@request.body.tags:changed", EMPTY, Values(NOW, {("body", "tags"): raw})) is False


@pytest.mark.parametrize("text,condition,values", [
    ("author.team ?= @request.auth.crews", In(TEAM_OF, (Slot(0, Kind.TEXT), Slot(1, Kind.TEXT)), Kind.TEXT), ("t1", "t2")),
    ("author.team != @request.auth.crews", Not(In(TEAM_OF, (Slot(0, Kind.TEXT), Slot(1, Kind.TEXT)), Kind.TEXT)), ("t1", "t2")),
    ("tags ?= @request.body.tags", In(TAGGED, (Slot(0, Kind.TEXT), Slot(1, Kind.TEXT)), Kind.TEXT, any=True), ("g2", "g1")),
    ("tags != @request.body.tags", In(TAGGED, (Slot(0, Kind.TEXT), Slot(1, Kind.TEXT)), Kind.TEXT, negated=True), ("g2", "g1")),
    ("@request.body.labels ?= title", FALSE, ()), ("@request.body.tags ?= 'g2'", TRUE, ()),
    ("@request.body.tags:changed", Compare("!=", WHOLE, Slot(0, Kind.JSON), Kind.JSON), (("g2", "g1"),)),
    ("@request.body.labels:changed", Compare("!=", COUNTED, Slot(0, Kind.INTEGER), Kind.INTEGER), (0,)),
    ("tags in ('g1', '', title, @request.query.none)",
     In(TAGGED, (Slot(0, Kind.TEXT), Literal(None, None), rule("title = ''").left), Kind.TEXT), ("g1",)),
    ("tags.rank in (1, 1.5, 1e30)", In(rule("tags.rank = 1").left, (Slot(0, Kind.INTEGER),), Kind.INTEGER), (1,)),
])  # fmt: skip
def test_what_is_left_of_lists(text, condition, values):
    assert shape(rule(text), ANN) == Bound(condition, values)


def test_lists_of_many_lengths_have_few_shapes():
    condition = rule("author ?= @request.body.tags")
    shapes = {shape(condition, Values(NOW, {("body", "tags"): [f"u{at}" for at in range(length)]})).shape for length in range(65)}
    assert len(shapes) == 8
    found = shape(condition, Values(NOW, {("body", "tags"): ["a", "b", "c"]}))
    assert found.values == ("a", "b", "c", "c")


def test_a_list_that_is_too_long_is_refused_by_name():
    values = Values(NOW, {("body", "tags"): ["x"] * 3000})
    assert shape(rule("author ?= @request.body.tags"), values)
    with pytest.raises(Invalid) as refused:
        shape(rule("author ?= @request.body.tags && @request.body.tags ?!= 'y'"), values)
    assert refused.value.code == "limit_exceeded"
    assert "`list_elements`" in refused.value.detail


def test_a_search_without_end_is_refused_by_name():
    lists = [f"meta.{name}:each ?= title" for name in "abc"]
    never = "(meta.a:each ?= 'x' || meta.b:each ?= 'x') && (meta.b:each ?= 'x' || meta.c:each ?= 'x')"
    record = {**POST, "meta": {name: ["Hello_World"] * 1000 for name in "abc"}}
    before = time.monotonic()
    with pytest.raises(Invalid) as refused:
        holds(rule(" && ".join((*lists, never))), record, ANN, WORLD)
    assert refused.value.code == "limit_exceeded"
    assert "`choices`" in refused.value.detail
    assert time.monotonic() - before < 20


@pytest.mark.parametrize("held", [
    {("auth", "role"): "chief"}, {("auth", "roles"): ("cook", "chief")}, {("auth", "roles"): ["chief"]},
])  # fmt: skip
def test_a_role_is_held_in_whatever_form(held):
    assert answers("hasRole('chief') && !(hasRole('che'))", values=Values(NOW, held)) is True
    assert answers("hasRole('chief')", values=GUEST) is False


def test_a_role_that_is_a_record_is_held_by_its_name():
    roles = collection("roles", name="text")
    staff = collection("staff", "accounts", roles=to("roles", many=True))
    schema = Schema(1, {"posts": POSTS, "roles": roles, "staff": staff})
    condition = check("hasRole('chief')", Scope(schema, POSTS, "/rules/list"))
    values = Values(NOW, {("auth", "roles"): ("r1", "r2"), ("auth", "roles", "0", "name"): "cook", ("auth", "roles", "1", "name"): "chief"})
    assert ("auth", "roles", "name") in request_paths(condition)
    assert holds(condition, POST, values) is True
    assert shape(condition, values).constant is True
    assert holds(condition, POST, Values(NOW, {("auth", "roles"): ("chief",)})) is False


@pytest.mark.parametrize("text,own,steps", [
    ("title = 'a'", POSTS, 0), ("author.name = 'a'", POSTS, 1),
    ("author.name = 'a' && author.level > 1 && author.team.name = 'b'", POSTS, 2),
    ("tags ?= 'a'", POSTS, 1), ("tags.name ?= 'a'", POSTS, 2), ("tags.akin.name ?= 'a' && tags.name ?= 'b'", POSTS, 4),
    ("posts_via_tags.title ?= 'a'", TAGS, 2), ("author.posts_via_author:length > 1", POSTS, 2), ("labels:length > 1", POSTS, 1),
    ("@collection.teams.name ?= 'a' && @collection.teams:x.lead.name ?= 'b'", POSTS, 3),
])  # fmt: skip
def test_steps_are_counted_as_the_tables_that_they_join(text, own, steps):
    assert joins(rule(text, own), Scope(SCHEMA, own).is_many) == steps


def test_the_steps_of_guards_count_wherever_they_stand():
    class Guarding(Seeing):
        def guard(self, collection):
            return rule("lead.team.name = 'a'", SCHEMA.collections["teams"]) if collection.name == "teams" else TRUE

        def field_guard(self, collection, field):
            return rule("parent.live", POSTS) if field.name == "title" else TRUE

    scope = Scope(SCHEMA, POSTS, "filter", client=True, sight=Guarding())
    assert joins(check("author.team.name = 'a'", scope), scope.is_many) == 4
    assert joins(check("author.team.name = 'a' && editor.team.name = 'a'", scope), scope.is_many) == 8
    assert joins(check("title = 'a' && parent.title = 'b'", scope), scope.is_many) == 3
