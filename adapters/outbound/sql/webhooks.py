"""Endpoints of other servers and the messages for them, in tables of their own. Statements are written out: each is one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from adapters.outbound.sql.deliveries import LAST
from adapters.outbound.sql.id_sets import ids_value
from adapters.outbound.sql.moments import DATABASE_NOW
from adapters.outbound.sql.session import Session
from domain.webhooks.deliveries import HASTENED_AFTER, HASTENED_FREELY, Attempt, Backlog, Delivery, Settled
from domain.webhooks.endpoints import ACCOUNT, DISABLED, GONE, Breaker, Endpoint, Reader, Subscription
from ports.webhooks import Lease, Secrets

_ENDPOINT = "id, name, url, reader, subscriptions, created, state, reason, failures, again, since"
_SECRETS = "sealed, sealed_before, before_until"
_DELIVERY = "id, webhook, kind, body, event, place, collection, record, state, tries, due, created, ended, attempts"
_AS_NEW = "state = 'waiting', due = {now}, tries = CASE WHEN state = 'waiting' THEN tries ELSE 0 END, ended = NULL"
# Of those about its record. Whoever asks what is due asks so as well: one that has to wait, due or not, would be looked for without end.
_FIRST = (
    "NOT EXISTS (SELECT 1 FROM _webhook_deliveries AS e WHERE e.webhook = d.webhook AND e.collection = d.collection "
    "AND e.record = d.record AND e.place < d.place AND e.state = 'waiting')"
)
_STATEMENTS = {
    "now": "SELECT {now}",
    # --- endpoints
    "all": "SELECT {endpoint} FROM _webhooks ORDER BY id",
    "any": "SELECT 1 FROM _webhooks LIMIT 1",
    "find": "SELECT {endpoint} FROM _webhooks WHERE id = :id",
    "hold": "SELECT {endpoint} FROM _webhooks WHERE id = :id {hold}",
    "add": "INSERT INTO _webhooks ({endpoint}, {secrets}) VALUES (:id, :name, :url, :reader, :subscriptions, :created, :state, :reason, "
    ":failures, :again, coalesce({last}, 0), :sealed, NULL, 0)",
    "put": "UPDATE _webhooks SET name = :name, url = :url, reader = :reader, subscriptions = :subscriptions, state = :state, "
    "reason = :reason, failures = :failures, again = :again WHERE id = :id",
    "secrets": "SELECT {secrets} FROM _webhooks WHERE id = :id",
    "renew": "UPDATE _webhooks SET sealed = :sealed, sealed_before = :sealed_before, before_until = :before_until WHERE id = :id",
    "remove": "DELETE FROM _webhooks WHERE id = :id RETURNING id",
    "clear": "DELETE FROM _webhook_deliveries WHERE webhook = :id",
    # --- messages
    "post": "INSERT INTO _webhook_deliveries ({delivery}) SELECT :id, :webhook, :kind, :body, CAST(:event AS bigint), "
    "CAST(:place AS bigint), :collection, :record, 'waiting', 0, {later}({now}, coalesce((SELECT max(due) FROM _webhook_deliveries "
    "WHERE webhook = :webhook AND collection = :collection AND record = :record AND state = 'waiting'), 0)), {now}, NULL, '[]' "
    "FROM _webhooks WHERE id = :webhook AND state = 'enabled' ON CONFLICT DO NOTHING RETURNING id",
    # Without their bodies: two hundred of them may be hundreds of megabytes.
    "listed": "SELECT {listed} FROM _webhook_deliveries WHERE webhook = :webhook AND (:state = '' OR state = :state) "
    "AND (:before = '' OR id < :before) ORDER BY id DESC LIMIT :at_most",
    "delivery": "SELECT {delivery} FROM _webhook_deliveries WHERE webhook = :webhook AND id = :id",
    "again": "UPDATE _webhook_deliveries SET {as_new} WHERE webhook = :webhook AND id {among} RETURNING id",
    "dead": "SELECT id FROM _webhook_deliveries WHERE webhook = :webhook AND state = 'dead' AND created >= :since "
    "ORDER BY id LIMIT :at_most",
    "erase": "DELETE FROM _webhook_deliveries WHERE collection = :collection AND record {among}",
    # --- sending
    "due": "SELECT id FROM _webhooks AS w WHERE state = 'enabled' AND held_until <= {now} AND coalesce(again, 0) <= {now} AND EXISTS "
    "(SELECT 1 FROM _webhook_deliveries AS d WHERE d.webhook = w.id AND d.state = 'waiting' AND d.due <= {now} AND {first}) "
    "ORDER BY id LIMIT :at_most",
    "claim": "UPDATE _webhooks SET holder = :holder, held_until = {now} + :lease WHERE id = :id AND state = 'enabled' "
    "AND held_until <= {now} AND coalesce(again, 0) <= {now} RETURNING {endpoint}, {secrets}",
    "next": "SELECT {delivery} FROM _webhook_deliveries AS d WHERE webhook = :webhook AND state = 'waiting' AND due <= {now} "
    "AND {first} ORDER BY tries, place, id LIMIT :at_most",
    # The oldest may be the ones that it fails at: whoever wrote many of them would have all others wait until each had its turn.
    "probe": "SELECT {delivery} FROM _webhook_deliveries AS d WHERE webhook = :webhook AND state = 'waiting' AND due <= {now} "
    "AND {first} ORDER BY tries, random() LIMIT 1",
    "judge": "UPDATE _webhooks SET failures = :failures, again = :again, held_until = {now} + :lease, state = :state, reason = :reason "
    "WHERE id = :id AND holder = :holder AND state = 'enabled' RETURNING id",
    "settle": "UPDATE _webhook_deliveries SET state = :state, tries = :tries, due = :due, ended = :ended, attempts = :attempts "
    "WHERE id = :id AND state = 'waiting'",
    # What waits for the one that failed is not due before it, so that nobody looks for it in vain.
    "behind": "UPDATE _webhook_deliveries SET due = :due WHERE webhook = :webhook AND collection = :collection AND record = :record "
    "AND state = 'waiting' AND place > :place AND due < :due",
    "heal": "UPDATE _webhook_deliveries SET due = {now} WHERE webhook = :id AND state = 'waiting' AND due > {now} "
    "AND (tries <= :freely OR {now} - created > tries * tries * :after)",
    "release": "UPDATE _webhooks SET held_until = 0 WHERE id = :id AND holder = :holder",
    # --- looking after them
    "overrun": "SELECT id FROM _webhooks AS w WHERE state = 'enabled' AND (SELECT count(*) FROM (SELECT 1 FROM _webhook_deliveries AS d "
    "WHERE d.webhook = w.id AND d.state = 'waiting' LIMIT :one_more) AS _waiting) = :one_more",
    "forget": "DELETE FROM _webhook_deliveries WHERE id IN (SELECT id FROM _webhook_deliveries WHERE "
    "(state = 'delivered' AND ended < :delivered) OR (state = 'dead' AND ended < :dead) LIMIT :at_most) RETURNING id",
    "orphans": "DELETE FROM _webhook_deliveries WHERE id IN (SELECT id FROM _webhook_deliveries AS d WHERE NOT EXISTS "
    "(SELECT 1 FROM _webhooks AS w WHERE w.id = d.webhook) LIMIT :at_most) RETURNING id",
    "backlog": "SELECT (SELECT count(*) FROM _webhook_deliveries WHERE state = 'waiting'), "
    "(SELECT count(*) FROM _webhook_deliveries WHERE state = 'dead'), "
    "coalesce((SELECT {now} - min(created) FROM _webhook_deliveries WHERE state = 'waiting'), 0), "
    "(SELECT count(*) FROM _webhooks WHERE state = 'enabled' AND coalesce(again, 0) <= {now}), "
    "(SELECT count(*) FROM _webhooks WHERE state = 'enabled' AND again > {now}), "
    "(SELECT count(*) FROM _webhooks WHERE state = 'disabled')",
}
_ENGINES = {
    # Writers of SQLite take turns.
    "sqlite": {"last": LAST["sqlite"], "hold": "", "later": "max", "among": "IN (SELECT value FROM json_each(:ids))"},
    "postgresql": {"last": LAST["postgresql"], "hold": "FOR UPDATE", "later": "greatest", "among": "= ANY(CAST(:ids AS text[]))"},
}


class SqlWebhookStore:
    """Keeps ports.webhooks.WebhookStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def now(self) -> int:
        return int(self._run("now")[0][0])

    # --- endpoints

    def all(self) -> Sequence[Endpoint]:
        return [_endpoint(row) for row in self._run("all")]

    def any(self) -> bool:
        return bool(self._run("any"))

    def find(self, id: str) -> Endpoint | None:
        return next((_endpoint(row) for row in self._run("find", id=id)), None)

    def hold(self, id: str) -> Endpoint | None:
        return next((_endpoint(row) for row in self._run("hold", id=id)), None)

    def add(self, endpoint: Endpoint, secrets: Secrets) -> None:
        self._run("add", **_row(endpoint), created=endpoint.created, sealed=secrets.sealed)

    def put(self, endpoint: Endpoint) -> None:
        self._run("put", **_row(endpoint))

    def secrets(self, id: str) -> Secrets | None:
        return next((_secrets(row) for row in self._run("secrets", id=id)), None)

    def renew(self, id: str, secrets: Secrets) -> None:
        self._run("renew", id=id, sealed=secrets.sealed, sealed_before=secrets.before, before_until=secrets.until)

    def remove(self, id: str) -> bool:
        was_there = bool(self._run("remove", id=id))
        self._run("clear", id=id)
        return was_there

    # --- messages

    def post(self, deliveries: Sequence[Delivery]) -> int:
        return sum(len(self._run("post", **_posted(each))) for each in deliveries)

    def listed(self, webhook: str, state: str | None, *, before: str | None, limit: int) -> Sequence[Delivery]:
        rows = self._run("listed", webhook=webhook, state=state or "", before=before or "", at_most=limit)
        return [_delivery(row) for row in rows]

    def delivery(self, webhook: str, id: str) -> Delivery | None:
        return next((_delivery(row) for row in self._run("delivery", webhook=webhook, id=id)), None)

    def again(self, webhook: str, ids: Sequence[str]) -> int:
        return len(self._run("again", webhook=webhook, ids=self._ids(ids)))

    def dead_since(self, webhook: str, since: int, limit: int) -> Sequence[str]:
        return [row[0] for row in self._run("dead", webhook=webhook, since=since, at_most=limit)]

    def erase(self, collection: str, records: Sequence[str]) -> None:
        self._run("erase", collection=collection, ids=self._ids(records))

    # --- sending

    def due(self, limit: int) -> Sequence[str]:
        return [row[0] for row in self._run("due", at_most=limit)]

    def claim(self, id: str, holder: str, lease: int) -> Lease | None:
        rows = self._run("claim", id=id, holder=holder, lease=lease)
        return Lease(_endpoint(rows[0][:-3]), _secrets(rows[0][-3:]), holder) if rows else None

    def next(self, webhook: str, limit: int) -> Sequence[Delivery]:
        return [_delivery(row) for row in self._run("next", webhook=webhook, at_most=limit)]

    def probe(self, webhook: str) -> Sequence[Delivery]:
        return [_delivery(row) for row in self._run("probe", webhook=webhook)]

    def settle(self, lease: Lease, settled: Settled, more: int) -> bool:
        breaker, id = settled.breaker, lease.endpoint.id
        state, reason = (DISABLED, GONE) if settled.gone else ("enabled", "")
        judged = self._run(
            "judge", id=id, holder=lease.holder, lease=more, failures=breaker.failures, again=breaker.again, state=state, reason=reason
        )
        if not judged:
            return False
        for each in settled.deliveries:
            self._run(
                "settle", id=each.id, state=each.state, tries=each.tries, due=each.due, ended=each.ended,
                attempts=json.dumps([asdict(attempt) for attempt in each.attempts]),
            )  # fmt: skip
            if each.ended is None:
                self._run(
                    "behind", webhook=id, collection=each.collection, record=each.record, place=each.place, due=each.due
                )
        if settled.healed:
            self._run("heal", id=id, freely=HASTENED_FREELY, after=HASTENED_AFTER)
        return True

    def release(self, lease: Lease) -> None:
        self._run("release", id=lease.endpoint.id, holder=lease.holder)

    # --- looking after them

    def overrun(self, most: int) -> Sequence[str]:
        return [row[0] for row in self._run("overrun", one_more=most + 1)]

    def forget(self, delivered: int, dead: int, limit: int) -> int:
        return len(self._run("forget", delivered=delivered, dead=dead, at_most=limit)) or len(self._run("orphans", at_most=limit))

    def backlog(self) -> Backlog:
        waiting, dead, oldest, enabled, resting, disabled = self._run("backlog")[0]
        return Backlog(waiting, dead, oldest, enabled, resting, disabled)

    def _ids(self, ids: Sequence[str]) -> Any:
        return ids_value(ids, self._session.dialect)

    def _run(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        dialect = self._session.dialect
        listed = _DELIVERY.replace("body", "''")
        columns = {"endpoint": _ENDPOINT, "secrets": _SECRETS, "delivery": _DELIVERY, "listed": listed}
        parts = {"now": DATABASE_NOW[dialect], "first": _FIRST, **columns, **_ENGINES[dialect]}
        build = lambda: text(_STATEMENTS[name].replace("{as_new}", _AS_NEW).format(**parts))
        return self._session.execute(self._session.prepared(("webhooks", name), build), values)


def _row(each: Endpoint) -> dict[str, Any]:
    who = each.reader
    return {
        "id": each.id, "name": each.name, "url": each.url,
        "reader": f"{who.kind}/{who.collection}/{who.id}" if who.kind == ACCOUNT else who.kind,
        "state": each.state, "reason": each.reason,
        "subscriptions": json.dumps([asdict(one) for one in each.subscriptions]),
        "failures": each.breaker.failures, "again": each.breaker.again,
    }  # fmt: skip


def _endpoint(row: Sequence[Any]) -> Endpoint:
    id, name, url, reader, subscriptions, created, state, reason, failures, again, since = row
    return Endpoint(
        id, name, url, Reader(*reader.split("/")), tuple(_subscription(each) for each in json.loads(subscriptions)), created, state, reason,
        Breaker(failures, again), since,
    )  # fmt: skip


def _subscription(kept: Mapping[str, Any]) -> Subscription:
    return Subscription(kept["collection"], tuple(kept["events"]), kept["filter"])


def _secrets(row: Sequence[Any]) -> Secrets:
    sealed, before, until = row
    return Secrets(bytes(sealed), None if before is None else bytes(before), until)


def _posted(each: Delivery) -> dict[str, Any]:
    return {
        "id": each.id, "webhook": each.webhook, "kind": each.kind, "body": each.body, "event": each.event, "place": each.place,
        "collection": each.collection, "record": each.record,
    }  # fmt: skip


def _delivery(row: Sequence[Any]) -> Delivery:
    id, webhook, kind, body, event, place, collection, record, state, tries, due, created, ended, attempts = row
    tried = tuple(Attempt(**each) for each in json.loads(attempts))
    return Delivery(id, webhook, kind, body, event, place, collection, record, state, tries, due, created, ended, tried)
