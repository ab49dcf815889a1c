"""Many changes in one transaction: what each operation does is what a single write does; all of them are kept, or none."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from app.usecases.creation import Creation, Creations
from app.usecases.idempotency import Keep, unkept
from app.usecases.limits import LimitUseCases
from app.usecases.passwords import NOTHING, Prepared
from app.usecases.placing import Placing
from app.usecases.preparations import Preparations
from app.usecases.record_reads import RecordReads, entered
from app.usecases.record_writes import RecordWrites
from app.usecases.requests import Request
from app.usecases.rulebook import OPEN, Rulebook
from domain.actor import SYSTEM, Actor
from domain.errors import Conflict, Fault, Invalid, NotFound, Problem
from domain.records.batches import Operation, of_operation, resolved_id, resolved_values, upsert_key
from domain.records.changes import Draft, IfMatch
from domain.records.draft import Moment
from domain.records.keys import read_key
from domain.records.page import Shown
from domain.records.reading import Reading, Window
from domain.rules.shape import shape
from domain.rules.values import RequestFacts
from domain.schema.collection import OLD_PASSWORD, PASSWORD, Collection
from domain.schema.fields import Field, Tools, Unfit
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

# To rules an operation is the request that it stands for.
_METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
# Each costs a hash that is slow on purpose; a batch of them would be a way to keep the server busy with one request.
_MOST_PASSWORDS = 10


# How often an upsert looks again where others make and delete what it looks for.
_TURNS = 3
# How many creates repay finding out what they have in common.
_WORTH_IT = 3
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an operation: `shown` is the record as the actor may now see it, None of one that was deleted."""

    method: str
    shown: Shown | None = None


@dataclass(slots=True)
class _Going:
    """A batch under way: ids by what operations are known as, and one result for each operation that is done."""

    stores: Stores
    actor: Actor
    facts: RequestFacts
    now: str
    dry_run: bool = False
    made: dict[str, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)

    def request(self, method: str, collection: Collection | None = None, body: Mapping[str, Any] | None = None) -> Request:
        facts = replace(self.facts, method=_METHODS[method])
        return Request(self.actor, facts, body, collection.name if collection else "", self.dry_run)


class Batches:
    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, preparations: Preparations, limits: LimitUseCases, placing: Placing,
        reads: RecordReads, writes: RecordWrites, tools: Tools, clock: Clock, ids: Ids,
    ) -> None:  # fmt: skip
        self._work, self._rulebook, self._preparations, self._limits = work, rulebook, preparations, limits
        self._placing = placing
        self._reads, self._writes, self._creations, self._tools = reads, writes, Creations(rulebook, reads), tools
        self._clock, self._ids = clock, ids

    def run(
        self, operations: Sequence[Operation], *, actor: Actor, facts: RequestFacts, dry_run: bool, keep: Keep = unkept
    ) -> list[Result]:
        """A result for each operation, in order. The first one that is refused refuses the batch, with its place in every fault; nothing
        is kept then."""
        _check_passwords(operations)
        if facts.visit is not None:
            self._limits.admit_each(facts.visit, actor, _counted(operations))
        now = write_instant(self._clock.now())
        ids = self._ids.some(len(operations))
        with ExitStack() as files:
            told, placed = self._placing.placed_each(operations, ids, actor=actor, facts=facts, dry_run=dry_run, within=files)

            def write(stores: Stores, prepared: Sequence[Prepared]) -> list[Result]:
                going = _Going(stores, actor, facts, now, dry_run)
                self._enter(going)
                self._hold(going, told)
                for start, end in _stretches(told):
                    if not self._create_together(going, told, ids, start, end):
                        for at in range(start, end):
                            self._do(going, at, told[at], ids[at], prepared[at])
                for each in placed:
                    each.spent(stores, None)
                return keep(stores, going.results)

            return self._preparations.for_each(told, actor, facts, write)

    def _enter(self, going: _Going) -> None:
        """Once for all operations: until the end of a transaction that writes neither the schema nor the account moves on."""
        request = going.request("create")
        going.stores.outbox.attribute(request.origin)
        if request.guard is not None:
            going.stores.records.check_guard(request.guard)
        going.facts.recheck(going.stores.schema)

    def _hold(self, going: _Going, operations: Sequence[Operation]) -> None:
        """What is changed is held first, in one order for everybody: batches over the same records in different orders would wait for
        each other in a ring. What the batch makes itself nobody else can hold."""
        wanted: dict[str, set[str]] = {}
        for each in operations:
            if isinstance(each.id, str) and RECORD_ID.fullmatch(each.id):
                wanted.setdefault(each.collection, set()).add(each.id)
        if sum(map(len, wanted.values())) < 2:
            return
        schema = going.stores.schema
        for name in sorted(wanted):
            if name in schema.collections:
                collection = schema.collections[name]
                going.stores.records.hold(collection, self._viewed(going, collection, sorted(wanted[name])))

    def _viewed(self, going: _Going, collection: Collection, ids: Sequence[str]) -> Sequence[str]:
        """Those of these records that the actor may view. Nobody makes others wait for a record that is hidden from them, or learns by
        waiting that it is there."""
        try:
            ruling = self._rulebook.rule(going.stores.schema, collection, "view", going.actor)
        except Problem:
            return ()
        if ruling is OPEN:
            return ids
        where = shape(ruling.condition, self._reads.values(going.stores, ruling, Request(going.actor, going.facts)))
        return sorted(going.stores.records.among(Reading(collection, ("id",), where), ids))

    def _create_together(self, going: _Going, operations: Sequence[Operation], ids: Sequence[str], start: int, end: int) -> bool:
        """Whether these operations, all alike, could be done at once."""
        if end - start < _WORTH_IT or operations[start].method != "create":
            return False
        with _told_of(start, operations[start], ""):
            collection = self._collection(going, operations[start])
            creation = self._creations.of(going.stores, collection, going.request("create", collection))
        if creation is None:
            return False
        drafts: list[Draft] = []
        try:
            drafts.extend(self._drafted(going, at, operations[at], creation, ids[at]) for at in range(start, end))
        finally:  # what comes before a refused one may be refused by the database, and is told first
            self._insert(going, operations, start, creation, drafts)
        going.results += [Result("create", creation.shown(each)) for each in drafts]
        return True

    def _drafted(self, going: _Going, at: int, operation: Operation, creation: Creation, new_id: str) -> Draft:
        with _told_of(at, operation, "/values"):
            values = resolved_values(operation.values, creation.collection, going.made)
            made = creation.judged(values, Moment(going.now, new_id), self._tools)
        if operation.known_as:
            going.made[operation.known_as] = made.values["id"]
        return made

    def _insert(
        self, going: _Going, operations: Sequence[Operation], start: int, creation: Creation, drafts: Sequence[Draft]
    ) -> None:
        """In one go; where that is refused, one by one, which tells whose fault it is."""
        try:
            self._work.run(lambda stores: creation.insert(stores, drafts))
        except (Conflict, Invalid):
            for at, each in enumerate(drafts, start):
                with _told_of(at, operations[at], "/values"):
                    creation.insert_one(going.stores, each)

    def _collection(self, going: _Going, operation: Operation) -> Collection:
        schema = going.stores.schema
        return entered(schema, operation.collection, self._reads.moment(schema))

    def _do(self, going: _Going, at: int, operation: Operation, new_id: str, prepared: Prepared) -> None:
        with _told_of(at, operation, ""):
            collection = self._collection(going, operation)
            id = "" if operation.id is None else resolved_id(operation, going.made)
        result = _DO[operation.method](self, going, at, operation, collection, id, new_id, prepared)
        going.results.append(result)
        if operation.known_as and result.shown is not None:
            going.made[operation.known_as] = result.shown.id

    def _create(
        self, going: _Going, at: int, operation: Operation, collection: Collection, id: str, new_id: str, prepared: Prepared
    ) -> Result:
        with _told_of(at, operation, "/values"):
            request = going.request("create", collection, resolved_values(operation.values, collection, going.made))
            moment = Moment(going.now, new_id)
            return Result("create", self._writes.create_in(going.stores, collection, operation.collection, request, moment, prepared))

    def _update(
        self, going: _Going, at: int, operation: Operation, collection: Collection, id: str, new_id: str, prepared: Prepared
    ) -> Result:
        with _told_of(at, operation, "/values"):
            request = going.request("update", collection, resolved_values(operation.values, collection, going.made))
            if_match = _if_match(operation)
            shown = self._writes.update_in(
                going.stores, collection, operation.collection, id, request, going.now, prepared, if_match, operation.only_if
            )
            return Result("update", shown)

    def _delete(
        self, going: _Going, at: int, operation: Operation, collection: Collection, id: str, new_id: str, prepared: Prepared
    ) -> Result:
        with _told_of(at, operation, ""):
            request, if_match = going.request("delete"), _if_match(operation)
            self._writes.delete_in(going.stores, collection, id, request, going.now, if_match, operation.only_if)
            return Result("delete")


    def _upsert(
        self, going: _Going, at: int, operation: Operation, collection: Collection, id: str, new_id: str, prepared: Prepared
    ) -> Result:
        """An update of the record with this key, or a create where there is none. Between the look and the write others may make or
        delete it: then it is the other one's turn."""
        with _told_of(at, operation, ""):
            key = upsert_key(collection, operation.by)
        with _told_of(at, operation, "/values"):
            values = resolved_values(operation.values, collection, going.made)
            _check_key(key, values)
            for _ in range(_TURNS):
                found = self._found(going, collection, key, values)
                try:
                    if found is None:
                        return self._inserted(going, operation, collection, values, new_id)
                    return self._overwritten(going, operation, collection, found, values)
                except (Conflict, NotFound) as refused:
                    if self._found(going, collection, key, values) == found:
                        raise
                    last = refused
            raise last

    def _inserted(self, going: _Going, operation: Operation, collection: Collection, values: Values, new_id: str) -> Result:
        """Inside a savepoint: PostgreSQL would go on with nothing after a refused insert."""
        request, moment = going.request("create", collection, values), Moment(going.now, new_id)
        shown = self._work.run(
            lambda stores: self._writes.create_in(stores, collection, operation.collection, request, moment, NOTHING)
        )
        return Result("create", shown)

    def _overwritten(self, going: _Going, operation: Operation, collection: Collection, id: str, values: Values) -> Result:
        named = {name: value for name, value in values.items() if name != "id" or operation.by != ("id",)}
        request = going.request("update", collection, named)
        shown = self._writes.update_in(going.stores, collection, operation.collection, id, request, going.now, NOTHING, None)
        return Result("update", shown)

    def _found(self, going: _Going, collection: Collection, key: tuple[Field, ...], values: Values) -> str | None:
        """The id of the record that has this key, whoever asks: that there is one, a create would tell as well."""
        if len(key) == 1:
            return self._found_by(going, collection, key[0], values[key[0].name])
        text = " && ".join(f"{each.name} = @request.body.{each.name}" for each in key)
        ruling = self._rulebook.condition(going.stores.schema, collection, text)
        where = shape(ruling.condition, self._reads.values(going.stores, ruling, going.request("create", collection, values)))
        order = self._rulebook.order(going.stores.schema, collection, SYSTEM, "")
        rows = going.stores.records.list(Reading(collection, ("id",), where), Window(order, 1), None).rows
        return rows[0][0] if rows else None

    def _found_by(self, going: _Going, collection: Collection, field: Field, value: Any) -> str | None:
        try:
            key = read_key(field, value)
        except Unfit:  # no record has it; what is wrong with it, the create tells
            return None
        return going.stores.records.keyed(collection, field, [key]).get(key)


_DO = {"upsert": Batches._upsert, "create": Batches._create, "update": Batches._update, "delete": Batches._delete}


def _stretches(operations: Sequence[Operation]) -> Iterator[tuple[int, int]]:
    """Where operations of one method in one collection follow each other."""
    start = 0
    for _, alike in groupby(operations, lambda each: (each.method, each.collection)):
        end = start + sum(1 for _ in alike)
        yield start, end
        start = end


def _counted(operations: Sequence[Operation]) -> Iterator[tuple[str, str]]:
    """Nobody knows yet what an upsert will be."""
    for each in operations:
        for action in ("create", "update") if each.method == "upsert" else (each.method,):
            yield each.collection, action


def _check_key(key: tuple[Field, ...], values: Values) -> None:
    missing = [each.name for each in key if values.get(each.name) is None]
    if missing:
        faults = tuple(Fault(f"/{name}", "required", f"`{name}` is part of the key") for name in missing)
        raise Invalid(f"the values have no `{missing[0]}`, which is part of the key", code="invalid_record", faults=faults)


def _if_match(operation: Operation) -> tuple[IfMatch, ...] | None:
    return None if operation.if_version is None else (IfMatch(operation.if_version),)


@contextmanager
def _told_of(at: int, operation: Operation, within: str) -> Iterator[None]:
    try:
        yield
    except Problem as refused:
        told = of_operation(at, operation, refused, within)
        if told is refused:
            raise
        raise told from refused


def _check_passwords(operations: Sequence[Operation]) -> None:
    if sum(PASSWORD in each.values or OLD_PASSWORD in each.values for each in operations) > _MOST_PASSWORDS:
        detail = f"a batch holds at most {_MOST_PASSWORDS} operations with a password"
        raise Invalid(detail, code="too_many_passwords", hint="send several batches, or single requests")


