"""`stillroom schema`: what it says, how it ends, and what becomes of the files in the folder."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from adapters.inbound.cli.commands import Actions, commands
from adapters.inbound.cli.schema import applied_at_start
from adapters.inbound.cli.schema_files import read_folder
from adapters.inbound.cli.terminal import Failed
from app import testing
from domain.actor import SYSTEM
from domain.errors import Invalid
from domain.rules.values import RequestFacts

POSTS = {"name": "posts", "fields": [{"name": "title", "type": "text"}], "rules": {"list": ""}}
Run = Callable[..., Result]


@pytest.fixture
def room() -> Iterator[testing.TestBackend]:
    with testing.backend() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "schema"


@pytest.fixture
def run(room: testing.TestBackend, folder: Path) -> Run:
    """`run("plan", "--prune")`: the command on that folder, with nobody at a terminal."""
    group = commands(Mock(spec=Actions, schema=lambda: nullcontext(room.schema)))
    return lambda command, *options: CliRunner().invoke(group, ["schema", command, "--dir", str(folder), *options])


def write(folder: Path, *definitions: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    for each in definitions:
        (folder / f"{each['name']}.json").write_text(json.dumps(each), encoding="utf-8")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_plan_ends_with_two_where_there_is_something_to_do_and_with_nothing_after_it(run: Run, folder: Path) -> None:
    write(folder, POSTS)
    planned = run("plan")
    assert (planned.exit_code, planned.stdout) == (2, "create posts\n")
    assert run("apply", "--yes").exit_code == 0
    planned = run("plan")
    assert (planned.exit_code, planned.stdout) == (0, "Nothing to do: the database is what the files say.\n")


def test_a_plan_shows_lines_steps_and_who_waits(run: Run, folder: Path) -> None:
    write(folder, POSTS)
    run("apply", "--yes")
    headline = {"name": "headline", "type": "text", "was": "title", "max": 9}
    write(folder, {**POSTS, "fields": [headline], "rules": {"list": "headline != ''"}})
    told = run("plan").stdout.splitlines()
    assert "    breaks clients: title: the field is called `headline` (keep the old name for a time: `aliases`)" in told
    assert [line for line in told if " clients: " not in line] == [
        "change posts",
        '  - {"name": "title", "type": "text"}',
        '  + {"name": "headline", "type": "text", "max": 9}',
        '  - "list": ""',
        "  + \"list\": \"headline != ''\"",
        "    rename field title to headline: 0 records, writers wait",
        "    narrow headline: 0 records, nobody waits",
    ]


def test_what_would_be_lost_ends_with_one_and_nothing_done(run: Run, folder: Path, room: testing.TestBackend) -> None:
    write(folder, POSTS)
    run("apply", "--yes")
    room.records.create("posts", {"title": "Hello"}, actor=SYSTEM, facts=RequestFacts(method="POST"))
    write(folder, {**POSTS, "fields": []})
    for command in (["plan"], ["apply", "--yes"]):
        refused = run(*command)
        assert refused.exit_code == 1
        assert "`posts.title` would be lost: 1 record holds something; --drop posts.title lets it go." in refused.stderr
    assert room.collections.get("posts", actor=SYSTEM).fields
    assert run("apply", "--yes", "--drop", "posts.title").exit_code == 0


def test_records_that_stand_against_it_are_shown(run: Run, folder: Path, room: testing.TestBackend) -> None:
    write(folder, POSTS)
    run("apply", "--yes")
    made = room.records.create("posts", {"title": "Hello"}, actor=SYSTEM, facts=RequestFacts(method="POST"))
    write(folder, {**POSTS, "fields": [{"name": "title", "type": "integer"}]})
    refused = run("plan")
    assert refused.exit_code == 1
    assert f"`posts`: change type title from text to integer: 1 record stands against it ({made.id} holds Hello)." in refused.stderr


def test_nobody_who_cannot_be_asked_applies_by_accident(run: Run, folder: Path, room: testing.TestBackend) -> None:
    write(folder, POSTS)
    refused = run("apply")
    assert (refused.exit_code, refused.stderr) == (1, "Nobody can be asked here: say --yes to apply.\n")
    assert room.collections.list(actor=SYSTEM) == []


def test_an_export_writes_only_what_differs(run: Run, folder: Path) -> None:
    write(folder, POSTS)
    run("apply", "--yes")
    assert run("export").stdout == f"wrote {folder / 'posts.json'}\n"
    first = files(folder)
    assert run("export").stdout == f"{folder} says what the database holds.\n"
    assert run("apply", "--yes").exit_code == 0
    assert run("export").exit_code == 0
    assert files(folder) == first


def test_an_export_removes_its_own_files_and_leaves_others(run: Run, folder: Path, room: testing.TestBackend) -> None:
    write(folder, POSTS, {"name": "old"}, {"name": "edited"})
    run("apply", "--yes")
    run("export")
    for name in ("old", "edited"):
        room.collections.delete(name, actor=SYSTEM)
    write(folder, {"name": "planned"}, {"name": "edited", "trash": {"days": 3}})
    (folder / "README.md").write_text("ours too")
    done = run("export")
    assert done.stdout == f"removed {folder / 'old.json'}\n"
    left = [f"left {folder / name}" for name in ("edited.json", "planned.json")]
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == left
    assert list(files(folder)) == ["README.md", "edited.json", "planned.json", "posts.json"]


def test_drift_is_told_with_what_becomes_of_it(run: Run, folder: Path, room: testing.TestBackend) -> None:
    write(folder, POSTS)
    run("apply", "--yes")
    room.collections.change("posts", {"rules": {"list": None}}, actor=SYSTEM)
    assert run("plan").stderr.startswith("Drift: `posts` was changed in the database since the schema was applied (2026-")
    run("export")
    assert run("plan").stderr == ""


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("posts.json", b'{"name": "posts",\n<<<<<<< mine', "`posts.json`: this is no JSON (line 2)"),
        ("posts.json", b'{"name": "posts", "name": "posts"}', "`posts.json`: an object names a key twice"),
        ("posts.json", b'{"name": "\xff"}', "`posts.json`: this is not UTF-8"),
        ("posts.json", b"[" * 100_000, "`posts.json`: this is no JSON"),
        ("posts.json", b" " * (4 * 2**20 + 1), "`posts.json`: larger than 4194304 bytes"),
        ("notes.json", b'{"name": "posts"}', "`notes` at /name: its name is `posts`"),
        ("posts.json", b"[]", "`posts`: this must be an object"),
        ("posts.json", b'{"name": "posts", "feilds": []}', "`posts` at /feilds: nothing here is called `feilds` (did you mean `fields`?)"),
        ("posts.json", b'{"name": "posts", "version": 3}', "`posts` at /version: nothing here is called `version`"),
        ("posts.json", b'{"name": "posts", "was": 3}', "`posts` at /was: `was` is the name"),
        ("posts.json", b'{"name": "posts", "fields": [{"name": "a", "was": []}]}', "`posts` at /fields/0/was: `was` is the name"),
        ("posts.json", b'{"name": "posts", "fields": [3]}', "`posts` at /fields/0: a field is an object"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_definition_is_named(room: testing.TestBackend, folder: Path, name: str, content: bytes, said: str) -> None:
    folder.mkdir()
    (folder / name).write_bytes(content)
    with pytest.raises(Failed) as refused:
        applied_at_start(room.schema, folder)
    assert said in str(refused.value)
    assert "so nothing is served" in str(refused.value)


def test_a_folder_that_is_not_there_is_a_mistake_and_an_empty_one_is_not(room: testing.TestBackend, folder: Path) -> None:
    with pytest.raises(Invalid) as refused:
        read_folder(folder)
    assert refused.value.code == "no_schema_folder"
    folder.mkdir()
    assert applied_at_start(room.schema, folder) == [f"Schema of {folder}: nothing to do."]
