"""The schemas of a collection's records: as they are read, made, changed, listed and expanded."""

from collections.abc import Callable, Mapping

from adapters.inbound.web.document.embedded import embedded
from adapters.inbound.web.document.fixed import object_of, ref
from domain.records.outline import Outline
from domain.schema.collection import OLD_PASSWORD, PASSWORD
from domain.schema.fields import Field, JsonField
from domain.schema.shapes import ID, Shape, added, increment, or_null, read, removed, written

# The name of a collection's schema.
Names = Callable[[str], str]

_STAMPS: Mapping[str, Shape] = {
    "id": {"type": "string", "pattern": f"^{ID}$"},
    "version": {"type": "integer", "format": "int64", "minimum": 1, "description": "grows by one with each change"},
    "created": {"type": "string", "format": "date-time"},
    "updated": {"type": "string", "format": "date-time"},
}
_PASSWORD: Shape = {"type": "string", "format": "password", "maxLength": 1024, "description": "at least 8 bytes of UTF-8"}


def schemas(outline: Outline, named: Names) -> dict[str, Shape]:
    """Those that some operation on the collection needs, by name."""
    name, actions = named(outline.collection.name), outline.actions
    found = {name: _record(outline, name)}
    if outline.related:
        found[f"{name}Expand"] = _expand(outline, named)
    if "list" in actions:
        found[f"{name}Page"] = _page(name)
    if "create" in actions:
        found[f"{name}Create"] = _create(outline, name)
    if "update" in actions:
        found[f"{name}Update"] = _update(outline, name)
    if {"create", "update"} & set(actions):
        found |= _owners(outline, name)
    return found


def _owners(outline: Outline, name: str) -> dict[str, Shape]:
    """The JSON Schemas of json fields, each under a name that nothing else has: no other has a dot."""
    fields = {each.name: each for each in (*outline.creatable, *outline.changeable) if isinstance(each, JsonField) and each.schema}
    places = {key: f"{name}.{key}" for key in fields}
    return {place: told for key, place in places.items() if (told := embedded(fields[key].schema, ref(place)["$ref"])) is not None}


def _sent(field: Field, name: str) -> Shape:
    """What a body may hold for this field, by the owner's own schema where there is one that can stand here."""
    shape = written(field)
    if not isinstance(field, JsonField) or not field.schema or embedded(field.schema, "") is None:
        return shape
    own = ref(f"{name}.{field.name}")
    return {**own, "not": {"type": "null"}} if field.required else or_null(own)


def _record(outline: Outline, name: str) -> Shape:
    """Nothing is required: `fields` leaves out what it does not name, and a writer who may not view gets `id` and `version`."""
    shown = {each.name: _shown(outline, each) for each in outline.shown}
    if outline.related:
        shown["expand"] = ref(f"{name}Expand")
    if outline.searchable:
        shown["search"] = _snippets(outline)
    return {"description": f"A record of `{outline.collection.name}`", **object_of(shown, ())}


def _shown(outline: Outline, field: Field) -> Shape:
    if field.name in _STAMPS:
        return _STAMPS[field.name]
    shape = read(field, masked=field.name in outline.masked)
    return {**shape, "description": "null where the record does not show it to you"} if field.name in outline.masked else shape


def _snippets(outline: Outline) -> Shape:
    told = "where the words of `search` stand, as HTML with `<mark>`; in a list that was searched"
    return {"description": told, **object_of({name: {"type": "string"} for name in outline.searchable}, ())}


def _expand(outline: Outline, named: Names) -> Shape:
    related = {each.name: ref(named(each.collection)) for each in outline.related}
    many = {each.name for each in outline.related if each.many}
    return object_of({name: {"type": "array", "items": one} if name in many else one for name, one in related.items()}, ())


def _page(name: str) -> Shape:
    total = {"type": "integer", "minimum": 0, "description": "of all pages, where `count` is exact"}
    following = {"type": ["string", "null"], "description": "the `cursor` of the next page; null on the last"}
    return object_of({"items": {"type": "array", "items": ref(name)}, "next": following, "total": total}, ("items", "next"))


def _create(outline: Outline, name: str) -> Shape:
    collection = outline.collection
    values = {each.name: _new(each, name) for each in outline.creatable}
    required = tuple(each.name for each in outline.creatable if each.required and each.default is None)
    if collection.is_accounts:
        return object_of({**values, PASSWORD: _PASSWORD}, (*required, PASSWORD))
    id = {**_STAMPS["id"], "not": {"const": "aggregate"}, "description": "made by the backend if you bring none"}
    return object_of({"id": id, **values}, required)


def _new(field: Field, name: str) -> Shape:
    shape = _sent(field, name)
    return shape if field.literal_default is None else {**shape, "default": field.literal_default}


def _update(outline: Outline, name: str) -> Shape:
    values: dict[str, Shape] = {}
    twice: list[tuple[str, str]] = []
    for each in outline.changeable:
        values[each.name] = _sent(each, name)
        steps = _steps(each)
        values |= steps
        twice += ((each.name, step) for step in steps)
        twice += [tuple(steps)] if len(steps) == 2 and not each.many else []  # type: ignore[list-item]
    if outline.collection.is_accounts:
        told = "the present password; needed by the account itself to change its sign-in data"
        values |= {PASSWORD: _PASSWORD, OLD_PASSWORD: {**_PASSWORD, "description": told}}
    # A field is changed in one way at a time.
    never = {"not": {"anyOf": [{"required": list(pair)} for pair in twice]}} if twice else {}
    return {**object_of(values, ()), **never}


def _steps(field: Field) -> dict[str, Shape]:
    if field.many:
        return {f"{field.name}+": added(field), f"{field.name}-": removed()}
    step = increment(field)
    return {} if step is None else {f"{field.name}+": step, f"{field.name}-": step}


