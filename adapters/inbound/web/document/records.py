"""The schemas of a collection's records: as they are read, made, changed, listed and expanded."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.inbound.web.document.embedded import embedded
from adapters.inbound.web.document.fixed import object_of, ref
from domain.records.outline import Outline
from domain.schema.collection import OLD_PASSWORD, PASSWORD
from domain.schema.fields import Field, JsonField
from domain.schema.identity import needed
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
        found |= _update(outline, name)
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
    shown = _with_old_names({each.name: _shown(outline, each) for each in outline.shown}, outline)
    if outline.related:
        shown["expand"] = ref(f"{name}Expand")
    if outline.searchable:
        shown["search"] = _snippets(outline)
    return {"description": f"A record of `{outline.collection.name}`", **object_of(shown, ())}


def _with_old_names(values: Mapping[str, Any], outline: Outline) -> dict[str, Shape]:
    """Names from before mean the same and are on their way out; a field is sent by one of its names."""
    old = {f"{old}{sign}": values[f"{name}{sign}"] for old, name in outline.before for sign in ("", "+", "-") if f"{name}{sign}" in values}
    return {**values, **{name: {**shape, "deprecated": True} for name, shape in old.items()}}


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
    values = _with_old_names({each.name: _new(each, name) for each in outline.creatable}, outline)
    required = tuple(each.name for each in outline.creatable if each.required and each.default is None)
    if collection.is_accounts:
        # Also where an anonymous account may be without: a sign-up needs it.
        return object_of({**values, PASSWORD: _PASSWORD}, tuple(dict.fromkeys((needed(collection.identity), *required, PASSWORD))))
    id = {**_STAMPS["id"], "not": {"const": "aggregate"}, "description": "made by the backend if you bring none"}
    return object_of({"id": id, **values}, required)


def _new(field: Field, name: str) -> Shape:
    shape = _sent(field, name)
    return shape if field.literal_default is None else {**shape, "default": field.literal_default}


def _update(outline: Outline, name: str) -> dict[str, Shape]:
    """What replaces values, what adds to them and what takes from them are schemas of their own: generators turn `views+` and `views-`
    into one and the same name, which no class has twice."""
    values = _with_old_names({each.name: _sent(each, name) for each in outline.changeable}, outline)
    if outline.collection.is_accounts:
        told = "the present password; needed by the account itself to change its sign-in data"
        values |= {PASSWORD: _PASSWORD, OLD_PASSWORD: {**_PASSWORD, "description": told}}
    steps = {each.name: each for each in outline.changeable if _step(each) is not None}
    if not steps:
        return {f"{name}Update": object_of(values, ())}
    more = _with_old_names({f"{each}+": _step(field) for each, field in steps.items()}, outline)
    less = _with_old_names({f"{each}-": _step(field, taken=True) for each, field in steps.items()}, outline)
    parts: dict[str, Shape] = {f"{name}Change": values, f"{name}Add": more, f"{name}Take": less}
    whole = {
        "type": "object", "anyOf": [ref(part) for part in parts], "unevaluatedProperties": False,
        "not": {"anyOf": list(_twice(steps))},
    }  # fmt: skip
    return {f"{name}Update": whole, **{part: {"type": "object", "properties": each} for part, each in parts.items()}}


def _step(field: Field, *, taken: bool = False) -> Shape | None:
    if field.many:
        return removed() if taken else added(field)
    return increment(field)


def _twice(steps: Mapping[str, Field]) -> Iterator[Shape]:
    """A field is changed in one way at a time; to a list something may be added while something else is taken out of it."""
    for name, field in steps.items():
        yield {"required": [name, f"{name}+"]}
        yield {"required": [name, f"{name}-"]}
        if not field.many:
            yield {"required": [f"{name}+", f"{name}-"]}
