"""docs/schema-in-git.md by itself: its files are as an export writes them, and its cases hold and fail as it says."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.rule_tests import rule_outcomes
from app.testing import backend
from domain.actor import SYSTEM
from domain.records.rule_cases import _CASE
from tests.docs.blocks import blocks, definitions
from tests.e2e.server import ROOT, environment

PAGE = "schema-in-git.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the page has of files, where it says that they are."""
    for name in ("schema", "rules"):
        (tmp_path / name).mkdir()
    for text, definition in zip(blocks(PAGE, "json"), definitions(PAGE), strict=False):
        (tmp_path / "schema" / f"{definition['name']}.json").write_text(text, encoding="utf-8")
    (tmp_path / "rules" / "posts.toml").write_text(blocks(PAGE, "toml")[0], encoding="utf-8")
    return tmp_path


def test_the_files_of_the_page_are_what_an_export_writes(folder: Path) -> None:
    with backend() as room:
        room.schema.apply({each["name"]: each for each in definitions(PAGE)}, actor=SYSTEM)
        written = room.schema.export(actor=SYSTEM).files
    assert written == {path.stem: path.read_text(encoding="utf-8") for path in (folder / "schema").iterdir()}


def test_its_cases_hold(folder: Path) -> None:
    outcomes = rule_outcomes(folder / "schema", folder / "rules" / "posts.toml")
    assert [str(each) for each in outcomes if not each.passed] == []
    assert len(outcomes) == 5


def test_a_case_that_fails_says_what_the_page_says(folder: Path) -> None:
    file = folder / "rules" / "posts.toml"
    text = file.read_text(encoding="utf-8")
    wrong = text.replace('record = "posts/draft"\nexpected = "denied"', 'record = "posts/draft"\nexpected = "allowed"')
    file.write_text(wrong, encoding="utf-8")
    [failed] = [each for each in rule_outcomes(folder / "schema", file) if not each.passed]
    told = next(block for block in blocks(PAGE, "text") if "did not hold" in block)
    assert told.splitlines()[:4] == f"rules/posts.toml: {failed}".splitlines()


def test_the_three_lines_for_pytest_run(folder: Path) -> None:
    (folder / "test_rules.py").write_text(blocks(PAGE, "python")[0], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "test_rules.py"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_everything_that_a_case_may_say_is_told() -> None:
    text = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    assert [name for name in _CASE if f"`{name}`" not in text] == []
