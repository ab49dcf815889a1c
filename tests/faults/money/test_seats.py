"""Reservations that expire, over two server processes: nobody holds what another holds, and what is over can be taken."""

import pytest

from tests.faults.money.conftest import Sale
from tests.faults.money.seats import SEATS, Guard, sell


@pytest.mark.parametrize("guard", ["if", pytest.param("rule", marks=pytest.mark.long)])
def test_a_seat_is_held_by_one_at_a_time_and_free_again_afterwards(hall: Sale, guard: Guard) -> None:
    sold = sell(hall(guard))
    assert not sold.doubles()
    assert not sold.failures
    assert len(sold.holds) > 2 * len(SEATS), "those whose time is over were taken again"
    assert sold.refused > len(sold.holds)


def test_who_looks_first_and_takes_then_gets_what_another_holds(hall: Sale) -> None:
    assert sell(hall("look"), seconds=0.5).doubles()
