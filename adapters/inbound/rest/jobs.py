"""Jobs over HTTP, for admins: what waits, what runs, and what was given up."""

from collections.abc import Callable
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.idempotency import once
from adapters.inbound.web.openapi import GONE, IDEMPOTENCY_KEY, answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from app.usecases.idempotency import Keep
from domain.jobs.job import STATES, Depth, Job, instant

_FILTERS = ("state", "name", "queue")
# That are shown at once; `before` goes on.
_PAGE = 100


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("jobs", __name__, url_prefix="/api/v1/jobs", description="Work outside of requests")
    jobs = backend.jobs

    @door.route("")
    @documented(
        "list_jobs",
        parameters=[
            in_query("state", f"Those in this state: {', '.join(STATES)}"), in_query("name", "Those of this name"),
            in_query("queue", "Those of this queue"), in_query("before", "Those that were asked for before the one with this id"),
        ],
        responses=answers({200: answers_with("At most 100, the latest first, and how many there are", _JOBS)}, 400, 401, 403),
    )  # fmt: skip
    def list_jobs() -> Response:
        """List jobs"""
        request = this_request()
        asked = read_parameters(request.environ, (*_FILTERS, "before"))
        actor = caller_of(request, backend)
        wanted = {name: asked[name] for name in _FILTERS if name in asked}
        found = jobs.list(wanted, before=asked.get("before"), limit=_PAGE, actor=actor)
        return answer({"items": [_job(each) for each in found], "depths": [_depth(each) for each in jobs.depths(actor=actor)]})

    @door.route("/<job>")
    @documented("get_job", responses=answers({200: answers_with("The job", _WHOLE)}, 400, 401, 403, 404))
    def get_job(job: str) -> Response:
        """Get everything about a job"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer(_whole(jobs.inspect(job, actor=caller_of(request, backend))))

    @door.route("/<job>/retry", methods=("POST",))
    @documented("retry_job", parameters=[IDEMPOTENCY_KEY], responses=answers({204: _AGAIN}, 400, 401, 403, 404, 409, 422))
    def retry_job(job: str) -> Response:
        """Let a job that is dead or cancelled begin anew"""
        return _mended(jobs.retry, job)

    @door.route("/<job>/cancel", methods=("POST",))
    @documented("cancel_job", parameters=[IDEMPOTENCY_KEY], responses=answers({204: _CANCELLED}, 400, 401, 403, 404, 409, 422))
    def cancel_job(job: str) -> Response:
        """Call a job off that waits or runs"""
        return _mended(jobs.cancel, job)

    @door.route("/<job>", methods=("DELETE",))
    @documented("drop_job", parameters=[IDEMPOTENCY_KEY], responses=answers({204: GONE}, 400, 401, 403, 404, 409, 422))
    def drop_job(job: str) -> Response:
        """Forget a job that does not run"""
        return _mended(jobs.drop, job)

    def _mended(mend: Callable[..., None], job: str) -> Response:
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        do: Callable[[Keep], None] = lambda keep: mend(job, actor=actor, keep=keep)
        return once(request, backend, actor, do, lambda _: empty_response(204))

    return door


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id, "name": job.name, "queue": job.queue, "state": job.state, "priority": job.priority, "due": instant(job.due),
        "created": instant(job.created), "tries": job.tries, "lost": job.lost, "progress": job.progress, "reason": job.reason or None,
    }  # fmt: skip


def _whole(job: Job) -> dict[str, Any]:
    return {
        **_job(job), "key": job.key, "started": instant(job.started), "ended": instant(job.ended), "note": job.note or None,
        "arguments": job.arguments, "result": job.result,
    }  # fmt: skip


def _depth(each: Depth) -> dict[str, Any]:
    return {"queue": each.queue, "name": each.name, "state": each.state, "count": each.count, "age": max(0, each.age // 1000)}


_AGAIN = {"description": "It begins anew"}
_CANCELLED = {"description": "It does not begin, or is stopped"}
_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_STATE = {"type": "string", "enum": list(STATES)}
_INSTANT = {"type": "string", "format": "date-time"}
_INSTANT_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_JOB: dict[str, Any] = {
    "id": _TEXT, "name": _TEXT, "queue": _TEXT, "state": _STATE, "priority": {"type": "integer"},
    "due": {**_INSTANT, "description": "When it runs, at the earliest"}, "created": _INSTANT,
    "tries": {**_COUNT, "description": "Runs that failed"}, "lost": {**_COUNT, "description": "Runs of which nobody knows how they ended"},
    "progress": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "reason": {**_TEXT_OR_NULL, "description": "Why the last run failed"},
}  # fmt: skip
_WHOLE_JOB: dict[str, Any] = {
    **_JOB, "key": _TEXT_OR_NULL, "started": _INSTANT_OR_NULL, "ended": _INSTANT_OR_NULL, "note": _TEXT_OR_NULL,
    "arguments": {"type": "object"}, "result": {"description": "What it answered; any JSON"},
}  # fmt: skip
_DEPTH: dict[str, Any] = {
    "queue": _TEXT, "name": _TEXT, "state": _STATE, "count": _COUNT,
    "age": {**_COUNT, "description": "Seconds since the first of them was due"},
}  # fmt: skip
_JOBS = {
    "items": {"type": "array", "items": object_of(_JOB, tuple(_JOB))},
    "depths": {"type": "array", "items": object_of(_DEPTH, tuple(_DEPTH))},
}  # fmt: skip
_WHOLE = _WHOLE_JOB
