"""Sources and what came from them, in tables of their own; a message is whose INSERT has found no other of its id."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from adapters.outbound.sql.moments import DATABASE_NOW
from adapters.outbound.sql.session import Session
from domain.webhooks.endpoints import Reader
from domain.webhooks.inbound import Making, Message, Source
from ports.webhooks import Secrets

_SOURCE = "name, scheme, created, enabled, making, sealed, sealed_before, before_until"
_MESSAGE = "id, kind, came, state, record, reason"
_STATEMENTS = {
    "now": "SELECT {now}",
    "all": "SELECT {source} FROM _inbound ORDER BY name",
    "find": "SELECT {source} FROM _inbound WHERE name = :name",
    "hold": "SELECT {source} FROM _inbound WHERE name = :name {hold}",
    "put": "INSERT INTO _inbound ({source}) VALUES (:name, :scheme, :created, :enabled, :making, :sealed, :sealed_before, :before_until) "
    "ON CONFLICT (name) DO UPDATE SET scheme = excluded.scheme, enabled = excluded.enabled, making = excluded.making, "
    "sealed = excluded.sealed, sealed_before = excluded.sealed_before, before_until = excluded.before_until",
    "remove": "DELETE FROM _inbound WHERE name = :name RETURNING name",
    "clear": "DELETE FROM _inbound_messages WHERE source = :name",
    "take": "INSERT INTO _inbound_messages (source, {message}) VALUES (:source, :id, :kind, {now}, 'taken', '', '') "
    "ON CONFLICT (source, id) DO UPDATE SET kind = excluded.kind, came = excluded.came, state = excluded.state, reason = '' "
    "WHERE _inbound_messages.state = 'failed' RETURNING id",
    "fail": "INSERT INTO _inbound_messages (source, {message}) VALUES (:source, :id, :kind, {now}, 'failed', '', :reason) "
    # It may have come twice, and been taken meanwhile.
    "ON CONFLICT (source, id) DO UPDATE SET came = excluded.came, reason = excluded.reason WHERE _inbound_messages.state = 'failed'",
    "made": "UPDATE _inbound_messages SET record = :record WHERE source = :source AND id = :id",
    "messages": "SELECT {message} FROM _inbound_messages WHERE source = :source ORDER BY came DESC, id LIMIT :at_most",
    "forget": "DELETE FROM _inbound_messages WHERE (source, id) IN "
    "(SELECT source, id FROM _inbound_messages WHERE came < :before ORDER BY came LIMIT :at_most) RETURNING id",
}
# Writers of SQLite take turns.
_HOLD = {"sqlite": "", "postgresql": "FOR UPDATE"}


class SqlInboundStore:
    """Keeps ports.inbound.InboundStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def now(self) -> int:
        return int(self._run("now")[0][0])

    def all(self) -> Sequence[Source]:
        return [_source(row)[0] for row in self._run("all")]

    def find(self, name: str) -> tuple[Source, Secrets] | None:
        return next((_source(row) for row in self._run("find", name=name)), None)

    def hold(self, name: str) -> tuple[Source, Secrets] | None:
        return next((_source(row) for row in self._run("hold", name=name)), None)

    def put(self, source: Source, secrets: Secrets) -> None:
        self._run(
            "put", name=source.name, scheme=source.scheme, created=source.created, enabled=int(source.enabled),
            making=json.dumps(asdict(source.making)) if source.making else "",
            sealed=secrets.sealed, sealed_before=secrets.before, before_until=secrets.until,
        )  # fmt: skip

    def remove(self, name: str) -> bool:
        was_there = bool(self._run("remove", name=name))
        self._run("clear", name=name)
        return was_there

    def take(self, source: str, message: Message) -> bool:
        return bool(self._run("take", source=source, id=message.id, kind=message.kind))

    def made(self, source: str, id: str, record: str) -> None:
        self._run("made", source=source, id=id, record=record)

    def fail(self, source: str, message: Message) -> None:
        self._run("fail", source=source, id=message.id, kind=message.kind, reason=message.reason)

    def messages(self, source: str, *, limit: int) -> Sequence[Message]:
        return [_message(row) for row in self._run("messages", source=source, at_most=limit)]

    def forget(self, before: int, limit: int) -> int:
        return len(self._run("forget", before=before, at_most=limit))

    def _run(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        dialect = self._session.dialect
        parts = {"now": DATABASE_NOW[dialect], "hold": _HOLD[dialect], "source": _SOURCE, "message": _MESSAGE}
        build = lambda: text(_STATEMENTS[name].format(**parts))
        return self._session.execute(self._session.prepared(("inbound", name), build), values)


def _source(row: Sequence[Any]) -> tuple[Source, Secrets]:
    name, scheme, created, enabled, making, sealed, before, until = row
    made = Source(name, scheme, created, bool(enabled), _making(json.loads(making)) if making else None)
    return made, Secrets(bytes(sealed), None if before is None else bytes(before), until)


def _making(kept: dict[str, Any]) -> Making:
    return Making(kept["collection"], Reader(**kept["actor"]), kept["places"], kept["constants"], tuple(kept["by"]))


def _message(row: Sequence[Any]) -> Message:
    return Message(*row)
