"""docs/problems.md lists every code that a problem may have, and none that no problem has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from adapters.inbound.web import fixed_bodies
from adapters.inbound.web.errors import _TOLD
from tests.e2e.server import ROOT

# Where the code stands among the positional arguments of what makes a refusal.
_POSITIONS = {"invalid": 1, "Fault": 1, "Unfit": 0, "refusal": 0, "_bad": 1, "problem_body": 1}
# The common base of all kinds, which nobody raises.
_NEVER_RAISED = "problem"


def test_every_code_is_documented() -> None:
    assert _in_code() - _in_documentation() == set()


def test_every_documented_code_exists() -> None:
    assert _in_documentation() - _in_code() == set()


def test_codes_are_listed_once() -> None:
    listed = _listed()
    assert sorted(listed) == sorted(set(listed))


def test_what_is_looked_for_is_found() -> None:
    """A code of each of the ways in which codes are written."""
    found = _in_code()
    assert {"not_unique", "unknown_field", "too_precise", "syntax_error", "invalid_csv", "conflict", "method_not_allowed"} <= found


def _listed() -> list[str]:
    text = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.M)


def _in_documentation() -> set[str]:
    return set(_listed())


def _in_code() -> set[str]:
    files = [path for folder in ("domain", "ports", "app", "adapters") for path in (ROOT / folder).rglob("*.py")]
    found = {code for path in files for code in _codes_of(path)}
    # These two keep their codes in tables.
    told = {code for code, _ in _TOLD.values()} | {"http_error"} | set(fixed_bodies._DETAILS)
    return (found | told) - {_NEVER_RAISED}


def _codes_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        candidates: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            candidates = [each.value for each in node.keywords if each.arg == "code"]
            at = _POSITIONS.get(_called(node.func), len(node.args))
            candidates += node.args[at : at + 1]
        elif isinstance(node, ast.ClassDef):
            candidates = [_class_default(each) for each in node.body]
        for candidate in candidates:
            if isinstance(candidate, ast.Constant) and isinstance(candidate.value, str):
                yield candidate.value


def _called(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""


def _class_default(statement: ast.stmt) -> ast.expr | None:
    if isinstance(statement, ast.Assign) and any(isinstance(each, ast.Name) and each.id == "code" for each in statement.targets):
        return statement.value
    return None
