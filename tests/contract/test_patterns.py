"""The patterns port on RE2: whole matches, clear refusals, and a time that only grows with the text."""

import time

import pytest

from adapters.outbound.re2_patterns import MAX_PATTERN, Re2Patterns
from domain.schema.fields import Unfit

matches = Re2Patterns().matches


@pytest.mark.parametrize("pattern, text, expected", [
    ("[a-z]+", "abc", True),
    ("[a-z]+", "abc1", False),
    ("[a-z]+", "1abc", False),
    ("a|ab", "ab", True),
    ("[a-z]+", "abc\n", False),
    ("^[a-z]+$", "abc", True),
    ("", "", True),
    ("", "a", False),
    (r"\p{Greek}+", "λόγος", True),
    (".", "🔑", True),
    ("(?i)ABC", "abc", True),
])  # fmt: skip
def test_a_pattern_matches_the_whole_text_or_not_at_all(pattern, text, expected):
    assert matches(pattern, text) is expected


@pytest.mark.parametrize("pattern", [
    "(", "[", "a{2000}", r"(\pL{1,99}){1,99}", "(?=a)b", r"(a)\1", "\ud800", "a" * (MAX_PATTERN + 1), r"(?:\pL{1,30}b?)+c",
])  # fmt: skip
def test_what_re2_cannot_run_in_linear_time_and_little_memory_is_refused(pattern):
    with pytest.raises(Unfit) as refused:
        matches(pattern, "")
    assert refused.value.code == "invalid_pattern"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}", "(a*)*b"])
def test_no_pattern_backtracks(pattern):
    started = time.process_time()
    matches(pattern, "a" * 50_000 + "!")
    assert time.process_time() - started < 1.0  # backtracking engines take longer than anybody waits
