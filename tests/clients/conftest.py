"""A running server for each engine, with the collections of tests.clients.world; and Node with what tests/node/package.json names."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backends import missing
from tests.clients.world import furnished
from tests.e2e.server import ROOT, Server
from tests.postgres import fresh_database

NODE = ROOT / "tests" / "node"
SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def furnished_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """On SQLite, and the admin's token. Tests share it: what they make, they name in a way of their own."""
    server = Server(tmp_path_factory.mktemp("clients") / "data")
    try:
        server.start()
        yield server, furnished(server)
    finally:
        server.end()


@pytest.fixture
def unshared(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """On SQLite, for one test alone, which may change and delete whatever is there."""
    server = Server(tmp_path / "data")
    try:
        server.start()
        yield server, furnished(server)
    finally:
        server.end()


@pytest.fixture
def furnished_postgresql(tmp_path: Path, postgres_server: str) -> Iterator[tuple[Server, str]]:
    with fresh_database(postgres_server) as url:
        server = Server(tmp_path / "data", settings={"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": SECRET})
        try:
            server.start()
            yield server, furnished(server)
        finally:
            server.end()


@pytest.fixture
def node(tmp_path: Path) -> Run:
    """`node("tsc", "--version")` runs a program of the packages that the lock file names; in `folder`, its imports find them too."""
    if shutil.which("node") is None or not (NODE / "node_modules" / ".bin").is_dir():
        missing("Node with the packages of tests/node", "install nodejs and npm, then `make test` (or npm ci --prefix tests/node)")

    def run(program: str, *arguments: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        modules = folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(NODE / "node_modules")
        command = ["node"] if program == "node" else [str(NODE / "node_modules" / ".bin" / program)]
        return subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, timeout=110)

    return run
