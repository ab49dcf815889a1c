"""Ways of reading while money moves. Each tells what it saw that cannot be; those of one request must never see anything."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tests.faults.money.bank import TOTAL, Bank
from tests.faults.money.callers import Caller, records

Reading = Callable[[Bank, Caller], Mapping[str, Any]]


def balances(bank: Bank, caller: Caller) -> dict[str, Decimal]:
    return _balances(_listed(caller, bank.wallets))


def by_list(bank: Bank, caller: Caller) -> Mapping[str, Any]:
    return judged(balances(bank, caller))


def by_expand(bank: Bank, caller: Caller) -> Mapping[str, Any]:
    """Half of the wallets, and the other half as what they point at: a statement for each half."""
    left = _listed(caller, bank.wallets, filter="partner != ''", expand="partner")
    return judged(_balances([*left, *(item["expand"]["partner"] for item in left)]))


def by_sum(bank: Bank, caller: Caller) -> Mapping[str, Any]:
    path = records(bank.wallets, "aggregate", measures="count,sum:balance,min:balance")
    seen = caller.surely("GET", path).body["items"][0]
    return _told(seen, Decimal(seen["sum:balance"]), Decimal(seen["min:balance"]))


def by_export(bank: Bank, caller: Caller) -> Mapping[str, Any]:
    answer = caller.surely("GET", f"/api/v1/collections/{bank.wallets}/export?format=json")
    return judged(_balances(answer.body))


def by_count(bank: Bank, caller: Caller) -> Mapping[str, Any]:
    """The entries of one client, and how many there are; they only get more."""
    path = records(bank.ledger, limit=500, count="exact", fields="id", filter="intent ~ 'c0-%' || intent ~ '%-c0-%'")
    page = caller.surely("GET", path).body
    return {} if page["total"] == len(page["items"]) else {"count differs": (page["total"], len(page["items"]))}


def one_by_one(bank: Bank, caller: Caller) -> Mapping[str, Any]:
    """No protection: a request for each wallet."""
    return judged(_balances([caller.surely("GET", records(bank.wallets, id)).body for id in bank.ids]))


# What one request answers is one moment.
WHOLE: Mapping[str, Reading] = {"list": by_list, "expand": by_expand, "sum": by_sum, "export": by_export, "count": by_count}


def judged(seen: Mapping[str, Decimal]) -> Mapping[str, Any]:
    return _told(seen, sum(seen.values(), Decimal()), min(seen.values()))


def _told(seen: Any, total: Decimal, least: Decimal) -> Mapping[str, Any]:
    wrong = {"total differs": total != TOTAL, "negative": least < 0}
    return {what: seen for what, holds in wrong.items() if holds}


def entries(bank: Bank, caller: Caller) -> list[dict[str, Any]]:
    """The whole ledger, page by page: what stands in it does not change."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {}
    while True:
        page = caller.surely("GET", records(bank.ledger, limit=500, **query)).body
        found += page["items"]
        if page["next"] is None:
            return found
        query = {"cursor": page["next"]}


def _listed(caller: Caller, collection: str, **query: Any) -> list[dict[str, Any]]:
    answer = caller.surely("GET", records(collection, limit=500, **query))
    assert answer.status == 200, answer
    items: list[dict[str, Any]] = answer.body["items"]
    return items


def _balances(items: list[dict[str, Any]]) -> dict[str, Decimal]:
    return {item["id"]: Decimal(item["balance"]) for item in items}
