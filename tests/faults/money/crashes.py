"""Somebody who kills what serves, single worker processes and whole servers as a power cut would; and what starts an ended server again, as
systemd does: a server whose workers die one after another gives up."""

import os
import random
import signal
import threading
from collections.abc import Callable

from tests.e2e.server import Server
from tests.faults.money.bank import Bank
from tests.faults.money.transfers import Book, Disturb


def kill_a_worker(server: Server, chance: random.Random) -> None:
    pids = server.worker_pids()
    if pids:
        os.kill(chance.choice(pids), signal.SIGKILL)


def kill_the_server(server: Server, chance: random.Random) -> None:
    server.kill()


def start_again(server: Server) -> None:
    if server.process is not None and server.process.poll() is not None:
        server.start()


def kills(*acts: Callable[[Server, random.Random], None], every: int) -> Disturb:
    """One after another, each after that many further transfers; from the first again while there are more."""

    def disturb(bank: Bank, book: Book, over: threading.Event) -> None:
        chance, at = random.Random(7), 0
        while not over.wait(0.005):
            start_again(bank.server)
            if len(book.done) + len(book.refused) + len(book.refused_again) >= (at + 1) * every:
                acts[at % len(acts)](bank.server, chance)
                at += 1
                book.kills += 1
        start_again(bank.server)

    return disturb


def kills_by_time(server: Server, over: threading.Event, *, every: float) -> None:
    chance = random.Random(3)
    while not over.wait(every):
        kill_a_worker(server, chance)
        start_again(server)
