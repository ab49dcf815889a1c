"""Findings of schemathesis that are none, each with its reason; it loads this file itself (SCHEMATHESIS_HOOKS)."""

import json
import re
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import AllowHeaderMismatch, RejectedPositiveData, UnsupportedMethodResponse

from adapters.inbound.web.document.fixed import ENTITY_TAGS


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """False for what is no fault."""
    return not any(excuse(failure, case, response) for excuse in EXCUSES)


# What no schema tells: a number is taken as it was written or not at all, and to JSON Schema 460.0 is an integer; a password is compared
# with a list and with the address, and counted in bytes.
BEYOND_SCHEMAS = frozenset({"not_integer", "too_common", "same_as_email", "too_short", "too_long"})


def is_beyond_schemas(failure: Any, case: Any, response: Any) -> bool:
    found = _codes(response)
    return isinstance(failure, RejectedPositiveData) and bool(found) and found <= BEYOND_SCHEMAS


def is_absence(failure: Any, case: Any, response: Any) -> bool:
    """An empty text is absence; the format of a date says how one that is there is written."""
    return isinstance(failure, AcceptedNegativeData) and isinstance(case.body, dict) and "" in (case.body.get("day"), case.body.get("at"))


def is_a_tag_that_its_pattern_refuses(failure: Any, case: Any, response: Any) -> bool:
    """Its coverage phase sends `If-Match: 0`, which is none by the pattern in the document, and calls it valid."""
    sent = dict(case.headers or {}).get("If-Match", "*")
    return isinstance(failure, RejectedPositiveData) and _codes(response) == {"invalid_header"} and not re.fullmatch(ENTITY_TAGS, sent)


def is_of_a_path_that_others_share(failure: Any, case: Any, response: Any) -> bool:
    """Allow names what a path answers to for whomever, the document what a rule opens to the asker; and `/records/aggregate` looks
    like the path of a record, though none has this id."""
    return isinstance(failure, AllowHeaderMismatch) and "/records" in case.path


def is_closed_to_the_asker(failure: Any, case: Any, response: Any) -> bool:
    """Likewise the server knows a method that the document leaves out, and reads the query before it asks the rules."""
    return isinstance(failure, UnsupportedMethodResponse) and "/records" in case.path and _codes(response) == {"unknown_parameter"}


EXCUSES = (is_beyond_schemas, is_absence, is_a_tag_that_its_pattern_refuses, is_of_a_path_that_others_share, is_closed_to_the_asker)


def _codes(response: Any) -> set[str]:
    return {each["code"] for each in json.loads(response.content or b"{}").get("errors", ())}
