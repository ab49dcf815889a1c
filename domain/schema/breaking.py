"""Which clients a change of a collection breaks: those that name what it renames, send what it refuses, or read what it takes away.

Hidden fields are no part of what clients may rely on.
"""

from collections.abc import Iterator

from domain.compatibility.documents import Document
from domain.compatibility.findings import Difference, Finding, Weight, found
from domain.compatibility.schemas import Comparison
from domain.schema.collection import Collection, rule_names
from domain.schema.fields import Field
from domain.schema.renames import Renames
from domain.schema.shapes import read, written

_EMPTY = Document({"openapi": "3.1.0"})
_ALIAS = "keep the old name for a time: `aliases`"


def breaking(old: Collection | None, new: Collection | None, renames: Renames | None) -> tuple[Finding, ...]:
    """The gravest first, without what is harmless. A new collection breaks nobody."""
    if old is None:
        return ()
    if new is None:
        return (Finding(Weight.BREAKS, old.name, "the collection goes", "lock its rules first, and see who still asks for it"),)
    findings = [*_named(old, new), *_fields(old, new, renames), *_indexes(old, new), *_rules(old, new), *_identity(old, new, renames)]
    grave = [each for each in findings if each.weight is not Weight.HARMLESS]
    return tuple(sorted(dict.fromkeys(grave), key=lambda each: (-each.weight, each.place)))


def _named(old: Collection, new: Collection) -> Iterator[Finding]:
    if old.name != new.name:
        yield _renamed(new, old.name, "", f"the collection is called `{new.name}`")


def _renamed(new: Collection, old_name: str, field: str, what: str) -> Finding:
    until = [each.until for each in new.aliases if (each.name, each.of) == (old_name, field)]
    if until:
        return Finding(Weight.MAY_BREAK, old_name, f"{what}, and the old name works until {until[0]}")
    return Finding(Weight.BREAKS, old_name, what, _ALIAS)


def _fields(old: Collection, new: Collection, renames: Renames | None) -> Iterator[Finding]:
    was = {each.name: each for each in old.own_fields if not each.hidden}
    called = {name: renames.field(name) if renames else name for name in was}
    for name, before in was.items():
        after = new.every_field.get(called[name])
        if after is None or after.hidden:
            what = "answers hold it no more: it is hidden" if after else "the field goes, and its values"
            yield Finding(Weight.BREAKS, name, what, "hide it only when nobody asks for it any more" if after else _ALIAS)
            continue
        if after.name != name:
            yield _renamed(new, name, after.name, f"the field is called `{after.name}`")
        yield from _values(before, after)
    for each in new.own_fields:
        if each.name not in called.values() and each.required and each.default is None and not each.hidden:
            yield found(Difference("needed", "", "a new field that has to be there"), f"{each.name}, sent", sent=True)


def _values(before: Field, after: Field) -> Iterator[Finding]:
    comparison = Comparison(_EMPTY, _EMPTY)
    if not before.read_only:
        for each in comparison.differences(written(before), written(after)):
            yield found(each, f"{before.name}, sent", sent=True)
    for each in comparison.differences(read(before), read(after)):
        yield found(each, f"{before.name}, read", sent=False)
    if after.required and not before.required and after.default is None:
        yield found(Difference("needed", "", "it has to be there now"), f"{before.name}, sent", sent=True)
    if after.unique and not before.unique:
        yield Finding(Weight.MAY_BREAK, f"{before.name}, sent", "a value has to be its alone")
    if (before.rules.view, before.rules.write) != (after.rules.view, after.rules.write):
        yield Finding(Weight.MAY_BREAK, before.name, "its rules are others")


def _indexes(old: Collection, new: Collection) -> Iterator[Finding]:
    known = {index.fields for index in old.every_index if index.unique}
    for index in new.indexes:
        if index.unique and index.fields not in known:
            yield Finding(Weight.MAY_BREAK, ", ".join(index.fields), "these values have to be its alone")
    for check in new.checks:
        if check.rule not in {each.rule for each in old.checks}:
            yield Finding(Weight.MAY_BREAK, check.name, "a new check")


def _identity(old: Collection, new: Collection, renames: Renames | None) -> Iterator[Finding]:
    for name in map(renames.field, old.identity) if renames else old.identity:
        if name not in new.identity:
            yield Finding(Weight.BREAKS, "identity", f"nobody signs in by `{name}` any more", "let apps ask for the other first")


def _rules(old: Collection, new: Collection) -> Iterator[Finding]:
    if new.rules.second_factor not in (None, old.rules.second_factor):
        yield Finding(Weight.MAY_BREAK, "second_factor rule", "accounts may have to set up a second factor before they sign in again")
    for action in rule_names(new.type):
        if action == "second_factor":
            continue
        before, after = getattr(old.rules, action), getattr(new.rules, action)
        if before == after or before is None or after == "":
            continue
        if after is None:
            yield Finding(Weight.BREAKS, f"{action} rule", "only admins may do this any more", "let those in who rely on it")
        else:
            yield Finding(Weight.MAY_BREAK, f"{action} rule", "it is another one")
