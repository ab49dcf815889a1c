"""Observations as JSON lines, by structlog: what operators read. It shows each type's own fields, which hold no secrets."""

import re
import sys
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any, BinaryIO

import orjson
import structlog

from ports.observer import (
    CallsRefused,
    CarrierAway,
    CarrierBack,
    CommitFailed,
    ExpiryHeldUp,
    FilesAway,
    FilesBack,
    HousekeepingFailed,
    JobFailed,
    JobLost,
    LimitsAlone,
    LimitsShared,
    Observation,
    RequestFailed,
    RequestRefusedByRule,
    RequestServed,
    Retried,
    SubscriberFailed,
    WorkerEnded,
)

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

# As what each type shows; those that are not here show as `info`.
_LEVELS: dict[type[Observation], str] = {
    CallsRefused: "error",
    CarrierAway: "error",
    CarrierBack: "warning",
    CommitFailed: "error",
    ExpiryHeldUp: "warning",
    FilesAway: "error",
    FilesBack: "warning",
    HousekeepingFailed: "error",
    JobFailed: "warning",
    JobLost: "error",
    LimitsAlone: "error",
    SubscriberFailed: "error",
    LimitsShared: "warning",
    RequestFailed: "error",
    RequestRefusedByRule: "debug",
    Retried: "debug",
    WorkerEnded: "error",
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

    def wants(self, kind: type[Observation]) -> bool:
        return LEVELS[_LEVELS.get(kind, "info")] >= self._least

    def _write(self, observation: Observation) -> None:
        if isinstance(observation, RequestServed):
            self._logger.info("request", **_request(observation))
            return
        level = _LEVELS.get(type(observation), "info")
        if LEVELS[level] >= self._least:
            fields: dict[str, Any] = asdict(observation) if is_dataclass(observation) else {}
            getattr(self._logger, level)(_event(type(observation).__name__), **fields)


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


@cache
def _event(name: str) -> str:
    """RequestFailed is called request_failed."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _json(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)
