"""Which relations a read follows: `expand=author.team,tags` as a tree of collections."""

from dataclasses import dataclass, field

from app.usecases.sights import Sights
from domain.errors import did_you_mean, invalid
from domain.schema.collection import Collection, Schema

MAX_DEPTH = 6
MAX_BRANCHES = 30


@dataclass(slots=True)
class Expansion:
    collection: Collection
    branches: dict[str, "Expansion"] = field(default_factory=dict)

    def needed(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The relation columns that must be read besides `names`."""
        return tuple(name for name in self.branches if name not in names)


def expand_tree(schema: Schema, collection: Collection, sights: Sights, text: str) -> Expansion:
    root = Expansion(collection)
    paths = [path.strip().split(".") for path in text.split(",")] if text else []
    if len(paths) > MAX_BRANCHES:
        raise invalid("expand", "limit_exceeded", f"expand follows at most {MAX_BRANCHES} paths")
    for path in paths:
        if len(path) > MAX_DEPTH:
            raise invalid("expand", "limit_exceeded", f"expand goes at most {MAX_DEPTH} relations deep")
        _grow(schema, root, path, sights)
    return root


def _grow(schema: Schema, branch: Expansion, path: list[str], sights: Sights) -> None:
    for name in path:
        seen = sights.of(branch.collection).names
        visible = {each.name: each for each in branch.collection.relations if each.name in seen}
        if name not in visible:
            raise invalid(
                "expand", "unknown_field", f"no relation `{name[:80]}`", hint=did_you_mean(name, list(visible))
            )
        target = schema.collection(visible[name].collection)
        branch = branch.branches.setdefault(name, Expansion(target))
