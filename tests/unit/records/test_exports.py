"""What an export says of values and of limits: every text comes back from CSV as it was, and no cell begins a formula."""

import pytest

from domain.errors import Invalid
from domain.records.exports import UNLIMITED, ExportForm, ExportLimits
from domain.records.formulas import guarded, unguarded

RUN = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", "'=1", "''=1", "'-", "=")
PLAIN = ("", "a", "'", "''", "'tis", "a=1", " =1", "1-2", "'a=1", "é", "''x")


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_would_run_is_guarded_and_comes_back(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_stay_as_they_are_both_ways(text: str) -> None:
    assert guarded(text) == text
    assert unguarded(text) == text


@pytest.mark.parametrize("limits, judge, named", [
    (ExportLimits(rows=2), lambda limits: limits.check_rows(3), "export_rows"),
    (ExportLimits(seconds=1), lambda limits: limits.check_seconds(1.1), "export_seconds"),
    (ExportLimits(size=10), lambda limits: limits.check_size(11), "export_size"),
])  # fmt: skip
def test_limits_are_told_by_name(limits: ExportLimits, judge, named: str) -> None:
    with pytest.raises(Invalid, match=named) as caught:
        judge(limits)
    assert caught.value.code == "limit_exceeded"
    assert caught.value.hint
    judge(UNLIMITED)


def test_up_to_the_limit_all_is_well() -> None:
    limits = ExportLimits(rows=3, seconds=1, size=10)
    limits.check_rows(3)
    limits.check_seconds(1)
    limits.check_size(10)


def test_the_file_is_named_after_the_collection() -> None:
    assert ExportForm("csv").file_name("posts") == "posts.csv"
    assert ExportForm("json", gzip=True).file_name("posts") == "posts.json.gz"
