"""How many jobs may wait: nobody is refused by a guess, and counting costs a statement now and then."""

import pytest

from domain.errors import Unavailable
from domain.jobs.crowd import Crowd


class Rows:
    """Jobs that wait, and how often they were counted."""

    def __init__(self):
        self.waiting, self.counts, self.now = 0, 0, 0.0

    def count(self, at_most):
        self.counts += 1
        return min(self.waiting, at_most)


@pytest.fixture
def rows():
    return Rows()


def ask(crowd, rows, times=1):
    for _ in range(times):
        rows.waiting += 1
        try:
            crowd.join(rows.count)
        except Unavailable:
            rows.waiting -= 1
            raise


def test_one_too_many_is_refused_and_told_what_to_do(rows):
    crowd = Crowd(3, lambda: rows.now)
    ask(crowd, rows, 3)
    with pytest.raises(Unavailable) as refused:
        ask(crowd, rows)
    assert (refused.value.code, refused.value.detail) == ("too_many_jobs", "3 jobs wait already")
    assert "workers" in refused.value.hint


def test_a_loop_in_one_transaction_is_seen_without_counting_each_time(rows):
    crowd = Crowd(1000, lambda: rows.now)
    with pytest.raises(Unavailable):
        ask(crowd, rows, 5000)
    assert (rows.waiting, rows.counts) == (1000, 2)


def test_what_is_done_meanwhile_makes_room(rows):
    crowd = Crowd(10, lambda: rows.now)
    for _ in range(50):
        ask(crowd, rows, 10)
        rows.waiting = 0
    assert rows.counts < 60


def test_what_others_ask_for_is_seen_after_a_while(rows):
    crowd = Crowd(10, lambda: rows.now)
    ask(crowd, rows)
    rows.waiting = 40
    ask(crowd, rows)
    rows.now += 5
    with pytest.raises(Unavailable):
        ask(crowd, rows)


def test_a_crowd_is_counted_once_a_second_at_most(rows):
    crowd = Crowd(10, lambda: rows.now)
    rows.waiting = 40
    for _ in range(100):
        with pytest.raises(Unavailable):
            ask(crowd, rows)
    assert rows.counts == 1
    rows.waiting, rows.now = 5, 1.0
    ask(crowd, rows)
