"""From a body to what is written: every value judged, every fault told at once, nothing coerced."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import Fault, Invalid, did_you_mean
from domain.records.changes import Changes, Draft, FilesChange, IfMatch, Increment, ListChange
from domain.schema.account_fields import ANONYMOUS
from domain.schema.collection import OLD_PASSWORD, PASSWORD, Collection
from domain.schema.fields import (
    AUTH_ID,
    NOW,
    TRUSTING,
    AutodateField,
    DecimalField,
    Field,
    FileField,
    IntegerField,
    NumberField,
    RelationField,
    SelectField,
    Tools,
    Unfit,
)
from domain.schema.fields.lists import default_list, is_absent, listed
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.text import storable
from domain.schema.identity import EMAIL, fault_of, needed
from domain.schema.kinds import INT64_MAX, INT64_MIN, Kind

_STAMPED = ("version", "created", "updated")
# What stands where a record's id does, in the address of the records.
RESERVED_IDS = frozenset({"aggregate"})
_LARGEST = 1.7976931348623157e308


@dataclass(frozen=True, slots=True)
class Author:
    """Whose write it is, as far as values depend on it: `sees_hidden` is true for admins; `closed` are fields that it may write in
    no record, `unknown` those that it may not even know of."""

    id: str | None
    sees_hidden: bool
    collection: str = ""
    closed: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Moment:
    """What a write is given from outside: the instant as stored, and an id for a new record."""

    now: str
    new_id: str


def draft(
    collection: Collection, body: Mapping[str, Any], *, author: Author, moment: Moment, tools: Tools,
    fields: Mapping[str, Field] | None = None, complete: bool = True,
) -> Draft:  # fmt: skip
    """A new record from a body; Invalid with every fault where it is not one. `fields` are those that the author may write, where
    that is known. Without `complete` it may lack what is required: somebody else fills it yet."""
    fields, faults = writable(collection, author) if fields is None else fields, list[Fault]()
    for name in body:
        if name not in fields and not _is_credential(collection, name, (PASSWORD,)) and name != "id":
            faults.append(_unknown(collection, name, fields, author))
    values: dict[str, Any] = {
        "id": checked_id(collection, body, moment, faults),
        "version": 1,
        "created": moment.now,
        "updated": moment.now,
    }
    for field in collection.own_fields:
        if field.name in body and field.name in fields:
            values[field.name] = judged(field, body[field.name], tools, faults)
        else:
            values[field.name] = initial(field, author, moment, tools)
        if complete and field.required and is_absent(field, values[field.name]) and not _faulty(faults, field.name):
            faults.append(Fault(f"/{field.name}", "required", f"`{field.name}` is required"))
    _judge_identity(collection, values, faults)
    _refuse(faults)
    return Draft(values)


def _judge_identity(collection: Collection, values: Mapping[str, Any], faults: list[Fault]) -> None:
    fault = fault_of(collection.identity, values) if collection.is_accounts else None
    if fault is not None:
        faults.append(fault)


def changes(
    collection: Collection,
    body: Mapping[str, Any],
    *,
    author: Author,
    now: str,
    tools: Tools,
    if_match: tuple[IfMatch, ...] | None = None,
) -> Changes:
    """What a PATCH asks for; fields that it does not name stay as they are."""
    fields, faults = writable(collection, author), list[Fault]()
    values: dict[str, Any] = {}
    increments: dict[str, Increment] = {}
    signed: dict[str, dict[str, Any]] = {}  # of lists: what `+` and `-` ask for
    for key, value in body.items():
        name, sign = (key[:-1], key[-1]) if key[-1:] in ("+", "-") else (key, "")
        field = fields.get(name)
        if field is None:
            if not _is_credential(collection, key, (PASSWORD, OLD_PASSWORD)):
                faults.append(_unknown(collection, key, fields, author))
        elif (sign and name in body) or name in increments:
            faults.append(Fault(f"/{key}", "named_twice", f"`{name}` is changed twice in one body"))
        elif sign and field.many:
            signed.setdefault(name, {})[sign] = value
        elif sign:
            _add_increment(increments, field, key, value, faults)
        else:
            values[name] = judged(field, value, tools, faults)
            if field.required and is_absent(field, values[name]) and not _faulty(faults, name):
                faults.append(Fault(f"/{name}", "required", f"`{name}` is required"))
    lists = {name: _list_change(fields[name], asked, faults) for name, asked in signed.items()}
    _judge_identity(collection, values, faults)
    _refuse(faults)
    if collection.is_accounts and EMAIL in values:
        values.setdefault("verified", False)  # it was said of the address that goes
    if collection.is_accounts and (EMAIL in values or (PASSWORD in body and needed(collection.identity) in values)):
        values[ANONYMOUS] = False
    return Changes({**values, **stamps(collection, now)}, increments=increments, lists=lists, if_match=if_match)


def stamps(collection: Collection, now: str) -> dict[str, str]:
    """What every change writes besides."""
    return {
        "updated": now,
        **{each.name: now for each in collection.fields if isinstance(each, AutodateField) and each.on_update},
    }


def writable(collection: Collection, author: Author) -> dict[str, Field]:
    """The fields that this author's body may name. `verified` says that an address was proved: only admins write it, and
    `anonymous` that there is none: nobody does."""
    return {
        each.name: each
        for each in collection.own_fields
        if not each.read_only
        and each.name not in author.closed
        and (author.sees_hidden or not each.hidden)
        and not (collection.is_accounts and (each.name == ANONYMOUS or (each.name == "verified" and not author.sees_hidden)))
    }


def _is_credential(collection: Collection, name: str, credentials: Iterable[str]) -> bool:
    return collection.is_accounts and name in credentials


def _unknown(collection: Collection, key: str, fields: Mapping[str, Field], author: Author) -> Fault:
    """A hidden field is answered exactly as one that is not there, and so is one that the author may neither view nor write."""
    pointer = _pointer(key)
    known = collection.every_field.get(key)
    bare = key[:-1] if key[-1:] in ("+", "-") else key
    if bare in author.closed and bare not in author.unknown:
        return not_writable(key)
    if key == "id" or key in _STAMPED or (known is not None and not known.hidden and key not in author.unknown):
        return Fault(pointer, "read_only", f"`{key}` is written by the backend, not by you")
    if key[-1:] in ("+", "-") and key[:-1] in fields:
        return Fault(
            pointer,
            "not_an_increment",
            f"`{key}`: increments change a record that is there; a new one takes the value itself",
        )
    turned = f"{key[1:]}{key[:1]}" if key[:1] in ("+", "-") and key[1:] in fields else None  # other backends write `+tags`
    hint = f"did you mean `{turned}`?" if turned else did_you_mean(key, list(fields))
    return Fault(pointer, "unknown_field", f"no field `{key[:80]}`" + (f"; {hint}" if hint else ""))


def not_writable(key: str) -> Fault:
    """`key` is the name as the body wrote it, its modifier included."""
    return Fault(_pointer(key), "not_writable", f"`{key}` is not yours to write here")


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def checked_id(collection: Collection, body: Mapping[str, Any], moment: Moment, faults: list[Fault]) -> str:
    if "id" not in body:
        return moment.new_id
    if collection.is_accounts:
        faults.append(Fault("/id", "read_only", "ids of accounts are made by the backend"))
    elif not isinstance(body["id"], str) or not RECORD_ID.fullmatch(body["id"]):
        faults.append(Fault("/id", "invalid_id", "an id has 1 to 64 characters of A-Z a-z 0-9 _ -"))
    elif body["id"] in RESERVED_IDS:
        faults.append(Fault("/id", "reserved_name", f"`{body['id']}` names something else in an address; choose another id"))
    return str(body["id"])


def judged(field: Field, value: Any, tools: Tools, faults: list[Fault]) -> Any:
    nothing = () if field.many else None
    if value is None:
        return nothing
    try:
        accepted = field.accept(value, tools)
    except Unfit as unfit:
        places = unfit.places or (("", unfit.detail),)
        faults.extend(Fault(f"/{field.name}{pointer}", unfit.code, detail) for pointer, detail in places)
        return nothing
    return None if accepted == "" and field.absent_text else accepted


def initial(field: Field, author: Author, moment: Moment, tools: Tools) -> Any:
    if isinstance(field, AutodateField):
        return moment.now if field.on_create else None
    if field.many and field.literal_default is None:
        return default_list(field, _own_id(field, author))
    if field.default is None:
        return None
    if field.default == NOW and NOW in field.magic_defaults:
        return moment.now[:10] if field.kind is Kind.DAY else moment.now
    if field.default == AUTH_ID and AUTH_ID in field.magic_defaults:
        return _own_id(field, author)
    return field.accept(field.default, tools)


def _own_id(field: Field, author: Author) -> str | None:
    """Whoever is no record of the relation's collection (an admin, an account of another kind) is none that it could point at."""
    is_elsewhere = isinstance(field, RelationField) and field.collection != author.collection
    return None if is_elsewhere else author.id


def _list_change(field: Field, asked: Mapping[str, Any], faults: list[Fault]) -> ListChange | FilesChange:
    """`asked` are the values of `+` and `-`, each one value or a list of them."""
    if isinstance(field, FileField):
        return _files_change(field, asked, faults)
    assert isinstance(field, (RelationField, SelectField))
    add = _elements(field, "+", asked.get("+", []), field.one, faults)
    remove = _elements(field, "-", asked.get("-", []), storable, faults)
    both = [value for value in add if value in remove]
    faults += (Fault(add[value], "named_twice", f"`{value[:80]}` is both added and removed") for value in both)
    if len(add) > field.most:
        faults.append(Fault(f"/{field.name}+", "too_many", f"`{field.name}` holds at most {field.most} values"))
    return ListChange(field.name, add, frozenset(remove), field.min or 0, field.most, field.required)


def _files_change(field: FileField, asked: Mapping[str, Any], faults: list[Fault]) -> FilesChange:
    """Files are added that were sent, and taken away by their names."""
    added = asked.get("+", [])
    try:
        add = field.elements(added if isinstance(added, list) else [added])
    except Unfit as unfit:
        faults.append(Fault(f"/{field.name}+", unfit.code, unfit.detail))
        add = ()
    if len(add) > field.most:
        faults.append(Fault(f"/{field.name}+", "too_many", f"`{field.name}` holds at most {field.most} files"))
    remove = _elements(field, "-", asked.get("-", []), storable, faults)
    return FilesChange(field.name, add, remove, field.min or 0, field.most, field.required)


def _elements(field: Any, sign: str, value: Any, one: Callable[[Any], str], faults: list[Fault]) -> dict[str, str]:
    """Each element with its place in the body. What is removed need not be a value that may be added: a choice may be gone."""
    given, pointer = (value, f"/{field.name}{sign}/") if isinstance(value, list) else ([value], "")
    try:
        found = listed(given, one, "values")
    except Unfit as unfit:
        places = unfit.places if pointer and unfit.places else (("", unfit.detail),)
        faults += (Fault(f"/{field.name}{sign}{place}", unfit.code, detail) for place, detail in places)
        return {}
    return {element: f"{pointer}{at}" if pointer else f"/{field.name}{sign}" for at, element in enumerate(found)}


def _add_increment(increments: dict[str, Increment], field: Field, key: str, value: Any, faults: list[Fault]) -> None:
    try:
        increments[field.name] = increment(field, value, negative=key.endswith("-"))
    except Unfit as unfit:
        faults.append(Fault(f"/{key}", unfit.code, unfit.detail))


def increment(field: Field, value: Any, *, negative: bool) -> Increment:
    """What `n+` or `n-` adds, with the limits that the result must keep; Unfit where the field or the value is no number."""
    judge = _UNLIMITED.get(type(field))
    if judge is None:
        raise Unfit("not_a_number", f"`{field.name}` is no number, so it cannot be incremented")
    by = judge(field).accept(value, TRUSTING)
    low, high = _limits(field)
    step = -by if negative else by
    if isinstance(field, IntegerField) and not (low - INT64_MAX <= step <= high - INT64_MIN and abs(step) <= INT64_MAX):
        raise Unfit("too_large", "no value stays within its limits after such a step")
    return Increment(by=step, low=low, high=high)


# The delta is judged by a field of the same form without limits: those bind the result, not the step.
_UNLIMITED = {
    IntegerField: lambda field: IntegerField(name=field.name),
    NumberField: lambda field: NumberField(name=field.name),
    DecimalField: lambda field: DecimalField(name=field.name, scale=field.scale),
}


def _limits(field: Any) -> tuple[Any, Any]:
    if isinstance(field, IntegerField):
        return (INT64_MIN if field.min is None else field.min, INT64_MAX if field.max is None else field.max)
    if isinstance(field, NumberField):
        return (-_LARGEST if field.min is None else field.min, _LARGEST if field.max is None else field.max)
    low, high = field.bounds
    most = field.largest
    # The owner's own may lie beyond the digits that there are.
    return (-most if low is None else max(low, -most), most if high is None else min(high, most))


def _faulty(faults: list[Fault], name: str) -> bool:
    return any(f"{fault.pointer}/".startswith(f"/{name}/") for fault in faults)


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise Invalid(
            faults[0].detail if len(faults) == 1 else f"{len(faults)} things in the body are wrong",
            code="invalid_record",
            faults=tuple(faults),
        )
