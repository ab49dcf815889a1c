"""Which problems an operation may answer with, by status: the codes that programs go by. What any request may meet stands under
`default` besides.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from adapters.inbound.web.document.fixed import ref
from domain.idempotency import HEADER

Codes = tuple[str, ...]
ByStatus = Mapping[int, Codes]

_QUERY: Codes = ("invalid_text", "invalid_utf8", "query_too_long", "repeated_parameter", "two_identities", "unknown_parameter")
_CONDITION: Codes = ("invalid_header",)
_NAMES: Codes = ("limit_exceeded", "unknown_field")
_LANGUAGE: Codes = (
    "duplicate_name", "invalid", "invalid_parameter", "limit_exceeded", "not_allowed", "not_supported", "number_too_large", "syntax_error",
    "type_mismatch", "unknown_collection", "unknown_field", "unknown_name",
)  # fmt: skip
_BODY: Codes = (
    "byte_order_mark", "duplicate_key", "empty_body", "invalid_json", "invalid_number", "invalid_text", "invalid_utf8", "not_an_object",
)  # fmt: skip
_BULK: Codes = ("missing_parameter", "too_many_records")
_UNMET: Codes = ("condition_failed", "precondition_failed")
_RECORD: Codes = ("check_failed", "invalid_identity", "invalid_record", "limit_exceeded", "no_such_record")
_FORM: Codes = (
    "id_after_files", "invalid_form", "invalid_upload", "named_twice", "not_a_file_field", "not_a_list", "not_a_value", "too_many",
    "type_not_taken", "unknown_field", "upload_elsewhere", "upload_unfinished",
)  # fmt: skip
_USED: Codes = ("upload_expired", "upload_used")
_FULL: Codes = ("file_too_large", "quota_exceeded")
_PASSWORD: Codes = ("required", "same_as_email", "too_common", "too_long", "too_short", "wrong_type")

_WHO: ByStatus = {
    401: ("identity_unknown", "invalid_token", "session_ended", "token_expired", "unauthenticated"), 403: ("forbidden",),
    404: ("not_found",),
}  # fmt: skip
_LATER: ByStatus = {
    429: ("too_many_requests",),
    503: ("busy", "contended", "issuer_silent", "outcome_unknown", "schema_moving", "stopping", "too_slow", "unavailable"),
}
_READING: ByStatus = {**_WHO, **_LATER}
_ONCE: ByStatus = {422: ("answer_erased", "idempotency_key_reused")}
_WRITING: ByStatus = {
    **_WHO, 403: ("csrf_refused", "forbidden"), **_LATER, 503: (*_LATER[503], "too_many_jobs"), 507: ("out_of_space", "outcome_unknown"),
}  # fmt: skip
_SENDING: ByStatus = {
    **_WRITING, 413: ("too_deep", "too_large", "too_many_values", "value_too_large"), 415: ("unsupported_media_type",),
}  # fmt: skip

# By the verb of an operation on records. Accounts have passwords besides.
OF_RECORDS: Mapping[str, ByStatus] = {
    "list": {
        400: (*_QUERY, *_LANGUAGE, "contradiction", "cursor_of_another_list", "invalid_cursor", "invalid_search", "not_searchable"),
        **_READING,
    },
    "aggregate": {400: (*_QUERY, *_LANGUAGE), **_READING},
    "export": {400: (*_QUERY, *_LANGUAGE), **_READING},
    "get": {400: (*_QUERY, *_CONDITION, *_NAMES), **_READING},
    "create": {
        400: (*_QUERY, *_BODY, *_RECORD, *_CONDITION, "invalid_parameter", "not_supported", *_FORM),
        409: ("conflict", "not_unique", *_USED), **_SENDING, 404: (*_WHO[404], "upload_ended"),
        413: (*_SENDING[413], *_FULL), **_ONCE,
    },
    "update": {
        400: (*_QUERY, *_BODY, *_RECORD, *_CONDITION, *_LANGUAGE, *_FORM, "out_of_range"),
        409: ("conflict", "not_unique", *_USED), 412: _UNMET, **_SENDING, 404: (*_WHO[404], "upload_ended"),
        413: (*_SENDING[413], *_FULL), **_ONCE,
    },
    "delete": {
        400: (*_QUERY, *_CONDITION, *_LANGUAGE), 409: ("conflict", "referred", "restricted"), 412: _UNMET,
        **_WRITING, **_ONCE,
    },
    "bulk_change": {
        400: (*_QUERY, *_BODY, *_RECORD, *_CONDITION, *_LANGUAGE, *_BULK, "out_of_range"), 409: ("conflict", "not_unique"),
        412: ("unexpected_number",), **_SENDING, **_ONCE,
    },
    "bulk_delete": {
        400: (*_QUERY, *_CONDITION, *_LANGUAGE, *_BULK), 409: ("conflict", "referred", "restricted"), 412: ("unexpected_number",),
        **_WRITING, **_ONCE,
    },
}  # fmt: skip
_WORK: Codes = ("proof_of_work_refused", "proof_of_work_required")
OF_ACCOUNTS: Mapping[str, Codes] = {"create": _PASSWORD, "update": (*_PASSWORD, "wrong_password")}

_ADMINS: ByStatus = {401: _WHO[401], 403: ("forbidden",)}
_DEFINITION: Codes = (
    *_BODY, *_LANGUAGE, "invalid_check", "invalid_field",
    "invalid_identity", "invalid_index", "invalid_name", "invalid_option", "invalid_pattern",
    "invalid_query", "invalid_rule", "invalid_schema",
    "invalid_template", "invalid_url", "unknown_placeholder", "missing_option", "not_a_list", "required", "reserved_name", "unchangeable",
    "unknown_option", "unknown_type", "wrong_type",
)  # fmt: skip
_AGAINST_A_CHANGE: Codes = (
    "ambiguous_rename", "collection_in_use", "conflict", "not_convertible", "not_unique", "required_is_empty", "would_lose_data",
)  # fmt: skip
_OVERSIZED: Codes = ("too_deep", "too_large", "too_many_values")
_CREDENTIALS: Codes = (*_QUERY, *_BODY, "invalid", "missing", "too_long", "unknown_field", "wrong_type")
_ADDRESS: Codes = (*_CREDENTIALS, "invalid_email", "required")
_ASKING: ByStatus = {**_SENDING, 400: _ADDRESS, 413: _OVERSIZED, 503: (*_LATER[503], "links_not_configured", "mail_not_configured")}
_CHOSEN: Codes = ("invalid_record", "not_an_object", "not_writable", "read_only", "required")
_OWNED: Codes = ("acting_as_another", "forbidden", "not_with_a_key")
_ONE_TIME: Codes = ("invalid_one_time",)
_STALE: Codes = ("acting_as_another", "forbidden", "not_with_a_key", "step_up_required")
_KEY: Codes = (*_QUERY, *_BODY, "invalid", "unknown_collection", "unknown_field", "wrong_type")
_HOOK: Codes = (
    *_BODY, *_LANGUAGE, "invalid_webhook", "required", "unknown_collection", "unknown_field", "wrong_type",
)  # fmt: skip
_SECOND: Codes = ("second_factor_required", "second_factor_to_set_up")
_BY_LETTER: ByStatus = {
    **_SENDING, 400: (*_CREDENTIALS, "invalid_device", "invalid_mode"), 401: (*_ONE_TIME, *_SECOND), 413: _OVERSIZED,
    403: ("csrf_refused", "sign_in_refused"),
}  # fmt: skip

_ENROLLING: ByStatus = {**_SENDING, 400: _CREDENTIALS, 401: _ONE_TIME, 413: _OVERSIZED}

_TUS: Codes = ("invalid_header",)

# By operation id, of endpoints that are the same for every database.
OF_OURS: Mapping[str, ByStatus] = {
    "begin_upload": {
        **_WRITING, 400: (*_QUERY, *_TUS, "not_a_file_field", "not_supported", "required", "unknown_field"),
        409: ("conflict", "too_many_uploads"), 412: ("tus_version",), 413: ("too_large", *_FULL), 415: ("unsupported_media_type",),
    },
    "list_uploads": {**_READING, 400: _QUERY},
    "get_upload": {**_READING, 400: _QUERY, 404: ("upload_ended",), 412: ("tus_version",)},
    "continue_upload": {
        **_WRITING, 400: (*_QUERY, *_TUS, "checksum_differs", "type_not_taken", "unknown_algorithm"), 404: ("upload_ended",),
        409: ("offset_differs", "upload_elsewhere", "upload_expired", "upload_overtaken"), 412: ("tus_version",),
        413: ("file_too_large", "too_many_pieces", "upload_too_long"), 415: ("unsupported_media_type",),
        503: (*_LATER[503], "file_damaged"),
    },
    "end_upload": {**_WRITING, 400: _QUERY, 404: ("upload_ended",), 412: ("tus_version",)},
    "begin_upload_form": {
        **_SENDING, 400: (*_CREDENTIALS, "no_upload_forms", "not_a_file_field", "not_integer", "type_not_taken"),
        409: ("conflict", "too_many_uploads"), 413: (*_OVERSIZED, *_FULL),
    },
    "complete_upload": {
        **_WRITING, 400: (*_QUERY, "type_not_taken", "upload_differs", "upload_elsewhere", "upload_unfinished"), 404: ("upload_ended",),
        409: ("upload_overtaken",), 413: ("file_too_large",),
    },
    "link_file": {**_READING, 400: _QUERY, 403: ("csrf_refused", "forbidden", "no_links")},
    "get_file": {
        400: (*_QUERY, *_CONDITION, "invalid_parameter", "unknown_thumb"), **_READING, 416: ("range_not_satisfiable",),
        503: (*_LATER[503], "file_damaged"),
    },
    "sign_in": {
        **_SENDING, 400: (*_CREDENTIALS, "invalid_device", "invalid_mode"), 401: ("invalid_credentials", *_SECOND),
        403: ("csrf_refused", "sign_in_refused"), 413: _OVERSIZED,
    },
    "refresh_session": {
        **_SENDING, 400: _CREDENTIALS, 401: ("invalid_refresh_token", "second_factor_to_set_up"), 413: _OVERSIZED,
        403: ("csrf_refused", "sign_in_refused"),
    },
    "sign_out": {**_SENDING, 400: _CREDENTIALS, 401: (*_WHO[401], "invalid_refresh_token"), 413: _OVERSIZED},
    "ask_verification": _ASKING,
    "ask_password_reset": _ASKING,
    "ask_code": _ASKING,
    "ask_link": _ASKING,
    "get_puzzle": {400: _QUERY, 404: _WHO[404], 503: _LATER[503]},
    "ask_email_change": {**_ASKING, 400: (*_ADDRESS, "too_long", "wrong_password"), 403: _STALE},
    "invite": {**_ASKING, 400: (*_ADDRESS, *_CHOSEN), 403: ("forbidden",), 409: ("not_unique",)},
    "list_invitations": {**_READING, 400: (*_QUERY, "invalid_cursor"), 403: ("forbidden",)},
    "send_invitation": {**_ASKING, 400: _QUERY, 403: ("forbidden",)},
    "withdraw_invitation": {**_WRITING, 400: _QUERY, 403: ("forbidden",)},
    "accept_invitation": {
        **_SENDING, 400: (*_CREDENTIALS, *_PASSWORD, *_CHOSEN), 401: _ONE_TIME, 409: ("conflict", "not_unique"), 413: _OVERSIZED,
    },
    "sign_in_anonymously": {
        **_SENDING, 400: (*_CREDENTIALS, *_CHOSEN, "invalid_device", "invalid_mode"), 403: ("csrf_refused", "forbidden", "sign_in_refused"),
        409: ("conflict", "not_unique"), 413: _OVERSIZED,
    },
    "verify_address": {**_SENDING, 400: _CREDENTIALS, 401: _ONE_TIME, 413: _OVERSIZED},
    "reset_password": {**_SENDING, 400: (*_CREDENTIALS, *_PASSWORD), 401: _ONE_TIME, 413: _OVERSIZED},
    "sign_in_by_code": _BY_LETTER,
    "sign_in_by_link": _BY_LETTER,
    "confirm_email_change": {**_SENDING, 400: _CREDENTIALS, 401: _ONE_TIME, 409: ("not_unique",), 413: _OVERSIZED},
    "impersonate": {**_SENDING, 400: _CREDENTIALS, 403: _STALE, 409: ("account_disabled",), 413: _OVERSIZED},
    "list_methods": {400: _QUERY, 404: _WHO[404], 503: _LATER[503]},
    "go_to_provider": {
        400: (*_QUERY, "invalid", "invalid_challenge"), 401: _ONE_TIME, 404: _WHO[404], 429: _SENDING[429],
        503: (*_LATER[503], "links_not_configured"),
    },
    "come_back": {400: ("invalid",), 404: _WHO[404]},
    "come_back_by_form": {400: ("invalid",), 404: _WHO[404], 415: _SENDING[415]},
    "sign_in_by_provider": {
        **_SENDING, 400: (*_CREDENTIALS, *_ADDRESS, "invalid_device", "invalid_mode", "invalid_record", "not_an_object", "not_writable"),
        401: (*_WHO[401], *_ONE_TIME, *_SECOND),
        403: ("csrf_refused", "forbidden", "sign_in_refused", "sign_up_refused"), 409: ("conflict", "identity_taken", "not_unique"),
        413: _OVERSIZED,
    },
    "ask_identity_link": {
        **_SENDING, 400: (*_CREDENTIALS, "invalid_challenge"), 403: _STALE, 413: _OVERSIZED,
        503: (*_LATER[503], "links_not_configured"),
    },
    "list_identities": {400: _QUERY, **_READING},
    "unlink_identity": {**_WRITING, 400: _QUERY, 403: _STALE, 409: ("last_way_in",)},
    "list_providers": {400: _QUERY, **_ADMINS, **_LATER},
    "put_provider": {
        **_SENDING, 400: (*_QUERY, *_BODY, "invalid", "invalid_name", "required", "unknown_field", "wrong_type"), 403: _STALE,
        413: _OVERSIZED,
    },
    "remove_provider": {400: _QUERY, **_WRITING, 403: _STALE},
    "list_own_audit": {400: (*_QUERY, "invalid_cursor"), **_READING},
    "list_audit": {400: (*_QUERY, "invalid_cursor", "invalid_instant", "too_long"), **_ADMINS, **_LATER},
    "list_keys": {400: _QUERY, **_ADMINS, **_LATER},
    "create_key": {**_SENDING, 400: _KEY, 403: _STALE, 413: _OVERSIZED},
    "revoke_key": {400: _QUERY, **_WRITING},
    "list_account_keys": {400: _QUERY, **_READING, 403: _OWNED},
    "create_account_key": {
        **_SENDING, 400: (*_KEY, *_LANGUAGE), 403: (*_STALE, "no_own_keys"), 409: ("conflict", "too_many_keys"), 413: _OVERSIZED,
    },
    "revoke_account_key": {400: _QUERY, **_WRITING, 403: _OWNED},
    "revoke_account_keys": {400: _QUERY, **_WRITING, 403: _OWNED},
    "confirm_second_factor": {
        **_SENDING, 400: (*_CREDENTIALS, "invalid_mode", "one_proof"), 401: (*_ONE_TIME, "invalid_factor"), 413: _OVERSIZED,
        403: ("csrf_refused", "sign_in_refused"),
    },
    "begin_enrolment_by_app": {**_ENROLLING, 409: ("factor_exists",)},
    "end_enrolment_by_app": {
        **_ENROLLING, 400: (*_CREDENTIALS, "invalid_factor_code", "invalid_mode"), 403: ("csrf_refused", "sign_in_refused"),
    },
    "begin_enrolment_by_passkey": {**_ENROLLING, 503: (*_LATER[503], "passkeys_not_configured")},
    "end_enrolment_by_passkey": {
        **_ENROLLING, 400: (*_CREDENTIALS, "invalid_mode", "invalid_passkey", "invalid_passkey_name", "not_an_object"),
        403: ("csrf_refused", "sign_in_refused"), 503: (*_LATER[503], "passkeys_not_configured"),
    },
    "step_up": {
        **_SENDING, 400: (*_CREDENTIALS, "one_proof", "wrong_password"), 401: (*_WHO[401], "invalid_factor"),
        403: ("forbidden", "step_up_refused"), 413: _OVERSIZED,
    },
    "list_factors": {400: _QUERY, **_READING},
    "propose_app": {**_WRITING, 400: _QUERY, 403: _STALE, 409: ("factor_exists",)},
    "confirm_app": {**_SENDING, 400: (*_CREDENTIALS, "invalid_factor_code"), 403: _STALE, 413: _OVERSIZED},
    "remove_app": {**_WRITING, 400: _QUERY, 403: _STALE, 409: ("factor_needed",)},
    "propose_passkey": {**_WRITING, 400: (*_QUERY, "too_many_passkeys"), 403: _STALE, 503: (*_LATER[503], "passkeys_not_configured")},
    "register_passkey": {
        **_SENDING, 400: (*_CREDENTIALS, "invalid_passkey", "invalid_passkey_name", "not_an_object"), 401: (*_WHO[401], *_ONE_TIME),
        403: _STALE, 413: _OVERSIZED, 503: (*_LATER[503], "passkeys_not_configured"),
    },
    "rename_passkey": {**_SENDING, 400: (*_CREDENTIALS, "invalid_passkey_name"), 403: _OWNED, 413: _OVERSIZED},
    "remove_passkey": {**_WRITING, 400: _QUERY, 403: _STALE, 409: ("factor_needed",)},
    "ask_passkey": {
        **_SENDING, 400: _CREDENTIALS, 401: _ONE_TIME, 413: _OVERSIZED, 503: (*_LATER[503], "passkeys_not_configured"),
    },
    "renew_recovery_codes": {**_WRITING, 400: _QUERY, 403: _STALE, 409: ("no_factor",)},
    "reset_factors": {**_WRITING, 400: _QUERY, 403: _STALE, 409: ("factor_needed",)},
    "export_personal_data": {
        **_READING, 400: (*_QUERY, "limit_exceeded"), 403: _STALE, 507: ("out_of_space",),
    },
    "erase_personal_data": {**_WRITING, 400: _QUERY, 403: ("csrf_refused", *_STALE), 409: ("conflict", "restricted")},
    "list_schedules": {400: _QUERY, **_ADMINS, **_LATER},
    "put_schedule": {
        **_SENDING, **_ONCE,
        400: (*_QUERY, *_BODY, "invalid_job", "invalid_schedule", "not_an_object", "required", "unknown_field", "unknown_job",
              "wrong_type"),
        409: ("conflict",),
    },
    "remove_schedule": {**_WRITING, **_ONCE, 400: _QUERY, 409: ("conflict",)},
    "pause_schedule": {**_WRITING, **_ONCE, 400: _QUERY},
    "resume_schedule": {**_WRITING, **_ONCE, 400: _QUERY},
    "run_schedule": {**_WRITING, **_ONCE, 400: (*_QUERY, "invalid_job", "unknown_job")},
    "list_sources": {400: _QUERY, **_ADMINS, **_LATER},
    "put_source": {
        **_SENDING, 400: (*_QUERY, *_HOOK, "invalid_source"),
        403: _STALE, 409: ("conflict",), 413: _OVERSIZED,
    },
    "remove_source": {**_WRITING, **_ONCE, 400: _QUERY, 409: ("conflict",)},
    "list_messages": {400: _QUERY, **_READING},
    "receive_message": {
        **_SENDING, 400: (*_QUERY, *_BODY, *_RECORD, "no_message_id", "number_too_large"), 401: ("invalid_signature",),
        409: ("conflict", "not_unique"),
    },
    "list_webhooks": {400: _QUERY, **_ADMINS, **_LATER},
    "create_webhook": {**_SENDING, 400: (*_QUERY, *_HOOK), 403: _STALE, 409: ("conflict",), 413: _OVERSIZED},
    "get_webhook": {400: _QUERY, **_READING},
    "update_webhook": {**_SENDING, **_ONCE, 400: (*_QUERY, *_HOOK), 403: _STALE, 409: ("conflict",), 413: _OVERSIZED},
    "remove_webhook": {**_WRITING, **_ONCE, 400: _QUERY, 409: ("conflict",)},
    "renew_webhook_secret": {**_WRITING, 400: _QUERY, 403: _STALE},
    "test_webhook": {**_WRITING, **_ONCE, 400: _QUERY, 409: ("conflict", "webhook_disabled")},
    "replay_webhook": {
        **_SENDING, **_ONCE, 400: (*_QUERY, *_BODY, "unknown_field", "wrong_type"), 409: ("conflict",), 413: _OVERSIZED,
    },
    "list_deliveries": {400: (*_QUERY, "invalid_parameter"), **_READING},
    "get_delivery": {400: _QUERY, **_READING},
    "replay_delivery": {**_WRITING, **_ONCE, 400: _QUERY, 409: ("conflict",)},
    "list_sessions": {400: _QUERY, **_READING},
    "end_session": {400: _QUERY, **_WRITING},
    "end_other_sessions": {400: _QUERY, **_WRITING},
    "run_batch": {
        **_SENDING,
        400: (
            *_QUERY, *_BODY, *_RECORD, *_PASSWORD, "invalid_batch", "invalid_key", "invalid_parameter", "invalid_reference",
            "not_supported", "out_of_range", "required", "too_many_operations", "too_many_passwords", "unknown_field", "unknown_reference",
            "wrong_password",
        ),
        409: ("conflict", "not_unique", "referred", "restricted"),
        412: ("precondition_failed",),
        413: ("too_deep", "too_large", "too_many_values", "value_too_large"),
    },
    "get_own_account": {400: _QUERY, **_READING},
    "create_first_admin": {
        **_SENDING, 400: (*_CREDENTIALS, *_PASSWORD, "invalid_record"), 401: _WHO[401], 403: ("setup_refused",), 409: ("not_unique",),
        413: _OVERSIZED,
    },
    "get_public_keys": {400: _QUERY, **_LATER},
    "capabilities": {400: _QUERY, **_LATER},
    "readyz": _LATER,
    "list_collections": {400: _QUERY, **_ADMINS, **_LATER},
    "get_collection": {400: (*_QUERY, *_CONDITION), **_READING},
    "create_collection": {400: (*_QUERY, *_DEFINITION), 409: ("conflict", "not_unique"), **_SENDING},
    "change_collection": {
        400: (*_QUERY, *_CONDITION, *_DEFINITION), 409: _AGAINST_A_CHANGE, 412: ("precondition_failed",), **_SENDING,
    },
    "delete_collection": {400: (*_QUERY, *_CONDITION), 409: ("collection_in_use", "conflict"), 412: ("precondition_failed",), **_WRITING},
    "plan_collection": {400: (*_QUERY, *_DEFINITION), 409: ("conflict", "not_unique"), **_SENDING},
    "plan_collection_change": {
        400: (*_QUERY, *_CONDITION, *_DEFINITION), 409: _AGAINST_A_CHANGE, 412: ("precondition_failed",), **_SENDING,
    },
    "export_schema": {400: _QUERY, **_ADMINS, **_LATER},
    "list_schema_changes": {400: (*_QUERY, "invalid_parameter"), **_ADMINS, **_LATER},
    "undo_schema_change": {400: _QUERY, 409: ("not_undoable",), **_WRITING},
    "list_trash": {400: (*_QUERY, "invalid_cursor", "invalid_parameter", "not_supported"), **_READING},
    "restore_record": {400: (*_QUERY, "invalid_record", "unknown_field"), 409: ("conflict", "not_restorable", "not_unique"), **_WRITING},
    "explain_list": {400: (*_QUERY, *OF_RECORDS["list"][400]), **_READING},
    "why_refused": {400: (*_QUERY, *_BODY, *_RECORD, *_LANGUAGE, "invalid_question", "invalid_actor"), **_SENDING},
    "erase_record": {400: _QUERY, **_WRITING},
    "empty_trash": {400: _QUERY, **_WRITING},
}  # fmt: skip

_AFTER = {"Retry-After": {"description": "Seconds after which trying again may help.", "schema": {"type": "integer"}}}
_LEFT = {
    "RateLimit-Policy": {"description": "The limits that counted the request: `q` requests in `w` seconds.", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left of each: `r` requests for `t` seconds.", "schema": {"type": "string"}},
}
_HEADERS: Mapping[int, Mapping[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "`Bearer` (RFC 6750).", "schema": {"type": "string"}}},
    429: {**_AFTER, **_LEFT},
    503: _AFTER,
}


def of_ours(operation: Mapping[str, Any]) -> ByStatus | None:
    """None where only statuses are known."""
    known = OF_OURS.get(operation["operationId"])
    takes_key = any(each.get("name") == HEADER for each in operation.get("parameters", ()))
    return {**known, 400: (*known[400], *_CONDITION), **_ONCE} if known and takes_key else known


def of_records(verb: str, *, accounts: bool) -> ByStatus:
    found = OF_RECORDS[verb]
    if not accounts or verb not in OF_ACCOUNTS:
        return found
    worked = {403: (*found[403], *_WORK)} if verb == "create" else {}
    return {**found, 400: (*found[400], *OF_ACCOUNTS[verb]), **worked}


def responses(kind: str, refusals: ByStatus) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Each as a component: its name, its status, itself."""
    for status, codes in sorted(refusals.items()):
        listed = tuple(sorted(set(codes)))
        yield f"{kind}_{status}", status, refusal(status, listed)


def refusal(status: int, codes: Codes) -> dict[str, Any]:
    told = f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}"
    answer: dict[str, Any] = {"description": told, "content": {"application/problem+json": {"schema": ref("Problem")}}}
    return {**answer, **({"headers": _HEADERS[status]} if status in _HEADERS else {}), "x-problem-codes": list(codes)}
