"""Imports point inward: import-linter's contracts (setup.cfg), and what it cannot say about the standard library."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INNER = {
    "domain": {"domain"},
    "ports": {"domain", "ports"},
    "app/usecases": {"domain", "ports", "app.usecases"},
}


def test_the_contracts_hold():
    linter = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    found = subprocess.run(
        [*linter, "--config", "setup.cfg", "--no-cache", "--no-logo"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("package", INNER)
def test_inner_packages_import_the_standard_library_and_inner_packages_only(package):
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules, f"{package}/ has no modules: did it move?"
    assert [
        f"{module.relative_to(ROOT)}:{line} imports {name}"
        for module in modules
        for line, name in strangers(module.read_text(), INNER[package])
    ] == []


@pytest.mark.parametrize("code", ["import flask", "from sqlalchemy import text", "import os, app.wiring", "def f(): import re2"])
def test_a_stranger_is_found_wherever_it_is_imported(code):
    assert strangers(code, INNER["app/usecases"])


def strangers(code, friends):
    return [
        (line, name)
        for line, name in imported(ast.parse(code))
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not any(f"{name}.".startswith(f"{friend}.") for friend in friends)
    ]


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from app import usecases` names app.usecases; a relative import is nobody's friend and is reported.
            yield from ((node.lineno, f"{node.module or '.'}.{alias.name}") for alias in node.names)
