"""A collection as its owner defines it: fields, rules, indexes, checks; sound by itself, before other collections are looked at."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from domain.errors import Invalid, NotFound, did_you_mean, invalid
from domain.schema.account_fields import ACCOUNT_FIELD_NAMES, account_fields
from domain.schema.account_keys import AccountKeys, read_account_keys
from domain.schema.aliases import MAX_ALIASES, Alias, Deprecated, check_aliases, read_aliases
from domain.schema.fields import Field, FileField, RelationField, TextField, Tools, define
from domain.schema.fields.numbers import IntegerField
from domain.schema.fields.times import AutodateField
from domain.schema.file_quota import FileQuota, read_file_quota
from domain.schema.identity import BY_EMAIL, EMAIL, check_identity, read_identity
from domain.schema.indexes import MAX_INDEXES, Index, check_indexed, read_index
from domain.schema.letters import Letters, read_letters
from domain.schema.limits import CollectionLimits, read_limits
from domain.schema.names import check_collection_name, check_field_name
from domain.schema.retention import (
    Anonymous,
    Expiry,
    Trash,
    check_expiry,
    read_anonymous,
    read_expiry,
    read_trash,
)
from domain.schema.view_fields import settled
from domain.schema.views import ViewQuery, read_query

MAX_FIELDS = 200
MAX_RULE = 4000

# What every record has besides its own fields, in the order in which it answers.
SYSTEM_FIELDS: tuple[Field, ...] = (
    TextField(name="id"),
    IntegerField(name="version"),
    AutodateField(name="created"),
    AutodateField(name="updated", on_update=True),
)
PASSWORD = "password"
OLD_PASSWORD = "old_password"
ACCOUNT_NAMES = ACCOUNT_FIELD_NAMES | {PASSWORD, OLD_PASSWORD}


@dataclass(frozen=True, slots=True)
class Rules:
    """Each is a text of the rule language, `""` for everyone or None for admins only. `manage`, `auth` and `second_factor` exist in
    accounts collections alone: who may change other people's sign-in data, which accounts may sign in at all, and which of them
    not without a second factor (None: who has one is asked for it, and nobody has to)."""

    list: str | None = None
    view: str | None = None
    create: str | None = None
    update: str | None = None
    delete: str | None = None
    manage: str | None = None
    auth: str | None = ""
    second_factor: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What every record must satisfy as it will be written."""

    name: str
    rule: str
    message: str


@dataclass(frozen=True)
class Collection:
    """`fields` are the owner's own; `every_field` adds the system's. `version` grows with each change of the definition."""

    id: str
    name: str
    type: str
    fields: tuple[Field, ...] = ()
    rules: Rules = Rules()
    indexes: tuple[Index, ...] = ()
    checks: tuple[Check, ...] = ()
    version: int = 1
    created: str = ""
    updated: str = ""
    system: bool = False
    trash: Trash | None = None
    expires: Expiry | None = None
    query: ViewQuery | None = None
    aliases: tuple[Alias, ...] = ()
    limits: CollectionLimits | None = None
    mail: Letters | None = None
    anonymous: Anonymous | None = None
    api_keys: AccountKeys | None = None
    identity: tuple[str, ...] = BY_EMAIL
    file_quota: FileQuota | None = None
    # (name, first name) of fields that were renamed, "" standing for the collection: what we name after them keeps its name.
    origins: tuple[tuple[str, str], ...] = ()

    @property
    def is_view(self) -> bool:
        """Read only: its records follow from those of others by `query`, and so do its fields."""
        return self.query is not None

    def origin(self, field: str) -> str:
        """What this field (or, for "", the collection) is called in the names of indexes and link tables."""
        return dict(self.origins).get(field, field or self.name)

    def called_before(self, now: str) -> Mapping[str, str]:
        """The old names of fields that are still understood, with their present ones."""
        return {each.name: each.of for each in self.aliases if each.of and each.stands(now)} if self.aliases else _NO_ALIASES

    def deprecated(self, used: Iterable[str], now: str) -> Deprecated | None:
        """What is to be told of the old names that were used."""
        ends = [each.until for each in self.aliases if each.of and each.name in used and each.stands(now)]
        return Deprecated(self.updated, min(ends)) if ends else None

    @property
    def is_accounts(self) -> bool:
        return self.type == "accounts"

    @property
    def needs_email(self) -> bool:
        """Whether every account has one. Where accounts may be anonymous it is asked of those that sign up alone, which the use case
        knows."""
        return EMAIL in self.identity and self.anonymous is None

    @cached_property
    def own_fields(self) -> tuple[Field, ...]:
        """What a body may hold: the owner's fields, and in accounts the sign-in fields before them."""
        return (account_fields(needs_email=self.needs_email) if self.is_accounts else ()) + self.fields

    @cached_property
    def every_field(self) -> Mapping[str, Field]:
        """A view has of the system's fields the id alone."""
        system = SYSTEM_FIELDS[:1] if self.is_view else SYSTEM_FIELDS
        return {each.name: each for each in system + self.own_fields}

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        return tuple(self.every_field)

    @cached_property
    def shown_names(self) -> tuple[str, ...]:
        """Those that are not hidden."""
        return tuple(name for name, each in self.every_field.items() if not each.hidden)

    @cached_property
    def relations(self) -> tuple[RelationField, ...]:
        return tuple(each for each in self.fields if isinstance(each, RelationField))

    @cached_property
    def file_fields(self) -> tuple[FileField, ...]:
        return tuple(each for each in self.fields if isinstance(each, FileField))

    @cached_property
    def every_index(self) -> tuple[Index, ...]:
        """The indexes that exist: those of `unique` fields, one for each single relation (deletes and paths look it up; the links of
        many-valued ones have their own), the listed ones, and one by which expired records are found."""
        if self.is_view:
            return ()
        wanted = [Index((each.name,), unique=True) for each in self.own_fields if each.unique]
        wanted += [Index((each.name,)) for each in self.relations if not each.unique and not each.many]
        wanted += self.indexes
        if self.expires and not any(index.fields[0] == self.expires.field and not index.where for index in wanted):
            wanted.append(Index((self.expires.field,)))
        return tuple(dict.fromkeys(wanted))

    def definition(self) -> dict[str, Any]:
        """The JSON form that the API answers with and takes back."""
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "fields": [each.definition() for each in self.fields],
            "indexes": [index.definition() for index in self.indexes],
            "rules": {name: getattr(self.rules, name) for name in rule_names(self.type)},
            "checks": [{"name": check.name, "rule": check.rule, "message": check.message} for check in self.checks],
            "trash": self.trash and self.trash.definition(),
            "expires": self.expires and self.expires.definition(),
            "limits": self.limits and self.limits.definition(),
            "aliases": [each.definition() for each in self.aliases],
            **({"file_quota": self.file_quota.definition()} if self.file_quota else {}),
            **({"query": self.query.definition()} if self.query else {}),
            **({"mail": self.mail.definition()} if self.mail else {}),
            **({"anonymous": self.anonymous.definition()} if self.anonymous else {}),
            **({"api_keys": self.api_keys.definition()} if self.api_keys else {}),
            **({"identity": list(self.identity)} if self.identity != BY_EMAIL else {}),
            "version": self.version,
            "created": self.created,
            "updated": self.updated,
        }

    def stored(self) -> dict[str, Any]:
        """What is kept besides id, name, type and stamps; `stored_collection` reads it. The fields of a view follow from its query."""
        told = self.definition()
        if self.is_view:
            return {name: told[name] for name in ("query", "rules", "limits", "aliases")}
        parts = {key: told[key] for key in _KEYS if key in told and key not in ("name", "type")}
        parts["indexes"] = [{**each.definition(), **({"first": each.first} if each.first else {})} for each in self.indexes]
        return {**parts, **({"origins": dict(self.origins)} if self.origins else {})}


_NO_ALIASES: Mapping[str, str] = {}
_RULES_OF = {"accounts": 8, "base": 5, "view": 2}
# What people do with records.
_ACTIONS = ("list", "view", "create", "update", "delete")


def rule_names(type: str) -> tuple[str, ...]:
    return tuple(each.name for each in fields(Rules))[: _RULES_OF[type]]


@dataclass(frozen=True)
class Schema:
    """All collections at one schema version."""

    version: int
    collections: Mapping[str, Collection] = field(default_factory=dict)

    @cached_property
    def aliased(self) -> tuple[Collection, ...]:
        """Those that have names from before."""
        return tuple(each for each in self.collections.values() if each.aliases)

    def called_before(self, name: str, now: str) -> Collection | None:
        """The collection that had this name, while that is still understood."""
        found = (each for each in self.aliased for alias in each.aliases if not alias.of and alias.name == name and alias.stands(now))
        return next(found, None)

    def aliases(self, now: str) -> frozenset[tuple[str, str, str]]:
        """Every old name of a field that is still understood: collection, old name, present name."""
        return frozenset((each.name, old, name) for each in self.aliased for old, name in each.called_before(now).items())

    def collection(self, name: str) -> Collection:
        found = self.collections.get(name)
        if found is None:
            raise NotFound("there is no such collection, or you may not know of it")
        return found

    def referring(self, name: str) -> tuple[tuple[Collection, RelationField], ...]:
        """Every relation that points at this collection, with the collection that holds it; what views show is held elsewhere."""
        return tuple(
            (each, relation)
            for each in self.collections.values()
            for relation in each.relations
            if relation.collection == name and not each.is_view
        )

    def showing(self, name: str) -> tuple[tuple[Collection, RelationField], ...]:
        """Every relation that leads to this collection, those of views too."""
        views = [each for each in self.collections.values() if each.is_view]
        shown = ((each, relation) for each in views for relation in each.relations if relation.collection == name)
        return (*self.referring(name), *shown)

    def with_collection(self, collection: Collection) -> "Schema":
        """The fields of views follow."""
        return replace(self, version=self.version + 1, collections=settled({**self.collections, collection.name: collection}))

    def without(self, name: str) -> "Schema":
        return replace(
            self,
            version=self.version + 1,
            collections=settled({key: each for key, each in self.collections.items() if key != name}),
        )


_KEYS = ("name", "type", "fields", "indexes", "rules", "checks", "trash", "expires", "limits", "aliases", "query", "mail", "anonymous",
         "api_keys", "identity", "file_quota")  # fmt: skip
# What a view has none of; its fields are told, not chosen.
_NOT_OF_VIEWS = ("indexes", "checks", "trash", "expires", "mail", "anonymous", "api_keys", "identity", "file_quota")
# What the API answers with besides; it may be sent back unchanged, as clients do that read, edit and send.
_ECHOED = ("id", "version", "created", "updated")


def define_collection(definition: Any, *, id: str, now: str, tools: Tools) -> Collection:
    """A new collection from its JSON definition; everything wrong in it is refused with a pointer."""
    body = as_object(definition, "")
    _refuse_unknown(body, _KEYS, "")
    name = check_collection_name(body.get("name"))
    kind = body.get("type", "base")
    if not isinstance(kind, str) or kind not in _RULES_OF:
        raise invalid("/type", "unknown_type", f"no collection type `{kind}`", hint="types are base, accounts, view")
    if kind == "view" and "query" not in body:
        raise invalid("/query", "invalid_query", "a view needs a `query`")
    return _sound(Collection(id=id, name=name, type=kind, created=now, updated=now, **_parts(body, kind, tools)))


def change_collection(old: Collection, definition: Any, *, now: str, tools: Tools) -> Collection:
    """The collection after a change; parts that the definition does not name stay. `old` has its new names already, where the
    change renames something; `was` and `drop` are for those who read the change."""
    body = as_object(definition, "")
    _refuse_unknown(body, _KEYS + _ECHOED + ("drop",), "")
    for key in ("type", "id"):
        if key in body and body[key] != getattr(old, key):
            raise invalid(f"/{key}", "unchangeable", f"the {key} of a collection cannot be changed")
    parts = _parts(body, old.type, tools, old.rules)
    return _sound(replace(old, version=old.version + 1, updated=now, **parts))


def stored_collection(row: Mapping[str, Any], tools: Tools) -> Collection:
    """From storage: the definition as it was accepted once."""
    definition = dict(row["definition"])
    origins = tuple(sorted(definition.pop("origins", {}).items()))
    indexes = [dict(each) for each in definition.get("indexes", ())]
    firsts = [each.pop("first", "") for each in indexes]
    parts = _parts({**definition, "indexes": indexes}, row["type"], tools)
    if indexes:
        parts["indexes"] = tuple(replace(index, first=first) for index, first in zip(parts["indexes"], firsts, strict=True))
    return Collection(
        id=row["id"], name=row["name"], type=row["type"], version=row["version"], created=row["created"], updated=row["updated"],
        system=row["name"].startswith("_"), origins=origins, **parts,
    )  # fmt: skip


_READ_BY_ITSELF: Mapping[str, Callable[[Any], Any]] = {
    "trash": read_trash, "expires": read_expiry, "mail": read_letters, "anonymous": read_anonymous,
    "api_keys": read_account_keys, "identity": read_identity, "file_quota": read_file_quota,
}  # fmt: skip


def _parts(body: Mapping[str, Any], kind: str, tools: Tools, old_rules: Rules = Rules()) -> dict[str, Any]:
    if kind == "view":
        return _parts_of_view(body, old_rules)
    if body.get("query") is not None:
        raise invalid("/query", "unknown_field", "only a view has a `query`", hint="make a collection of type view")
    for key in ("mail", "anonymous", "api_keys", "identity"):
        if kind != "accounts" and body.get(key) is not None:
            raise invalid(f"/{key}", "unknown_field", f"only accounts have `{key}`", hint="make a collection of type accounts")
    parts: dict[str, Any] = {}
    if "fields" in body:
        items = _list(body["fields"], "/fields", MAX_FIELDS)
        parts["fields"] = tuple(define(item, f"/fields/{at}", tools) for at, item in enumerate(items))
    if "indexes" in body:
        parts["indexes"] = tuple(
            read_index(item, f"/indexes/{at}") for at, item in enumerate(_list(body["indexes"], "/indexes", MAX_INDEXES))
        )
    if "rules" in body:
        parts["rules"] = _rules(body["rules"], kind, old_rules)
    if "checks" in body:
        parts["checks"] = tuple(
            _check(item, f"/checks/{at}") for at, item in enumerate(_list(body["checks"], "/checks", 50))
        )
    parts |= {name: read(body[name]) for name, read in _READ_BY_ITSELF.items() if name in body}
    if "limits" in body:
        parts["limits"] = read_limits(body["limits"], _ACTIONS)
    if "aliases" in body:
        parts["aliases"] = read_aliases(_list(body["aliases"], "/aliases", MAX_ALIASES))
    return parts


def _parts_of_view(body: Mapping[str, Any], old_rules: Rules) -> dict[str, Any]:
    for key in _NOT_OF_VIEWS:
        if body.get(key):
            raise invalid(f"/{key}", "unknown_field", f"a view has no `{key}`")
    parts: dict[str, Any] = {"query": read_query(body["query"])} if "query" in body else {}
    if "limits" in body:
        parts["limits"] = read_limits(body["limits"], rule_names("view"))
    if "aliases" in body:
        parts["aliases"] = read_aliases(_list(body["aliases"], "/aliases", MAX_ALIASES))
    return {**parts, "rules": _rules(body["rules"], "view", old_rules)} if "rules" in body else parts


def check_told_fields(definition: Any, *known: Collection) -> None:
    """The fields of a view may be sent back as they were told, and not otherwise."""
    told = definition.get("fields") if known[0].is_view else None
    if told and told not in [[field.definition() for field in each.fields] for each in known]:
        hint = "change the query, and leave out `fields`"
        raise invalid("/fields", "unchangeable", "the fields of a view follow from its query", hint=hint)


def _rules(value: Any, kind: str, old: Rules) -> Rules:
    rules, names = as_object(value, "/rules"), rule_names(kind)
    _refuse_unknown(rules, names, "/rules")
    for name, text in rules.items():
        if text is not None and (not isinstance(text, str) or len(text) > MAX_RULE):
            raise invalid(
                f"/rules/{name}",
                "invalid_rule",
                f'a rule is a text of at most {MAX_RULE} characters, "" (everyone) or null (admins only)',
            )
    return replace(old, **rules)


def _check(value: Any, pointer: str) -> Check:
    body = as_object(value, pointer)
    _refuse_unknown(body, ("name", "rule", "message"), pointer)
    name = check_field_name(body.get("name"), f"{pointer}/name")
    rule, message = body.get("rule"), body.get("message", f"the check `{name}` does not hold")
    if not isinstance(rule, str) or not 1 <= len(rule) <= MAX_RULE:
        raise invalid(f"{pointer}/rule", "invalid_rule", "a check needs a rule")
    if not isinstance(message, str) or not 1 <= len(message) <= 500:
        raise invalid(f"{pointer}/message", "invalid_check", "`message` is a text of at most 500 characters")
    return Check(name, rule, message)


def _sound(collection: Collection) -> Collection:
    """What only the whole can tell: names used twice, indexes and checks over what is not there."""
    seen: set[str] = set()
    for at, each in enumerate(collection.fields):
        if each.name in seen:
            raise invalid(f"/fields/{at}/name", "duplicate_name", f"there are two fields `{each.name}`")
        if collection.is_accounts and each.name in ACCOUNT_NAMES:
            raise invalid(f"/fields/{at}/name", "reserved_name", f"an accounts collection has `{each.name}` already")
        if each.name == PASSWORD:
            raise _password_elsewhere(f"/fields/{at}/name")
        seen.add(each.name)
    check_indexed(collection.indexes, collection.every_field)
    if len({check.name for check in collection.checks}) < len(collection.checks):
        raise invalid("/checks", "duplicate_name", "two checks have the same name")
    if not collection.is_view:
        check_aliases(collection.aliases, [each.name for each in collection.fields], [*collection.every_field, *ACCOUNT_NAMES])
    if collection.expires:
        check_expiry(collection.expires, collection.every_field)
    if collection.file_quota and collection.file_quota.account is not None and not collection.is_accounts:
        raise invalid("/file_quota/account", "unknown_option", "only accounts have a quota each", hint="`total` is for all files here")
    if collection.is_accounts:
        check_identity(collection.identity, collection.every_field)
    return collection


def _password_elsewhere(pointer: str) -> Invalid:
    """Whatever a field of this name would hold, it would lie there in clear and be answered."""
    detail = "`password` is kept by accounts collections only, hashed and never answered"
    return invalid(pointer, "reserved_name", detail, hint="make it a collection of `type: accounts`, or choose another name")


def as_object(value: Any, pointer: str = "") -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise invalid(pointer, "not_an_object", "this must be an object")
    return value


def _list(value: Any, pointer: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise invalid(pointer, "not_a_list", f"this must be a list of at most {most}")
    return value


def _refuse_unknown(body: Mapping[str, Any], known: tuple[str, ...], pointer: str) -> None:
    for key in body:
        if key not in known:
            hint = did_you_mean(str(key), list(known)) or f"known are {', '.join(known)}"
            raise invalid(f"{pointer}/{key}", "unknown_field", f"nothing here is called `{key}`", hint=hint)
