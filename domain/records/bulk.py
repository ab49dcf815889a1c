"""Changes and deletions of many records by one filter: how many there may be, and that they are as many as the client knows of."""

from domain.errors import Invalid, PreconditionFailed

MAX_BULK = 1000


def check_expected(found: int, expected: int) -> None:
    """`found` counts to one beyond what may be."""
    if found > MAX_BULK:
        hint = "narrow the filter, and go on part by part"
        raise Invalid(f"the filter chooses more than {MAX_BULK} records", code="too_many_records", hint=hint)
    if found != expected:
        hint = "look at the list with this filter, and send the number that you mean"
        raise PreconditionFailed(f"the filter chooses {found} records now, not {expected}", code="unexpected_number", hint=hint)
