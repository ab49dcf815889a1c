"""Observations as JSON lines, by structlog: what operators read. It shows each type's own fields, which hold no secrets."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, BinaryIO

import orjson
import structlog

from ports.observer import (
    CommitFailed,
    Observation,
    RequestFailed,
    RequestRefusedByRule,
    RequestServed,
    Retried,
    SchemaReloaded,
)

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

# How each type is called in the log, and from which level on it shows. Types that are not here show with `info`.
_SHOWN: dict[type[Observation], tuple[str, str]] = {
    SchemaReloaded: ("info", "schema_reloaded"),
    CommitFailed: ("error", "commit_failed"),
    Retried: ("debug", "retried"),
    RequestRefusedByRule: ("debug", "request_refused_by_rule"),
    RequestFailed: ("error", "request_failed"),
}


class LoggingObserver:
    """Keeps ports.observer.Observer. `level` is the lowest that is written."""

    def __init__(self, level: str = "info", stream: BinaryIO | None = None) -> None:
        self._least = LEVELS[level]
        self._logger = structlog.wrap_logger(
            structlog.BytesLogger(stream or sys.stderr.buffer),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
                structlog.processors.JSONRenderer(serializer=_json),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(self._least),
            cache_logger_on_first_use=True,
        )

    def observe(self, observation: Observation) -> None:
        try:
            self._write(observation)
        except (OSError, ValueError):
            pass  # nobody reads the log any more (a closed pipe); requests are served all the same

    def _write(self, observation: Observation) -> None:
        if isinstance(observation, RequestServed):
            self._logger.info("request", **_request(observation))
            return
        level, event = _SHOWN.get(type(observation), ("info", type(observation).__name__))
        if LEVELS[level] >= self._least:
            getattr(self._logger, level)(event, **asdict(observation))  # type: ignore[call-overload]


def _request(served: RequestServed) -> dict[str, Any]:
    """By hand: this line is written for every request, and asdict() copies."""
    return {
        "request_id": served.request_id,
        "method": served.method,
        "path": served.path,
        "status": served.status,
        "ms": served.milliseconds,
        "bytes": served.size,
        "actor": served.actor_kind,
        "actor_id": served.actor_id,
    }


def _json(event: Any, **_: Callable[..., Any]) -> bytes:
    return orjson.dumps(event)
