"""A Postman collection (format v2.1) and its environment, of what one actor may know: a folder for each collection, in an order in which
the whole of it can be run, from signing in to deleting what was made.

Which collections and fields there are to tell is decided in domain.records.outline, what bodies hold in domain.schema.examples.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adapters.inbound.web.postman import requests
from adapters.inbound.web.postman.requests import NO_AUTH, Item, Told, id_of, item
from adapters.inbound.web.postman.scripts import answers, keep, skip_without
from domain.actor import ADMINS
from domain.records.outline import Outline
from domain.records.visibility import write_rule
from domain.schema.fields import Field, RelationField

# A value that a field would take.
Value = Callable[[Field], Any]

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
LAST = "Delete what was made"
_ABOUT = """What this backend offers to you, ready to be sent. `baseUrl`, `identity` and `password` come from the environment; signing in \
keeps the token for all other requests. The folders stand in an order in which they can be run as a whole (`newman run`, or Run in \
Postman): records are made before others point at them, and the last folder deletes what was needed until then."""


def collection(outlines: Sequence[Outline], value: Value, *, title: str, url: str, for_admins: bool) -> Item:
    told = _in_order(outlines, value, ruled=not for_admins)
    pointed_at = {need for each in told for need in each.needs}
    folders = [_folder(each, keeps=_outlives(each, pointed_at)) for each in told]
    last = [requests.delete(each) for each in reversed(told) if each.may("create") and each.may("delete") and _outlives(each, pointed_at)]
    return {
        "info": {"name": title, "description": _ABOUT, "schema": FORMAT},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": "baseUrl", "value": url}, {"key": "token", "value": ""}, *({"key": each.id, "value": ""} for each in told)],
        "item": [_signing_in(told), *folders, *([_named(LAST, last)] if last else []), _operations()],
    }  # fmt: skip


def environment(*, title: str, url: str) -> Item:
    values = (("baseUrl", url, "default"), ("identity", "", "default"), ("password", "", "secret"))
    return {
        "name": title, "_postman_variable_scope": "environment",
        "values": [{"key": key, "value": value, "type": kind, "enabled": True} for key, value, kind in values],
    }  # fmt: skip


def _in_order(outlines: Sequence[Outline], value: Value, *, ruled: bool) -> list[Told]:
    """Accounts first, for one of them may be who asks for the rest; then each after what it points at, as far as that goes."""
    made: list[str] = []
    pending = sorted(outlines, key=lambda each: (not each.collection.is_accounts, each.collection.name))
    told: list[Told] = []
    while pending:
        following = min(pending, key=lambda each: (len(_targets(each) - set(made) - {each.collection.name}), pending.index(each)))
        pending.remove(following)
        told.append(_told(following, _example(following, value), made, ruled=ruled))
        if told[-1].may("create"):
            made.append(following.collection.name)
    return told


def _example(outline: Outline, value: Value) -> dict[str, Any]:
    """Of fields with rules of their own only what must be there; an address is made anew with each run."""
    fields = (each for each in outline.creatable if each.required or write_rule(outline.collection, each, creating=True) == "")
    told = {each.name: value(each) for each in fields}
    return {name: each for name, each in told.items() if each is not None}


def _targets(outline: Outline) -> set[str]:
    return {each.collection for each in outline.creatable if isinstance(each, RelationField)}


def _told(outline: Outline, example: Mapping[str, Any], made: Sequence[str], *, ruled: bool) -> Told:
    """Relations lead to records made before; one that has none to lead to is left out, unless it must be there."""
    relations = {each.name: each for each in outline.creatable if isinstance(each, RelationField)}
    filled = {name: each for name, each in relations.items() if each.collection in made or each.required}
    plain = {name: value for name, value in example.items() if name not in relations}
    ids = {name: f"{{{{{id_of(each.collection)}}}}}" for name, each in filled.items()}
    new = {**plain, **{name: [ids[name]] if each.many else ids[name] for name, each in filled.items()}}
    needs = tuple(dict.fromkeys(id_of(each.collection) for each in filled.values()))
    changeable = {each.name for each in outline.changeable} - {"email"}
    change = next(({name: value} for name, value in plain.items() if name in changeable), {})
    return Told(outline, new, change, needs, ruled)


def _outlives(told: Told, pointed_at: set[str]) -> bool:
    """Its record is needed by what follows its folder."""
    return told.id in pointed_at or told.outline.collection.is_accounts


def _folder(told: Told, *, keeps: bool) -> Item:
    elsewhere = f" Its delete stands in “{LAST}”." if keeps and told.may("delete") else ""
    return _named(told.name, list(_requests(told, keeps=keeps)), f"The records of `{told.name}`.{elsewhere}")


def _requests(told: Told, *, keeps: bool) -> Iterator[Item]:
    if told.may("create"):
        yield requests.create(told)
        if told.outline.collection.is_accounts:
            yield requests.sign_in_as_new(told)
    if told.may("view"):
        yield requests.get(told)
    if told.may("list"):
        yield requests.listing(told)
        yield requests.measure(told)
    if told.may("update") and told.change:
        yield requests.update(told)
    if told.may("delete") and not (keeps and told.may("create")):
        yield requests.delete(told)


def _signing_in(told: Sequence[Told]) -> Item:
    """Skipped where the environment names nobody."""
    body = {"identity": "{{identity}}", "password": "{{password}}"}
    kept = [answers(200, ruled=False), keep("token", "access_token", 200)]
    found: list[Item] = []
    for name in sorted((each.name for each in told if each.outline.collection.is_accounts), key=lambda each: each != ADMINS):
        path, missing = f"api/v1/auth/{name}", [skip_without("identity")]
        found += [
            item(f"Sign in to {name}", "POST", f"{path}/sign-in", body=body, scripts=missing, checks=kept, auth=NO_AUTH),
            item(f"Who am I in {name}", "GET", f"{path}/me", scripts=missing, checks=[answers(200, ruled=True)]),
        ]
        if name == ADMINS:
            break
    return _named("Sign in", found, "Whom the environment names; the token is kept for what follows.")


def _operations() -> Item:
    paths = (("Is it alive", "livez"), ("Is it ready", "readyz"), ("What can it do", "api/v1/capabilities"))
    return _named("Operations", [item(name, "GET", path, checks=[answers(200, ruled=False)], auth=NO_AUTH) for name, path in paths])


def _named(name: str, items: list[Item], description: str = "") -> Item:
    return {"name": name, **({"description": description} if description else {}), "item": items}
