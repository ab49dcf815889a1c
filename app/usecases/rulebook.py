"""Rules, filters and sorts checked once and kept by (schema version, collection, purpose, who may see what, text)."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from domain.accounts.own_keys import OnItsOwn
from domain.actor import Actor
from domain.errors import Forbidden, Invalid, Problem
from domain.records.reading import SortKey
from domain.records.views import check_view
from domain.records.visibility import Sight, is_nameable, rule_for, view_rule, write_rule
from domain.rules.check import Scope, check
from domain.rules.evaluate import is_local
from domain.rules.index_conditions import check_index_condition
from domain.rules.shape import all_of
from domain.rules.sorts import check_sort
from domain.rules.steps import joins, joins_of
from domain.rules.syntax import Expr
from domain.rules.tree import FALSE, TRUE, Condition, Literal, Path
from domain.rules.values import request_paths
from domain.rules.walk import every_operand
from domain.schema.account_fields import DISABLED
from domain.schema.collection import Collection, Schema, rule_names
from domain.schema.fields import Field
from domain.schema.kinds import Kind

T = TypeVar("T")
Key = tuple[Any, ...]
# How many are kept, and how many characters of text they may have together: what became of a text takes about thirty times
# its length, and clients choose that.
_KEPT, _LONGEST = 4000, 500_000
_SIGHTS = 2000
# What tells who an actor is: it does not change while a schema stands.
_IDENTITY = frozenset({("auth", "id"), ("auth", "collectionName")})


@dataclass(frozen=True, slots=True)
class Ruling:
    """A checked condition, the `@request` values that it reads, and whether the record alone decides it."""

    condition: Condition
    paths: frozenset[tuple[str, ...]]
    local: bool

    @property
    def is_open(self) -> bool:
        return self.condition == TRUE


OPEN = Ruling(TRUE, frozenset(), True)
NEVER = Ruling(FALSE, frozenset(), True)
FieldRulings = Mapping[str, Ruling]
# What one request may name besides what everybody may: fields with view rules, as (collection, field), and names from before that are
# still understood, as (collection, old name, present name).
Sayable = frozenset[tuple[str, ...]]
NOTHING_SAYABLE: Sayable = frozenset()


class Rulebook:
    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Any] = OrderedDict()
        self._length, self._lock = 0, Lock()
        self._sights: dict[Key, Sight] = {}

    def rule(self, schema: Schema, collection: Collection, action: str, actor: Actor) -> Ruling:
        """What must hold for this actor to do this; raises where the action is for admins only."""
        text = rule_for(collection, action, actor)
        if actor.key:
            return self._narrowed(schema, collection, text, actor)
        if not text:
            return OPEN
        return self._of_key(schema, collection, text) if actor.rules else self.condition(schema, collection, text)

    def _narrowed(self, schema: Schema, collection: Collection, text: str, actor: Actor) -> Ruling:
        """The collection's rule, together with that of the account's own key if it has one here."""
        rule, own = self.condition(schema, collection, text) if text else OPEN, dict(actor.rules).get(collection.id)
        if own is None:
            return rule
        key = (schema.version, collection.name, "narrowed", text, own)
        return self._keep(key, lambda: _ruling(all_of(rule.condition, self.narrowing(schema, collection, actor).condition)))

    def narrowing(self, schema: Schema, collection: Collection, actor: Actor) -> Ruling:
        """What the rule of an account's own key says by itself."""
        own = dict(actor.rules).get(collection.id)
        if own is None:
            return OPEN
        try:
            return self.own_rule(schema, collection, own)
        except Invalid as broken:
            detail = f"the rule of this key does not fit `{collection.name}` any more"
            raise Forbidden(detail, hint="make another key") from broken

    def own_rule(self, schema: Schema, collection: Collection, text: str, pointer: str = "") -> Ruling:
        """The rule that an account gave its own key: written by a client, and kept by nobody."""
        return _ruling(check(text, Scope(schema, collection, pointer, client=True, sight=OnItsOwn())))

    def _of_key(self, schema: Schema, collection: Collection, text: str) -> Ruling:
        """Schema changes that break it are refused; should one get by, the key may do nothing here rather than too much."""
        try:
            return self.condition(schema, collection, text)
        except Invalid as broken:
            detail = f"the rule of this key does not fit `{collection.name}` any more"
            raise Forbidden(detail, hint="ask whoever gave it to you for another") from broken

    def admission(self, schema: Schema, collection: Collection, auth: str) -> Ruling:
        """What must hold of an account that signs in: the `auth` rule, and that it is not disabled."""
        standing = self.condition(schema, collection, f"{DISABLED} != true")
        if not auth:
            return standing
        rule = self.condition(schema, collection, auth)
        key = (schema.version, collection.name, "admission", auth)
        return self._keep(key, lambda: _ruling(all_of(standing.condition, rule.condition)))

    def condition(self, schema: Schema, collection: Collection, text: str, pointer: str = "") -> Ruling:
        """A rule's text, written by the owner: it may name everything."""
        key = (schema.version, collection.name, "rule", text)
        return self._keep(key, lambda: _ruling(check(text, Scope(schema, collection, pointer, client=False))))

    def readable(
        self, schema: Schema, collection: Collection, action: str, actor: Actor, filter: str, sayable: Sayable = NOTHING_SAYABLE,
        pointer: str = "filter",
    ) -> Ruling:  # fmt: skip
        """The rule of a read joined with the client's filter. `sayable` are the fields with view rules that it may name."""
        rule = self.rule(schema, collection, action, actor)
        if not filter:
            return rule
        key = (schema.version, collection.name, action, actor.standing, sayable, filter)
        return self._keep(key, lambda: self._joined(schema, collection, rule, actor, filter, sayable, pointer))

    def _joined(
        self, schema: Schema, collection: Collection, rule: Ruling, actor: Actor, filter: str, sayable: Sayable, pointer: str
    ) -> Ruling:
        wanted = check(filter, self._client_scope(schema, collection, actor, pointer, sayable))
        return _ruling(all_of(rule.condition, wanted))

    def order(
        self, schema: Schema, collection: Collection, actor: Actor, sort: str, sayable: Sayable = NOTHING_SAYABLE
    ) -> tuple[SortKey, ...]:
        """The keys of a sort text, ended by the id, so that no two records stand on one place."""
        key = (schema.version, collection.name, "sort", actor.standing, sayable, sort)
        return self._keep(key, lambda: self._order(schema, collection, actor, sort, sayable))

    def _order(self, schema: Schema, collection: Collection, actor: Actor, sort: str, sayable: Sayable) -> tuple[SortKey, ...]:
        scope = self._client_scope(schema, collection, actor, "sort", sayable)
        keys = [SortKey(path, down) for path, down in check_sort(sort, scope)] if sort else []
        if any(not key.path.steps and key.path.name == "id" for key in keys):
            return tuple(keys)
        return (*keys, SortKey(Path("id", Kind.TEXT, collection.name), bool(keys) and keys[-1].descending))

    def steps(
        self, schema: Schema, collection: Collection, actor: Actor, filter: str, sort: str, sayable: Sayable = NOTHING_SAYABLE
    ) -> int:
        """How many relation steps the list rule, a filter and a sort take in one statement."""
        key = (schema.version, collection.name, "steps", actor.standing, sayable, f"{filter}\n{sort}")
        return self._keep(key, lambda: self._steps(schema, collection, actor, filter, sort, sayable))

    def _steps(self, schema: Schema, collection: Collection, actor: Actor, filter: str, sort: str, sayable: Sayable) -> int:
        asked = self.readable(schema, collection, "list", actor, filter, sayable).condition
        order, is_many = self.order(schema, collection, actor, sort, sayable), Scope(schema, collection).is_many
        return joins(asked, is_many) + joins_of((key.path for key in order), is_many)

    def named(
        self, schema: Schema, collection: Collection, actor: Actor, pointer: str, text: str, read: Callable[[str, Scope], T],
        sayable: Sayable = NOTHING_SAYABLE,
    ) -> T:  # fmt: skip
        """What the names in a client's parameter mean where `read` reads them, as those of a filter."""
        key = (schema.version, collection.name, pointer, actor.standing, sayable, text)
        return self._keep(key, lambda: read(text, self._client_scope(schema, collection, actor, pointer, sayable)))

    def _client_scope(self, schema: Schema, collection: Collection, actor: Actor, pointer: str, sayable: Sayable) -> Scope:
        before = {(each[0], each[1]): each[2] for each in sayable if len(each) == 3}
        return Scope(schema, collection, pointer, client=True, sight=_ClientSight(self, schema, actor, sayable), before=before)

    def part(self, schema: Schema, collection: Collection, expr: Expr, *, client: Sayable | None, actor: Actor) -> Ruling:
        """What a part of a text means by itself; of a client's text where `client` tells what that may name. Kept by nobody."""
        if client is None:
            return _ruling(check(expr, Scope(schema, collection, "", client=False)))
        return _ruling(check(expr, self._client_scope(schema, collection, actor, "filter", client)))

    # --- rules of single fields

    def views(self, schema: Schema, collection: Collection) -> FieldRulings:
        """The view rules of fields that have one, hidden ones aside."""
        key = (schema.version, collection.name, "views", "")
        return self._keep(key, lambda: self._of_fields(schema, collection, partial(view_rule, collection)))

    def sight(self, schema: Schema, collection: Collection, actor: Actor, look: Callable[[], Sight]) -> Sight:
        """What `look` finds; where view rules ask who the actor is and nothing else, that is found once."""
        key = (schema.version, collection.name, "by actor", "")
        if not self._keep(key, lambda: all(_asks_who(each) for each in self.views(schema, collection).values())):
            return look()
        whose = (schema.version, collection.name, actor.collection, actor.id)
        found = self._sights.get(whose)
        if found is None:
            if len(self._sights) >= _SIGHTS:
                self._sights.clear()
            found = self._sights[whose] = look()
        return found

    def writes(self, schema: Schema, collection: Collection, *, creating: bool) -> FieldRulings:
        """The write rules of fields that have one, hidden ones aside."""
        key = (schema.version, collection.name, "writes", creating, "")
        return self._keep(key, lambda: self._of_fields(schema, collection, partial(write_rule, collection, creating=creating)))

    def _of_fields(self, schema: Schema, collection: Collection, text_of: Callable[[Field], str | None]) -> FieldRulings:
        texts = {each.name: text_of(each) for each in collection.own_fields if not each.hidden}
        return {
            name: NEVER if text is None else self.condition(schema, collection, text) for name, text in texts.items() if text != ""
        }

    def joined(self, schema: Schema, collection: Collection, ruling: Ruling, others: FieldRulings) -> Ruling:
        """A rule together with the write rules of some fields."""
        if not others:
            return ruling
        key = (schema.version, collection.name, "joined", ruling.condition, ",".join(sorted(others)))
        return self._keep(key, lambda: _ruling(all_of(ruling.condition, *(each.condition for each in others.values()))))

    def pointing(self, schema: Schema, collection: Collection, relation: Field, actor: Actor) -> Ruling:
        """What must hold of a record that is found by what it points at: it may be listed, it may be viewed, and so may its relation;
        raises where one of these is for admins only."""
        rulings = [self.rule(schema, collection, action, actor) for action in ("list", "view")]
        if actor.passes_rules:
            return OPEN
        rulings += [each for name, each in self.views(schema, collection).items() if name == relation.name]
        key = (schema.version, collection.name, "pointing", actor.standing, relation.name)
        return self._keep(key, lambda: _ruling(all_of(*(each.condition for each in rulings))))

    def field_guard(self, schema: Schema, collection: Collection, field: Field) -> Condition:
        """The condition on the record under which a client's text may see the field's value."""
        ruling = self.views(schema, collection).get(field.name)
        return TRUE if ruling is None else ruling.condition

    def reached(self, schema: Schema, collection: Collection, text: str) -> tuple[Collection, ...]:
        """The collections with view rules of fields that a filter or sort may come by."""
        if "." not in text and "_via_" not in text:
            return (collection,) if _has_view_rules(collection) else ()
        key = (schema.version, collection.name, "reached", "")
        return self._keep(key, lambda: tuple(each for each in _related(schema, collection) if _has_view_rules(each)))

    def query_names(self, schema: Schema, collection: Collection) -> frozenset[str]:
        """The query parameters that this collection's rules and checks read as `@request.query.NAME`."""
        key = (schema.version, collection.name, "query")
        return self._keep(key, lambda: self._query_names(schema, collection))

    def _query_names(self, schema: Schema, collection: Collection) -> frozenset[str]:
        texts = [getattr(collection.rules, name) for name in rule_names(collection.type)]
        texts += [check.rule for check in collection.checks]
        texts += [text for field in collection.fields for text in (field.rules.view, field.rules.write)]
        rulings = [self.condition(schema, collection, text) for text in texts if text]
        return frozenset(path[1] for ruling in rulings for path in ruling.paths if path[0] == "query")

    def check_collection(self, schema: Schema, collection: Collection) -> None:
        """Invalid where the query, rules, checks or conditions of indexes of this collection cannot be understood under this schema:
        all of them."""
        if collection.query:
            check_view(schema, collection.query)
            _check_storable(collection.query.filter, Scope(schema, schema.collection(collection.query.source), "/query/filter"))
        refusals = []
        for pointer, text, judge in _texts(collection):
            try:
                judge(text, Scope(schema, collection, pointer, client=False))
            except Invalid as refused:
                refusals.append(refused)
        if refusals:
            faults = tuple(fault for refused in refusals for fault in refused.faults)
            raise Invalid(refusals[0].detail, code=refusals[0].code, hint=refusals[0].hint, faults=faults) from refusals[0]

    def _keep(self, key: Key, make: Callable[[], T]) -> T:
        """By a key that ends with the text."""
        found = self._kept.get(key)
        if found is None:
            found = make()
            with self._lock:
                self._length += len(key[-1]) if key not in self._kept else 0
                self._kept[key] = found
                while len(self._kept) > _KEPT or self._length > _LONGEST:
                    self._length -= len(self._kept.popitem(last=False)[0][-1])
        return found


@dataclass(frozen=True, slots=True)
class _ClientSight:
    """What a client's filter may name: what its author could read. A field with a view rule is one of `sayable`, or it is not there."""

    rulebook: Rulebook
    schema: Schema
    actor: Actor
    sayable: Sayable

    def may_name(self, collection: Collection, field: Field) -> bool:
        if self.actor.passes_rules:
            return True
        return is_nameable(collection, field) and (field.rules.view == "" or (collection.name, field.name) in self.sayable)

    def guard(self, collection: Collection) -> Condition | None:
        """The condition under which a record of `collection` counts, None where the actor may not list it at all."""
        try:
            return self.rulebook.rule(self.schema, collection, "list", self.actor).condition
        except Problem:
            return None

    def field_guard(self, collection: Collection, field: Field) -> Condition:
        return TRUE if self.actor.passes_rules else self.rulebook.field_guard(self.schema, collection, field)


def _asks_who(ruling: Ruling) -> bool:
    moments = (each for each in every_operand(ruling.condition) if isinstance(each, Literal) and each.macro)
    return ruling.paths <= _IDENTITY and next(moments, None) is None


def _has_view_rules(collection: Collection) -> bool:
    return any(each.rules.view != "" for each in collection.fields)


def _related(schema: Schema, collection: Collection) -> Iterator[Collection]:
    """Every collection that relations lead to from here, forwards and back."""
    pending, seen = [collection.name], {collection.name}
    while pending:
        each = schema.collections.get(pending.pop())
        if each is None:
            continue
        yield each
        found = {relation.collection for relation in each.relations} | {other.name for other, _ in schema.referring(each.name)}
        pending += sorted(found - seen)
        seen |= found


def _ruling(condition: Condition) -> Ruling:
    return Ruling(condition, request_paths(condition), is_local(condition))


def _texts(collection: Collection) -> Iterator[tuple[str, str, Callable[[str, Scope], object]]]:
    """Everything that its owner wrote in the rule language, with its pointer and who judges it."""
    for name in rule_names(collection.type):
        yield f"/rules/{name}", getattr(collection.rules, name) or "", _check_storable
    for at, field in enumerate(collection.fields):
        for name, text in field.rules.definition().items():
            yield f"/fields/{at}/rules/{name}", text or "", _check_storable
    for at, each in enumerate(collection.checks):
        yield f"/checks/{at}/rule", each.rule, _check_storable
    for at, index in enumerate(collection.indexes):
        if index.where:
            yield f"/indexes/{at}/where", index.where, check_index_condition


def _check_storable(text: str, scope: Scope) -> None:
    _ruling(check(text, scope))
