"""`server(workers=2)` starts a real server on a free port of this machine with data of its own; it is stopped however the test ends."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import elsewhere as elsewheres
from tests.e2e.server import Server


@pytest.fixture
def unstarted(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Makes servers that the test starts by itself. `name` keeps several apart; servers of one name share their data."""
    made: list[Server] = []

    def make(workers: int = 2, name: str = "data", **settings: Any) -> Server:
        one = Server(tmp_path / name, workers=workers, settings={key: str(value) for key, value in settings.items()})
        made.append(one)
        return one

    yield make
    for each in made:
        each.end()


@pytest.fixture
def server(unstarted: Callable[..., Server]) -> Callable[..., Server]:
    """`server(workers=2, STILLROOM_LOG_LEVEL="debug")`: a running one."""
    return lambda workers=2, name="data", **settings: unstarted(workers, name, **settings).start()


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """The port of a page of another origin."""
    with elsewheres.serving() as port:
        yield port
