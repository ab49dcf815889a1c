"""Distances do not depend on how SQLite was built."""

import sqlite3

import pytest

from adapters.outbound.sql import sqlite_functions
from adapters.outbound.sql.sqlite_functions import FUNCTIONS, complete_functions
from domain.rules.functions import geo_distance

BERLIN, LONDON = (13.404954, 52.520008), (-0.127758, 51.507351)
# As the compiler writes it, the numbers being parameters.
DISTANCE = """SELECT 12742.0 * asin(sqrt(sin(radians(:d - :b) * 0.5) * sin(radians(:d - :b) * 0.5)
    + cos(radians(:b)) * cos(radians(:d)) * (sin(radians(:c - :a) * 0.5) * sin(radians(:c - :a) * 0.5))))"""


@pytest.fixture
def connection():
    made = sqlite3.connect(":memory:")
    yield made
    made.close()


@pytest.fixture
def without_mathematics(monkeypatch):
    monkeypatch.setattr(sqlite_functions, "built_in", lambda: frozenset({"lower"}))


def distance(connection, a, b):
    values = {"a": a[0], "b": a[1], "c": b[0], "d": b[1]}
    return connection.execute(DISTANCE, values).fetchone()[0]


def test_missing_functions_compute_as_the_evaluator_does(without_mathematics, connection):
    complete_functions(connection)
    assert distance(connection, BERLIN, LONDON) == pytest.approx(geo_distance(*BERLIN, *LONDON), rel=1e-14)


def test_missing_functions_are_pythons_own(without_mathematics, connection, monkeypatch):
    monkeypatch.setattr(sqlite_functions, "FUNCTIONS", dict.fromkeys(FUNCTIONS, lambda value: value + 40.0))
    complete_functions(connection)
    assert connection.execute("SELECT radians(2), sin(2), cos(2), asin(2), sqrt(2)").fetchone() == (42.0,) * 5


def test_what_is_absent_stays_absent(without_mathematics, connection):
    complete_functions(connection)
    assert distance(connection, BERLIN, (None, 51.5)) is None


def test_functions_that_the_engine_has_are_left_alone(connection, monkeypatch):
    monkeypatch.setattr(sqlite_functions, "built_in", lambda: frozenset(FUNCTIONS))
    for name in FUNCTIONS:
        connection.create_function(name, 1, lambda value: 42.0)
    complete_functions(connection)
    assert connection.execute("SELECT asin(1.0), sqrt(4.0)").fetchone() == (42.0, 42.0)


def test_the_engine_is_asked_what_it_has():
    assert "lower" in sqlite_functions.built_in()
