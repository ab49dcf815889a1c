"""The table that the processes of a machine share: exact over processes, indifferent to their deaths, and never without a limit."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.outbound import machine_limits
from adapters.outbound.machine_limits import MachineLimits
from domain.errors import Unavailable
from domain.limits.quotas import Quota, meter

ROOT = Path(__file__).parents[2]
ANN = meter("a", Quota(100, 60), "ann")
HAMMER = """
import sys, threading
from pathlib import Path
from adapters.outbound.machine_limits import MachineLimits
from domain.limits.quotas import Quota, meter
table = MachineLimits(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
let_in = []
def hammer():
    for _ in range(100):
        let_in.append(not table.hit([meter("a", Quota(100, 60), "ann")])[0].is_over)
threads = [threading.Thread(target=hammer) for _ in range(4)]
for each in threads: each.start()
for each in threads: each.join()
print(sum(let_in), flush=True)
"""
HOLD = """
import fcntl, os, sys, time
fcntl.lockf(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def process(code: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(one: subprocess.Popen[str]) -> str:
    assert one.stdout is not None
    return one.stdout.readline().strip()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "limits.table"


def test_of_three_processes_with_four_threads_each_exactly_so_many_are_let_in(path):
    hammers = [process(HAMMER, path) for _ in range(3)]
    assert [said(each) for each in hammers] == ["ready"] * 3
    for each in hammers:
        each.stdin.write("go\n")
        each.stdin.flush()
    let_in = [int(said(each)) for each in hammers]
    assert sum(let_in) == 100
    for each in hammers:
        each.communicate(timeout=10)


@pytest.mark.parametrize("number, patience", [(signal.SIGKILL, 0.2), (signal.SIGSTOP, 0.6)])
def test_a_process_that_dies_or_stops_with_a_lock_holds_up_nobody_for_long(path, number, patience):
    table = MachineLimits(path)
    holder = process(HOLD, path)
    try:
        assert said(holder) == "held"
        holder.send_signal(number)
        if number == signal.SIGKILL:
            holder.wait(5)
        began = time.monotonic()
        tally = table.hit([ANN])[0]
        assert time.monotonic() - began < patience
        # Who cannot count lets nobody in.
        assert tally.is_over == (number == signal.SIGSTOP)
    finally:
        holder.kill()
        holder.communicate()
    assert not table.hit([ANN])[0].is_over


def test_counts_outlive_the_process(path):
    MachineLimits(path).hit([ANN])
    assert MachineLimits(path).hit([ANN])[0].used == 2


def test_a_table_of_another_boot_or_version_or_of_rubbish_begins_anew(path, monkeypatch):
    MachineLimits(path).hit([ANN])
    monkeypatch.setattr(machine_limits, "_boot", lambda: b"another".ljust(36, b"\0"))
    assert MachineLimits(path).hit([ANN])[0].used == 1
    path.write_bytes(b"\xff" * 100_000)
    assert MachineLimits(path).hit([ANN])[0].used == 1


def test_a_full_bucket_refuses_newcomers_and_still_knows_its_own(path):
    table = MachineLimits(path, buckets=1)
    keys = [meter("a", Quota(5, 60), str(number)) for number in range(machine_limits._SLOTS + 1)]
    assert [table.hit([each])[0].is_over for each in keys] == [False] * machine_limits._SLOTS + [True]
    assert 0 < table.hit([keys[-1]])[0].ends_in <= 60
    assert [table.hit([each])[0].used for each in keys[:-1]] == [2] * machine_limits._SLOTS


def test_a_key_is_found_behind_a_slot_that_has_become_free(path):
    table = MachineLimits(path, buckets=1)
    table.hit([meter("short", Quota(5, 1), "x")])
    assert table.hit([ANN])[0].used == 1
    time.sleep(1.05)
    assert table.hit([ANN])[0].used == 2
    # And the free one is taken before any other that is in use.
    for number in range(machine_limits._SLOTS - 1):
        assert not table.hit([meter("a", Quota(5, 60), str(number))])[0].is_over
    assert table.hit([ANN])[0].used == 3


def test_the_clock_on_the_wall_changes_nothing(path, monkeypatch):
    table = MachineLimits(path)
    table.hit([ANN])
    for jump in (-10_000_000, 10_000_000):
        monkeypatch.setattr(time, "time", lambda jump=jump: jump)
        table.hit([ANN])
    assert table.hit([ANN])[0].used == 4


def test_keys_are_compared_whole(path):
    table = MachineLimits(path, buckets=1)
    keys = [ANN.key[:-1] + bytes([last]) for last in range(20)]
    assert {table.hit([machine_limits.Meter("a", ANN.quota, key)])[0].used for key in keys} == {1}


def test_numbers_that_look_like_a_key_are_none(path):
    """A key whose bytes begin inside another slot is found only where a slot begins."""
    table = MachineLimits(path, buckets=1)
    table.hit([machine_limits.Meter("a", ANN.quota, bytes(range(1, 25)))])
    bucket = os.pread(os.open(path, os.O_RDONLY), machine_limits._BUCKET, machine_limits._HEADER_ROOM)
    at = bucket.find(bytes(range(1, 25)))
    astride = bucket[at + 8 : at + 8 + 24]
    assert table.hit([machine_limits.Meter("a", ANN.quota, astride)])[0].used == 1
    assert table.hit([machine_limits.Meter("a", ANN.quota, bytes(range(1, 25)))])[0].used == 2


def test_a_table_that_cannot_be_written_lets_nobody_in(path, monkeypatch):
    table = MachineLimits(path)

    def no_room(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", no_room)
    with pytest.raises(Unavailable):
        table.hit([ANN])
    monkeypatch.undo()
    assert table.hit([ANN])[0].used == 1
    fcntl.lockf(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)  # nothing stayed locked
