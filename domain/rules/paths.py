"""Names to paths: what a dotted name means in a collection, and whether its author may say it.

For a client's text a field that is hidden, a relation whose target may not be listed and a name that does not exist are
refused with the same words, and hints come from names that its author may see.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NoReturn, Protocol

from domain.errors import Problem, did_you_mean
from domain.rules.parse import MACROS
from domain.rules.syntax import MAX_NESTING, MAX_RELATION_DEPTH, Name, Source
from domain.rules.tree import TRUE, Condition, Path, Request, Step
from domain.rules.walk import all_of
from domain.schema.collection import OLD_PASSWORD, PASSWORD, Collection, Schema
from domain.schema.fields import Field, RelationField
from domain.schema.kinds import Kind

_MODIFIERS = ("isset", "changed", "length", "each", "lower")
_REQUEST = ("auth", "body", "query", "headers", "method", "context")
# What every account answers to besides its fields.
_ACCOUNT_TEXTS = ("id", "collectionName", "collectionId")


class Sight(Protocol):
    """What the author of a filter may see."""

    def may_name(self, collection: Collection, field: Field) -> bool:
        """Whether the field may be used in filter and sort."""
        ...

    def guard(self, collection: Collection) -> Condition | None:
        """The condition (the list rule) under which a record reached through a relation counts; None where the author
        may not list the collection at all."""
        ...

    def field_guard(self, collection: Collection, field: Field) -> Condition:
        """The condition on the record (the field's view rule) under which a field that `may_name` allows holds something for
        the author; TRUE where it always does."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a text stands: names mean the fields of `collection`; `pointer` is where the asker wrote it. With `client` it is
    a filter or sort from outside, bound by `sight`; without, it is the owner's rule and may name everything."""

    schema: Schema
    collection: Collection
    pointer: str = ""
    client: bool = False
    sight: Sight | None = None

    def __post_init__(self) -> None:
        if self.client and self.sight is None:
            raise ValueError("a client's text needs to know what its author may see")

    def collection_of(self, name: str) -> Collection | None:
        """The rule's own collection may be newer than the schema's: it is being saved."""
        return self.collection if name == self.collection.name else self.schema.collections.get(name)

    def field(self, collection: Collection, name: str) -> Field | None:
        field = collection.every_field.get(name)
        return field if field is not None and self.may_name(collection, field) else None

    def may_name(self, collection: Collection, field: Field) -> bool:
        return not self.client or (self.sight is not None and self.sight.may_name(collection, field))

    def field_guard(self, collection: Collection, field: Field) -> Condition | None:
        guard = self.sight.field_guard(collection, field) if self.client and self.sight is not None else TRUE
        return None if guard == TRUE else guard

    def names(self, collection: Collection) -> list[str]:
        return [name for name, field in collection.every_field.items() if self.may_name(collection, field)]


@dataclass(frozen=True, slots=True)
class Found:
    """A resolved name; `declared` is the kind that a `@request` value has where the schema tells it."""

    operand: Path | Request
    declared: Kind | None = None


def resolve(name: Name, scope: Scope, source: Source) -> Found:
    """What the name means, or the refusal."""
    if not name.parts[0].startswith("@"):
        path = _Walk(name, scope, source).from_collection(scope.collection, name.parts)
        return Found(_modified(path, name, source))
    if name.parts[0] not in ("@request", "@collection"):
        known = [*MACROS] if scope.client else [*MACROS, "@request", "@collection"]
        raise source.refusal("unknown_name", name.at, f"nothing is called `{name.written}`", did_you_mean(name.parts[0], sorted(known)))
    if scope.client:
        raise source.refusal("not_allowed", name.at, f"`{name.parts[0]}` is for rules; a filter or sort may not use it")
    if name.parts[0] == "@collection":
        return Found(_modified(_of_collection(name, scope, source), name, source))
    return _of_request(name, scope, source)


class _Walk:
    """Follows a name through relations, one part after another."""

    def __init__(self, name: Name, scope: Scope, source: Source, root: str | None = None) -> None:
        self._name, self._scope, self._source, self._root = name, scope, source, root
        self._steps: list[Step] = []

    def from_collection(self, collection: Collection, parts: tuple[str, ...]) -> Path:
        for at, part in enumerate(parts):
            rest = parts[at + 1 :]
            field = self._scope.field(collection, part)
            if field is not None and (not rest or field.kind is Kind.JSON):
                return self._end(collection, field, rest)
            step = self._forward(collection, field) if field is not None else self._back(collection, part)
            if step is None:
                unknown_field(self._name, self._source, part if field is None else "", self._scope.names(collection))
            collection = self._entered(step)
            if not rest and step.back:
                return self._end(collection, collection.every_field["id"], ())
        raise AssertionError("a name has at least one part")

    def _end(self, collection: Collection, field: Field, keys: tuple[str, ...]) -> Path:
        return Path(
            name=field.name,
            kind=field.kind,
            collection=collection.name,
            steps=tuple(self._steps),
            json=_json_keys(keys, self._name, self._source),
            many=field.many or self._root is not None or any(step.many for step in self._steps),
            root=self._root,
            alias=self._name.alias,
            absent_text=field.absent_text,
            email=field.type == "email",
            scale=getattr(field, "scale", 0),
            elements=field.many,
            guard=self._scope.field_guard(collection, field),
        )

    def _forward(self, collection: Collection, field: Field) -> Step | None:
        if not isinstance(field, RelationField):
            return None
        held = self._scope.field_guard(collection, field)
        return self._guarded(Step(field.name, collection.name, field.collection, many=field.many, field_guard=held))

    def _back(self, collection: Collection, part: str) -> Step | None:
        """`comments_via_post`: the records of `comments` whose relation `post` points here."""
        for at in _separators(part):
            other, relation = self._scope.collection_of(part[:at]), part[at + len("_via_") :]
            field = self._scope.field(other, relation) if other is not None else None
            if other is not None and isinstance(field, RelationField) and field.collection == collection.name:
                step = self._guarded(Step(relation, collection.name, part[:at], back=True, many=True))
                return None if step is None else _held_back(step, self._scope.field_guard(other, field))
        return None

    def _guarded(self, step: Step) -> Step | None:
        target = self._scope.collection_of(step.target)
        if target is None:
            return None
        if not self._scope.client:
            return step
        guard = _guard(self._scope, target)
        if guard is None:
            return None
        return step if guard == TRUE else replace(step, guard=guard)

    def _entered(self, step: Step) -> Collection:
        self._steps.append(step)
        if len(self._steps) > MAX_RELATION_DEPTH:
            raise self._source.beyond("relation_depth", self._name.at, f"a path goes through at most {MAX_RELATION_DEPTH} relations")
        target = self._scope.collection_of(step.target)
        assert target is not None
        return target


def _held_back(step: Step, field_guard: Condition | None) -> Step:
    """The relation stands on the target: a record counts where both of its guards hold."""
    return step if field_guard is None else replace(step, guard=all_of(step.guard or TRUE, field_guard))


def _guard(scope: Scope, target: Collection) -> Condition | None:
    """A sight may also refuse by raising; the reason would tell that the relation is there."""
    try:
        return scope.sight.guard(target) if scope.sight is not None else None
    except Problem:
        return None


def _separators(part: str) -> Iterable[int]:
    """Where `_via_` stands; twice, where a name ends in `_via`."""
    at = part.find("_via_")
    while at >= 0:
        yield at
        at = part.find("_via_", at + 1)


def _json_keys(keys: tuple[str, ...], name: Name, source: Source) -> tuple[str | int, ...]:
    if len(keys) > MAX_NESTING:
        raise source.beyond("nesting", name.at, f"a path goes at most {MAX_NESTING} deep into JSON")
    for key in keys:
        if key.isdigit() and len(key) > 9:
            raise source.beyond("number", name.at, "a position in a JSON array has at most 9 digits")
    return tuple(int(key) if key.isdigit() else key for key in keys)


def unknown_field(name: Name, source: Source, part: str, known: list[str]) -> NoReturn:
    """The one refusal for what is not there and for what must not be known; `known` are names that the asker may see."""
    hint = did_you_mean(part, known) if part else None
    raise source.refusal("unknown_field", name.at, f"no field `{name.written}`", hint)


def _of_collection(name: Name, scope: Scope, source: Source) -> Path:
    if len(name.parts) < 3:
        raise source.refusal("syntax_error", name.at, f"`{name.written}` names no field", "write `@collection.NAME.field`")
    root = scope.collection_of(name.parts[1])
    if root is None or root.system:
        known = [each.name for each in scope.schema.collections.values() if not each.system]
        hint = did_you_mean(name.parts[1], known)
        raise source.refusal("unknown_collection", name.at, f"there is no collection `{name.parts[1][:60]}`", hint)
    return _Walk(name, scope, source, root.name).from_collection(root, name.parts[2:])


# --- @request


def _of_request(name: Name, scope: Scope, source: Source) -> Found:
    area, rest = (name.parts[1] if len(name.parts) > 1 else ""), name.parts[2:]
    if area not in _REQUEST:
        hint = did_you_mean(area, list(_REQUEST)) or f"known are {', '.join(_REQUEST)}"
        raise source.refusal("unknown_name", name.at, f"nothing is called `{name.written}`", hint)
    if area in ("method", "context"):
        found = _lone_text(name, area, source)
    elif area in ("query", "headers"):
        found = _text_of_request(name, area, rest, source)
    elif area == "auth":
        found = _of_account(name, rest, scope, source)
    else:
        found = _of_body(name, rest, scope, source)
    return _modified_request(found, name, scope, source)


def _lone_text(name: Name, area: str, source: Source) -> Found:
    if len(name.parts) > 2:
        raise source.refusal("unknown_name", name.at, f"nothing is called `{name.written}`", f"write `@request.{area}`")
    return Found(Request((area,)), Kind.TEXT)


def _text_of_request(name: Name, area: str, rest: tuple[str, ...], source: Source) -> Found:
    if len(rest) != 1:
        raise source.refusal("unknown_name", name.at, f"`{name.written}` names no single value", f"write `@request.{area}.NAME`")
    return Found(Request((area, rest[0].lower() if area == "headers" else rest[0])))


def _of_account(name: Name, rest: tuple[str, ...], scope: Scope, source: Source) -> Found:
    """The actor's collection is not known yet: a name has to exist in one of those that it may be."""
    accounts = [each for each in scope.schema.collections.values() if each.is_accounts]
    if scope.collection.is_accounts and scope.collection.name not in scope.schema.collections:
        accounts.append(scope.collection)
    if len(rest) == 1 and rest[0] in _ACCOUNT_TEXTS:
        return Found(Request(("auth", rest[0])), Kind.TEXT)
    for at, part in enumerate(rest):
        fields = [each.every_field[part] for each in accounts if part in each.every_field]
        inside = rest[at + 1 :]
        if fields and (not inside or any(field.kind is Kind.JSON for field in fields)):
            _json_keys(inside, name, source)
            return Found(Request(("auth", *rest)), _agreed(fields))
        targets = [scope.collection_of(field.collection) for field in fields if isinstance(field, RelationField)]
        if not targets:
            unknown_field(name, source, part, [*_ACCOUNT_TEXTS, *(key for each in accounts for key in each.every_field)])
        if at >= MAX_RELATION_DEPTH:
            raise source.beyond("relation_depth", name.at, f"a path goes through at most {MAX_RELATION_DEPTH} relations")
        accounts = [each for each in targets if each is not None]
    raise source.refusal("unknown_name", name.at, "`@request.auth` names no field", "write `@request.auth.id`")


def _agreed(fields: list[Field]) -> Kind | None:
    kinds = {field.kind for field in fields}
    kind = kinds.pop()
    return kind if not kinds and kind is not Kind.JSON else None


def _of_body(name: Name, rest: tuple[str, ...], scope: Scope, source: Source) -> Found:
    fields = scope.collection.every_field
    secrets = (PASSWORD, OLD_PASSWORD) if scope.collection.is_accounts else ()
    if len(rest) == 1 and rest[0] in secrets:
        # Whether a password is being set may matter to a rule; what it is, never.
        if name.modifier != "isset":
            raise source.refusal("not_allowed", name.at, f"`{name.written}` may only be asked for with `:isset`")
        return Found(Request(("body", rest[0])), Kind.TEXT)
    field = fields.get(rest[0]) if rest else None
    if field is None or (len(rest) > 1 and field.kind is not Kind.JSON):
        unknown_field(name, source, rest[0] if rest and field is None else "", list(fields))
    _json_keys(rest[1:], name, source)
    return Found(Request(("body", *rest)), None if field.kind is Kind.JSON else field.kind)


# --- modifiers


def _modified(path: Path, name: Name, source: Source) -> Path:
    """The path with its modifier, where that fits its type."""
    modifier = name.modifier
    if modifier is None:
        return path
    _refuse_unknown(modifier, name, source)
    if modifier in ("isset", "changed"):
        raise source.refusal("not_allowed", name.at, f"`:{modifier}` asks what a request holds: it follows `@request.body.…`")
    if modifier == "lower":
        _need(path.kind in (Kind.TEXT, Kind.JSON), name, source, "a text")
        return replace(path, modifier=modifier, email=False)
    if modifier == "each":
        _need(path.kind is Kind.JSON or path.elements, name, source, "a json field or one of many values")
        return path if path.elements else replace(path, modifier=modifier, many=True)
    counted = _is_back(path, name)
    _need(path.kind is Kind.JSON or path.elements or counted, name, source, "a json field, a field of many values or a back relation")
    return replace(path, modifier=modifier, many=not counted and _is_reached_many(path))


def _is_back(path: Path, name: Name) -> bool:
    """A path that ends in a back relation itself stands for the records there: their number can be asked for."""
    return bool(path.steps) and path.steps[-1].back and path.name == "id" and name.parts[-1] != "id"


def _is_reached_many(path: Path) -> bool:
    """Whether there may be any number of records that hold the field."""
    return path.root is not None or any(step.many for step in path.steps)


def _modified_request(found: Found, name: Name, scope: Scope, source: Source) -> Found:
    modifier, operand = name.modifier, found.operand
    if modifier is None:
        return found
    _refuse_unknown(modifier, name, source)
    assert isinstance(operand, Request)
    area = operand.path[0]
    if modifier == "isset" and area not in ("body", "query", "headers"):
        raise source.refusal("not_allowed", name.at, "`:isset` follows `@request.body.…`, `@request.query.…` and `@request.headers.…`")
    if modifier == "changed":
        return Found(Request(operand.path, modifier, _stored(name, operand, scope, source)), Kind.BOOL)
    if modifier == "lower":
        _need(found.declared in (Kind.TEXT, None), name, source, "a text")
        return Found(Request(operand.path, modifier), Kind.TEXT)
    if modifier in ("length", "each"):
        _need(found.declared is None and area in ("body", "auth"), name, source, "a json field")
    return Found(Request(operand.path, modifier), found.declared)


def _stored(name: Name, operand: Request, scope: Scope, source: Source) -> Path:
    """The record's own field that `:changed` compares with, byte for byte (an e-mail address too)."""
    if operand.path[0] != "body":
        raise source.refusal("not_allowed", name.at, "`:changed` follows `@request.body.…`")
    field = scope.collection.every_field[operand.path[1]]
    if field.kind is Kind.JSON:
        raise source.refusal("not_supported", name.at, "`:changed` of a json field is not supported yet", "compare a value inside it")
    return Path(field.name, field.kind, scope.collection.name, absent_text=field.absent_text, scale=getattr(field, "scale", 0))


def _refuse_unknown(modifier: str, name: Name, source: Source) -> None:
    if modifier not in _MODIFIERS:
        hint = did_you_mean(modifier, list(_MODIFIERS)) or f"known are {', '.join(':' + each for each in _MODIFIERS)}"
        raise source.refusal("unknown_name", name.at, f"no modifier `:{modifier[:40]}`", hint)


def _need(fits: bool, name: Name, source: Source, what: str) -> None:
    if not fits:
        raise source.refusal("type_mismatch", name.at, f"`:{name.modifier}` is for {what}, and `{name.written}` is none")
