"""Tries cases on a backend that has nothing else to do: fixtures are made, each case is a request like any other, and what it wrote
is undone. So the cases cannot disagree with what a server would answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from app.usecases.backend import Backend
from domain.actor import GUEST, SYSTEM, Actor, account
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Problem, Unauthenticated, did_you_mean
from domain.records.page import MAX_LIMIT, ListQuery
from domain.records.questions import Question
from domain.records.rule_cases import Outcome, RuleCase, RuleCases
from domain.records.visibility import is_nothing
from domain.rules.values import RequestFacts

_METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
_ACTORS: Mapping[str, Actor] = {"guest": GUEST, "admin": SYSTEM}


class Ground(Protocol):
    """`undone` answers what its argument answers, and leaves nothing of what it wrote; `name_next` is the id of the next record."""

    def undone(self, body: Callable[[], Any]) -> Any: ...
    def name_next(self, id: str) -> None: ...


class RuleTrials:
    """The backend holds the collections, and no records."""

    def __init__(self, backend: Backend, ground: Ground, cases: RuleCases) -> None:
        self._backend, self._ground, self._cases = backend, ground, cases
        self._accounts = {each.name for each in backend.collections.list(actor=SYSTEM) if each.is_accounts}

    def run(self) -> Iterator[Outcome]:
        """Invalid where a fixture is no record."""
        self._make_fixtures()
        for case in self._cases.cases:
            yield Outcome(case.name, tuple(self._tried(case)))

    # --- fixtures

    def _make_fixtures(self) -> None:
        """In the order in which they are written; one that points at a later one waits for it."""
        waiting = [(name, id, values) for name, records in self._cases.records.items() for id, values in records.items()]
        while waiting:
            late = [(each, problem) for each in waiting if (problem := self._make(*each))]
            if len(late) == len(waiting):
                (name, id, _), problem = late[0]
                raise _unmade(name, id, problem) from problem
            waiting = [each for each, _ in late]

    def _make(self, name: str, id: str, values: Mapping[str, Any]) -> Problem | None:
        """What it points at and is not there yet."""
        if name in self._accounts:
            values = {"email": f"{id}@example.org", "password": "a fixture's password", **values}
        self._ground.name_next(id)
        try:
            self._backend.records.create(name, values, actor=SYSTEM, facts=RequestFacts("POST"))
        except Problem as problem:
            if any(fault.code == "no_such_record" for fault in problem.faults):
                return problem
            raise _unmade(name, id, problem) from problem
        return None

    # --- cases

    def _tried(self, case: RuleCase) -> Iterator[str]:
        actor = self._actor(case)
        facts = RequestFacts(_METHODS.get(case.action, "GET"), query=case.query, headers=case.headers)
        became, answer = self._asked(case, actor, facts)
        expected = case.expected or "allowed"
        if became != expected:
            yield f"expected {expected}, and it is {became}" + (f": {answer.detail}" if became == "invalid" else "")
            yield from self._reasons(case, actor, case.record, is_allowed=became == "allowed")
        elif became == "allowed" and case.visible is not None:
            yield from self._visibility(case, actor, {row["id"] for row in answer})
        elif became == "allowed" and (case.masked or case.shown):
            yield from self._masking(case, next(row for row in answer if row["id"] == case.record))

    def _actor(self, case: RuleCase) -> Actor:
        if case.actor in _ACTORS:
            return _ACTORS[case.actor]
        collection, _, id = case.actor.rpartition("/")
        places = {name: records for name, records in self._cases.records.items() if name in self._accounts and collection in ("", name)}
        found = [name for name, records in places.items() if id in records]
        if len(found) != 1:
            hint = did_you_mean(id, [*_ACTORS, *(each for records in places.values() for each in records)])
            what = "more than one account is" if found else "no account among [records] is"
            raise Invalid(f"{case.name}: {what} called `{case.actor[:80]}`", code="invalid_case", hint=hint or "say it as users/ann")
        return account(id, found[0])

    def _asked(self, case: RuleCase, actor: Actor, facts: RequestFacts) -> tuple[str, Any]:
        """What became of the request, and the rows that it answered or its refusal."""
        try:
            rows = self._ground.undone(lambda: self._request(case, actor, facts))
        except (Forbidden, NotFound, Unauthenticated) as refused:
            return "denied", refused
        except (Invalid, Conflict) as refused:
            return "invalid", refused
        if case.action == "list" and case.record and not any(row["id"] == case.record for row in rows):
            return "denied", None
        return "allowed", rows

    def _request(self, case: RuleCase, actor: Actor, facts: RequestFacts) -> list[dict[str, Any]]:
        records = self._backend.records
        if case.action == "list":
            return self._listed(case, actor, facts)
        if case.action == "view":
            return [records.get(case.collection, case.record, actor=actor, facts=facts).as_object()]
        if case.action == "create":
            return [records.create(case.collection, case.values, actor=actor, facts=facts).as_object()]
        if case.action == "update":
            return [records.update(case.collection, case.record, case.values, actor=actor, facts=facts).as_object()]
        records.delete(case.collection, case.record, actor=actor, facts=facts)
        return []

    def _listed(self, case: RuleCase, actor: Actor, facts: RequestFacts) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self._backend.records.list(
                case.collection, ListQuery(filter=case.filter, limit=MAX_LIMIT, cursor=cursor), actor=actor, facts=facts
            )
            rows += page.as_object()["items"]
            cursor = page.next
            if cursor is None:
                return rows

    # --- what went otherwise

    def _visibility(self, case: RuleCase, actor: Actor, seen: set[str]) -> Iterator[str]:
        for id in sorted(seen - (case.visible or set())):
            yield f"`{id}` is visible, and is not expected"
            yield from self._reasons(case, actor, id, is_allowed=True)
        for id in sorted((case.visible or set()) - seen):
            yield f"`{id}` is expected, and is not visible"
            yield from self._reasons(case, actor, id, is_allowed=False)

    def _masking(self, case: RuleCase, row: Mapping[str, Any]) -> Iterator[str]:
        whole = self._backend.records.get(case.collection, case.record, actor=SYSTEM, facts=RequestFacts("GET")).as_object()
        for name in (*case.masked, *case.shown):
            if name not in whole:
                yield f"there is no field `{name}`" + (f"; {hint}" if (hint := did_you_mean(name, list(whole))) else "")
            elif is_nothing(whole[name]):
                yield f"`{name}` holds nothing in this record, so nobody can tell whether it is masked"
            elif is_nothing(row.get(name)) != (name in case.masked):
                became, expected = ("shown", "masked") if name in case.masked else ("masked", "shown")
                yield f"`{name}` is {became}, and is expected to be {expected}"

    def _reasons(self, case: RuleCase, actor: Actor, id: str, *, is_allowed: bool) -> Iterator[str]:
        """The rule; and where it did not hold, which part of it."""
        collection = self._backend.collections.get(case.collection, actor=SYSTEM)
        rule = getattr(collection.rules, case.action)
        yield f"{case.action} rule of {case.collection}: {_rule(rule)}"
        if is_allowed:
            return
        question = Question(case.action, actor, id, case.values, case.filter, case.query, case.headers, _METHODS.get(case.action, "GET"))
        try:
            yield self._backend.explanations.why(case.collection, question, actor=SYSTEM).detail
        except Problem as problem:
            yield problem.detail


def _rule(text: str | None) -> str:
    return "null (admins only)" if text is None else text or '"" (everybody)'


def _unmade(name: str, id: str, problem: Problem) -> Invalid:
    told = "; ".join(f"{fault.pointer.removeprefix('/')}: {fault.detail}" for fault in problem.faults) or problem.detail
    return Invalid(f"records.{name}.{id} is no record: {told}", code="invalid_case", hint=problem.hint)
