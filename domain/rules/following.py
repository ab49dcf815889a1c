"""What a rename does to everything that is written in the rule language, in every collection: it goes on meaning the same."""

from dataclasses import replace

from domain.rules.rename import Rename, renamed
from domain.rules.scope import Scope
from domain.schema.collection import Collection, Rules, Schema, rule_names
from domain.schema.fields import Field, FieldRules, RelationField
from domain.schema.renames import Renames, renamed_fields
from domain.schema.view_fields import settled, with_renamed_field, with_renamed_source
from domain.schema.views import ViewQuery


def followed(schema: Schema, renames: Renames) -> Schema:
    """The schema under the new names. Conflict where a text cannot be written so that it means the same."""
    moved = [_Follower(schema, each, renames).moved() for each in schema.collections.values()]
    return replace(schema, collections=settled({each.name: each for each in moved}))


class _Follower:
    """One collection, as it is before and as it will be."""

    def __init__(self, schema: Schema, collection: Collection, renames: Renames) -> None:
        self._schema, self._old, self._renames = schema, collection, renames
        to = renames.name if renames.name != renames.collection else None
        self._change = Rename(renames.collection, dict(renames.fields), to)

    def moved(self) -> Collection:
        """The same object where nothing of it is called anew."""
        old = self._old
        base = renamed_fields(old, self._renames) if old.name == self._renames.collection else old
        moved = replace(
            base,
            rules=self._rules(),
            fields=tuple(self._field(at, each, was) for at, (each, was) in enumerate(zip(base.fields, old.fields, strict=True))),
            checks=tuple(
                replace(each, rule=self._text(each.rule, f"/checks/{at}/rule")) for at, each in enumerate(old.checks)
            ),
            indexes=tuple(
                replace(each, where=(where := self._text(each.where, f"/indexes/{at}/where")), first=_first(each.first, each.where, where))
                for at, each in enumerate(base.indexes)
            ),
            query=old.query and self._query(old.query),
        )
        return old if moved == old else moved

    def _rules(self) -> Rules:
        texts = {name: getattr(self._old.rules, name) for name in rule_names(self._old.type)}
        return replace(self._old.rules, **{name: self._text(text, f"/rules/{name}") for name, text in texts.items() if text})

    def _field(self, at: int, field: Field, was: Field) -> Field:
        view, write = was.rules.view, was.rules.write
        rules = FieldRules(
            view and self._text(view, f"/fields/{at}/rules/view"), write and self._text(write, f"/fields/{at}/rules/write")
        )
        if isinstance(field, RelationField):
            return replace(field, rules=rules, collection=self._renames.target(field.collection))
        return replace(field, rules=rules)

    def _query(self, query: ViewQuery) -> ViewQuery:
        """Its filter speaks of the source. Fields are renamed one after another, each beside what the ones before made."""
        source, collections = self._schema.collection(query.source), dict(self._schema.collections)
        filter = self._text(query.filter, "/query/filter", source)
        for old, new in self._renames.fields:
            query = with_renamed_field(query, collections, self._renames.collection, old, new)
            step = Renames(self._renames.collection, self._renames.collection, ((old, new),))
            collections[step.collection] = renamed_fields(collections[step.collection], step)
        return replace(with_renamed_source(query, self._renames.collection, self._renames.name), filter=filter)

    def _text(self, text: str, pointer: str, of: Collection | None = None) -> str:
        scope = Scope(self._schema, of or self._old, f"{self._old.name}: {pointer}", client=False)
        return renamed(text, scope, self._change)


def _first(first: str, old: str, new: str) -> str:
    """What the condition of an index read when the index was made."""
    return first or (old if old != new else "")
