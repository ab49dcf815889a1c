"""What one difference between two documents means for a client, and what to do instead."""

from dataclasses import dataclass
from enum import IntEnum


class Weight(IntEnum):
    """`BREAKS`: a client that was right before is wrong now. `MAY_BREAK`: one that took the document more narrowly than it had to."""

    HARMLESS = 0
    MAY_BREAK = 1
    BREAKS = 2

    @property
    def told(self) -> str:
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Finding:
    """`place` is the operation, and where in it; `remedy` is empty where nothing need be done."""

    weight: Weight
    place: str
    what: str
    remedy: str = ""

    def as_object(self) -> dict[str, str]:
        return {"weight": self.weight.told, "place": self.place, "what": self.what, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two schemas, before it is known who sends and who reads: `kind` is narrower, wider, unlike, missing (a property), needed
    (a property that must be there now), spared (one that need not), or offered (a new one)."""

    kind: str
    at: str
    what: str


# What each kind of difference means where clients send it, and where they read it.
_SENT = {
    "narrower": (Weight.BREAKS, "go on taking what was taken, or offer the narrower form under a new name"),
    "wider": (Weight.HARMLESS, ""),
    "unlike": (Weight.BREAKS, "keep the old form, and offer the new one under a new name"),
    "missing": (Weight.BREAKS, "go on taking it for a time, as an alias of what takes its place"),
    "needed": (Weight.BREAKS, "give it a default, so that who does not send it is right as before"),
    "spared": (Weight.HARMLESS, ""),
    "offered": (Weight.HARMLESS, ""),
}
_READ = {
    "narrower": (Weight.HARMLESS, ""),
    "wider": (Weight.MAY_BREAK, "tell clients before the first such answer: they meet values that they do not know"),
    "unlike": (Weight.BREAKS, "keep the old form, and answer the new one under a new name"),
    "missing": (Weight.BREAKS, "go on answering it for a time, as an alias of what takes its place"),
    "needed": (Weight.HARMLESS, ""),
    "spared": (Weight.MAY_BREAK, "answer it always, as null where there is nothing"),
    "offered": (Weight.HARMLESS, ""),
}


def found(difference: Difference, place: str, *, sent: bool) -> Finding:
    weight, remedy = (_SENT if sent else _READ)[difference.kind]
    return Finding(weight, f"{place} {difference.at}" if difference.at else place, difference.what, remedy)
