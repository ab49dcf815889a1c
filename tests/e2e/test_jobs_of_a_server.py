"""A server with an extension that declares jobs runs them beside itself, and starts the runner again when it is gone."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.job_room import Room, alive, children, until
from tests.e2e.server import ADMIN, Server, stillroom


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(tmp_path_factory.mktemp("jobs") / "room")


@pytest.fixture(scope="module")
def server(room: Room) -> Iterator[Server]:
    running = Server(room.folder / "data", workers=1, settings=room.settings)
    running.data_dir.mkdir()
    running.start()
    said = stillroom("admin", "create", "--email", ADMIN["email"], "--password", ADMIN["password"], cwd=room.folder, **room.settings)
    assert said.returncode == 0, said.stderr
    yield running
    running.end()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    sent = {"identity": ADMIN["email"], "password": ADMIN["password"]}
    answer = server.request("POST", "/api/v1/auth/_admins/sign-in", sent)
    assert answer.status == 200, answer.body
    token: str = answer.body["access_token"]
    posts = {"name": "posts", "fields": [{"name": "title", "type": "text"}]}
    assert server.request("POST", "/api/v1/collections", posts, token).status == 201
    return token


def _runners(server: Server) -> list[int]:
    assert server.process is not None
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(server.process.pid)}
    return [pid for pid, command in commands.items() if b"worker" in command.split(b"\0")]


def test_what_follows_a_record_is_run_and_seen(room: Room, server: Server, token: str) -> None:
    assert server.request("POST", "/api/v1/collections/posts/records", {"id": "p1", "title": "x"}, token).status == 201
    until(lambda: room.lines == ["p1"])
    seen = lambda: server.request("GET", "/api/v1/jobs?state=done", token=token).body["items"]
    until(seen)
    [job] = seen()
    whole = server.request("GET", f"/api/v1/jobs/{job['id']}", token=token).body
    assert (whole["name"], whole["arguments"], whole["result"], whole["tries"]) == ("note", {"line": "p1"}, 2, 0)
    assert server.request("POST", f"/api/v1/jobs/{job['id']}/cancel", token=token).body["code"] == "job_finished"
    assert server.request("GET", "/api/v1/jobs").status == 401
    [depth] = server.request("GET", "/api/v1/jobs", token=token).body["depths"]
    assert ({**depth, "age": 0}, depth["age"] >= 0) == ({"queue": "default", "name": "note", "state": "done", "count": 1, "age": 0}, True)


def test_a_runner_that_is_killed_is_started_again_and_told_of(room: Room, server: Server, token: str) -> None:
    until(lambda: _runners(server))
    [runner] = _runners(server)
    os.kill(runner, signal.SIGKILL)
    assert server.request("POST", "/api/v1/collections/posts/records", {"id": "p2", "title": "x"}, token).status == 201
    until(lambda: "p2" in room.lines)
    until(lambda: "The runner of jobs ended with -9; another one starts in 0.5 seconds." in server.output)


def test_it_ends_with_its_server(server: Server, token: str) -> None:
    until(lambda: _runners(server))
    [runner] = _runners(server)
    hands = children(runner)
    server.end()
    until(lambda: not any(alive(each) for each in (runner, *hands)), 20)
