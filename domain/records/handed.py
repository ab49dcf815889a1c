"""A record's values as the owner's own code is handed them, and what it made of them: judged as a body is, by nobody's field rules."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import Any

from domain.errors import Fault, HookMistake, Invalid, did_you_mean
from domain.records.changes import Changes, Draft
from domain.records.draft import Author, changes, judged
from domain.schema.collection import OLD_PASSWORD, PASSWORD, Collection
from domain.schema.fields import Tools
from domain.schema.fields.lists import is_absent

Values = Mapping[str, Any]
_OWN = frozenset({"id", "version", "created", "updated"})
_CREDENTIALS = frozenset({PASSWORD, OLD_PASSWORD})


def handed(values: Values) -> dict[str, Any]:
    """A copy that may be changed: decimals as text, lists as lists."""
    return {name: _plain(value) for name, value in values.items()}


def handed_draft(collection: Collection, made: Draft) -> dict[str, Any]:
    """What the record holds, without what is absent and what the backend writes itself."""
    own = {each.name: each for each in collection.own_fields}
    return handed({name: value for name, value in made.values.items() if name in own and not is_absent(own[name], value)})


def handed_body(body: Values) -> dict[str, Any]:
    return handed({name: value for name, value in body.items() if name not in _CREDENTIALS})


def with_values(collection: Collection, made: Draft, values: Values, tools: Tools) -> Draft:
    """The record with what hooks made of its values; Invalid with every fault where it is none, also where it was none before."""
    faults, own = list[Fault](), {each.name: each for each in collection.own_fields}
    written = dict(made.values)
    before = handed_draft(collection, made)
    for name in _differing(before, values):
        _check_known(name, own)
        written[name] = judged(own[name], _sent(values.get(name)), tools, faults)
    for name, field in own.items():
        if field.required and is_absent(field, written[name]) and not any(f"{each.pointer}/".startswith(f"/{name}/") for each in faults):
            faults.append(Fault(f"/{name}", "required", f"`{name}` is required"))
    if faults:
        detail = faults[0].detail if len(faults) == 1 else f"{len(faults)} things in the record are wrong"
        raise Invalid(detail, code="invalid_record", faults=tuple(faults))
    return replace(made, values=written)


def with_changes(
    collection: Collection, asked: Changes, body: Values, values: Values, *, author: Author, now: str, tools: Tools
) -> Changes:
    """What the body asks for, with what hooks made of it: theirs replaces what the body says of the same field."""
    before = handed_body(body)
    differing = list(_differing(before, values))
    if not differing:
        return asked
    theirs = {name: _sent(values[name]) for name in differing if name in values}
    own = {each.name: each for each in collection.own_fields}
    for name in theirs:
        _check_known(name.rstrip("+-"), own)
    replaced = {name.rstrip("+-") for name in differing}
    left = {name: value for name, value in body.items() if name.rstrip("+-") not in replaced}
    kept = changes(collection, left, author=author, now=now, tools=tools)
    more = changes(collection, theirs, author=Author(None, True, collection.name), now=now, tools=tools)
    return replace(
        asked, values={**kept.values, **more.values}, increments={**kept.increments, **more.increments}, lists={**kept.lists, **more.lists}
    )


def _differing(before: Values, after: Values) -> Iterator[str]:
    for name in {**before, **after}:
        if name not in after or name not in before or _sent(after[name]) != before[name]:
            yield name


def _check_known(name: str, own: Mapping[str, Any]) -> None:
    if name in own and not own[name].read_only:
        return
    if name in _OWN | _CREDENTIALS or name in own:
        raise HookMistake(f"a hook wrote `{name}`, which is not written this way")
    hint = did_you_mean(name, list(own))
    raise HookMistake(f"a hook wrote `{name}`: there is no such field" + (f"; {hint}" if hint else ""))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return list(value) if isinstance(value, tuple) else deepcopy(value)


def _sent(value: Any) -> Any:
    """As a body would have it, whatever is natural in Python."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return list(value) if isinstance(value, (tuple, set, frozenset)) else value
