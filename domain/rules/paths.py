"""Names to paths: what a dotted name means in a collection."""

from dataclasses import replace

from domain.errors import did_you_mean
from domain.rules.parse import MACROS
from domain.rules.requests import of_request
from domain.rules.scope import Found, Scope, Sight, json_keys, need, refuse_unknown_modifier, unknown_field
from domain.rules.syntax import MAX_RELATION_DEPTH, Name, Source
from domain.rules.tree import TRUE, Condition, Path, Step
from domain.rules.walk import all_of
from domain.schema.collection import Collection
from domain.schema.fields import Field, FileField, RelationField
from domain.schema.fields.places import BOUNDS, GeoField
from domain.schema.kinds import Kind

__all__ = ["Found", "Scope", "Sight", "resolve"]


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
    return of_request(name, scope, source)


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
                known = [*self._scope.names(collection), *self._scope.back_names(collection)]
                unknown_field(self._name, self._source, part if field is None else "", known)
            collection = self._entered(step)
            if not rest and step.back:
                return self._end(collection, collection.every_field["id"], ())
        raise AssertionError("a name has at least one part")

    def _end(self, collection: Collection, field: Field, keys: tuple[str, ...]) -> Path:
        if isinstance(field, GeoField) and keys and (keys[0] not in BOUNDS or keys[1:]):
            unknown_field(self._name, self._source, keys[0], list(BOUNDS))
        # Files are documents, and a list of them is one: `photos:length`, `photos.0.size`.
        listed = field.many and not isinstance(field, FileField)
        return Path(
            name=field.name,
            kind=field.kind,
            collection=collection.name,
            steps=tuple(self._steps),
            json=json_keys(keys, self._name, self._source),
            many=listed or self._root is not None or any(step.many for step in self._steps),
            root=self._root,
            alias=self._name.alias,
            absent_text=field.absent_text,
            email=field.type == "email",
            fold=getattr(field, "fold", False),
            scale=getattr(field, "scale", 0),
            elements=listed,
            guard=self._scope.field_guard(collection, field),
        )

    def _forward(self, collection: Collection, field: Field) -> Step | None:
        if not isinstance(field, RelationField):
            return None
        held = self._scope.field_guard(collection, field)
        return self._guarded(Step(field.name, collection.name, field.collection, many=field.many, field_guard=held))

    def _back(self, collection: Collection, part: str) -> Step | None:
        found = self._scope.back(part, (collection.name,))
        if found is None:
            return None
        other, relation = found
        step = self._guarded(Step(relation.name, collection.name, other.name, back=True, many=True))
        return None if step is None else _held_back(step, self._scope.field_guard(other, relation))

    def _guarded(self, step: Step) -> Step | None:
        target = self._scope.collection_of(step.target)
        if target is None:
            return None
        guard = self._scope.guard(target)
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


def _of_collection(name: Name, scope: Scope, source: Source) -> Path:
    if len(name.parts) < 3:
        raise source.refusal("syntax_error", name.at, f"`{name.written}` names no field", "write `@collection.NAME.field`")
    root = scope.collection_of(name.parts[1])
    if root is None or root.system:
        known = [each.name for each in scope.schema.collections.values() if not each.system]
        hint = did_you_mean(name.parts[1], known)
        raise source.refusal("unknown_collection", name.at, f"there is no collection `{name.parts[1][:60]}`", hint)
    return _Walk(name, scope, source, root.name).from_collection(root, name.parts[2:])


# --- modifiers


def _modified(path: Path, name: Name, source: Source) -> Path:
    """The path with its modifier, where that fits its type."""
    modifier = name.modifier
    if modifier is None:
        return path
    refuse_unknown_modifier(modifier, name, source)
    if modifier in ("isset", "changed"):
        raise source.refusal("not_allowed", name.at, f"`:{modifier}` asks what a request holds: it follows `@request.body.…`")
    if modifier == "lower":
        need(path.kind in (Kind.TEXT, Kind.JSON), name, source, "a text")
        return replace(path, modifier=modifier, email=False, fold=False)
    if modifier == "each":
        need(path.kind is Kind.JSON or path.elements, name, source, "a json field or one of many values")
        return path if path.elements else replace(path, modifier=modifier, many=True)
    counted = _is_back(path, name)
    need(path.kind is Kind.JSON or path.elements or counted, name, source, "a json field, a field of many values or a back relation")
    return replace(path, modifier=modifier, many=not counted and _is_reached_many(path))


def _is_back(path: Path, name: Name) -> bool:
    """A path that ends in a back relation itself stands for the records there: their number can be asked for."""
    return bool(path.steps) and path.steps[-1].back and path.name == "id" and name.parts[-1] != "id"


def _is_reached_many(path: Path) -> bool:
    """Whether there may be any number of records that hold the field."""
    return path.root is not None or any(step.many for step in path.steps)
