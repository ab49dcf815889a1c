"""How long the evaluator may search: comparisons that share elements are decided by trying them, and clients choose how many there are."""

from dataclasses import dataclass

from domain.errors import Invalid

# Half a second of work.
MAX_CHOICES = 10_000


@dataclass(slots=True)
class Budget:
    """How many more elements may be looked at."""

    left: int = MAX_CHOICES

    def spend(self, elements: int) -> None:
        self.left -= elements
        if self.left < 0:
            detail = f"beyond the limit `choices`: at most {MAX_CHOICES} elements of lists and relations are looked at"
            raise Invalid(detail, code="limit_exceeded", hint="send shorter lists, or compare fewer of them with each other")
