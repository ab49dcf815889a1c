"""Somebody who kills what serves: single worker processes, and whole servers as a power cut would."""

import os
import random
import signal
import threading
from collections.abc import Callable

from tests.faults.money.bank import Bank
from tests.faults.money.transfers import Book, Disturb


def kill_a_worker(bank: Bank, chance: random.Random) -> None:
    pids = bank.server.worker_pids()
    if pids:
        os.kill(chance.choice(pids), signal.SIGKILL)


def kill_the_server(bank: Bank, chance: random.Random) -> None:
    bank.server.kill()
    bank.server.start()


def kills(*acts: Callable[[Bank, random.Random], None], every: int) -> Disturb:
    """One after another, each after that many further transfers; from the first again while there are more."""

    def disturb(bank: Bank, book: Book, over: threading.Event) -> None:
        chance, at = random.Random(7), 0
        while not over.wait(0.005):
            if len(book.done) + len(book.refused) >= (at + 1) * every:
                acts[at % len(acts)](bank, chance)
                at += 1
                book.kills += 1

    return disturb
