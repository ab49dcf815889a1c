"""Rules that keys of other programs have of their own: understood when a key is made, and kept whole by changes of the schema."""

from domain.accounts.api_keys import ApiKey, check_reads
from domain.errors import Conflict, Fault, Problem
from domain.rules.check import check
from domain.rules.rename import Rename, renamed
from domain.rules.scope import Scope
from domain.rules.values import request_paths
from domain.schema.collection import Collection, Schema
from domain.schema.renames import Renames
from ports.unit_of_work import Stores


def check_rules(schema: Schema, key: ApiKey) -> None:
    """Invalid, with the rule's place, where one cannot be understood or reads what no key has."""
    for collection, text in _rules(schema, key):
        condition = check(text, Scope(schema, collection, f"/rules/{collection.name}"))
        check_reads(request_paths(condition), collection.name)


def keep_key_rules(stores: Stores, after: Schema, renames: Renames | None) -> None:
    """Before a change of the schema: Conflict where a key's rule would mean nothing, or something else. The rule of a key is not written
    anew as those of collections are: processes know keys that they saw for a while, with the text that they had."""
    faults = [
        Fault("", "rule_in_use", f"the rule of the key `{key.name}` for `{collection.name}` names what would be called anew or go")
        for key in stores.api_keys.ruled()
        for collection, text in _rules(stores.schema, key)
        if not _lasts(stores.schema, after, collection, text, renames)
    ]
    if faults:
        detail, hint = "rules of API keys name what would be called anew or go", "revoke these keys, and make others after the change"
        raise Conflict(detail, code="collection_in_use", hint=hint, faults=tuple(faults))


def _rules(schema: Schema, key: ApiKey) -> list[tuple[Collection, str]]:
    """Of collections that are still there."""
    texts = dict(key.rules)
    return [(each, texts[each.id]) for each in schema.collections.values() if each.id in texts]


def _lasts(before: Schema, after: Schema, collection: Collection, text: str, renames: Renames | None) -> bool:
    later = next((each for each in after.collections.values() if each.id == collection.id), None)
    if later is None:
        return True  # with the collection all that the key may do there goes
    try:
        # Not by the rulebook, which would keep what it found for this version: the change may yet be refused, and be another's.
        request_paths(check(text, Scope(after, later)))
        return _called_as_before(before, collection, text, renames)
    except Problem:
        return False


def _called_as_before(schema: Schema, collection: Collection, text: str, renames: Renames | None) -> bool:
    if not renames:
        return True
    to = renames.name if renames.name != renames.collection else None
    return renamed(text, Scope(schema, collection), Rename(renames.collection, dict(renames.fields), to)) == text
