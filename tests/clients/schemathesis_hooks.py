"""Findings of schemathesis that are none, each with its reason; it loads this file itself (SCHEMATHESIS_HOOKS)."""

import json
import os
import re
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.openapi.checks import AllowHeaderMismatch, RejectedPositiveData, UnsupportedMethodResponse

from adapters.inbound.web.document.fixed import ENTITY_TAGS
from domain.idempotency import HEADER

# The id of the admin that asks, nothing for a guest.
ASKER = os.environ.get("SCHEMATHESIS_ASKER", "")


@schemathesis.serializer("application/offset+octet-stream")
def as_bytes(context: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else getattr(value, "value", b"bytes")


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
BEYOND_SCHEMAS = frozenset({"not_integer", "too_common", "same_as_email", "too_short", "too_long", "no_such_record", "pattern_mismatch",
                            "wrong_password", "invalid_factor_code"})  # fmt: skip


def is_beyond_schemas(failure: Any, case: Any, response: Any) -> bool:
    found = _codes(response)
    return isinstance(failure, RejectedPositiveData) and bool(found) and found <= BEYOND_SCHEMAS


def is_a_sum_out_of_range(failure: Any, case: Any, response: Any) -> bool:
    """What is added may be whatever there is; the sum, which depends on what is stored, stays within the limits."""
    faults = json.loads(response.content or b"{}").get("errors", ())
    sums = bool(faults) and all(each["code"] == "out_of_range" and each["pointer"].endswith(("+", "-")) for each in faults)
    return isinstance(failure, RejectedPositiveData) and sums


# Only a view has a query; an id in a change is the one that there is; values go with two of the actions, a filter, an actor are languages.
# A second factor is proved in one of several ways. A provider's answer belongs to a sign-in that this browser began; its name is in the
# path, and its issuer needed where no preset has one. A passkey's name is a line. The scopes of a key are of collections that are there,
# and the values of whoever is invited of fields. The present password goes with a change where the sign-in was long ago. A dry run of a
# body with an address of an account would tell which ones there are.
NAMED = {"invalid_index", "invalid_identity", "invalid_name"}  # over fields that are there and can be named so, each once
DEPENDING = {
    "/api/v1/collections": {"unknown_field", *NAMED},
    "/api/v1/collections/plan": {"unknown_field", *NAMED},
    "/api/v1/collections/{c}": {"unchangeable", *NAMED},
    "/api/v1/collections/{c}/plan": {"unchangeable", *NAMED},
    "/api/v1/auth/{c}/factors/confirm": {"one_proof"},
    "/api/v1/auth/{c}/factors/enrolment/passkeys/confirm": {"invalid_passkey_name"},
    "/api/v1/auth/{c}/factors/passkeys/{id}": {"invalid_passkey_name"},
    "/api/v1/auth/{c}/api-keys": {"unknown_collection", "wrong_type", "invalid", "not_offered"},
    "/api/v1/schedules/{schedule}": {"invalid_schedule", "invalid_job", "unknown_job", "required"},
    "/api/v1/sources/{name}": {"invalid_source", "invalid_webhook", "unknown_collection", "wrong_type", "unknown_field"},
    "/api/v1/upload-forms": {"no_upload_forms"},
    "/api/v1/webhooks": {"invalid_webhook", "unknown_collection"},
    "/api/v1/webhooks/{id}": {"invalid_webhook", "unknown_collection"},
    "/api/v1/auth/{c}/factors/passkeys/confirm": {"invalid_passkey_name"},
    "/api/v1/auth/{c}/email-change": {"required"},
    "/api/v1/auth/{c}/invitations": {"unknown_field"},
    "/api/v1/auth/{c}/oauth/{name}/callback": {"invalid"},
    "/api/v1/auth/{c}/providers/{name}": {"invalid_name", "invalid", "required"},
    "/api/v1/keys": {"unknown_collection", "wrong_type", "invalid"},
    "/api/v1/auth/{c}/step-up": {"one_proof"},
    "/api/v1/collections/writers/records": {"not_supported"},
    "/api/v1/collections/writers/records/{id}": {"not_supported"},
    "/api/v1/collections/{c}/why": {"invalid_question", "invalid_actor", "syntax_error"},
}


def depends_on_another_member(failure: Any, case: Any, response: Any) -> bool:
    """A schema for each case would tell it, and make generated types that nobody can use."""
    found = _codes(response) or {json.loads(response.content or b"{}").get("code")}
    return isinstance(failure, RejectedPositiveData) and bool(found) and found <= DEPENDING.get(case.path, set())


def is_absence(failure: Any, case: Any, response: Any) -> bool:
    """An empty text is absence; a format says how a value that is there is written."""
    is_empty = isinstance(case.body, dict) and "" in (case.body.get(name) for name in ("day", "at", "link", "mail"))
    return isinstance(failure, AcceptedNegativeData) and is_empty and "/specimens/" in case.path


def is_a_tag_that_its_pattern_refuses(failure: Any, case: Any, response: Any) -> bool:
    """Its coverage phase sends `If-Match: 0`, which is none by the pattern in the document, and calls it valid."""
    sent = dict(case.headers or {}).get("If-Match", "*")
    return isinstance(failure, RejectedPositiveData) and _codes(response) == {"invalid_header"} and not re.fullmatch(ENTITY_TAGS, sent)


# By how the path of records ends.
ALLOWED = {
    "records": frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"}),
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


def is_beyond_a_decimals_bounds(failure: Any, case: Any, response: Any) -> bool:
    """A decimal travels as text, and a pattern cannot say that it is at most 99.999."""
    faults = json.loads(response.content or b"{}").get("errors", ())
    told = {(each["pointer"].rstrip("+-"), each["code"]) for each in faults if each["code"] not in BEYOND_SCHEMAS}
    known = {("/dec", code) for code in ("too_large", "too_small", "not_decimal")}
    return isinstance(failure, RejectedPositiveData) and bool(told) and told <= known


def is_another_language(failure: Any, case: Any, response: Any) -> bool:
    """To a schema a condition is a text; that it says something, only its language tells."""
    faults = json.loads(response.content or b"{}").get("errors", ())
    return isinstance(failure, RejectedPositiveData) and bool(faults) and all(each["pointer"] in ("filter", "if") for each in faults)


def is_a_key_all_the_same(failure: Any, case: Any, response: Any) -> bool:
    """It sends a number for a text, which in a header is a text; and it sends one key with many requests, which is told. The document
    asks of everybody for the length that guests need."""
    if isinstance(failure, AcceptedNegativeData):
        is_short = 0 < len(str(dict(case.headers or {}).get(HEADER, ""))) < 20
        return f"`{HEADER}` in header - incorrect type" in failure.message or (is_short and f"`{HEADER}` in header" in failure.message)
    return isinstance(failure, RejectedPositiveData) and json.loads(response.content or b"{}").get("code") == "idempotency_key_reused"


def is_no_change_of_many(failure: Any, case: Any, response: Any) -> bool:
    """The body of a change of many is that of a change of one, where a body without a field, and sign-in data, have a meaning."""
    told = json.loads(response.content or b"{}")
    is_of_many = case.method == "PATCH" and case.path.endswith("/records")
    return isinstance(failure, RejectedPositiveData) and is_of_many and (
        told.get("code") == "not_supported" or "names no field" in told.get("detail", "")
    )


def is_the_owners_to_set_up(failure: Any, case: Any, response: Any) -> bool:
    """No page of an app is there for a link to lead to, which is nothing that the client could mend."""
    return isinstance(failure, ServerError) and json.loads(response.content or b"{}").get("code") == "links_not_configured"


EXCUSES = (
    is_beyond_a_decimals_bounds, is_the_owners_to_set_up, is_another_language, is_a_key_all_the_same, is_no_change_of_many,
    is_beyond_schemas, is_a_sum_out_of_range, depends_on_another_member, is_absence,
    is_a_tag_that_its_pattern_refuses, is_open_to_others, is_closed_to_the_asker,
)  # fmt: skip


def _codes(response: Any) -> set[str]:
    return {each["code"] for each in json.loads(response.content or b"{}").get("errors", ())}
