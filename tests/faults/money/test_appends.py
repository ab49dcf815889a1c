"""What isolation clients get, read off the lists that they append to: batches that write and lists that are read in one request show no
anomaly at all, in the order of time; what takes several requests does."""

import pytest

from tests.faults.money.appends import Manner, run
from tests.faults.money.conftest import Stock
from tests.faults.money.histories import anomalies


def test_batches_and_single_reads_are_serializable(shelf: Stock) -> None:
    history, failures = run(shelf(Manner()))
    assert not anomalies(history), anomalies(history)
    assert not failures
    assert sum(bool(each.appends) and each.committed is False for each in history) > 2
    assert sum(len(each.appends) > 1 and bool(each.reads) for each in history) > 10


@pytest.mark.parametrize(
    ("manner", "wanted"),
    [
        (Manner(batch=False), {"G-single", "G1b"}),
        (Manner(in_database=False), {"lost"}),
        (Manner(one_read=False), {"G-single"}),
    ],
    ids=["a request for each append", "lists written whole", "a request for each list"],
)
def test_what_takes_several_requests_is_no_transaction(shelf: Stock, manner: Manner, wanted: set[str]) -> None:
    history, _ = run(shelf(manner))
    assert wanted & {each.name for each in anomalies(history)}
