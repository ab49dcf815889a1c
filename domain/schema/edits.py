"""The body of a change as its author means it: read, edited in some places and sent back. What stands in it as it was read follows
the renames of the change, what is written anew is meant under the new names."""

from collections.abc import Mapping
from typing import Any

from domain.errors import did_you_mean, invalid
from domain.schema.collection import Collection
from domain.schema.renames import Renames


def followed_body(body: Mapping[str, Any], old: Collection, base: Collection, renames: Renames) -> dict[str, Any]:
    """`old` is the collection as it was read, `base` the same under its new names. `was` is taken out: it is never stored."""
    was, now = old.definition(), base.definition()
    edited = dict(body)
    if isinstance(body.get("fields"), list):
        edited["fields"] = [_field(each, was["fields"], now["fields"], renames) for each in body["fields"]]
    if isinstance(body.get("rules"), Mapping):
        edited["rules"] = {
            name: now["rules"][name] if name in was["rules"] and text == was["rules"][name] else text
            for name, text in body["rules"].items()
        }
    for part in ("indexes", "checks", "aliases"):
        if isinstance(body.get(part), list):
            edited[part] = [now[part][was[part].index(each)] if each in was[part] else each for each in body[part]]
    for part in ("expires", "identity"):
        if part in body and body[part] == was.get(part):
            edited[part] = now.get(part)
    return edited


def _field(entry: Any, was: list[dict[str, Any]], now: list[dict[str, Any]], renames: Renames) -> Any:
    """Its rules and its target, if they are those that it had."""
    if not isinstance(entry, Mapping):
        return entry
    edited = {key: value for key, value in entry.items() if key != "was"}
    names = [each["name"] for each in was]
    source = entry.get("was", entry.get("name"))
    if source not in names:
        return edited
    before, after = was[names.index(source)], now[names.index(source)]
    for key in ("rules", "collection"):
        if key in edited and edited[key] == before.get(key):
            edited[key] = after[key]
    return edited


def read_drop(body: Mapping[str, Any], base: Collection, new: Collection) -> frozenset[str]:
    """The fields of which the author says that their values may go."""
    names = body.get("drop", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise invalid("/drop", "not_a_list", "`drop` is a list of names of fields")
    leaving = [each.name for each in base.fields if each.name not in new.every_field]
    for at, name in enumerate(names):
        if name not in leaving:
            hint = did_you_mean(name, leaving) or "leave the field out of `fields` too"
            raise invalid(f"/drop/{at}", "unknown_field", f"no field `{name[:80]}` that this change removes", hint=hint)
    return frozenset(names)
