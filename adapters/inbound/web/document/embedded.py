"""JSON Schemas of an owner's own, put into the document: their references lead to where they stand now."""

from typing import Any

# Under these stands no schema, whatever it looks like.
_LITERALS = frozenset({"const", "enum", "default", "examples"})
# Under these stand schemas by name; a name is no keyword.
_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
# These lead to places that a document has none of.
_ELSEWHERE = frozenset({"$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"})


class _NotEmbeddable(Exception):
    pass


def embedded(schema: Any, place: str) -> Any:
    """The same schema as it stands at `place`, a reference; None where it finds its parts by other means than a path."""
    try:
        return _moved(schema, place)
    except _NotEmbeddable:
        return None


def _moved(schema: Any, place: str) -> Any:
    if isinstance(schema, list):
        return [_moved(each, place) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if _ELSEWHERE & set(schema):
        raise _NotEmbeddable
    return {key: _member(key, value, place) for key, value in schema.items() if key != "$schema"}


def _member(key: str, value: Any, place: str) -> Any:
    if key == "$ref":
        return _led(value, place)
    if key in _LITERALS:
        return value
    if key in _BY_NAME and isinstance(value, dict):
        return {name: _moved(each, place) for name, each in value.items()}
    return _moved(value, place)


def _led(reference: Any, place: str) -> str:
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise _NotEmbeddable
    return place + reference[1:]
