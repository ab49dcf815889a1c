"""Which relations a read follows: `expand=author.team,tags,comments_via_post` as a tree of collections."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.usecases.rulebook import Rulebook
from app.usecases.sights import Sights
from domain.actor import Actor
from domain.errors import Problem, did_you_mean, invalid
from domain.schema.collection import Collection, Schema
from domain.schema.fields import RelationField

MAX_DEPTH = 6
MAX_BRANCHES = 30
_VIA = "_via_"


@dataclass(slots=True)
class Expansion:
    """Records of `collection`, found by the value that the record before has in `column`: with `back` they are those whose relation
    `back` points at it. `many` tells that there may be any number."""

    collection: Collection
    column: str = ""
    back: RelationField | None = None
    many: bool = False
    branches: dict[str, "Expansion"] = field(default_factory=dict)

    def needed(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The columns that must be read besides `names`."""
        return tuple(dict.fromkeys(each.column for each in self.branches.values() if each.column not in names))


@dataclass(frozen=True, slots=True)
class Expansions:
    """Reads what one actor asks for. A relation that is not there and one that it may not know of are refused with the same words."""

    schema: Schema
    sights: Sights
    rulebook: Rulebook
    actor: Actor

    def tree(self, collection: Collection, text: str) -> Expansion:
        root = Expansion(collection)
        paths = [path.strip().split(".") for path in text.split(",")] if text else []
        if len(paths) > MAX_BRANCHES:
            raise invalid("expand", "limit_exceeded", f"expand follows at most {MAX_BRANCHES} paths")
        for path in paths:
            if len(path) > MAX_DEPTH:
                raise invalid("expand", "limit_exceeded", f"expand goes at most {MAX_DEPTH} relations deep")
            self._grow(root, path)
        return root

    def _grow(self, branch: Expansion, path: list[str]) -> None:
        for name in path:
            if name not in branch.branches:
                found = self._forward(branch.collection, name) or self._back(branch.collection, name)
                if found is None:
                    near = (*self._forward_names(branch.collection), *self._back_names(branch.collection))
                    hint = did_you_mean(name, list(near))
                    raise invalid("expand", "unknown_field", f"no relation `{name[:80]}`", hint=hint)
                branch.branches[name] = found
            branch = branch.branches[name]

    def _forward_names(self, collection: Collection) -> Iterator[str]:
        seen = self.sights.of(collection).names
        return (each.name for each in collection.relations if each.name in seen)

    def _forward(self, collection: Collection, name: str) -> Expansion | None:
        name = self.sights.present_name(collection, name)
        if name not in self._forward_names(collection):
            return None
        relation = next(each for each in collection.relations if each.name == name)
        return Expansion(self.schema.collection(relation.collection), name, many=relation.many)

    def _back(self, collection: Collection, name: str) -> Expansion | None:
        """`comments_via_post`: the records of `comments` whose relation `post` points here."""
        for other, relation in self.schema.showing(collection.name):
            if f"{other.name}{_VIA}{relation.name}" == name and self._may_find(other, relation):
                return Expansion(other, "id", back=relation, many=True)
        return None

    def _back_names(self, collection: Collection) -> Iterator[str]:
        found = (each for each in self.schema.showing(collection.name) if self._may_find(*each))
        return (f"{other.name}{_VIA}{relation.name}" for other, relation in found)

    def _may_find(self, other: Collection, relation: RelationField) -> bool:
        try:
            self.rulebook.pointing(self.schema, other, relation, self.actor)
        except Problem:
            return False
        return relation.name in self.sights.of(other).names
