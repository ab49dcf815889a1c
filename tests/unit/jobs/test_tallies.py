"""What is counted of runs, and that everybody adds it up in one order."""

from domain.jobs.tallies import BOUNDS, DONE, LONGER, LOST, UNMEASURED, Tally, one_run, together
from domain.metrics import Spread, of_runs


def test_a_run_is_within_the_first_bound_that_holds_it():
    within = [one_run("note", DONE, seconds, 0).within for seconds in (0, 0.005, 0.006, 600, 600.1, None)]
    assert within == [5, 5, 25, 600_000, LONGER, UNMEASURED]
    assert one_run("note", DONE, 1, -3).waited == 0, "the clock of the database may step back"


def test_runs_are_added_up_in_one_order_whoever_adds():
    runs = [one_run("b", DONE, 0.001, 5), one_run("a", LOST, None, 0), one_run("b", DONE, 0.004, 7), one_run("b", DONE, 2, 0)]
    assert together(runs) == together(reversed(runs)) == [
        Tally("a", LOST, UNMEASURED, 1, 0, 0), Tally("b", DONE, 5, 2, 5, 12), Tally("b", DONE, 5_000, 1, 2_000, 0)
    ]  # fmt: skip


def test_a_histogram_counts_up_and_leaves_out_what_nobody_measured():
    found = [Tally("b", DONE, 5, 2, 5, 12), Tally("b", DONE, LONGER, 1, 700_000, 0), Tally("b", LOST, UNMEASURED, 4, 0, 0)]
    runs, took, waited = of_runs(found)
    assert runs.values == {("b", DONE): 3, ("b", LOST): 4}
    assert took.values["b",] == Spread((*((bound / 1000, 2) for bound in BOUNDS), (float("inf"), 3)), 700.005)
    assert waited.values == {("b",): 0.012}
