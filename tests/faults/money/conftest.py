"""One server of two worker processes for each engine and run; each experiment makes collections of its own on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.server import Server
from tests.faults.money.appends import Manner, Shelf
from tests.faults.money.bank import FULL, Bank
from tests.faults.money.seats import Guard, Hall
from tests.postgres import fresh_database

SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"
Ground = tuple[Server, str]
Open = Callable[..., Bank]
Stock = Callable[..., Shelf]
Sale = Callable[[Guard], Hall]


@pytest.fixture(scope="session")
def sqlite_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    yield from _served(tmp_path_factory.mktemp("sqlite"), {})


@pytest.fixture(scope="session")
def postgresql_ground(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Ground]:
    with fresh_database(postgres_server) as url:
        settings = {"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": SECRET}
        yield from _served(tmp_path_factory.mktemp("postgresql"), settings)


def _served(folder: Path, settings: dict[str, str]) -> Iterator[Ground]:
    server = Server(folder / "data", workers=2, settings=settings)
    try:
        yield server.start(), server.admin_token()
    finally:
        server.end()


@pytest.fixture(params=["sqlite", "postgresql"])
def ground(request: pytest.FixtureRequest) -> Ground:
    """The same experiment on each engine."""
    found: Ground = request.getfixturevalue(f"{request.param}_ground")
    return found


@pytest.fixture
def bank(ground: Ground) -> Open:
    """`bank(Protection(keys=False))`: one without that protection."""
    return lambda protection=FULL: Bank(*ground, protection)


@pytest.fixture
def shelf(ground: Ground) -> Stock:
    return lambda manner=None: Shelf(*ground, manner or Manner())


@pytest.fixture
def hall(ground: Ground) -> Sale:
    return lambda guard: Hall(*ground, guard)
