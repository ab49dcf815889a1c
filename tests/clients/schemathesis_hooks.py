"""Findings of schemathesis that are none, each with its reason; it loads this file itself (SCHEMATHESIS_HOOKS)."""

import json
import os
import re
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import AllowHeaderMismatch, RejectedPositiveData, UnsupportedMethodResponse

from adapters.inbound.web.document.fixed import ENTITY_TAGS

# The id of the admin that asks, nothing for a guest.
ASKER = os.environ.get("SCHEMATHESIS_ASKER", "")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Ids that it has seen are used again. With its own account the asker would end the run: all that follows would be answered 401."""
    if ASKER and case.path_parameters.get("id") == ASKER and case.method in ("PATCH", "DELETE"):
        case.path_parameters["id"] = ASKER[:-1]


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """False for what is no fault."""
    return not any(excuse(failure, case, response) for excuse in EXCUSES)


# What no schema tells: a number is taken as it was written or not at all, and to JSON Schema 460.0 is an integer; a password is compared
# with a list and with the address, and counted in bytes; a relation names a record that is there; the pattern of a field is RE2's, and only
# described.
BEYOND_SCHEMAS = frozenset({"not_integer", "too_common", "same_as_email", "too_short", "too_long", "no_such_record", "pattern_mismatch"})


def is_beyond_schemas(failure: Any, case: Any, response: Any) -> bool:
    found = _codes(response)
    return isinstance(failure, RejectedPositiveData) and bool(found) and found <= BEYOND_SCHEMAS


def is_a_sum_out_of_range(failure: Any, case: Any, response: Any) -> bool:
    """What is added may be whatever there is; the sum, which depends on what is stored, stays within the limits."""
    faults = json.loads(response.content or b"{}").get("errors", ())
    sums = bool(faults) and all(each["code"] == "out_of_range" and each["pointer"].endswith(("+", "-")) for each in faults)
    return isinstance(failure, RejectedPositiveData) and sums


# Only a view has a query; an id in a change is the one that there is; values go with two of the actions, a filter, an actor are languages;
# one proof is sent of several.
DEPENDING = {
    "/api/v1/collections": {"unknown_field"},
    "/api/v1/collections/plan": {"unknown_field"},
    "/api/v1/collections/{c}": {"unchangeable"},
    "/api/v1/collections/{c}/plan": {"unchangeable"},
    "/api/v1/collections/{c}/why": {"invalid_question", "invalid_actor", "syntax_error"},
    "/api/v1/auth/{c}/factors/confirm": {"one_proof"},
    "/api/v1/auth/{c}/step-up": {"one_proof"},
}


def depends_on_another_member(failure: Any, case: Any, response: Any) -> bool:
    """A schema for each case would tell it, and make generated types that nobody can use."""
    found = _codes(response)
    return isinstance(failure, RejectedPositiveData) and bool(found) and found <= DEPENDING.get(case.path, set())


def is_absence(failure: Any, case: Any, response: Any) -> bool:
    """An empty text is absence; the format of a date says how one that is there is written."""
    is_of_dates = isinstance(case.body, dict) and "" in (case.body.get("day"), case.body.get("at"))
    return isinstance(failure, AcceptedNegativeData) and is_of_dates and "/specimens/" in case.path


def is_a_tag_that_its_pattern_refuses(failure: Any, case: Any, response: Any) -> bool:
    """Its coverage phase sends `If-Match: 0`, which is none by the pattern in the document, and calls it valid."""
    sent = dict(case.headers or {}).get("If-Match", "*")
    return isinstance(failure, RejectedPositiveData) and _codes(response) == {"invalid_header"} and not re.fullmatch(ENTITY_TAGS, sent)


# By how the path of records ends.
ALLOWED = {
    "records": frozenset({"GET", "HEAD", "POST", "OPTIONS"}),
    "{id}": frozenset({"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}),
}


def is_open_to_others(failure: Any, case: Any, response: Any) -> bool:
    """Allow names what a path answers to for whomever and in any collection; the document what a rule opens to the asker, and of a view
    reading alone."""
    known = ALLOWED.get(case.path.rpartition("/")[2] if "/records" in case.path else "", frozenset())
    return isinstance(failure, AllowHeaderMismatch) and set(response.headers["allow"][0].split(", ")) <= known


def is_closed_to_the_asker(failure: Any, case: Any, response: Any) -> bool:
    """Likewise the server knows a method that the document leaves out, and reads the query before it asks the rules."""
    return isinstance(failure, UnsupportedMethodResponse) and "/records" in case.path and _codes(response) == {"unknown_parameter"}


EXCUSES = (
    is_beyond_schemas, is_a_sum_out_of_range, depends_on_another_member, is_absence,
    is_a_tag_that_its_pattern_refuses, is_open_to_others, is_closed_to_the_asker,
)  # fmt: skip


def _codes(response: Any) -> set[str]:
    return {each["code"] for each in json.loads(response.content or b"{}").get("errors", ())}
