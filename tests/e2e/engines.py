"""A running server of two workers on either engine, for all tests of a module: starting one takes longer than most of them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.e2e.server import Server
from tests.postgres import fresh_database


@contextmanager
def served_on(engine: str, request: pytest.FixtureRequest, folders: pytest.TempPathFactory, **more: str) -> Iterator[Server]:
    with ExitStack() as opened:
        settings = dict(more)
        if engine == "postgresql":
            url = opened.enter_context(fresh_database(request.getfixturevalue("postgres_server")))
            settings |= {"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"}
        running = Server(folders.mktemp(engine), workers=2, settings=settings)
        opened.callback(running.end)
        yield running.start()
