"""What is known of a set of definitions that is kept in files: what an export holds, what applying it would do, and what drifted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import unified_diff

from domain.schema.collection import Collection
from domain.schema.files import file_text
from domain.schema.plan import Plan


@dataclass(frozen=True, slots=True)
class Exported:
    """The text of each collection's file by its name, and for names that are no collection any more every text that an export
    may have written for them: such a file, and no other, is ours to remove."""

    files: Mapping[str, str]
    former: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Applied:
    """What the last application left of one collection."""

    collection: str
    name: str
    digest: str
    at: str


@dataclass(frozen=True, slots=True)
class Drift:
    """A collection that was changed since the last application, by something else."""

    name: str
    what: str
    applied_at: str

    def sentence(self) -> str:
        return f"`{self.name}` was {self.what} in the database since the schema was applied ({self.applied_at})"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One collection's part: `action` is create, change or delete, `lines` are those of its file that go (-) and come (+)."""

    name: str
    action: str
    plan: Plan
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetPlan:
    """What applying would do to a database at this schema version. `unsaid` are losses that nobody consented to: how many records
    hold something, by name."""

    version: int
    changes: tuple[PlannedChange, ...] = ()
    unsaid: Mapping[str, int] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()

    @property
    def is_possible(self) -> bool:
        return not self.unsaid and all(step.is_possible for each in self.changes for step in each.plan.steps)


def changed_lines(old: Collection | None, new: Collection | None) -> tuple[str, ...]:
    """Those that a reader of both files would see; none where a collection comes or goes whole."""
    if old is None or new is None:
        return ()
    told = list(unified_diff(file_text(old).splitlines(), file_text(new).splitlines(), n=0, lineterm=""))
    return tuple(f"{line[0]} {line[1:].strip().removesuffix(',')}" for line in told[2:] if line[0] in "+-")
