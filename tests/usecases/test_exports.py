"""`stillroom export`: a file that is there whole or not at all, and nothing in the way of its rows."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from adapters.inbound.cli.commands import Actions, commands
from app import testing
from domain.actor import SYSTEM
from domain.errors import Invalid
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
Run = Callable[..., Result]


@pytest.fixture
def room() -> Iterator[testing.TestBackend]:
    with testing.backend() as made:
        fields = [{"name": "title", "type": "text"}, {"name": "secret", "type": "text", "hidden": True}]
        made.collections.create({"name": "posts", "fields": fields}, actor=SYSTEM)
        for at, title in enumerate(("tea", "=1+1", None)):
            made.records.create("posts", {"id": f"p{at}", "title": title, "secret": "s"}, actor=SYSTEM, facts=FACTS)
        yield made


@pytest.fixture
def run(room: testing.TestBackend) -> Run:
    actions = Mock(spec=Actions)
    actions.exports = lambda: nullcontext(room.exports)
    return lambda *options: CliRunner().invoke(commands(actions), ["export", *options])


def test_rows_go_to_standard_output_and_words_elsewhere(run: Run) -> None:
    done = run("posts", "--fields", "id,title,secret", "--sort", "-id")
    assert done.stdout_bytes == b"id,title,secret\r\np2,,s\r\np1,'=1+1,s\r\np0,tea,s\r\n"
    assert done.stderr == "Wrote 3 records of `posts`.\n"


@pytest.mark.parametrize("name, read", [
    ("a.jsonl", lambda data: [json.loads(line) for line in data.splitlines()]),
    ("a.json", json.loads),
    ("a.json.gz", lambda data: json.loads(gzip.decompress(data))),
])  # fmt: skip
def test_the_name_tells_the_form(run: Run, tmp_path: Path, name: str, read: Any) -> None:
    out = tmp_path / name
    done = run("posts", "--out", str(out), "--filter", "title != ''", "--fields", "id")
    assert done.exit_code == 0, done.output
    assert read(out.read_bytes()) == [{"id": "p0"}, {"id": "p1"}]
    assert list(tmp_path.iterdir()) == [out]


def test_a_file_is_replaced_on_wish_only(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "posts.csv"
    out.write_text("mine")
    done = run("posts", "--out", str(out))
    assert (done.exit_code, out.read_text()) == (1, "mine")
    assert "--overwrite" in done.output
    assert run("posts", "--out", str(out), "--overwrite", "--bom", "--fields", "id").exit_code == 0
    assert out.read_bytes() == b"\xef\xbb\xbfid\r\np0\r\np1\r\np2\r\n"


def test_what_fails_leaves_no_file(run: Run, room: testing.TestBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "posts.csv"
    for options in (("nowhere",), ("posts", "--filter", "titel = 'x'"), ("posts", "--format", "json", "--bom")):
        done = run(*options, "--out", str(out))
        assert done.exit_code == 1, done.output
        assert "Traceback" not in done.output
    monkeypatch.setattr("adapters.inbound.web.tables.CsvTable.put", Mock(side_effect=Invalid("broken in the middle")))
    done = run("posts", "--out", str(out))
    assert (done.exit_code, "Broken in the middle" in done.output) == (1, True)
    assert list(tmp_path.iterdir()) == []
