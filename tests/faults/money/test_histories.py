"""The checker of histories finds each anomaly in a history made by hand, and none where there is none."""

import pytest

from tests.faults.money.histories import Transaction, components, names


def wrote(id: int, *appends: tuple[str, int], reads: dict[str, tuple[int, ...]] | None = None, **rest: object) -> Transaction:
    return Transaction(id, appends, reads or {}, **rest)  # type: ignore[arg-type]


def read(id: int, *, began: float | None = None, ended: float | None = None, **lists: tuple[int, ...]) -> Transaction:
    return Transaction(id, (), lists, began=began, ended=ended)


@pytest.mark.parametrize(
    "history",
    [
        [],
        [read(1, x=())],
        [wrote(1, ("x", 1), ("y", 2)), wrote(2, ("x", 3), ("y", 4)), read(3, x=(1,), y=(2,)), read(4, x=(1, 3), y=(2, 4))],
        # refused, and never seen
        [wrote(1, ("x", 1), committed=False), wrote(2, ("x", 2)), read(3, x=(2,))],
        # nobody knows, seen or not
        [wrote(1, ("x", 1), committed=None), wrote(2, ("x", 2), committed=None), read(3, x=(2,))],
        # an answer that holds one's own append
        [wrote(1, ("x", 1), reads={"x": (1,)}), wrote(2, ("x", 2), reads={"x": (1, 2)}), read(3, x=(1, 2))],
        # two appends to one list, seen together
        [wrote(1, ("x", 1), ("x", 2)), read(2, x=()), read(3, x=(1, 2))],
        # at the same time: either order will do
        [wrote(1, ("x", 1), began=1, ended=4), read(2, x=(), began=2, ended=5), read(3, x=(1,), began=6, ended=7)],
    ],
)
def test_a_serial_history_shows_nothing(history: list[Transaction]) -> None:
    assert names(history) == set()


@pytest.mark.parametrize(
    ("name", "history"),
    [
        ("lost", [wrote(1, ("x", 1)), wrote(2, ("x", 2)), read(3, x=(2,))]),
        ("duplicate", [wrote(1, ("x", 1)), read(2, x=(1, 1))]),
        ("unwritten", [read(1, x=(7,))]),
        ("incompatible order + G-single", [wrote(1, ("x", 1)), wrote(2, ("x", 2)), read(3, x=(1, 2)), read(4, x=(2,))]),
        ("G0", [wrote(1, ("x", 1), ("y", 2)), wrote(2, ("x", 3), ("y", 4)), read(3, x=(1, 3), y=(4, 2))]),
        ("G1a", [wrote(1, ("x", 1), committed=False), read(2, x=(1,))]),
        ("G1b + G-single", [wrote(1, ("x", 1), ("x", 2)), read(2, x=(1,)), read(3, x=(1, 2))]),
        ("G1c", [
            wrote(1, ("x", 1), reads={"y": (2,)}), wrote(2, ("y", 2), reads={"x": (1,)}), read(3, x=(1,), y=(2,)),
        ]),
        # a read between the two halves of a transfer
        ("G-single", [wrote(1, ("x", 1), ("y", 2)), read(2, x=(1,), y=()), read(3, x=(1,), y=(2,))]),
        # write skew: both decide on what the other changes
        ("G2", [
            wrote(1, ("x", 1), reads={"y": ()}), wrote(2, ("y", 2), reads={"x": ()}), read(3, x=(1,), y=(2,)),
        ]),
        # two readers that see two writers in opposite orders
        ("G2", [
            wrote(1, ("x", 1)), wrote(2, ("y", 2)), read(3, x=(1,), y=()), read(4, x=(), y=(2,)), read(5, x=(1,), y=(2,)),
        ]),
        ("against time", [
            wrote(1, ("x", 1), began=1, ended=2), read(2, x=(), began=3, ended=4), read(3, x=(1,), began=5, ended=6),
        ]),
    ],
)  # fmt: skip
def test_each_anomaly_is_found(name: str, history: list[Transaction]) -> None:
    """`+` joins what cannot come alone: who reads the midst of a transaction stands between its halves too."""
    assert names(history) == set(name.split(" + "))


def test_rings_are_found_and_told_apart() -> None:
    graph = {1: [2], 2: [3], 3: [1, 4], 4: [5], 5: [4], 6: [6], 7: [1]}
    assert sorted(sorted(ring) for ring in components(graph)) == [[1, 2, 3], [4, 5]]


def test_a_long_chain_needs_no_deep_stack() -> None:
    graph = {at: [at + 1] for at in range(20_000)}
    assert components(graph) == []
    assert len(components(graph | {20_000: [0]})[0]) == 20_001
