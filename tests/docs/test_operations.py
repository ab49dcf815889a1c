"""docs/cli.md lists every command and option, docs/settings.md every setting, and the backup of docs/operations.md is one."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import click
import pytest

from adapters.inbound.cli.commands import Actions, commands
from app.settings import OF_EXTENSIONS, documented
from tests.docs.blocks import blocks
from tests.e2e.server import ROOT, Server

CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def _commands() -> dict[str, click.Command]:
    """Every command by its name; what they do is not asked here."""
    return dict(_inside(commands(Mock(spec=Actions)), ""))


def _inside(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield path + name, command
            yield from _inside(command, f"{path}{name} ")
        else:
            yield path + name, command


def test_every_command_is_listed_and_no_other() -> None:
    listed = re.findall(r"^\| `stillroom ([a-z]+(?:[ -][a-z]+)*)(?: -| [A-Z]|`)", CLI, re.M)
    assert sorted(listed) == sorted(_commands())


@pytest.mark.parametrize("command", sorted(_commands()))
def test_every_option_is_told_where_its_command_is(command: str) -> None:
    """In its row of the list, under its topic's heading, or on the page that its row leads to."""
    row = next(line for line in CLI.splitlines() if re.match(rf"\| `stillroom {command}\b(?! [a-z])", line))
    topic = command.split()[0]
    pages = [(ROOT / "docs" / link).read_text(encoding="utf-8") for link in re.findall(r"\]\(([a-z-]+\.md)", row)]
    under = re.search(rf"^## {topic}\n(.*?)(?=^## |\Z)", CLI, re.M | re.S | re.I)
    told = row + (under[1] if under else "") + "".join(pages)
    shown = [each for each in _commands()[command].params if not getattr(each, "hidden", False)]
    options = {each for parameter in shown for each in parameter.opts if each.startswith("--")}
    assert [each for each in sorted(options) if not re.search(rf"{each}(?![a-z-])", told)] == []


def test_every_option_that_is_told_exists() -> None:
    options = {each for command in _commands().values() for parameter in command.params for each in parameter.opts}
    assert set(re.findall(r"--[a-z][a-z-]+", CLI)) - options - {"--help"} == set()


def test_settings_are_listed_as_they_are() -> None:
    assert re.findall(r"^\| `(STILLROOM_[A-Z0-9_]+)` \|", SETTINGS, re.M) == [each["name"] for each in documented()]
    for each in documented():
        assert each["meaning"] in SETTINGS
        assert f"| {each['shown']} |" in SETTINGS
        assert f"`{each['example']}` |" in SETTINGS


def test_settings_named_elsewhere_exist() -> None:
    known = {each["name"] for each in documented()}
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    named = {name for page in pages for name in re.findall(r"STILLROOM_[A-Z0-9_]+", page.read_text(encoding="utf-8"))}
    of_extensions = {each for each in named if each.startswith(OF_EXTENSIONS)}
    assert named - known - of_extensions - {"STILLROOM_TEST_CASES"} == set()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data", workers=1)
    yield server.start()
    server.end()


def test_the_backup_is_a_whole_backend(server: Server, tmp_path: Path) -> None:
    token = server.admin_token()
    server.request("POST", "/api/v1/collections", {"name": "things", "fields": [{"name": "n", "type": "integer"}]}, token)
    kept = [_kept(server, token, n) for n in range(5)]
    subprocess.run(["bash", "-euo", "pipefail", "-c", blocks("operations.md", "sh")[0]], cwd=tmp_path, check=True, timeout=60)
    after = _kept(server, token, 5)
    other = Server(shutil.copytree(tmp_path / "backup", tmp_path / "restored" / "data"), workers=1)
    try:
        other.start()
        assert [_found(other, token, id) for id in kept] == [200] * 5
        assert _found(other, token, after) == 404
    finally:
        other.end()


def _kept(server: Server, token: str, n: int) -> str:
    answer = server.request("POST", "/api/v1/collections/things/records", {"n": n}, token)
    assert answer.status == 201
    id: str = answer.body["id"]
    return id


def _found(server: Server, token: str, id: str) -> Any:
    return server.request("GET", f"/api/v1/collections/things/records/{id}", token=token).status
