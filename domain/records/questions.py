"""Why a request is refused, or a record is not in a list: what an admin asks, and what is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.actor import GUEST, Actor, account
from domain.errors import Fault, Invalid, did_you_mean, invalid
from domain.records.visibility import ACTIONS
from domain.rules.parts import Part, blamed

_KNOWN = ("action", "as", "id", "values", "filter", "query", "headers", "method")
_METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}


@dataclass(frozen=True, slots=True)
class Question:
    """May `who` (None: whoever asks) do this to the record `id`, or to one made of `values`? `filter` is a client's, of a list."""

    action: str
    who: Actor | None = None
    id: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    filter: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"


def read_question(body: Mapping[str, Any]) -> Question:
    """Invalid, with every fault at once."""
    faults = [_unknown(key) for key in body if key not in _KNOWN]
    faults += [_wrong(name, wanted) for name, (fits, wanted) in _FORMS.items() if name in body and not fits(body[name])]
    if not faults and body.get("action") not in ACTIONS:
        faults.append(_wrong("action", f"one of {', '.join(ACTIONS)}"))
    if not faults:
        faults += _misplaced(body)
    if faults:
        raise Invalid(faults[0].detail, code=faults[0].code, faults=tuple(faults))
    action = body["action"]
    return Question(
        action, read_actor(body["as"], "/as") if "as" in body else None, body.get("id", ""), body.get("values", {}), body.get("filter", ""),
        body.get("query", {}), {name.lower().replace("-", "_"): value for name, value in body.get("headers", {}).items()},
        body.get("method", _METHODS.get(action, "GET")),
    )  # fmt: skip


def read_actor(text: str, pointer: str) -> Actor:
    """`guest`, or an account as `COLLECTION/ID`."""
    if text == "guest":
        return GUEST
    collection, slash, id = text.partition("/")
    if not (collection and slash and id):
        raise invalid(pointer, "invalid_actor", "this is `guest`, or an account as `users/ID`")
    return account(id, collection)


def _unknown(key: str) -> Fault:
    hint = did_you_mean(key, list(_KNOWN)) or f"known are {', '.join(_KNOWN)}"
    return Fault(f"/{key[:80]}", "unknown_field", f"there is no `{key[:80]}` here; {hint}")


def _wrong(name: str, wanted: str) -> Fault:
    return Fault(f"/{name}", "invalid_question", f"`{name}` is {wanted}")


def _misplaced(body: Mapping[str, Any]) -> list[Fault]:
    action = body["action"]
    if action == "create":
        return [_wrong("id", "of a record that is there; a create has `values`")] if "id" in body else []
    needs = [] if "id" in body else [_wrong("id", f"needed: which record is it to {action}?")]
    if "filter" in body and action != "list":
        needs.append(_wrong("filter", "asked about with the action `list` alone"))
    if "values" in body and action != "update":
        needs.append(_wrong("values", "asked about with the actions `create` and `update` alone"))
    return needs


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values())


_FORMS = {
    **dict.fromkeys(("action", "as", "id", "filter", "method"), (_is_text, "text")),
    "values": (_is_object, "an object, as the body of a request"),
    **dict.fromkeys(("query", "headers"), (_is_texts, "an object of texts")),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One text in the rule language and what became of it: `what` is `rule`, `filter`, or `write rule of FIELD` and its like."""

    what: str
    text: str | None
    part: Part | None

    @property
    def failed(self) -> bool:
        return self.part is None or self.part.holds is False

    @property
    def because(self) -> tuple[str, ...]:
        return blamed(self.part) if self.part else ("only admins may do this",)

    def as_object(self) -> dict[str, Any]:
        told = {"what": self.what, "text": self.text, "holds": not self.failed}
        return {**told, "because": list(self.because), "parts": self.part.as_object()} if self.part else told


@dataclass(frozen=True, slots=True)
class Answer:
    """`reason` is allowed, no_such_record, admins_only, or refused_by_ and the first text that does not hold."""

    action: str
    who: Actor
    reason: str
    detail: str
    judged: tuple[Judged, ...] = ()

    def as_object(self) -> dict[str, Any]:
        return {
            "action": self.action,
            "as": self.who.as_object(),
            "allowed": self.reason == "allowed",
            "reason": self.reason,
            "detail": self.detail,
            "judged": [each.as_object() for each in self.judged],
        }


def answered(action: str, who: Actor, judged: tuple[Judged, ...]) -> Answer:
    """The verdict of everything that was asked, in the order in which a request would come by it."""
    failed = next((each for each in judged if each.failed), None)
    if failed is None:
        detail = "admins pass every rule" if who.passes_rules else "every rule that binds this actor holds"
        return Answer(action, who, "allowed", detail, judged)
    if failed.part is None:
        return Answer(action, who, "admins_only", f"the {failed.what} is null: only admins may do this", judged)
    because = failed.because
    told = " and ".join(f"`{each}`" for each in because[:3]) + (" and more" if len(because) > 3 else "")
    detail = f"the {failed.what} does not hold: {told} {'is' if len(because) == 1 else 'are'} false"
    return Answer(action, who, f"refused_by_{failed.what.partition(' of ')[0].replace(' ', '_')}", detail, judged)
