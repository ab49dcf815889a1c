"""How far a command is, as it is told at a terminal and elsewhere."""

import io
import sys
from types import SimpleNamespace

import pytest

from adapters.inbound.cli import progress
from adapters.inbound.cli.import_wishes import watched


@pytest.fixture
def clock(monkeypatch):
    told = SimpleNamespace(now=100.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: told.now)
    monkeypatch.setattr(progress.time, "time", lambda: told.now)
    return told


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(clock, length, *steps):
    with progress.bar("Reading", length) as update:
        for seconds, *counted in steps:
            clock.now += seconds
            update(*counted)


def test_a_log_gets_a_line_every_ten_seconds(clock, capsys):
    run(clock, 1000, (5, 100), (5, 100), (9, 100), (1, 100), (3, 100))
    assert capsys.readouterr().err.splitlines() == [
        "Reading: 200 rows, 20 rows/s, about 40 s left", "Reading: 400 rows, 20 rows/s, about 30 s left"
    ]  # fmt: skip


def test_a_quick_command_tells_nothing(clock, capsys):
    run(clock, 1000, (4, 500), (4, 500))
    assert capsys.readouterr() == ("", "")


def test_bytes_tell_how_long_and_rows_how_fast(clock, capsys):
    run(clock, 100_000, (10, 10_000, 50))
    assert capsys.readouterr().err == "Reading: 50 rows, 5 rows/s, about 1 min 30 s left\n"


def test_the_speed_is_that_of_now(clock, capsys):
    run(clock, 2000, (10, 1000), (10, 10))
    assert capsys.readouterr().err.splitlines()[1] == "Reading: 1,010 rows, 1 rows/s, about 16 min 30 s left"


def test_at_the_end_no_time_is_left(clock, capsys):
    run(clock, 100, (10, 100))
    assert capsys.readouterr().err == "Reading: 100 rows, 10 rows/s\n"


def test_a_terminal_shows_a_bar_with_rate_and_time_left(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run(clock, 1000, (2, 100, 400), (2, 100, 400), (2, 100, 400))
    shown = terminal.getvalue()
    assert "Reading" in shown
    assert "30%" in shown
    assert "200 rows/s" in shown
    assert "00:00:14" in shown  # 700 steps at 50 a second


class Rows:
    """Ten bytes a row."""

    header, position = None, 0

    def __iter__(self):
        for number in range(1234):
            self.position += 10
            yield number


def test_what_is_read_is_told_in_steps_of_the_file():
    told = []
    assert list(watched(Rows(), lambda steps, rows: told.append((steps, rows)))) == list(range(1234))
    assert [rows for _, rows in told] == [500, 500, 234]
    assert sum(steps for steps, _ in told) == 12_340
