"""The fenced blocks of our documentation, by their language."""

import json
import re
import sys
from typing import Any

from tests.e2e.server import ROOT, Server


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", text, re.M | re.S)


def lines(document: str, language: str) -> list[str]:
    """The lines of all blocks of this language."""
    return [line for block in blocks(document, language) for line in block.splitlines() if line.strip()]


def definitions(document: str) -> list[dict[str, Any]]:
    """The JSON blocks that define a collection."""
    found = [json.loads(block) for block in blocks(document, "json")]
    return [each for each in found if isinstance(each, dict) and "name" in each and "fields" in each]


def as_typed(block: str, server: Server) -> str:
    """The block as it is for this run: another port, this Python, and what `make venv` makes is there already."""
    changes = {
        "http://127.0.0.1:8000": server.url,
        ".venv/bin/stillroom": f"{sys.executable} -m app.main",
        ".venv/bin/python": sys.executable,
        "make venv": "true",
    }
    return re.sub("|".join(map(re.escape, changes)), lambda typed: changes[typed[0]], block)


def section(document: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return re.split(r"^#", f"\n{text}".split(f"\n{heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of its tables' rows, without their headers."""
    lines = re.findall(r"^\|(.+)\|$", text, re.M)
    heads = {at - 1 for at, line in enumerate(lines) if set(line) <= set("-|")}
    cells = [[cell.strip() for cell in line.split(" | ")] for at, line in enumerate(lines) if at not in heads]
    return [row for row in cells if set("".join(row)) - set("-|")]


def named(text: str) -> list[str]:
    """The names in code that stand there."""
    return re.findall(r"`(@?[A-Za-z_]+)`", text)
