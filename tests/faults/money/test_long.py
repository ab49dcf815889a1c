"""The same experiments for minutes, with many kills (`make experiments`); each tells its figures."""

import itertools
import time
from collections import Counter
from functools import partial

import pytest

from tests.faults.money.appends import Manner
from tests.faults.money.appends import run as append
from tests.faults.money.conftest import Ground, Open, Sale, Stock
from tests.faults.money.crashes import kill_a_worker, kill_the_server, kills, kills_by_time
from tests.faults.money.histories import anomalies
from tests.faults.money.readings import WHOLE
from tests.faults.money.seats import sell
from tests.faults.money.test_decisions import doctors, on_call_after  # noqa: F401  a fixture
from tests.faults.money.transfers import Load, run

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


def test_transfers(bank: Open) -> None:
    load = Load(transfers=6_000, clients=12, losing=0.05, reads=500)
    book = run(bank(), load, WHOLE, kills(kill_a_worker, kill_a_worker, kill_the_server, every=300))
    print(book)
    assert not book.wrong, book
    assert book.kills > 15, book


def test_appends(shelf: Stock) -> None:
    """Lists of relations hold 200 values, so there are many short histories."""
    transactions, appends, failed = 0, 0, Counter[str]()
    for _ in range(10):
        history, failures = append(shelf(Manner()), clients=10, each=50, losing=0.05, disturb=partial(kills_by_time, every=4))
        assert not anomalies(history), anomalies(history)
        transactions += len(history)
        appends += sum(len(each.appends) for each in history if each.committed)
        failed += failures
    print(f"{transactions} transactions with {appends} appends; failures {dict(failed)}")
    assert not failed


def test_seats(hall: Sale) -> None:
    sold = sell(hall("if"), people=12, seconds=30)
    print(f"{len(sold.holds)} holds, {sold.refused} refusals, failures {sold.failures[:3]}")
    assert not sold.doubles()
    assert not sold.failures


def test_decisions(doctors: Ground) -> None:  # noqa: F811
    until, rounds = time.monotonic() + 30, 0
    for number in itertools.count(1000):
        assert on_call_after(doctors, number, names_both=True) == 1
        rounds += 1
        if time.monotonic() > until:
            break
    print(f"{rounds} pairs of doctors, one of each still on call")
