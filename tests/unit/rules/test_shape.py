"""Shapes: what is folded, what becomes a slot, and that a shaped condition says what the unshaped one said."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.rules.check import Scope, check
from domain.rules.evaluate import holds, holds_bound, is_local
from domain.rules.patterns import _parts
from domain.rules.shape import ANYTHING, Bound, all_of, needs_many, shape
from domain.rules.tree import FALSE, TRUE, And, Call, Compare, In, Literal, Not, Or, Path, Slot
from domain.rules.values import Values, request_paths
from domain.schema.kinds import Kind
from tests.unit.rules.test_errors import client
from tests.unit.rules.worlds import ANN, EMPTY, GUEST, NOW, POST, POSTS, SCHEMA, WORLD, is_many, rule

ABSENT = Literal(None, None)
_YES = Literal(True, Kind.BOOL)


def path(name: str) -> Path:
    return rule(f"{name} = null").left


def shaped(text: str, values: Values = ANN) -> Bound:
    return shape(rule(text), values)


@pytest.mark.parametrize("text,values,answer", [
    ("@request.auth.id != ''", GUEST, FALSE), ("@request.auth.id != ''", ANN, TRUE), ("author = @request.auth.id", GUEST, FALSE),
    ("author != @request.auth.id", GUEST, TRUE), ("views > @request.query.word", ANN, FALSE),
    ("live && @request.auth.id = ''", ANN, FALSE),
    ("live || @request.auth.id != ''", ANN, TRUE), ("!(live || @request.auth.id != '')", ANN, FALSE), ("title ~ ''", ANN, TRUE),
    ("title !~ '%'", ANN, FALSE),
    ("title > null", ANN, FALSE), ("views = 1.5", ANN, FALSE), ("views != 1e30", ANN, TRUE), ("price = 1.234", ANN, FALSE),
    ("day = '2026-01-01T10:00:00Z'", ANN, FALSE), ("title in (@request.query.none)", ANN, FALSE),
    ("title not in (@request.query.none)", ANN, TRUE),
    ("startsWith(title, '')", ANN, TRUE), ("startsWith(title, '') = @request.query.yes", ANN, TRUE),
    ("contains(title, @request.query.none)", ANN, FALSE), ("title !~ @request.query.none", ANN, TRUE), ("hasRole('chief')", ANN, TRUE),
    ("hasRole('chief')", GUEST, FALSE),
    ("@request.body.title:isset", ANN, TRUE), ("@request.body.rank:changed", ANN, TRUE),
    ("@request.body.subtitle:changed", ANN, FALSE),
    ("geoDistance(score, score, @request.query.word, 1) < 5", ANN, FALSE), ("1 in (1, 2)", ANN, TRUE),
    ("comments_via_post.stars in (1.5)", ANN, FALSE),
])  # fmt: skip
def test_what_is_known_is_folded_away(text, values, answer):
    bound = shaped(text, values)
    assert bound == Bound(answer)
    assert bound.constant is answer.value


@pytest.mark.parametrize("text,condition,values", [
    ("title = 'a'", Compare("=", path("title"), Slot(0, Kind.TEXT), Kind.TEXT), ("a",)),
    ("'a' = title", Compare("=", path("title"), Slot(0, Kind.TEXT), Kind.TEXT), ("a",)),
    ("5 < views", Compare(">", path("views"), Slot(0, Kind.INTEGER), Kind.INTEGER), (5,)),
    ("title = ''", Compare("=", path("title"), ABSENT, Kind.TEXT), ()),
    ("title != null", Compare("!=", path("title"), ABSENT, Kind.TEXT), ()),
    ("views = null", Compare("=", path("views"), ABSENT, Kind.INTEGER), ()),
    ("views < 1e30", Compare("!=", path("views"), ABSENT, Kind.INTEGER), ()),
    ("views < 1.5", Compare("<=", path("views"), Slot(0, Kind.INTEGER), Kind.INTEGER), (1,)),
    ("views >= 1.5", Compare(">=", path("views"), Slot(0, Kind.INTEGER), Kind.INTEGER), (2,)),
    ("views > -1.5", Compare(">=", path("views"), Slot(0, Kind.INTEGER), Kind.INTEGER), (-1,)),
    ("views <= -1.5", Compare("<=", path("views"), Slot(0, Kind.INTEGER), Kind.INTEGER), (-2,)),
    ("views > @request.query.half", Compare(">=", path("views"), Slot(0, Kind.INTEGER), Kind.INTEGER), (10,)),
    ("price < 1.239", Compare("<=", path("price"), Slot(0, Kind.DECIMAL), Kind.DECIMAL), (Decimal("1.23"),)),
    ("price = 12.5", Compare("=", path("price"), Slot(0, Kind.DECIMAL), Kind.DECIMAL), (Decimal("12.50"),)),
    ("score = 1", Compare("=", path("score"), Slot(0, Kind.NUMBER), Kind.NUMBER), (1.0,)),
    ("meta.n = 1", Compare("=", path("meta.n"), Slot(0, Kind.NUMBER), Kind.NUMBER), (1.0,)),
    ("due > @now - 1d", Compare(">", path("due"), Slot(0, Kind.DATE), Kind.DATE), ("2026-11-21T13:14:15.678Z",)),
    ("day < '2026-01-01T10:00:00Z'", Compare("<=", path("day"), Slot(0, Kind.DAY), Kind.DAY), ("2026-01-01",)),
    ("day >= @now", Compare(">", path("day"), Slot(0, Kind.DAY), Kind.DAY), ("2026-11-22",)),
    ("title ~ 'a_b'", Compare("~", path("title"), Slot(0, Kind.TEXT, "text"), Kind.TEXT), ("a_b",)),
    ("title !~ 'a\\b%\\%'", Compare("!~", path("title"), Slot(0, Kind.TEXT, "pattern"), Kind.TEXT), ("ab%\\%",)),
    ("title ~ @request.query.tail", Compare("~", path("title"), Slot(0, Kind.TEXT, "pattern"), Kind.TEXT), ("%d\\\\",)),
    ("title ~ subtitle", Compare("~", path("title"), path("subtitle"), Kind.TEXT), ()),
    ("'a%' ~ title", Compare("~", Slot(0, Kind.TEXT), path("title"), Kind.TEXT), ("a%",)),
    ("mail = 'A@B.cd'", Compare("=", path("mail"), Slot(0, Kind.TEXT), Kind.TEXT), ("A@B.cd",)),
    ("live", Compare("=", path("live"), Slot(0, Kind.BOOL), Kind.BOOL), (True,)),
    ("views in (1, 2.5, 3)", In(path("views"), (Slot(0, Kind.INTEGER), Slot(1, Kind.INTEGER)), Kind.INTEGER), (1, 3)),
    ("views not in (1, 2)", Not(In(path("views"), (Slot(0, Kind.INTEGER), Slot(1, Kind.INTEGER)), Kind.INTEGER)), (1, 2)),
    ("title in ('a', '', 'b', subtitle)", Or((
        In(path("title"), (Slot(0, Kind.TEXT), Slot(1, Kind.TEXT)), Kind.TEXT),
        Compare("=", path("title"), ABSENT, Kind.TEXT), Compare("=", path("title"), path("subtitle"), Kind.TEXT))), ("a", "b")),
    ("title = 'a' && @request.auth.id != '' && (live || pinned)", And((
        Compare("=", path("title"), Slot(0, Kind.TEXT), Kind.TEXT),
        Or((Compare("=", path("live"), Slot(1, Kind.BOOL), Kind.BOOL), Compare("=", path("pinned"), Slot(2, Kind.BOOL), Kind.BOOL))))),
     ("a", True, True)),
    ("@request.auth.id = '' || title = 'a'", Compare("=", path("title"), Slot(0, Kind.TEXT), Kind.TEXT), ("a",)),
    ("(title = 'a' && views = 1.5) || live", Compare("=", path("live"), Slot(0, Kind.BOOL), Kind.BOOL), (True,)),
    ("startsWith(title, @request.query.word)",
     Compare("=", Call("startsWith", (path("title"), Slot(0, Kind.TEXT)), Kind.BOOL), _YES, Kind.BOOL), ("hello",)),
    ("@request.body.views:changed", Compare("!=", path("views"), Slot(0, Kind.INTEGER), Kind.INTEGER), (11,)),
    ("coalesce(title, @request.query.word) = 'a'",
     Compare("=", Call("coalesce", (path("title"), Slot(0, Kind.TEXT)), Kind.TEXT), Slot(1, Kind.TEXT), Kind.TEXT),
     ("hello", "a")),
])  # fmt: skip
def test_values_stand_in_slots(text, condition, values):
    assert shaped(text) == Bound(condition, values)


def test_equal_shapes_differ_in_values_alone():
    one, other = shaped("title = 'a' && views > 1"), shaped("title = 'b' && views > 2")
    assert one.shape == other.shape
    assert hash(one.shape) == hash(other.shape)
    assert one.values != other.values


def test_a_condition_that_asks_nothing_of_the_request_is_shaped_once():
    condition = rule("title = 'a' && views > 1")
    assert shape(condition, ANN) is shape(condition, GUEST)
    asking = rule("author = @request.auth.id")
    assert shape(asking, ANN) != shape(asking, GUEST)
    now = rule("due < @now")
    assert shape(now, Values(NOW)) != shape(now, Values(NOW.replace(year=2027)))


def test_guards_are_shaped_with_the_same_values():
    class Guarding:
        def may_name(self, collection, field):
            return True

        def field_guard(self, collection, field):
            return TRUE

        def guard(self, collection):
            return check("name != 'Zed' && id = @request.auth.id", Scope(SCHEMA, collection))

    condition = check("title = 'a' || author.name = 'Ann'", Scope(SCHEMA, POSTS, "filter", client=True, sight=Guarding()))
    assert request_paths(condition) == {("auth", "id")}
    bound = shape(condition, ANN)
    assert sorted(bound.values) == ["Ann", "Zed", "a", "u1"]
    assert holds_bound(bound, POST, WORLD) is True
    assert holds_bound(shape(condition, GUEST), POST, WORLD) is False
    assert holds(condition, POST, GUEST, WORLD) is False
    assert holds(condition, {**POST, "author": "u2"}, ANN, WORLD) is False


def test_a_target_that_its_guard_hides_is_absent():
    text = "comments_via_post.text ?= 'awful'"
    assert holds(rule(text), POST, ANN, WORLD) is True
    assert holds(client(text), POST, ANN, WORLD) is False
    assert holds(client("comments_via_post:length = 1"), POST, ANN, WORLD) is True
    assert holds_bound(shape(client("comments_via_post:length = 1"), ANN), POST, WORLD) is True


def test_which_paths_of_the_request_are_read():
    text = "@request.auth.team.name = 'x' || author = @request.auth.id || @request.body.views:isset || hasRole('x')"
    text += " || lower(@request.query.q) = title"
    assert request_paths(rule(text)) == {
        ("auth", "team", "name"), ("auth", "id"), ("body", "views"), ("body", "views+"), ("body", "views-"), ("auth", "role"),
        ("auth", "roles"), ("query", "q"),
    }  # fmt: skip
    assert request_paths(rule("title = 'a' && due < @now")) == frozenset()


@pytest.mark.parametrize("text,expected", [
    ("comments_via_post.text = 'a'", True), ("comments_via_post:length = 0", True), ("@collection.teams.name = 'a'", True),
    ("meta.tags:each = 'a'", True),
    ("@request.body.meta.list:each = 'a'", True), ("author.team.name = 'a'", False), ("meta.tags:length = 1", False),
    ("!(live && lower(comments_via_post.text) = 'a')", True),
])  # fmt: skip
def test_which_conditions_read_many_values(text, expected):
    assert is_many(text) is expected


@pytest.mark.parametrize("text", ["title ~ @request.query.q", "'lamp' ~ @request.query.q", "title !~ @request.query.q || views > 1"])
def test_what_is_looked_for_is_refused_before_anything_is_made_of_it_where_it_is_long(text):
    """Whoever decides: the engines try it at every place of a text, and here it would be taken apart and kept."""
    taken_apart = _parts.cache_info()
    for long in ("%" + "ab" * 100, "ab" * 1000 + "%"):
        with pytest.raises(Invalid) as refused:
            shape(rule(text), Values(NOW, {("query", "q"): long}))
        assert refused.value.code == "limit_exceeded"
    assert _parts.cache_info() == taken_apart
    assert shape(rule(text), Values(NOW, {("query", "q"): "%" + "a" * 199}))


def test_which_conditions_need_no_other_record():
    assert is_local(rule("title = 'a' && author = @request.auth.id && @request.auth.team.name != '' && meta.tags:each = 'a'"))
    assert not is_local(rule("live && author.name = 'a'"))
    assert not is_local(rule("@collection.teams.name = 'a'"))


def test_conditions_are_joined_without_sharing_elements():
    mine, admins = rule("comments_via_post.stars ?= 5"), rule("comments_via_post.by ?= 'u2'")
    assert holds(And((mine, admins)), POST, ANN, WORLD) is False
    assert holds(all_of(mine, admins), POST, ANN, WORLD) is True
    assert holds_bound(shape(all_of(mine, admins), ANN), POST, WORLD) is True
    assert all_of(TRUE, rule("live")) == rule("live")
    assert all_of() == TRUE
    assert shape(TRUE, ANN) == ANYTHING


# --- generated

_CASES = max(1000, settings.default.max_examples)
_TEXTS = ["title", "subtitle", "status", "link", "author", "author.name", "lower(title)", "coalesce(subtitle, title)",
"@request.query.word", "@request.auth.id", "@request.query.none",
          "@request.auth.team.name", "'Hello_World'", "'hello'", "''", "null", "'%o%'", "'_'", "meta.text", "mail", "cc",
          "title:lower", "strftime('%Y', due)", "'2026'",
          "comments_via_post.text", "comments_via_post.by.name", "@collection.teams:a.name", "meta.tags:each", "'a'",
          "coalesce(@request.query.none, title)", "tags", "labels", "labels:lower", "tags.name", "tags.akin.name",
          "lower(labels)", "@request.body.tags", "@request.body.tags:lower", "@request.body.labels", "@request.auth.crews",
          "@request.auth.crews.name", "@request.auth.roles:each", "@request.body.meta.list:each"]  # fmt: skip
_NUMBERS = ["views", "rank", "score", "price", "fee", "meta.n", "meta.big", "10", "-1", "10.5", "12.5", "12.500001", "1e30",
"-1e30", "9007199254740993", "9223372036854775808", "null",
            "@request.query.n", "@request.query.half", "@request.query.word", "@request.query.none", "@request.body.views", "@day",
            "length(title)", "coalesce(views, 7)",
            "author.level", "comments_via_post.stars", "comments_via_post:length", "meta.tags:length",
            "geoDistance(score, rank, @request.query.n, 1)", "5", "2.5", "tags.rank", "tags:length", "labels:length",
            "tags.akin:length", "@request.body.tags:length", "@request.auth.crews:length"]  # fmt: skip
_DATES = ["due", "done", "day", "created", "@now", "@todayStart", "@yesterday", "due + 1d", "day - 36h", "'2026-11-22'",
"'2026-11-22T10:00:00Z'", "''", "null", "@request.query.day", "@request.query.none",
          "@request.query.day + 1d", "@now - 1d", "@request.body.due", "due + 500000w", "coalesce(due, done)"]  # fmt: skip
_BOOLS = ["live", "pinned", "meta.flag", "true", "false", "null", "@request.query.yes", "author.verified", "@request.body.live",
"comments_via_post.private", "startsWith(title, 'H')",
          "contains(title, subtitle)", "hasRole('chief')", "@request.body.title:isset", "@request.auth.crews.open",
          "contains(labels, @request.body.tags)", "@request.body.tags:isset"]  # fmt: skip
_CHANGED = ["@request.body.title:changed", "@request.body.views:changed", "@request.body.rank:changed",
"@request.body.due:changed = false", "@request.body.subtitle:changed", "@request.body.tags:changed", "@request.body.labels:changed"]
_EQUALITY, _ORDERED, _LIKE = ["=", "!=", "?=", "?!="], ["<", "<=", ">", ">=", "?<", "?>="], ["~", "!~", "?~", "?!~"]
MANY_SIGNS = ("comments_via_post.", ":each", "@collection", "tags", "labels", "crews")


def _comparison(operands, ops):
    sides = st.sampled_from(operands)
    single = [operand for operand in operands if not any(sign in operand for sign in MANY_SIGNS)]
    lists = st.lists(st.sampled_from(single), min_size=1, max_size=4)
    listed = st.tuples(sides, st.sampled_from(["in", "not in", "?in", "?not in"]), lists)
    return st.one_of(
        st.tuples(sides, st.sampled_from(ops), sides).map(" ".join),
        listed.map(lambda parts: f"{parts[0]} {parts[1]} ({', '.join(parts[2])})"),
    )


RULES = st.recursive(
    st.one_of(
        _comparison(_TEXTS, _EQUALITY + _ORDERED + _LIKE),
        _comparison(_NUMBERS, _EQUALITY + _ORDERED),
        _comparison(_DATES, _EQUALITY + _ORDERED),
        _comparison(_BOOLS, _EQUALITY), st.sampled_from(_CHANGED), st.sampled_from(["live", "pinned", "meta.flag", "true",
        "hasRole('x')"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" && ".join), st.lists(inner, min_size=2, max_size=3).map(" || ".join),
        inner.map(lambda text: f"!({text})"), inner.map(lambda text: f"({text})"),
    ),
    max_leaves=6,
)  # fmt: skip
CHANGES = {
    "title": st.sampled_from([None, "Hello_World", "hello", "Ann", "2026", "50% off"]), "subtitle": st.sampled_from([None, "hello",
    "Hello_World", "o_w"]),
    "views": st.sampled_from([None, 0, 10, 11, 2**53 + 1, 2**63 - 1, -(2**63)]),
    "score": st.sampled_from([None, 0.0, 2.5, 1e300, 10.0]),
    "price": st.sampled_from([None, Decimal("12.50"), Decimal("10.00"), Decimal("-0.01")]),
    "due": st.sampled_from([None, POST["due"], "2026-11-22T13:14:15.678Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"]),
    "day": st.sampled_from([None, "2026-11-22", "0001-01-01",
    "9999-12-31"]), "live": st.sampled_from([None, True, False]), "author": st.sampled_from([None, "u1", "u3"]),
    "mail": st.sampled_from([None, "Ann@Example.org", "x@y.zz"]), "meta": st.sampled_from([None, POST["meta"], {"n": "5",
    "tags": [], "text": 1}, [1, 2], "text"]),
    "id": st.sampled_from(["p1", "p2"]), "tags": st.sampled_from([(), ("g1",), ("g2", "g1"), ("g1", "g2", "g3")]),
    "labels": st.sampled_from([(), ("Red",), ("green", "blue")]),
}  # fmt: skip
RECORDS = st.fixed_dictionaries({}, optional=CHANGES).map(lambda changes: {**POST, **changes})


def _checked(text):
    """None where the language refuses what was put together: two sides without a type, a bool in order."""
    try:
        return rule(text)
    except Invalid as problem:
        if problem.code not in ("type_mismatch", "not_allowed"):
            raise
        return None


@given(text=RULES, record=RECORDS, values=st.sampled_from([ANN, GUEST, Values(NOW)]))
@settings(max_examples=_CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_a_shape_says_what_the_condition_said(text, record, values):
    condition = _checked(text)
    if condition is None:
        return
    expected = holds(condition, record, values, WORLD)
    bound = shape(condition, values)
    assert holds_bound(bound, record, WORLD) is expected
    assert hash(bound.shape) == hash(shape(condition, values).shape)
    assert holds(Not(condition), record, values, WORLD) is not expected
    assert holds(rule(f"!({text})"), record, values, WORLD) is not expected


@given(text=RULES)
@settings(max_examples=200, deadline=None)
def test_a_shape_holds_values_in_slots_alone_and_each_is_used(text):
    condition = _checked(text)
    if condition is None:
        return
    bound = shape(condition, ANN)
    written = repr(bound.shape)
    assert "Request(" not in written
    assert "macro=True" not in written
    if not needs_many(condition):
        assert all(f"Slot(index={at}," in written for at in range(len(bound.values)))


def test_the_generator_makes_rules_that_are_checked_and_undecided():
    """Else the test above would say little."""
    found = [_checked(text) for text in ("title = 'hello' && views > 10.5", "due < @now || day in ('2026-11-22')")]
    assert {holds(each, POST, ANN, WORLD) for each in found if each} == {False, True}
    assert holds(rule("views > 1"), EMPTY, ANN, WORLD) is False
