"""Names of the request: what `@request.…` asks for, and what the schema says of its kind."""

from collections.abc import Sequence
from dataclasses import replace

from domain.errors import did_you_mean
from domain.rules.scope import VIA, Found, Scope, json_keys, need, refuse_unknown_modifier, unknown_field
from domain.rules.syntax import MAX_RELATION_DEPTH, Name, Source
from domain.rules.tree import Path, Request
from domain.rules.turns import Turn, accounts_of, targets_of, turns
from domain.schema.collection import OLD_PASSWORD, PASSWORD, Collection
from domain.schema.fields import RelationField
from domain.schema.kinds import Kind

_REQUEST = ("auth", "body", "query", "headers", "method", "context")
# What every account answers to besides its fields.
_ACCOUNT_TEXTS = ("id", "collectionName", "collectionId")
# The fields of accounts in which `hasRole` looks.
ROLES = ("role", "roles")


def of_request(name: Name, scope: Scope, source: Source) -> Found:
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
    if len(rest) == 1 and rest[0] in _ACCOUNT_TEXTS:
        return Found(Request(("auth", rest[0])), Kind.TEXT)
    if not rest:
        raise source.refusal("unknown_name", name.at, "`@request.auth` names no field", "write `@request.auth.id`")
    return _followed(name, accounts_of(scope), scope, source, _ACCOUNT_TEXTS)


def _followed(name: Name, start: Sequence[Collection], scope: Scope, source: Source, more: tuple[str, ...] = ()) -> Found:
    """What the name means along its way from these collections; `more` is what may be asked there besides fields."""
    path, holders, lists = name.parts[1:], start, list[int]()
    for at, turn in enumerate(turns(path[1:], start, scope), 1):
        inside = path[at + 1 :]
        if turn.is_many:
            lists.append(at + 1)
        if not turn.fields and turn.back is None:
            known = [key for each in holders for key in (*each.every_field, *scope.back_names(each))]
            unknown_field(name, source, path[at], [*(more if at == 1 else ()), *known])
        ends = not inside or any(field.kind is Kind.JSON for _, field in turn.fields)
        if at > MAX_RELATION_DEPTH and (turn.back or not ends):
            raise source.beyond("relation_depth", name.at, f"a path goes through at most {MAX_RELATION_DEPTH} relations")
        if ends:
            json_keys(inside, name, source)
            return Found(Request(path, lists=tuple(lists)), _agreed(turn))
        holders = targets_of(turn, scope)
        if not holders:
            unknown_field(name, source, path[at], [])
    raise AssertionError("a name has at least one part")


def _agreed(turn: Turn) -> Kind | None:
    """Records that point back are told by their ids."""
    kinds = {field.kind for _, field in turn.fields} or {Kind.TEXT}
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
    if not rest or rest[0] not in fields:
        unknown_field(name, source, rest[0] if rest else "", list(fields))
    return _followed(name, (scope.collection,), scope, source)


def _modified_request(found: Found, name: Name, scope: Scope, source: Source) -> Found:
    modifier, operand = name.modifier, found.operand
    if modifier is None:
        return found
    refuse_unknown_modifier(modifier, name, source)
    assert isinstance(operand, Request)
    area = operand.path[0]
    if modifier == "isset" and area not in ("body", "query", "headers"):
        raise source.refusal("not_allowed", name.at, "`:isset` follows `@request.body.…`, `@request.query.…` and `@request.headers.…`")
    if modifier in ("isset", "changed"):
        if len(operand.path) > 2 and _goes_on(operand, scope):
            hint = f"write `@request.{'.'.join(operand.path[:2])}:{modifier}`"
            raise source.refusal("not_allowed", name.at, f"`:{modifier}` is asked of what was sent, and that ends at the relation", hint)
        stored = _stored(name, operand, scope, source) if modifier == "changed" else None
        return Found(Request(operand.path, modifier, stored), Kind.BOOL if stored else found.declared)
    if modifier == "lower":
        need(found.declared in (Kind.TEXT, None), name, source, "a text")
        return Found(replace(operand, modifier=modifier), Kind.TEXT)
    whole = len(operand.path)
    is_list = whole in operand.lists
    need(is_list or (found.declared is None and area in ("body", "auth")), name, source, "a json field or one of many values")
    if modifier == "each":
        return found if is_list else Found(replace(operand, lists=(*operand.lists, whole)), found.declared)
    if is_list and VIA in operand.path[-1]:
        # As for other paths, it is one number: of all records there, whichever way leads to them.
        return Found(Request(operand.path, "count"), found.declared)
    return Found(Request(operand.path, modifier, lists=tuple(at for at in operand.lists if at < whole)), found.declared)


def _goes_on(operand: Request, scope: Scope) -> bool:
    """Whether the body's field is a relation, and the name goes through it."""
    return operand.path[0] == "body" and isinstance(scope.collection.every_field[operand.path[1]], RelationField)


def _stored(name: Name, operand: Request, scope: Scope, source: Source) -> Path:
    """The record's own field that `:changed` compares with, byte for byte (an e-mail address too)."""
    if operand.path[0] != "body":
        raise source.refusal("not_allowed", name.at, "`:changed` follows `@request.body.…`")
    field = scope.collection.every_field[operand.path[1]]
    if len(operand.path) > 2:
        hint = f"write `@request.body.{field.name}:changed`"
        raise source.refusal("not_allowed", name.at, "`:changed` is asked of a whole field", hint)
    return Path(
        field.name, field.kind, scope.collection.name, absent_text=field.absent_text, scale=getattr(field, "scale", 0),
        elements=field.many, modifier="whole" if field.many else None,
    )  # fmt: skip
