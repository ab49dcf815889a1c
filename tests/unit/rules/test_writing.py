"""What is written from a syntax reads as the same syntax again."""

from contextlib import suppress
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.rules.parse import parse
from domain.rules.parts import Part, blamed, judged
from domain.rules.writing import names_in, written, written_operand

TEXTS = [
    "a = 1", "a=1&&b=2||c=3", "a = 1 && (b = 2 || c = 3)", "(a = 1 && b = 2) && c = 3", "!(a = 1 || !(b ?!= 2))", "open", "(((open)))",
    "a ?in (1, 2.50, -3, null, true)", "a not in ('x')", "a ?not in (\"it's\")", "contains(lower(title), 'x') && @now - 7d > created",
    "@collection.posts:p.author.name:lower ~ '%a_'", "@request.body.tags:isset = false", "created + 1w - 3h < @todayStart",
    r"a = 'it\'s \"quoted\"'", r"a = 'back\slash'", r"a = 'a\\'b'", "a = ''", "a = \"'\"", "tags.x:each ?~ 'b' // comment\n || d",
    "geoDistance(p.lon, p.lat, 1e3, 0.5) < 10", "a = 0.1 && b = 1e-7 && c = 12345678901234567890",
]  # fmt: skip


def bare(node):
    """Without places."""
    if is_dataclass(node):
        return type(node).__name__, *(bare(getattr(node, each.name)) for each in fields(node) if each.name != "at")
    return tuple(bare(each) for each in node) if isinstance(node, tuple) else node


@pytest.mark.parametrize("text", TEXTS)
def test_it_reads_as_the_same_again(text):
    once = parse(text)
    assert bare(parse(written(once))) == bare(once)
    assert written(parse(written(once))) == written(once)


quoted = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=8)


@given(quoted)
def test_any_text_can_be_quoted(value):
    for quote in "'\"":
        text = f"a = {quote}{value.replace(quote, chr(92) + quote)}{quote}"
        with suppress(Invalid):  # a backslash at the end escapes the quote
            once = parse(text)
            assert bare(parse(written(once))) == bare(once)


def test_every_name_is_found_once():
    expr = parse("a = @request.auth.id && lower(b.c) ~ a || !(d ?in (e, @now - 1d))")
    assert [written_operand(each) for each in names_in(expr)] == ["a", "@request.auth.id", "b.c", "d", "e"]


# --- parts


def told(text, **holds):
    """The part of a text of which names alone are true or false."""
    def ask(expr):
        return bool(eval(written(expr).replace("&&", " and ").replace("||", " or ").replace("!(", " not ("), {}, holds))

    return judged(parse(text), ask, lambda expr: {})


BLAMED = [
    ("a && b", {"a": True, "b": True}, ()),
    ("a && b", {"a": True, "b": False}, ("b",)),
    ("a && b", {"a": False, "b": False}, ("a", "b")),
    ("a || b", {"a": False, "b": False}, ("a", "b")),
    ("a && (b || c && d)", {"a": True, "b": False, "c": True, "d": False}, ("b", "d")),
    ("a && !(b && c)", {"a": True, "b": True, "c": True}, ("!(b && c)",)),
    ("a && a", {"a": False}, ("a",)),
]


@pytest.mark.parametrize(("text", "holds", "wanted"), BLAMED)
def test_the_smallest_parts_are_blamed(text, holds, wanted):
    assert blamed(told(text, **holds)) == wanted


def test_parts_that_hold_alone_are_blamed_together():
    both = (Part("a ?= 1", "comparison", True), Part("b ?= 2", "comparison", True))
    assert blamed(Part("a ?= 1 && b ?= 2", "all", False, both)) == ("a ?= 1 && b ?= 2",)
