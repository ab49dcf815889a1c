"""What must be so before a server starts: a folder of its own, nobody else on the same data, a free port. Nothing is changed by a look."""

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.settings import Settings


class StartRefused(Exception):
    """A sentence for the person who started it."""


def check_port(settings: Settings) -> None:
    """Bound and let go at once. The server's own sockets share their port among its workers, and would share it with a
    second server too; this one does not, so it is refused where anybody listens."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        raise StartRefused(f"STILLROOM_HOST: there is no address `{settings.host}` to listen on.") from error
    except OSError as error:
        raise StartRefused(_why_not_bound(settings, error)) from error


def _why_not_bound(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {settings.port} is in use on {settings.host}; stop what listens there, or choose another with STILLROOM_PORT."
    if error.errno == errno.EACCES:
        return f"Port {settings.port} is not open to this user; ports from 1024 up are."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no address {settings.host}; choose another with STILLROOM_HOST."
    return f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}."


def make_data_dir(settings: Settings) -> None:
    """Made for this user alone. An existing folder keeps its mode."""
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StartRefused(f"{folder} is no folder; choose another with STILLROOM_DATA_DIR.") from error
    except OSError as error:
        raise StartRefused(f"{folder} cannot be made: {error.strerror}. Choose another folder with STILLROOM_DATA_DIR.") from error
    check_writable(folder)


def check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartRefused(f"{folder} cannot be written to. Change its owner or mode, or choose another folder with STILLROOM_DATA_DIR.")


def warnings(settings: Settings) -> list[str]:
    """What is allowed and still worth a loud word."""
    found = []
    if settings.data_dir.exists() and settings.data_dir.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        found.append(f"{settings.data_dir} is open to other users of this machine; `chmod 700 {settings.data_dir}` closes it")
    if settings.is_public and not settings.public_url and not settings.speaks_tls:
        found.append(
            "other machines can reach this address without TLS; set STILLROOM_TLS_CERTIFICATE, or put a proxy before it and set "
            "STILLROOM_PUBLIC_URL"
        )
    if settings.public_url and not settings.speaks_tls and not settings.trusted_proxies and settings.limits.quotas:
        found.append("limits count all clients behind a proxy as one; if there is one, name it in STILLROOM_TRUSTED_PROXIES")
    return found


def asked_apart(look: Callable[[], list[str]]) -> list[str]:
    """What a process of its own finds, for what leaves threads behind that no worker could be forked from. It writes little: a pipe
    holds that whoever reads."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writes, "\n".join(look()).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads, encoding="utf-8") as told:
        found = told.read().splitlines()
    os.waitpid(child, 0)
    return found


@contextmanager
def only_server(settings: Settings) -> Iterator[None]:
    """Holds a lock beside the SQLite file while a server runs. Commands that make an admin or import run beside it; PostgreSQL
    serves any number of servers."""
    if not settings.is_sqlite:
        yield
        return
    path = settings.sqlite_file.with_name(f"{settings.sqlite_file.name}.server-lock")
    try:
        held = path.open("a")
    except OSError as error:
        said = f"{path} cannot be opened: {error.strerror}. Change its owner or mode, or choose another folder with STILLROOM_DATA_DIR."
        raise StartRefused(said) from error
    with held as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            said = f"Another server runs on {settings.sqlite_file}; stop it, or give this one a STILLROOM_DATA_DIR of its own."
            raise StartRefused(said) from error
        yield
