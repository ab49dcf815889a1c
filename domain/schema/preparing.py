"""Which values of a change are worth making before anybody has to wait for it, and how that is told.

They are kept aside, beside the values that are there, while records go on being written; the change itself then only makes those
again that are no longer right, and puts the new ones in the place of the old.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.schema.changes import ConvertField, Derive, Step
from domain.schema.collection import Collection
from domain.schema.conversions import is_converted, keeps_values
from domain.schema.fields import Field

# With fewer records a change is over before preparing it would be.
MOST_UNPREPARED = 2_000


@dataclass(frozen=True, slots=True)
class Aside:
    """What `after` keeps, made of the values of `before`."""

    before: Field
    after: Field

    @property
    def is_conversion(self) -> bool:
        """Else the values stay, and only what is kept beside them is new."""
        return is_converted(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Preparation:
    """`id` is no other one's; `collection` as it was when this began."""

    id: str
    collection: Collection
    asides: tuple[Aside, ...]


def asides(steps: tuple[Step, ...]) -> Iterator[Aside]:
    for step in steps:
        if isinstance(step, ConvertField) and _is_rewritten(step.before, step.after):
            yield Aside(step.before, step.after)
        if isinstance(step, Derive) and step.new.forms.keys() - step.old.forms.keys():
            yield Aside(step.old, step.new)


def _is_rewritten(before: Field, after: Field) -> bool:
    return not keeps_values(before, after) or bool(after.forms and after.forms != before.forms)
