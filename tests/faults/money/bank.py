"""Wallets and a ledger on a real server, and how money moves between them.

`Protection` turns off what keeps the money right, one thing at a time: an experiment that then still finds nothing wrong is worth nothing.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

from tests.e2e.server import Server
from tests.faults.money.callers import Caller, records

WALLETS, OPENING = 8, Decimal("100.00")
TOTAL = WALLETS * OPENING
COVERED = {"name": "covered", "rule": "balance >= 0", "message": "the balance does not cover this"}
_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Protection:
    # One batch for debit, credit and entry; else a request for each.
    batch: bool = True
    # `balance-` in the database; else the client reads, computes and writes.
    in_database: bool = True
    # An Idempotency-Key for each intent.
    keys: bool = True
    # The check `balance >= 0`.
    check: bool = True


FULL = Protection()


@dataclass(frozen=True, slots=True)
class Transfer:
    intent: str
    source: str
    target: str
    amount: Decimal


class Bank:
    """Collections of their own for each experiment, on a server that experiments share."""

    def __init__(self, server: Server, admin: str, protection: Protection = FULL) -> None:
        number = next(_NUMBERS)
        self.server, self.admin, self.protection = server, admin, protection
        self.wallets, self.ledger = f"wallets{number}", f"ledger{number}"
        self.ids = [f"w{at}" for at in range(WALLETS)]
        caller = self.caller(0)
        for definition in self._definitions():
            made = caller.surely("POST", "/api/v1/collections", definition)
            assert made.status == 201, made
        for id in self.ids:
            made = caller.surely("POST", records(self.wallets), {"id": id, "balance": str(OPENING)})
            assert made.status == 201, made
        for left, right in zip(self.ids[::2], self.ids[1::2]):
            caller.surely("PATCH", records(self.wallets, left), {"partner": right})
        caller.close()

    def _definitions(self) -> Iterator[dict[str, Any]]:
        money = {"type": "decimal", "scale": 2, "required": True}
        wallet = {"type": "relation", "collection": self.wallets}
        yield {
            "name": self.wallets,
            "fields": [{"name": "balance", **money}, {"name": "partner", **wallet}],
            "checks": [COVERED] if self.protection.check else [],
        }
        yield {
            "name": self.ledger,
            # `intent` is not unique here: a doubled transfer has to be seen, not to be kept off by something else.
            "fields": [
                {"name": "intent", "type": "text", "required": True},
                {"name": "source", **wallet, "required": True},
                {"name": "target", **wallet, "required": True},
                {"name": "amount", **money},
            ],
            "rules": {"list": "", "view": "", "create": "", "update": None, "delete": None},
        }

    def caller(self, seed: int, losing: float = 0.0) -> Caller:
        return Caller(self.server, self.admin, losing, random.Random(seed))

    def drawn(self, chance: random.Random, intent: str) -> Transfer:
        """Some of them are more than the wallet holds."""
        source, target = chance.sample(self.ids, 2)
        return Transfer(f"{self.ledger}-{intent}", source, target, Decimal(chance.randint(1, 9000)) / 100)

    def move(self, caller: Caller, transfer: Transfer, *, once: bool = False) -> int:
        """The status of the answer. `once`: Unanswered where the connection breaks, instead of asking again."""
        if not self.protection.batch:
            return self._move_in_steps(caller, transfer)
        key = transfer.intent if self.protection.keys else ""
        ask = caller.ask if once else caller.surely
        return ask("POST", "/api/v1/batch", {"operations": self._operations(caller, transfer)}, key).status

    def _operations(self, caller: Caller, transfer: Transfer) -> list[dict[str, Any]]:
        debit, credit = self._changes(caller, transfer)
        return [
            {"method": "update", "collection": self.wallets, "id": transfer.source, "values": debit},
            {"method": "update", "collection": self.wallets, "id": transfer.target, "values": credit},
            {"method": "create", "collection": self.ledger, "values": _entry(transfer)},
        ]

    def _move_in_steps(self, caller: Caller, transfer: Transfer) -> int:
        debit, credit = self._changes(caller, transfer)
        status = caller.surely("PATCH", records(self.wallets, transfer.source), debit).status
        if status == 200:
            caller.surely("PATCH", records(self.wallets, transfer.target), credit)
            caller.surely("POST", records(self.ledger), _entry(transfer))
        return status

    def _changes(self, caller: Caller, transfer: Transfer) -> tuple[dict[str, str], dict[str, str]]:
        if self.protection.in_database:
            return {"balance-": str(transfer.amount)}, {"balance+": str(transfer.amount)}
        source, target = (self._balance(caller, id) for id in (transfer.source, transfer.target))
        return {"balance": str(source - transfer.amount)}, {"balance": str(target + transfer.amount)}

    def _balance(self, caller: Caller, id: str) -> Decimal:
        return Decimal(caller.surely("GET", records(self.wallets, id)).body["balance"])


def _entry(transfer: Transfer) -> dict[str, Any]:
    return {"intent": transfer.intent, "source": transfer.source, "target": transfer.target, "amount": str(transfer.amount)}
