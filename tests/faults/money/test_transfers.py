"""Money that moves between wallets over two server processes: nothing is made, lost, doubled or overdrawn, whoever is killed meanwhile.

Each experiment has a control that lacks one protection, and has to go wrong.
"""

import pytest

from tests.faults.money.bank import Protection
from tests.faults.money.conftest import Open
from tests.faults.money.crashes import kill_a_worker, kill_the_server, kills
from tests.faults.money.readings import WHOLE, one_by_one
from tests.faults.money.transfers import Load, run


def test_every_read_of_one_request_shows_one_moment(bank: Open) -> None:
    book = run(bank(), Load(transfers=60, losing=0, giving_up=0, reads=10), WHOLE)
    assert not book.wrong, book
    assert len(book.done) + len(book.refused) == 60


def test_the_money_is_right_in_every_read_and_after_every_kill(bank: Open) -> None:
    book = run(bank(), Load(transfers=120, reads=10), WHOLE, kills(kill_a_worker, kill_the_server, every=40))
    assert not book.wrong, book
    assert book.kills >= 2, book
    assert book.done
    assert book.refused
    assert book.broken


@pytest.mark.parametrize(
    ("without", "load", "wrong"),
    [
        (Protection(batch=False), Load(600, losing=0, until="total differs"), "total differs"),
        (Protection(in_database=False), Load(60, losing=0), "books differ"),
        (Protection(keys=False), Load(60, losing=0.3), "doubled"),
        (Protection(check=False), Load(600, until="negative"), "negative"),
    ],
    ids=["requests instead of a batch", "values instead of changes", "no keys", "no check"],
)
def test_without_a_protection_it_goes_wrong(bank: Open, without: Protection, load: Load, wrong: str) -> None:
    book = run(bank(without), load)
    assert book.wrong[wrong], book


def test_reads_of_several_requests_are_several_moments(bank: Open) -> None:
    book = run(bank(), Load(600, until="total differs"), {"one by one": one_by_one})
    assert book.wrong["total differs"], book
