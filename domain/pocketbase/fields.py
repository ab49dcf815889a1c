"""Fields of PocketBase as fields here: a table by type. What an option here cannot say is told, not dropped in silence."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from domain.pocketbase.names import is_sign_in
from domain.pocketbase.source import ForeignCollection

Options = Mapping[str, Any]
Definition = dict[str, Any]


def definition(field: Options, name: str, target: str | None) -> Definition | None:
    """The definition here of a field that is called `name` here; None where there is none. `target` is the collection that a relation
    leads to, by its name here."""
    make = _MAKERS.get(str(field.get("type")))
    if make is None or (field.get("type") == "relation" and target is None):
        return None
    made: Definition = {"name": name, **make(field)}
    if target is not None and made["type"] == "relation":
        made["collection"] = target
    if field.get("required") and made["type"] not in ("autodate", "integer", "number", "bool"):
        made["required"] = True
    if field.get("hidden"):
        made["hidden"] = True
    return made


def check(field: Options, name: str) -> dict[str, str] | None:
    """A required number is not 0 there, a required bool is true: that is a check here."""
    if not field.get("required") or field.get("type") not in ("number", "bool"):
        return None
    rule = f"{name} != 0" if field["type"] == "number" else f"{name} = true"
    return {"name": f"{name[:41]}_required", "rule": rule, "message": f"`{name}` is required"}


def lost(field: Options, collection: ForeignCollection) -> Iterator[tuple[str, str]]:
    """(kind, what is said) of options and types that have no counterpart."""
    if is_sign_in(collection, str(field.get("name"))):
        return
    kind = field.get("type")
    if kind == "file":
        yield "changed", "a json field with the names of the files; the files themselves stay where they are"
    if kind == "password":
        yield "left out", "password fields exist in accounts only, as `password`"
    elif kind not in _MAKERS:
        yield "left out", f"there is no type like `{str(kind)[:40]}` here"
    if kind == "text" and field.get("autogeneratePattern") and field.get("name") != "id":
        yield "left out", "`autogeneratePattern`: nothing is made up here"
    for option in ("onlyDomains", "exceptDomains"):
        if field.get(option):
            yield "left out", f"`{option}`: every domain is taken here"
    if kind == "editor":
        yield "changed", "richtext: HTML is cleaned of what could harm its readers"


def _text(field: Options) -> Definition:
    """There a pattern may match anywhere in the text, here it matches all of it."""
    limits = {name: field[name] for name in ("min", "max") if _positive(field.get(name))}
    pattern = field.get("pattern")
    if not pattern or not isinstance(pattern, str):
        return {"type": "text", **limits}
    whole = pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith("\\$") and "|" not in pattern
    return {"type": "text", **limits, "pattern": pattern if whole else f"(?s:.*)(?:{pattern})(?s:.*)"}


def _number(field: Options) -> Definition:
    """0 and false are what a field without a value holds there; as defaults they stay that."""
    whole = bool(field.get("onlyInt"))
    limits = {name: _bound(field[name], whole) for name in ("min", "max") if field.get(name) is not None}
    # Where 0 is outside of the limits it was what they did not bind: the value that was never set.
    inside = limits.get("min", 0) <= 0 <= limits.get("max", 0)
    return {"type": "integer" if whole else "number", **limits, **({"default": 0} if inside else {})}


def _bound(value: Any, whole: bool) -> Any:
    return int(value) if whole and float(value).is_integer() else value


def _date(field: Options) -> Definition:
    return {"type": "date", **{name: field[name] for name in ("min", "max") if field.get(name)}}


def _autodate(field: Options) -> Definition:
    return {"type": "autodate", "on_create": bool(field.get("onCreate")), "on_update": bool(field.get("onUpdate"))}


def _select(field: Options) -> Definition:
    return {"type": "select", "values": list(field.get("values") or []), **_many(field)}


def _relation(field: Options) -> Definition:
    """Without `cascadeDelete` a target that goes leaves the field there, and may not go where the field is required."""
    several = (field.get("minSelect") or 0) > 1
    kept = "restrict" if several or field.get("required") else "clear"
    return {"type": "relation", "on_delete": "cascade" if field.get("cascadeDelete") and not several else kept, **_many(field, most=1000)}


def _many(field: Options, most: int | None = None) -> Definition:
    if not is_many(field):
        return {}
    limits = {"min": field["minSelect"]} if (field.get("minSelect") or 0) > 1 else {}
    largest = len(field.get("values") or []) if most is None else most
    return {"many": True, **limits, "max": min(field["maxSelect"], largest)}


def is_many(field: Options) -> bool:
    return _positive(field.get("maxSelect")) and field["maxSelect"] > 1


def _positive(value: Any) -> bool:
    return type(value) is int and value > 0


_MAKERS: dict[str, Callable[[Options], Definition]] = {
    "text": _text, "editor": lambda field: {"type": "richtext"}, "number": _number,
    "bool": lambda field: {"type": "bool", "default": False},
    "email": lambda field: {"type": "email"}, "url": lambda field: {"type": "url"}, "date": _date, "autodate": _autodate,
    "select": _select, "json": lambda field: {"type": "json"}, "file": lambda field: {"type": "json"}, "relation": _relation,
    "geoPoint": lambda field: {"type": "geo"},
}  # fmt: skip
