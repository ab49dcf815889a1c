"""For admins: how a list would run, and why a request is refused. Nothing here changes anything, and nothing is told to others."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from app.usecases.passing import draft_passes, kept_passes
from app.usecases.reasons import Reasons, Subject
from app.usecases.record_reads import RecordReads
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook
from domain.accounts.roles import LOOK, require
from domain.actor import Actor
from domain.errors import NotFound
from domain.records.draft import Author, Moment, draft
from domain.records.explanations import Explanation, suggestions
from domain.records.page import ListQuery
from domain.records.questions import Answer, Judged, Question, answered
from domain.records.reading import guard_of
from domain.records.visibility import write_rule
from domain.rules.parse import parse
from domain.rules.parts import judged
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields import Tools
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.observer import Observer
from ports.unit_of_work import Stores, UnitOfWork


class ExplanationUseCases:
    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, clock: Clock, ids: Ids, observer: Observer
    ) -> None:
        self._work, self._rulebook, self._tools, self._clock, self._ids = work, rulebook, tools, clock, ids
        self._reads = RecordReads(rulebook, clock, observer)

    def explain(self, name: str, query: ListQuery, *, who: Actor | None, actor: Actor, facts: RequestFacts) -> Explanation:
        """How the list would run for `who` (None: the admin who asks): its conditions, its statement, the database's plan, and the
        indexes that are missing. The statement is planned, not run. Admins only."""
        require(actor, LOOK, "explanations are")
        return self._work.read(lambda stores: self._explain(stores, name, query, who or actor, actor, facts))

    def _explain(
        self, stores: Stores, name: str, query: ListQuery, who: Actor, actor: Actor, facts: RequestFacts
    ) -> Explanation:
        collection = _entered(stores, name, who, actor)
        asked = self._reads.asked(stores, name, query, Request(who, facts))
        plan = stores.records.explain(asked.reading, asked.window, guard_of(who))
        where = asked.reading.where
        return Explanation(
            who=who,
            conditions=tuple(_shown(what, text) for what, text in (("rule", _rule_of(collection, who)), ("filter", query.filter)) if text),
            chooses=where.constant,
            plan=plan,
            suggestions=suggestions(stores.schema, collection, where.shape, asked.window.order, plan),
        )

    def why(self, name: str, question: Question, *, actor: Actor) -> Answer:
        """What stands against the request, rule by rule and part by part, or that nothing does. A create's body that is no record is
        refused as it would be there. Admins only."""
        require(actor, LOOK, "explanations are")
        return self._work.read(lambda stores: self._why(stores, name, question, actor), snapshot=True)

    def _why(self, stores: Stores, name: str, question: Question, actor: Actor) -> Answer:
        who = question.who or actor
        collection = _entered(stores, name, who, actor)
        if collection.is_view and question.action not in ("list", "view"):
            return Answer(question.action, who, "view_is_read_only", "a view's records follow from those of other collections")
        facts = RequestFacts(question.method, query=question.query, headers=question.headers)
        request = Request(who, facts, question.values, name)
        if question.action == "create":
            return self._why_not_created(stores, collection, request)
        record = stores.records.load(collection, question.id)
        if record is None:
            return Answer(question.action, who, "no_such_record", f"there is no record `{question.id}` in `{name}`")
        subject = Subject(record, partial(kept_passes, stores, collection, record))
        reasons = self._reads.reasons(stores, collection, request, subject)
        judged = [*self._ruled(collection, question.action, request, reasons)]
        if question.filter:
            sayable = self._reads.sights(stores, request).sayable(collection, question.filter)
            judged.append(reasons.of("filter", question.filter, sayable))
        return answered(question.action, who, tuple(judged))

    def _why_not_created(self, stores: Stores, collection: Collection, request: Request) -> Answer:
        unmade = self._reads.reasons(stores, collection, request, Subject(None, lambda ruling, where: True, creating=True))
        before = tuple(self._ruled(collection, "create", request, unmade))
        if any(each.failed for each in before):
            # Such a create is refused before its body is looked at.
            return answered("create", request.actor, before)
        record = self._draft(stores, collection, request)
        subject = Subject(record, partial(draft_passes, stores, collection, record), creating=True)
        reasons = self._reads.reasons(stores, collection, request, subject)
        checks = [reasons.of(f"check of {each.name}", each.rule) for each in self._binding_checks(stores, collection, request.actor)]
        return answered("create", request.actor, (*self._ruled(collection, "create", request, reasons), *checks))

    def _draft(self, stores: Stores, collection: Collection, request: Request) -> Any:
        pen = self._reads.pen(stores, collection, request, creating=True)
        who = request.actor
        author = Author(who.id or None, who.passes_rules, who.collection, closed=pen.closed, unknown=frozenset())
        moment = Moment(write_instant(self._clock.now()), self._ids.new())
        return draft(collection, request.body or {}, author=author, moment=moment, tools=self._tools).values

    def _binding_checks(self, stores: Stores, collection: Collection, actor: Actor) -> Iterator[Any]:
        for check in collection.checks:
            paths = self._rulebook.condition(stores.schema, collection, check.rule).paths
            if not (paths and actor.passes_rules):
                yield check

    def _ruled(self, collection: Collection, action: str, request: Request, reasons: Reasons) -> Iterator[Judged]:
        """The action's rule, and the write rules of the fields that the body names."""
        if request.actor.passes_rules:
            return
        yield reasons.of(f"{action} rule", getattr(collection.rules, action))
        for key in request.body or {}:
            field = collection.every_field.get(key[:-1] if key[-1:] in ("+", "-") else key)
            if field is not None and action in ("create", "update"):
                text = write_rule(collection, field, creating=action == "create")
                if text != "":
                    yield reasons.of(f"write rule of {field.name}", text)


def _shown(what: str, text: str) -> Judged:
    """A text as its parts, nobody having been asked."""
    return Judged(what, text, judged(parse(text, what), lambda expr: None, lambda expr: {}))


def _rule_of(collection: Collection, who: Actor) -> str | None:
    return None if who.passes_rules else getattr(collection.rules, "list")  # noqa: B009 - the rules are named after the actions


def _entered(stores: Stores, name: str, who: Actor, actor: Actor) -> Collection:
    """The collection, once it is sure that the admin still stands and that there is such an account."""
    stores.records.check_guard(guard_of(actor))
    if who.collection:
        accounts = stores.schema.collections.get(who.collection)
        if accounts is None or not accounts.is_accounts or stores.records.load(accounts, who.id) is None:
            raise NotFound(f"there is no account `{who.collection}/{who.id}`")
    return stores.schema.collection(name)
