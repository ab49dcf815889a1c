"""Schedules over HTTP: jobs that come round by themselves, for admins."""

from collections.abc import Callable
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.idempotency import once
from adapters.inbound.web.openapi import GONE, IDEMPOTENCY_KEY, answers, documented
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from app.usecases.idempotency import Keep
from domain.jobs.job import instant
from domain.jobs.schedules import MISSED, Schedule, interval_text

_REFUSED = (400, 401, 403, 404, 409, 422)


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("schedules", __name__, url_prefix="/api/v1/schedules", description="Jobs that come round by themselves")
    schedules = backend.schedules

    def told(each: Schedule) -> dict[str, Any]:
        every = each.timing.every
        return {
            "name": each.name, "job": each.job, "arguments": each.arguments, "every": interval_text(every) if every else None,
            "cron": each.timing.cron or None, "zone": None if every else each.timing.zone, "missed": each.missed,
            "declared": each.is_declared, "paused": each.is_paused, "last": instant(each.last),
            "next": [instant(tick) for tick in schedules.coming(each)],
        }  # fmt: skip

    @door.route("")
    @documented("list_schedules", responses=answers({200: answers_with("Every schedule, by name", _SCHEDULES)}, 400, 401, 403))
    def list_schedules() -> Response:
        """List schedules with their next times"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer({"items": [told(each) for each in schedules.list(actor=caller_of(request, backend))]})

    @door.route("/<schedule>", methods=("PUT",))
    @documented(
        "put_schedule", parameters=[IDEMPOTENCY_KEY], requestBody={"required": True, "content": {"application/json": {"schema": _WANTED}}},
        responses=answers({200: answers_with("The schedule", _SCHEDULE)}, *_REFUSED, 413, 415),
    )  # fmt: skip
    def put_schedule(schedule: str) -> Response:
        """Let a job come round, or change how"""
        request = this_request()
        read_parameters(request.environ, ())
        actor, body, facts = caller_of(request, backend), read_object(request), facts_of(request)
        do: Callable[[Keep], Schedule] = lambda keep: schedules.put(schedule, body, actor=actor, facts=facts, keep=keep)
        return once(request, backend, actor, do, lambda made: answer(told(made)))

    @door.route("/<schedule>", methods=("DELETE",))
    @documented("remove_schedule", parameters=[IDEMPOTENCY_KEY], responses=answers({204: GONE}, *_REFUSED))
    def remove_schedule(schedule: str) -> Response:
        """Let a job come round no more"""
        return _done(lambda actor, facts, keep: schedules.remove(schedule, actor=actor, facts=facts, keep=keep))

    @door.route("/<schedule>/pause", methods=("POST",))
    @documented("pause_schedule", parameters=[IDEMPOTENCY_KEY], responses=answers({204: _PAUSED}, *_REFUSED))
    def pause_schedule(schedule: str) -> Response:
        """Let no tick be due until it is resumed; none of them counts as missed"""
        return _done(lambda actor, facts, keep: schedules.pause(schedule, paused=True, actor=actor, facts=facts, keep=keep))

    @door.route("/<schedule>/resume", methods=("POST",))
    @documented("resume_schedule", parameters=[IDEMPOTENCY_KEY], responses=answers({204: _RESUMED}, *_REFUSED))
    def resume_schedule(schedule: str) -> Response:
        """Let a paused schedule go on with its next tick"""
        return _done(lambda actor, facts, keep: schedules.pause(schedule, paused=False, actor=actor, facts=facts, keep=keep))

    @door.route("/<schedule>/run", methods=("POST",))
    @documented("run_schedule", parameters=[IDEMPOTENCY_KEY], responses=answers({202: answers_with("The job", _MADE)}, *_REFUSED, 503))
    def run_schedule(schedule: str) -> Response:
        """Make a job as the schedule would, now"""
        request = this_request()
        read_parameters(request.environ, ())
        actor, facts = caller_of(request, backend), facts_of(request)
        do: Callable[[Keep], str] = lambda keep: schedules.run(schedule, actor=actor, facts=facts, keep=keep)
        return once(request, backend, actor, do, lambda job: answer({"job": job}, 202))

    def _done(do: Callable[..., object]) -> Response:
        request = this_request()
        read_parameters(request.environ, ())
        actor, facts = caller_of(request, backend), facts_of(request)
        kept: Callable[[Keep], object] = lambda keep: do(actor, facts, keep)
        return once(request, backend, actor, kept, lambda _: empty_response(204))

    return door


_PAUSED = {"description": "No tick is due any more"}
_RESUMED = {"description": "The next tick is due"}
_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_INSTANT = {"type": "string", "format": "date-time"}
_EVERY = "An interval, as `15 minutes`"
_CRON = "Minute, hour, day of the month, month, day of the week"
_MISSED = {"type": "string", "enum": list(MISSED), "description": "What becomes of ticks that went by while nobody looked"}
_ARGUMENTS = {"type": "object", "additionalProperties": True, "description": "Those that the job takes"}
_SCHEDULE: dict[str, Any] = {
    "name": _TEXT, "job": _TEXT, "arguments": _ARGUMENTS, "every": {**_TEXT_OR_NULL, "description": _EVERY},
    "cron": {**_TEXT_OR_NULL, "description": _CRON}, "zone": {**_TEXT_OR_NULL, "description": "By whose clocks"}, "missed": _MISSED,
    "declared": {"type": "boolean", "description": "Whether an extension declares it"}, "paused": {"type": "boolean"},
    "last": {"type": ["string", "null"], "format": "date-time"},
    "next": {"type": "array", "maxItems": 5, "items": _INSTANT, "description": "The next ticks"},
}  # fmt: skip
_SCHEDULES = {"items": {"type": "array", "items": object_of(_SCHEDULE, tuple(_SCHEDULE))}}
_WANTED = object_of(
    {
        "job": {**_TEXT, "description": "The name of a registered job"}, "arguments": _ARGUMENTS, "every": {**_TEXT, "description": _EVERY},
        "cron": {**_TEXT, "description": _CRON}, "zone": {**_TEXT, "description": "Of the expression; UTC if nothing is said"},
        "missed": _MISSED, "paused": {"type": "boolean"},
    },
    ("job",),
)  # fmt: skip
_MADE = {"job": {**_TEXT, "description": "Its id"}}
