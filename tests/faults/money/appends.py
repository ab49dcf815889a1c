"""Clients that append numbers to several lists at once and read several lists at once: what they saw, as a history.

The lists are many-valued relations, which grow by `items+` in the order in which their record was written.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.e2e.server import Answer, Server
from tests.faults.money.callers import Caller, Crew, Unanswered, records
from tests.faults.money.histories import Key, Transaction, Value

LISTS = ("a", "b", "c", "d")
NOWHERE = "nowhere"
_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Manner:
    """How clients write and read; another than these is a control."""

    # All appends of a transaction in one batch; else a request for each.
    batch: bool = True
    # `items+`; else the client reads the list, and writes it whole.
    in_database: bool = True
    # All lists in one request; else a request for each.
    one_read: bool = True


class Shelf:
    """The lists of one experiment."""

    def __init__(self, server: Server, admin: str, manner: Manner) -> None:
        number = next(_NUMBERS)
        self.server, self.admin, self.manner = server, admin, manner
        self.values, self.lists = f"values{number}", f"lists{number}"
        caller = self.caller(0)
        items = {"name": "items", "type": "relation", "collection": self.values, "many": True}
        for definition in ({"name": self.values}, {"name": self.lists, "fields": [items]}):
            made = caller.surely("POST", "/api/v1/collections", definition)
            assert made.status == 201, made
        for key in LISTS:
            made = caller.surely("POST", records(self.lists), {"id": key})
            assert made.status == 201, made

    def caller(self, seed: int, losing: float = 0.0) -> Caller:
        return Caller(self.server, self.admin, losing, random.Random(seed))

    # --- reading

    def read(self, caller: Caller) -> dict[Key, tuple[Value, ...]]:
        if self.manner.one_read:
            items = caller.surely("GET", records(self.lists, limit=500, fields="id,items")).body["items"]
        else:
            items = [caller.surely("GET", records(self.lists, key)).body for key in LISTS]
        return {item["id"]: _numbers(item) for item in items}

    # --- appending

    def append(
        self, caller: Caller, appends: tuple[tuple[Key, Value], ...], key: str, *, refused: bool
    ) -> tuple[bool | None, dict[Key, tuple[Value, ...]]]:
        """Whether it was done, and the lists that the answer holds."""
        if not self.manner.batch or not self.manner.in_database:
            return self._append_in_steps(caller, appends)
        operations = [*self._operations(appends), *([_failing(self.lists)] if refused else ())]
        try:
            answer = caller.surely("POST", "/api/v1/batch", {"operations": operations}, key)
        except Unanswered:
            return None, {}
        if answer.status != 200:
            assert refused, answer
            return False, {}
        return True, _answered(answer)

    def _operations(self, appends: tuple[tuple[Key, Value], ...]) -> Iterator[dict[str, Any]]:
        for _, value in appends:
            yield {"method": "create", "collection": self.values, "values": {"id": f"v{value}"}}
        for key, value in appends:
            yield {"method": "update", "collection": self.lists, "id": key, "values": {"items+": f"v{value}"}}

    def _append_in_steps(
        self, caller: Caller, appends: tuple[tuple[Key, Value], ...]
    ) -> tuple[bool, dict[Key, tuple[Value, ...]]]:
        for key, value in appends:
            caller.surely("POST", records(self.values), {"id": f"v{value}"})
            body: dict[str, Any] = {"items+": f"v{value}"}
            if not self.manner.in_database:
                known = caller.surely("GET", records(self.lists, key)).body["items"]
                body = {"items": [*known, f"v{value}"]}
            done = caller.surely("PATCH", records(self.lists, key), body)
            assert done.status == 200, done
        return True, {}


def _failing(collection: str) -> dict[str, Any]:
    return {"method": "update", "collection": collection, "id": NOWHERE, "values": {"items": []}}


def _answered(answer: Answer) -> dict[Key, tuple[Value, ...]]:
    told = [each["record"] for each in answer.body["results"]]
    return {record["id"]: _numbers(record) for record in told if "items" in record}


def _numbers(item: dict[str, Any]) -> tuple[Value, ...]:
    return tuple(int(id.removeprefix("v")) for id in item["items"])


def run(
    shelf: Shelf, *, clients: int = 6, each: int = 20, losing: float = 0.0,
    disturb: Callable[[Server, threading.Event], None] | None = None,
) -> tuple[list[Transaction], Counter[str]]:
    """The history, which ends with a read of everything, and what failed on the server's side."""
    history: list[Transaction] = []
    failures: Counter[str] = Counter()
    numbers, crew, others = count(1), Crew(), Crew()
    for at in range(clients):
        crew.start(_client, shelf, history, failures, at, each, losing, numbers)
    if disturb is not None:
        others.start(disturb, shelf.server, others.over)
    crew.join()
    others.over.set()
    others.join()
    history.append(Transaction(0, (), shelf.read(shelf.caller(0))))
    return history, failures


def _client(
    shelf: Shelf, history: list[Transaction], failures: Counter[str], at: int, each: int, losing: float, numbers: Iterator[int]
) -> None:
    caller = shelf.caller(at, losing)
    for turn in range(each):
        began, id = time.monotonic(), at * 1_000_000 + turn + 1
        if caller.chance.random() < 0.5:
            one = Transaction(id, (), shelf.read(caller), True, began, time.monotonic())
        else:
            one = _appended(shelf, caller, id, began, numbers)
        history.append(one)
    caller.close()
    failures.update(caller.failures)


def _appended(shelf: Shelf, caller: Caller, id: int, began: float, numbers: Iterator[int]) -> Transaction:
    # Two of one list too: what stands between them is nobody's business.
    appends = tuple((key, next(numbers)) for key in caller.chance.choices(LISTS, k=caller.chance.choice((1, 2, 2, 3))))
    refused = caller.chance.random() < 0.15
    committed, reads = shelf.append(caller, appends, f"{shelf.lists}-{id}", refused=refused)
    ended = None if committed is None else time.monotonic()
    return Transaction(id, appends, reads, committed, began, ended)
