"""How a refusal is told: one `Problem` of few kinds, with a stable code; which HTTP status a kind becomes is not known here."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the input. `pointer` is a JSON Pointer (RFC 6901) into the body, or the name of a query parameter."""

    pointer: str
    code: str
    detail: str


class Problem(Exception):
    """A refused request: `code` is stable and documented, `detail` says what is wrong, `hint` what to do next."""

    code = "problem"
    # What a program needs besides the code to go on; shown as members of the answer (RFC 9457, 3.2).
    members: Mapping[str, object] = MappingProxyType({})

    def __init__(
        self, detail: str, *, code: str | None = None, hint: str | None = None, faults: tuple[Fault, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.hint = hint
        self.faults = faults


class HookMistake(Exception):
    """Of the owner's own code, not of whoever sent the request, who is told nothing of it: it is no Problem."""


class Invalid(Problem):
    """The request itself is wrong; sending it again cannot help."""

    code = "invalid"


class Unauthenticated(Problem):
    """No identity, or one that is no longer good."""

    code = "unauthenticated"


class Forbidden(Problem):
    """The actor is known and may not do this."""

    code = "forbidden"


class NotFound(Problem):
    """Missing, or hidden from this actor; the two are told apart nowhere."""

    code = "not_found"


class Conflict(Problem):
    """The request is sound but another record or a running change stands against it."""

    code = "conflict"


class PreconditionFailed(Problem):
    """The record is not the version that the client named."""

    code = "precondition_failed"


class Mismatched(Problem):
    """The request goes by a name under which another one was sent."""

    code = "idempotency_key_reused"


class TooLarge(Problem):
    """More bytes, keys or depth than a limit allows."""

    code = "too_large"


class UnsupportedMedia(Problem):
    """The body is of a media type that this endpoint does not read."""

    code = "unsupported_media_type"


class TooMany(Problem):
    """Too many requests; `retry_after` is in whole seconds."""

    code = "too_many_requests"

    def __init__(self, detail: str, *, retry_after: int, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(detail, code=code, hint=hint)
        self.retry_after = retry_after


class NotSatisfiable(Problem):
    """The part that was asked for lies outside of the whole, which has `size` bytes."""

    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"there are {size} bytes", hint="ask for a part of them, or for the whole")
        self.size = size


class Unavailable(Problem):
    """Something that we need does not answer; trying again may help after `retry_after` whole seconds."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after: int = 1, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(detail, code=code, hint=hint)
        self.retry_after = retry_after


class OutOfSpace(Problem):
    """The disk or a quota is full."""

    code = "out_of_space"


def invalid(pointer: str, code: str, detail: str, *, hint: str | None = None) -> Invalid:
    """An `Invalid` about one place, its only fault."""
    return Invalid(detail, code=code, hint=hint, faults=(Fault(pointer, code, detail),))


def did_you_mean(word: str, known: list[str]) -> str | None:
    """The hint for a name that is not there; `known` holds only names that the asker may see."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else None
