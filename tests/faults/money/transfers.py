"""Random transfers by many clients, whose answers get lost, while others read and somebody kills what serves them; and the audit."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.money.bank import OPENING, Bank, Transfer
from tests.faults.money.callers import Crew, Unanswered
from tests.faults.money.readings import Reading, balances, by_list, entries, judged


@dataclass(repr=False)
class Book:
    """What clients were told, and what was seen that cannot be."""

    done: dict[str, Transfer] = field(default_factory=dict)
    refused: dict[str, Transfer] = field(default_factory=dict)
    # A repetition was refused; the first try was not answered.
    refused_again: dict[str, Transfer] = field(default_factory=dict)
    # Nobody told, and nobody asked again.
    unknown: dict[str, Transfer] = field(default_factory=dict)
    wrong: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    reads: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    kills: int = 0
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, example: Any) -> None:
        with self.lock:
            self.wrong[what] += 1
            self.examples.setdefault(what, str(example)[:400])

    def told(self, transfer: Transfer, status: int, *, final: bool = True) -> None:
        if status == 200:
            self.done[transfer.intent] = transfer
        elif status == 400 and not final:
            self.refused_again[transfer.intent] = transfer
        elif status == 400:
            self.refused[transfer.intent] = transfer
        else:
            self.note("answered", status)
            self.unknown[transfer.intent] = transfer

    def __repr__(self) -> str:
        return (
            f"{len(self.done)} done, {len(self.refused)} + {len(self.refused_again)} refused, {len(self.unknown)} given up, "
            f"{self.broken} tries without an answer, "
            f"{self.kills} kills, {self.seconds:.1f} s, reads {dict(self.reads)}, wrong {dict(self.wrong)} {self.examples}"
        )


Disturb = Callable[[Bank, Book, threading.Event], None]


@dataclass(frozen=True, slots=True)
class Load:
    transfers: int
    clients: int = 6
    # The chance that a client hangs up before it has read the answer.
    losing: float = 0.1
    # The chance that it then leaves it at that.
    giving_up: float = 0.1
    # Each way of reading is tried this often at least.
    reads: int = 5
    # A control ends as soon as this went wrong.
    until: str = ""


def run(
    bank: Bank, load: Load, readings: Mapping[str, Reading] | None = None, disturb: Disturb | None = None
) -> Book:
    book, movers, others = Book(), Crew(), Crew()
    began = time.monotonic()
    for at in range(load.clients):
        movers.start(_move, bank, book, load, at, movers.over)
    for at, (name, read) in enumerate((readings or {"list": by_list}).items()):
        others.start(_read, bank, book, load, at, name, read, others.over)
    if disturb is not None:
        others.start(disturb, bank, book, others.over)
    movers.join()
    others.over.set()
    others.join()
    book.seconds = time.monotonic() - began
    _settle(bank, book)
    _audit(bank, book)
    return book


def _move(bank: Bank, book: Book, load: Load, at: int, over: threading.Event) -> None:
    caller = bank.caller(at, load.losing)
    for number in range(load.transfers // load.clients):
        if over.is_set() or book.wrong[load.until]:
            break
        transfer = bank.drawn(caller.chance, f"c{at}-{number}")
        broken = caller.broken
        try:
            status = bank.move(caller, transfer, once=caller.chance.random() < load.giving_up)
        except Unanswered:
            book.unknown[transfer.intent] = transfer
        else:
            # A refusal is of its moment: an earlier copy that is still on its way may yet be done.
            book.told(transfer, status, final=caller.broken == broken)
    caller.close()
    book.broken += caller.broken
    for failure in caller.failures:
        book.note("failed", failure)


def _read(bank: Bank, book: Book, load: Load, at: int, name: str, read: Reading, over: threading.Event) -> None:
    caller = bank.caller(1000 + at)
    while book.reads[name] < load.reads or not over.is_set():
        if book.wrong[load.until]:
            break
        for what, example in read(bank, caller).items():
            book.note(what, f"{name}: {example}")
        book.reads[name] += 1
        time.sleep(0.005)
    caller.close()
    for failure in caller.failures:
        book.note("failed", failure)


def _settle(bank: Bank, book: Book) -> None:
    """Of those who gave up, half ask once more, and that answer holds; the others never learn what came of it."""
    caller = bank.caller(77)
    for transfer in list(book.unknown.values())[::2]:
        del book.unknown[transfer.intent]
        book.told(transfer, bank.move(caller, transfer))


def _audit(bank: Bank, book: Book) -> None:
    """The ledger against what clients were told, and the balances against the ledger."""
    caller = bank.caller(78)
    ledger = entries(bank, caller)
    times = Counter(entry["intent"] for entry in ledger)
    for intent, number in times.items():
        if number > 1:
            book.note("doubled", f"{intent} {number} times")
        if intent in book.refused:
            book.note("refused and done", intent)
    for intent in book.done:
        if not times[intent]:
            book.note("lost", intent)
    by_ledger = dict.fromkeys(bank.ids, OPENING)
    for entry in ledger:
        amount = type(OPENING)(entry["amount"])
        by_ledger[entry["source"]] -= amount
        by_ledger[entry["target"]] += amount
    found = balances(bank, caller)
    if by_ledger != found:
        book.note("books differ", f"{by_ledger} by the ledger, but {found}")
    for what, example in judged(found).items():
        book.note(what, f"at the end: {example}")
