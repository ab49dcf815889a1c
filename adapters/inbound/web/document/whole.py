"""The document as one actor may have it: our own endpoints that are open to it, and the records of each collection that it knows of."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

from adapters.inbound.web.document import refusals
from adapters.inbound.web.document.fixed import HEADERS
from adapters.inbound.web.document.names import VERBS, component, operation_id
from adapters.inbound.web.document.operations import SHARED, paths, refusal_kind
from adapters.inbound.web.document.records import schemas
from app.usecases.outlines import Known
from domain.actor import ADMINS
from domain.records.outline import Outline

Document = dict[str, Any]

METHODS = frozenset({"get", "put", "post", "delete", "patch"})
COLLECTION = "/api/v1/collections/{c}"
ACCOUNTS = "/api/v1/auth/{c}/"
# Where an operation says that it is for everyone. One that says nothing is told to admins alone.
FOR_ALL = "x-for-all"
# The operations on records of whatever collection; each collection has its own instead.
_GENERIC = frozenset({
    "list_records", "aggregate_records", "export_records", "create_record", "get_record", "update_record", "delete_record",
    "bulk_change_records", "bulk_delete_records",
})  # fmt: skip


def whole(base: Document, known: Known) -> Document:
    """`base` holds every endpoint of ours, whoever may use it."""
    for_admins, outlines = known.outlook.passes_rules, known.outlines()
    taken = frozenset(base["components"]["schemas"])
    ids = frozenset(each["operationId"] for each in operations(base))
    named = partial(component, taken=taken)
    told = only(base, lambda operation: operation["operationId"] not in _GENERIC and (for_admins or operation.get(FOR_ALL, False)))
    for outline in outlines:
        address = COLLECTION.replace("{c}", outline.collection.name)
        told["paths"] |= paths(outline, address, named, partial(_id, taken=ids), known.example(outline))
        told["components"]["schemas"] |= schemas(outline, named)
        told["tags"].append({"name": outline.collection.name, "description": f"The records of `{outline.collection.name}`"})
    _name_accounts(told, outlines)
    _tell_refusals(told)
    told["components"] |= {"parameters": SHARED, "headers": HEADERS}
    told["components"]["responses"] |= _refusals()
    return _without_leftovers(told)


def _name_accounts(told: Document, outlines: Sequence[Outline]) -> None:
    """Where one may sign in: the collections of accounts that the reader knows of, and the admins' own, which is no secret."""
    names = sorted({ADMINS, *(each.collection.name for each in outlines if each.collection.is_accounts)})
    schema = {"type": "string", "enum": names}
    for path, item in told["paths"].items():
        if path.startswith(ACCOUNTS):
            item["parameters"] = [{**each, "schema": schema} if each["name"] == "c" else each for each in item["parameters"]]


def _tell_refusals(told: Document) -> None:
    """In place of statuses without codes, where we know more."""
    for operation in operations(told):
        known = refusals.of_ours(operation)
        for name, status, refused in refusals.responses(operation["operationId"], known or {}):
            told["components"]["responses"][name] = refused
            operation["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}


def _id(verb: str, collection: str, taken: frozenset[str]) -> str:
    return operation_id(verb, collection, taken)


def only(base: Document, keep: Callable[[dict[str, Any]], bool]) -> Document:
    """A copy with these operations, without what is said about them for us alone."""
    told = deepcopy(base)
    for item in told["paths"].values():
        for method in METHODS & set(item):
            if not keep(item[method]):
                del item[method]
            else:
                item[method].pop(FOR_ALL, None)
    told["paths"] = {path: item for path, item in told["paths"].items() if METHODS & set(item)}
    return told


def operations(told: Document) -> Iterator[dict[str, Any]]:
    # In the order in which they are listed: a set has another one in each process, and so would the document.
    return (item[method] for item in told["paths"].values() for method in item if method in METHODS)


def _refusals() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for verb in VERBS:
        for accounts in (False, True):
            kind = refusal_kind(verb, accounts=accounts)
            found |= {name: told for name, _, told in refusals.responses(kind, refusals.of_records(verb, accounts=accounts))}
    return found


def _without_leftovers(told: Document) -> Document:
    """Components that nothing refers to are no business of this reader."""
    kept = _referred(told)
    for kind, named in told["components"].items():
        if kind != "securitySchemes":
            told["components"][kind] = {name: each for name, each in named.items() if f"#/components/{kind}/{name}" in kept}
    used = {tag for each in operations(told) for tag in each["tags"]}
    told["tags"] = [each for each in told["tags"] if each["name"] in used]
    return told


def _referred(told: Document) -> set[str]:
    """Every reference that can be come by from the paths."""
    found: set[str] = set()
    pending: list[Any] = [told["paths"]]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            reference = each.get("$ref")
            if isinstance(reference, str) and reference not in found:
                found.add(reference)
                pending.append(_component(told, reference))
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
    return found


def _component(told: Document, reference: str) -> Any:
    """None where an example only looks like a reference."""
    _, _, kind, name = [*reference.split("/", 3), "", "", ""][:4]
    return told["components"].get(kind, {}).get(name)
