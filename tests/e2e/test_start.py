"""How the server starts, goes on, ends, and says in one sentence why it does not start."""

import ctypes
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.inbound.cli.commands import Actions, commands
from tests.e2e.server import Server, environment, free_port, stillroom

Servers = Callable[..., Server]


def refused(server: Server, *, patience: float = 20) -> str:
    """What a start that fails says."""
    server.launch()
    assert server.process is not None
    code = server.process.wait(patience)
    output = server.output
    assert code != 0, output
    assert "Traceback" not in output
    return output


def contents(folder: Path) -> dict[str, bytes]:
    """All but what SQLite lays beside a database that it only reads."""
    kept = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(("-shm", "-wal"))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


# --- starting, going on, ending


def test_a_first_start_says_what_it_uses_and_how_the_first_admin_is_made(server: Servers) -> None:
    running = server()
    assert "SQLite" in running.output
    assert f"Serving on {running.url}" in running.output
    assert "admin create --email" in running.output
    assert stat.S_IMODE(running.data_dir.stat().st_mode) == 0o700
    for path in running.data_dir.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_printed_token_makes_the_first_admin_once(server: Servers) -> None:
    running = server()
    token = re.search(r'"token": "([^"]+)"', running.output)
    assert token
    body = {"token": token[1], "email": "ann@example.org", "password": "correct horse battery"}
    assert running.request("POST", "/api/v1/setup", body).status == 201
    assert running.request("POST", "/api/v1/setup", {**body, "email": "eve@example.org"}).status in (400, 401, 403, 404, 409)
    assert running.admin_token()


def test_a_second_start_goes_on_with_the_same_data(server: Servers) -> None:
    first = server()
    token = first.admin_token()
    definition = {"name": "notes", "fields": [{"name": "text", "type": "text"}], "rules": {"view": ""}}
    assert first.request("POST", "/api/v1/collections", definition, token).status == 201
    made = first.request("POST", "/api/v1/collections/notes/records", {"text": "kept"}, token)
    assert first.stop() == 0
    second = server()
    print(f"first start answered in {first.started_in:.2f} s, second in {second.started_in:.2f} s")
    assert second.started_in < 10
    assert "no admin yet" not in second.output
    kept = second.request("GET", f"/api/v1/collections/notes/records/{made.body['id']}")
    assert kept.body["text"] == "kept"
    # The token was signed by the first process: keys are kept too.
    assert second.request("GET", "/api/v1/collections", token=token).status == 200


def test_ctrl_c_ends_it_cleanly(server: Servers) -> None:
    running = server()
    assert running.interrupt() == 0
    assert "Traceback" not in running.output
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", running.port), timeout=1)


def test_a_terminate_signal_ends_it_cleanly(server: Servers) -> None:
    running = server()
    assert running.stop() == 0
    assert "Traceback" not in running.output


def test_a_worker_that_dies_is_replaced(server: Servers) -> None:
    running = server(workers=1)
    [pid] = running.worker_pids()
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while running.worker_pids() in ([], [pid]):
        assert time.monotonic() < until
        time.sleep(0.05)
    until = time.monotonic() + 10
    while not running._answers():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_workers_do_not_outlive_a_killed_server(server: Servers) -> None:
    running = server()
    assert running.process is not None
    workers = running.worker_pids()
    running.process.kill()
    running.process.wait(5)
    until = time.monotonic() + 15
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < until, "workers are still there"
        time.sleep(0.1)
    assert server().request("GET", "/readyz").status == 200


def test_a_worker_stays_small(server: Servers) -> None:
    running = server()
    for _ in range(50):
        running.request("GET", "/api/v1/openapi.json")
    sizes = [int(line.split()[1]) // 1024 for pid in running.worker_pids() for line in Path(f"/proc/{pid}/status").read_text().splitlines()
             if line.startswith("VmRSS:")]  # fmt: skip
    print(f"memory of each worker: {sizes} MB")
    assert len(sizes) == 2
    assert max(sizes) < 150  # far above the 90 MB that we aim for, so that another machine's libraries do not fail the build


def test_slow_headers_cost_a_connection_and_no_answer(server: Servers) -> None:
    running = server(workers=1, STILLROOM_THREADS=2)
    slow = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(50)]
    try:
        for each in slow:
            each.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        assert running.request("GET", "/livez").status == 200
        assert time.monotonic() - began < 2
    finally:
        for each in slow:
            each.close()


def test_clients_that_never_send_their_body_leave_threads_for_others(server: Servers) -> None:
    running = server(workers=1, STILLROOM_THREADS=4)
    head = b"POST /api/v1/auth/_admins/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    silent = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(8)]
    try:
        for each in silent:
            each.sendall(head)
        time.sleep(1)
        for _ in range(5):
            assert running.request("GET", "/livez").status == 200
        refusal = running.request("POST", "/api/v1/auth/_admins/sign-in", {"identity": "ann@example.org", "password": "x" * 10})
        assert (refusal.status, refusal.body["code"]) == (503, "busy")
    finally:
        for each in silent:
            each.close()
    time.sleep(0.5)
    assert running.request("POST", "/api/v1/auth/_admins/sign-in", {"identity": "ann@example.org", "password": "x" * 10}).status == 401


def test_headers_without_end_are_refused_at_once(server: Servers) -> None:
    running = server(workers=1)
    began = time.monotonic()
    assert running.request("GET", "/livez", Authorization="Bearer " + "a" * 900_000).status == 431
    assert time.monotonic() - began < 1


# --- what it does not start with


def test_every_wrong_setting_is_listed(unstarted: Servers) -> None:
    output = refused(unstarted(STILLROOM_THREADS="many", STILLROOM_PRT="1", STILLROOM_LOG_LEVEL="loud"))
    for name in ("STILLROOM_THREADS", "STILLROOM_PRT", "STILLROOM_LOG_LEVEL"):
        assert name in output
    assert "did you mean `STILLROOM_PORT`" in output


def test_wrong_settings_make_no_folder(unstarted: Servers) -> None:
    server = unstarted(STILLROOM_THREADS="many")
    refused(server)
    assert not server.data_dir.exists()


def test_a_port_in_use(unstarted: Servers) -> None:
    server = unstarted()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        assert f"Port {server.port} is in use" in refused(server)
    assert not server.data_dir.exists()


def test_a_port_that_another_stillroom_serves(server: Servers, unstarted: Servers) -> None:
    first, second = server(), unstarted(name="other")
    second.port = first.port
    second.launch()
    assert second.process is not None
    assert second.process.wait(20) != 0
    assert f"Port {first.port} is in use" in second.output
    assert not second.data_dir.exists()


def test_a_second_server_on_the_same_data(server: Servers, unstarted: Servers) -> None:
    server()
    assert "Another server runs on" in refused(unstarted())


def test_a_lock_that_cannot_be_opened(unstarted: Servers) -> None:
    waiting = unstarted()
    (waiting.data_dir / "stillroom.db.server-lock").mkdir(parents=True)
    assert "stillroom.db.server-lock cannot be opened: Is a directory. Change" in refused(waiting)


def test_a_corrupt_database(unstarted: Servers) -> None:
    server = unstarted()
    server.data_dir.mkdir()
    (server.data_dir / "stillroom.db").write_bytes(b"this was a database once" * 500)
    before = contents(server.data_dir)
    assert "stillroom.db" in refused(server)
    assert contents(server.data_dir) == before


def test_a_database_of_another_program(unstarted: Servers) -> None:
    server = unstarted()
    server.data_dir.mkdir()
    with sqlite3.connect(server.data_dir / "stillroom.db") as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = contents(server.data_dir)
    assert "stillroom.db" in refused(server)
    assert contents(server.data_dir) == before


def test_a_database_of_a_newer_version(server: Servers, unstarted: Servers) -> None:
    first = server()
    assert first.stop() == 0
    with sqlite3.connect(first.data_dir / "stillroom.db") as database:
        database.execute("UPDATE _migrations SET version_num = '9999_from_the_future'")
    database.close()
    before = contents(first.data_dir)
    output = refused(unstarted())
    assert "newer" in output
    assert contents(first.data_dir) == before


@pytest.mark.parametrize("folder", ["/proc/stillroom", "/dev/null/stillroom"])
def test_a_folder_that_cannot_be_made(unstarted: Servers, folder: str) -> None:
    assert "STILLROOM_DATA_DIR" in refused(unstarted(STILLROOM_DATA_DIR=folder))


def test_a_read_only_folder(unstarted: Servers) -> None:
    server = unstarted()
    server.data_dir.mkdir()
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; run as another user to see this one")
    server.data_dir.chmod(0o500)
    assert "cannot be written to" in refused(server)
    assert not list(server.data_dir.iterdir())


def test_a_read_only_folder_of_somebody_else() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to act as somebody else")
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer) / "data"
        folder.mkdir(mode=0o555)
        Path(outer).chmod(0o755)
        start = "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534); from app.main import main; main()"
        settings = {"STILLROOM_DATA_DIR": str(folder), "STILLROOM_PORT": str(free_port())}
        # Imported before it becomes nobody, who may not read this checkout.
        command = [sys.executable, "-c", f"import encodings.idna, app.main, app.wiring, app.serving, app.factory; {start}", "serve"]
        said = subprocess.run(command, cwd=outer, env=environment(**settings), capture_output=True, text=True, timeout=30)
        assert said.returncode != 0
        assert "read-only" in said.stderr or "cannot be written to" in said.stderr, said.stderr
        assert "Traceback" not in said.stderr
        assert not list(folder.iterdir())


def test_flask_debug_on_a_public_address(unstarted: Servers) -> None:
    assert "FLASK_DEBUG" in refused(unstarted(STILLROOM_HOST="0.0.0.0", FLASK_DEBUG="1"))


def test_an_address_that_this_machine_does_not_have(unstarted: Servers) -> None:
    assert "192.0.2.1" in refused(unstarted(STILLROOM_HOST="192.0.2.1"))


def test_postgresql_without_a_secret_key(unstarted: Servers) -> None:
    output = refused(unstarted(STILLROOM_DATABASE_URL="postgresql://app:hunter2@127.0.0.1:1/app"))
    assert "STILLROOM_SECRET_KEY" in output
    assert "hunter2" not in output


def test_a_postgresql_that_does_not_answer(unstarted: Servers) -> None:
    url, secret = "postgresql://app:hunter2@127.0.0.1:1/app", "kY3x0b1WcVtq9Zr7LmP5sD2fGh8jN4aQ"
    output = refused(unstarted(STILLROOM_DATABASE_URL=url, STILLROOM_SECRET_KEY=secret))
    assert "hunter2" not in output
    assert secret not in output


def test_an_open_folder_is_warned_about(unstarted: Servers) -> None:
    server = unstarted()
    server.data_dir.mkdir()
    server.data_dir.chmod(0o755)
    server.start()
    assert "Warning" in server.output
    assert "chmod 700" in server.output


def test_postgresql_is_served_by_several_servers(server: Servers, postgres_database_url: str) -> None:
    settings = {"STILLROOM_DATABASE_URL": postgres_database_url, "STILLROOM_SECRET_KEY": "kY3x0b1WcVtq9Zr7LmP5sD2fGh8jN4aQ"}
    first, second = server(name="one", **settings), server(name="two", **settings)
    assert "PostgreSQL" in first.output
    token = first.admin_token()
    assert first.request("POST", "/api/v1/collections", {"name": "notes", "fields": []}, token).status == 201
    assert second.request("GET", "/api/v1/collections/notes", token=token).status == 200
    assert (first.stop(), second.stop()) == (0, 0)


# --- the other commands


def test_help_lists_only_what_exists(tmp_path: Path) -> None:
    said = stillroom("--help", cwd=tmp_path)
    assert said.returncode == 0
    listed = re.findall(r"^  ([a-z]+) ", said.stdout, re.M)
    assert listed == ["admin", "check", "export", "files", "housekeeping", "import", "jobs", "keys", "migrate", "openapi", "outbox",
                      "pocketbase", "rules", "schedules", "schema", "serve", "webhooks", "worker"]  # fmt: skip
    group = commands(Actions(**{each.name: lambda *_: () for each in fields(Actions)}))
    for name in listed:
        assert CliRunner().invoke(group, [name, "--help"]).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_an_admin_is_made_beside_a_running_server(server: Servers) -> None:
    running = server()
    made = running.command("admin", "create", "--email", "ann@example.org", input="correct horse battery\n")
    assert made.returncode == 0, made.stderr
    body = {"identity": "ann@example.org", "password": "correct horse battery"}
    assert running.request("POST", "/api/v1/auth/_admins/sign-in", body).status == 200
    reset = running.command("admin", "reset-factors", "--email", "ann@example.org")
    assert (reset.returncode, "without a second factor" in reset.stdout) == (0, True), reset.stderr
    nobody = running.command("admin", "reset-factors", "--email", "bob@example.org")
    assert (nobody.returncode, nobody.stderr.strip()) == (1, "No admin signs in with bob@example.org.")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--email", "ann@example.org", "--password", "short"), "8"),
        (("--email", "nobody", "--password", "correct horse battery"), "e-mail"),
        (("--email", "ann@example.org"), "password"),
    ],
)
def test_an_admin_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    refusal = stillroom("admin", "create", *arguments, cwd=tmp_path)
    assert refusal.returncode != 0
    assert "Traceback" not in refusal.stderr
    assert said in refusal.stderr


def test_a_command_that_makes_a_database_says_where(tmp_path: Path) -> None:
    (tmp_path / "herbs.csv").write_text("code,price\nRUE1,2.50\n", encoding="utf-8")
    first, second = (stillroom("import", "herbs.csv", "--new", name, "--yes", cwd=tmp_path) for name in ("herbs", "more"))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert f"A new database is made: {tmp_path / 'data' / 'stillroom.db'}" in first.stderr
    assert "new database" not in second.stderr


def test_migrate_and_check_tell_what_they_found(tmp_path: Path) -> None:
    nothing = stillroom("check", cwd=tmp_path)
    assert nothing.returncode == 0
    assert not (tmp_path / "data").exists()
    assert stillroom("migrate", cwd=tmp_path).returncode == 0
    again = stillroom("migrate", cwd=tmp_path)
    assert again.returncode == 0
    checked = stillroom("check", cwd=tmp_path)
    assert checked.returncode == 0
    assert "SQLite" in checked.stdout


def test_openapi_prints_the_document_and_touches_nothing(tmp_path: Path) -> None:
    said = stillroom("openapi", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "/api/v1/collections/{c}/records" in json.loads(said.stdout)["paths"]
    assert list(tmp_path.iterdir()) == []


def test_openapi_prints_the_document_of_the_database(server: Servers) -> None:
    running = server(workers=1)
    token = running.admin_token()
    for name, rule in (("open_house", ""), ("closed_shop", None)):
        assert running.request("POST", "/api/v1/collections", {"name": name, "rules": {"list": rule}}, token).status == 201
    printed = {option: running.command("openapi", *([option] if option else [])) for option in ("", "--guest", "--generic")}
    documents = {option: json.loads(said.stdout) for option, said in printed.items()}
    assert documents[""] == running.request("GET", "/api/v1/openapi.json", token=token).body
    assert documents["--guest"] == running.request("GET", "/api/v1/openapi.json").body
    assert ["closed_shop" in said.stdout for said in printed.values()] == [True, False, False]
    assert ["open_house" in said.stdout for said in printed.values()] == [True, True, False]


def test_settings_of_the_environment_are_clean() -> None:
    assert not any(name.startswith("STILLROOM_") for name in environment())


# The heaps that eight threads get, each of which holds a block that it took.
HEAPS = """
import ctypes, threading
from app import serving

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.fdopen.restype = ctypes.c_void_p
serving._keep_memory_low()
together = threading.Barrier(8)

def take():
    together.wait()
    libc.malloc(5_000)
    together.wait()

threads = [threading.Thread(target=take) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
stream = libc.fdopen(1, b"w")
libc.malloc_info(0, ctypes.c_void_p(stream))
libc.fflush(ctypes.c_void_p(stream))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="glibc alone keeps a heap for each thread")
def test_threads_of_a_worker_share_two_heaps():
    """What a long deletion held in pieces would stay with each thread that ever ran one."""
    told = subprocess.run([sys.executable, "-c", HEAPS], env=environment(), capture_output=True, text=True, check=True, timeout=60).stdout
    assert 1 <= told.count("<heap nr=") <= 2
