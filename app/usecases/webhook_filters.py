"""Filters of webhooks when the schema changes: those that name what is called anew are written anew, and a change that one could not be
understood after is refused."""

from dataclasses import replace

from domain.errors import Conflict, Fault, Problem
from domain.rules.check import check
from domain.rules.rename import Rename, renamed
from domain.rules.scope import Scope
from domain.schema.collection import Schema
from domain.schema.renames import Renames
from domain.webhooks.endpoints import Endpoint, Subscription
from ports.unit_of_work import Stores


def keep_filters(stores: Stores, after: Schema, renames: Renames | None) -> None:
    """Before a change of the schema; Conflict where a filter would mean nothing any more."""
    faults: list[Fault] = []
    for endpoint in stores.webhooks.all():
        made = replace(endpoint, subscriptions=tuple(_followed(stores.schema, each, renames) for each in endpoint.subscriptions))
        faults += _faults(after, made)
        if made != endpoint:
            stores.webhooks.put(made)
    if faults:
        detail, hint = "filters of webhooks name what would go", "change the subscriptions of these webhooks first"
        raise Conflict(detail, code="collection_in_use", hint=hint, faults=tuple(faults))


def _followed(before: Schema, subscription: Subscription, renames: Renames | None) -> Subscription:
    collection = next((each for each in before.collections.values() if each.id == subscription.collection), None)
    if not renames or not subscription.filter or collection is None:
        return subscription
    to = renames.name if renames.name != renames.collection else None
    rename = Rename(renames.collection, dict(renames.fields), to)
    return replace(subscription, filter=renamed(subscription.filter, Scope(before, collection), rename))


def _faults(after: Schema, endpoint: Endpoint) -> list[Fault]:
    """Of collections that stay: with one that goes its subscription goes too."""
    there = {each.id: each for each in after.collections.values()}
    filtered = [(there[each.collection], each.filter) for each in endpoint.subscriptions if each.filter and each.collection in there]
    told = endpoint.name or endpoint.id
    return [
        Fault("", "rule_in_use", f"the filter of the webhook `{told}` for `{collection.name}` names what would go")
        for collection, text in filtered
        if not _means_something(after, collection.name, text)
    ]


def _means_something(after: Schema, name: str, text: str) -> bool:
    try:
        # Not by the rulebook, which would keep what it found for this version: the change may yet be refused, and be another's.
        check(text, Scope(after, after.collections[name]))
    except Problem:
        return False
    return True
