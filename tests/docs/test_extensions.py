"""docs/extensions.md: its blog and its test run, and its table of events is the one that there is."""

import re
import sys
from dataclasses import fields
from types import ModuleType

from domain.hooks.catalogue import CATALOGUE
from domain.hooks.changes import Change
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs/extensions.md").read_text(encoding="utf-8")


def python(holding):
    return next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.S) if holding in block)


def test_the_blog_passes_its_own_test(monkeypatch):
    module = ModuleType("extensions.blog")
    monkeypatch.setitem(sys.modules, "extensions", ModuleType("extensions"))
    monkeypatch.setitem(sys.modules, "extensions.blog", module)
    exec(compile(python("# extensions/blog.py"), "docs/extensions.md", "exec"), module.__dict__)
    exec(compile(python("from app.testing"), "docs/extensions.md", "exec"), {})


def test_every_event_is_listed_with_what_its_change_has():
    every = {each.name for each in fields(Change)}
    wanted = [
        (event, kind.committed, kind.meaning, [each.name for each in fields(kind.shape) if each.name not in every])
        for event, kind in CATALOGUE.items()
    ]
    rows = re.findall(r"^\| `([a-z_.]+)` \| `([a-z_.]+)` \| (.*?) \| (.*?)\|$", PAGE, re.M)
    assert [(event, told, meaning, re.findall(r"`(\w+)`", has)) for event, told, meaning, has in rows] == wanted


def test_what_every_change_has_is_told():
    told = PAGE[PAGE.index("Besides that each change has") :]
    assert re.findall(r"`(\w+)`", told)[: len(fields(Change))] == [each.name for each in fields(Change)]
