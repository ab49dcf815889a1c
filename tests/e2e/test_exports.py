"""Exports over a real server: many rows with flat memory, and a client that goes away."""

import http.client
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import Server

SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"
FIELDS = [{"name": "title", "type": "text"}, {"name": "n", "type": "integer"}, {"name": "price", "type": "decimal", "scale": 2}]
Servers = Callable[..., Server]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def filled(request: pytest.FixtureRequest, server: Servers, tmp_path: Path) -> tuple[Server, int]:
    settings: dict[str, Any] = {}
    if request.param == "postgresql":
        settings = {"STILLROOM_DATABASE_URL": request.getfixturevalue("postgres_database_url"), "STILLROOM_SECRET_KEY": SECRET}
    running = server(workers=1, **settings)
    rows = 100_000 if request.config.getoption("--long") else 4_000
    body = {"name": "posts", "fields": FIELDS, "rules": {"list": "n >= 0"}}
    assert running.request("POST", "/api/v1/collections", body, running.admin_token()).status == 201
    file = tmp_path / "posts.csv"
    lines = (f"p{at:06},On distilling number {at} {'x' * 200},{at},{at}.50" for at in range(rows))
    file.write_text("\n".join(("id,title,n,price", *lines)), encoding="utf-8")
    done = running.command("import", str(file), "--collection", "posts", "--yes")
    assert done.returncode == 0, done.stderr
    return running, rows


def test_many_rows_leave_the_memory_flat(filled: tuple[Server, int], capsys: pytest.CaptureFixture[str]) -> None:
    running, rows = filled
    for format in ("csv", "jsonl"):
        _download(running, format, limit=2000)
    before = _memory(running)
    for format in ("csv", "jsonl", "json"):
        began = time.monotonic()
        lines, size = _download(running, format)
        took = time.monotonic() - began
        assert lines == rows + {"csv": 1, "jsonl": 0, "json": 2}[format]
        with capsys.disabled():
            print(f"\n{format}: {rows:,} rows, {size:,} bytes, {rows / took:,.0f}/s, memory {before >> 10}..{_memory(running) >> 10} MiB")
    # Less than any of the files; what was kept of each row would show.
    assert _memory(running) - before < 20 * 1024
    _goes_away(running)


def _goes_away(running: Server) -> None:
    """A client that reads no further leaves nothing behind."""
    for _ in range(5):
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        connection.request("GET", "/api/v1/collections/posts/export")
        response = connection.getresponse()
        response.read(100)
        connection.sock.close() if connection.sock else response.close()
        connection.close()
    # The places of exports are free again, and none of their files is open any more.
    assert running.request("GET", "/api/v1/collections/posts/export?filter=n%3C5").status == 200
    pid = running.worker_pids()[0]
    until = time.monotonic() + 10
    while _deleted_files(pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert _deleted_files(pid) == []


def _download(running: Server, format: str, limit: int | None = None) -> tuple[int, int]:
    """Its lines and its bytes, read piece by piece."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.request("GET", f"/api/v1/collections/posts/export?format={format}" + (f"&filter=n%3C{limit}" if limit else ""))
    response = connection.getresponse()
    assert response.status == 200
    lines = size = 0
    while piece := response.read(65_536):
        lines, size = lines + piece.count(b"\n"), size + len(piece)
    assert size == int(response.headers["Content-Length"])
    connection.close()
    return lines, size


def _memory(running: Server) -> int:
    """KiB that the worker holds."""
    status = Path(f"/proc/{running.worker_pids()[0]}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def _deleted_files(pid: int) -> list[str]:
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(each.readlink()))
        except FileNotFoundError:
            continue
    return [each for each in found if each.endswith("(deleted)")]


def test_files_go_along_by_the_command_line(server: Servers, tmp_path: Path) -> None:
    running = server(workers=1)
    rules = dict.fromkeys(("list", "view", "create"), "")
    fields = [{"name": "title", "type": "text"}, {"name": "scan", "type": "file"}]
    for name in ("posts", "copies"):
        body = {"name": name, "rules": rules, "fields": fields}
        assert running.request("POST", "/api/v1/collections", body, running.admin_token()).status == 201
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.txt").write_text("all of it")
    (tmp_path / "posts.csv").write_text("title,scan\nfirst,a.txt\nsecond,\n")
    out, files = tmp_path / "out.jsonl", tmp_path / "files"
    given = ("--ignore", "version", "--ignore", "created", "--ignore", "updated", "--yes")
    for command in (
        ("import", str(tmp_path / "posts.csv"), "--collection", "posts", "--files", str(tmp_path / "scans"), "--yes"),
        ("export", "posts", "--out", str(out), "--files", str(files)),
        ("import", str(out), "--collection", "copies", "--files", str(files), *given),
    ):
        done = running.command(*command)
        assert done.returncode == 0, done.stderr + done.stdout
    copies = {each["title"]: each for each in running.request("GET", "/api/v1/collections/copies/records").body["items"]}
    scan = copies["first"]["scan"]
    served = running.request("GET", f"/api/v1/files/copies/{copies['first']['id']}/{scan['name']}")
    assert (scan["original"], served.body, copies["second"]["scan"]) == ("a.txt", b"all of it", None)
