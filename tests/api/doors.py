"""The doors over use cases that note what they are asked and answer what a test wants; what is behind them is tested elsewhere."""

from dataclasses import dataclass, field
from typing import Any

from adapters.outbound.memory.clock import ToldClock
from adapters.outbound.memory.files import MemoryFiles
from adapters.outbound.system_clock import SystemClock
from app.factory import create_app
from app.settings import Settings
from app.usecases.backend import Backend
from app.usecases.idempotency import IdempotencyUseCases
from app.usecases.limits import LimitUseCases
from app.usecases.operations import OperationsUseCases
from app.usecases.outlines import Known
from domain.actor import account
from domain.errors import NotFound, Unauthenticated
from domain.limits.policies import NO_POLICIES
from domain.records.outline import Outlook
from domain.records.page import Page, Shown
from domain.schema.collection import Collection, Schema

NAMES = ("id", "version", "created", "updated", "title")
ROW = ("r1", 3, "2026-11-22T13:00:00.000Z", "2026-11-22T14:00:00.000Z", "Hello")
SHOWN = Shown("r1", 3, "2026-11-22T13:00:00.000Z", NAMES, ROW, None, "7p")
POSTS = Collection("c1", "posts", "base", version=2, created="2026-11-22T13:00:00.000Z", updated="2026-11-22T13:00:00.000Z")
TOKENS = {"anns": account("ann", "users"), "bobs": account("bob", "_admins")}


@dataclass
class Noted:
    """Every observation, in order."""

    seen: list[Any] = field(default_factory=list)

    def observe(self, observation):
        self.seen.append(observation)

    def wants(self, kind):
        return False

    def of(self, kind):
        return [each for each in self.seen if isinstance(each, kind)]


class Asked:
    """Keeps the calls of any method and answers what it was given for it, or None; an exception is raised."""

    def __init__(self, **answers):
        self.calls, self._answers = [], answers

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*arguments, **named):
            if name == "query_names":  # asked before a refusal only, and no rule here reads any
                return frozenset()
            self.calls.append((name, arguments, named))
            answer = self._answers.get(name)
            answer = answer(*arguments, **named) if callable(answer) else answer
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return call


def identify(token):
    if token not in TOKENS:
        raise Unauthenticated("this token is no good", code="invalid_token")
    return TOKENS[token]


class Work:
    """A unit of work of which only reading is asked; `down` is what the database answers instead."""

    def __init__(self, down=None):
        self.stores = Asked()
        self.stores.records = Asked(check_guard=down)
        self.stores.schema = type("Schema", (), {"version": 7})()

    def read(self, body):
        return body(self.stores)

    def glimpse(self):
        return Schema(7, {"posts": POSTS})


def records(**answers):
    page = Page(NAMES, [ROW], None, None, None)
    return Asked(**{"list": page, "get": SHOWN, "create": SHOWN, "update": SHOWN, "delete": None, **answers})


def collections(**answers):
    return Asked(**{"list": [POSTS], "get": POSTS, "create": POSTS, "change": POSTS, "delete": None, **answers})


def backend(**parts):
    return Backend(**{
        "collections": collections(),
        "schema": Asked(),
        "records": records(),
        "accounts": Asked(identify=identify, public_keys=[], sign_in=NotFound("no"), me=SHOWN, create_first_admin=SHOWN),
        "sessions": Asked(),
        "factors": Asked(),
        "second_factors": Asked(),
        "passkeys": Asked(),
        "enrolment": Asked(),
        "invitations": Asked(),
        "anonymous": Asked(),
        "proofs": Asked(),
        "puzzles": Asked(),
        "mail": Asked(),
        "metrics": Asked(),
        "outlines": Asked(known_to=Known(Schema(7, {"posts": POSTS}), Outlook(passes_rules=True))),
        "operations": OperationsUseCases(Work(), MemoryFiles(ToldClock()), ToldClock(), mail=True, links=True),
        "exports": Asked(),
        "personal_exports": Asked(),
        "erasure": Asked(),
        "imports": Asked(),
        "api_keys": Asked(),
        "own_keys": Asked(),
        "audit": Asked(),
        "trash": Asked(),
        "files": Asked(),
        "file_links": Asked(),
        "uploads": Asked(),
        "resumable": Asked(),
        "upload_forms": Asked(),
        "file_checks": Asked(),
        "explanations": Asked(),
        "housekeeping": Asked(),
        "events": Asked(),
        "deliveries": Asked(),
        "impersonation": Asked(),
        "providers": Asked(),
        "oauth": Asked(),
        "jobs": Asked(),
        "schedules": Asked(),
        "webhooks": Asked(),
        "inbound": Asked(),
        "webhook_fanout": Asked(),
        "webhook_sending": Asked(),
        "job_runs": Asked(),
        "limits": LimitUseCases(Work(), Asked(), NO_POLICIES, Noted()),
        "idempotency": IdempotencyUseCases(Work(), SystemClock()),
        **parts,
    })  # fmt: skip


def client(observer=None, settings=None, **parts):
    return create_app(settings or Settings(), backend(**parts), observer or Noted()).test_client()


def problem(answer):
    """The problem that an answer tells; it is one in every respect."""
    assert answer.content_type == "application/problem+json", answer.get_data()
    told = answer.get_json(force=True)
    assert set(told) - {"hint"} == {"type", "title", "status", "detail", "code", "errors", "request_id"}
    assert told["status"] == answer.status_code
    assert told["request_id"] == answer.headers["X-Request-Id"]
    assert told["detail"]
    return told
