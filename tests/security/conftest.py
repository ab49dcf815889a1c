"""One server for each engine and run, with people and data in it; tests leave what others made as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import Server
from tests.postgres import fresh_database
from tests.security.target import Target, people

SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"


@pytest.fixture(scope="session")
def sqlite_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    yield from _served(tmp_path_factory.mktemp("sqlite"), "sqlite", {})


@pytest.fixture(scope="session")
def postgresql_target(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Target]:
    with fresh_database(postgres_server) as url:
        settings = {"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": SECRET}
        yield from _served(tmp_path_factory.mktemp("postgresql"), "postgresql", settings)


def _served(folder: Path, engine: str, settings: dict[str, str]) -> Iterator[Target]:
    server = Server(folder / "data", workers=2, settings=settings)
    try:
        yield people(Target(server.start(), engine))
    finally:
        server.end()


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest) -> Target:
    """The same attack on each engine."""
    found: Target = request.getfixturevalue(f"{request.param}_target")
    return found


@pytest.fixture
def both(sqlite_target: Target, postgresql_target: Target) -> tuple[Target, Target]:
    """For requests whose answers must be the same."""
    return sqlite_target, postgresql_target
