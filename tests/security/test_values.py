"""Values that break other servers: each is stored and given back exactly, or refused with 400 and its place, on both engines alike."""

import json
from typing import Any

import pytest

from tests.security.nasty import ACCEPTED_JSON, REFUSED_JSON, STRINGS, UNSTORABLE
from tests.security.target import COLLECTIONS, Target

VALUES = f"{COLLECTIONS}/values/records"
EXACT = ""


def raw(field: str, text: str) -> bytes:
    return f'{{"{field}": {text}}}'.encode("utf-8", "surrogatepass")


# field, JSON text of its value, code of the fault ("" where it is kept exactly)
KEPT_OR_REFUSED = [
    # What Python's own reader takes for numbers, and numbers that no engine keeps (V01, V02).
    *((field, text, "invalid_number") for field in ("n", "i", "j", "t") for text in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400")),
    ("j", "1e-400", "invalid_number"),
    ("n", "0.10000000000000000001", "invalid_number"),
    ("j", '{"a": [1e999]}', "invalid_number"),
    ("i", "9007199254740993", EXACT), ("i", "9223372036854775807", EXACT), ("i", "-9223372036854775808", EXACT),
    ("i", "9223372036854775808", "not_integer"), ("i", "-9223372036854775809", "not_integer"),
    ("i", "1" + "0" * 400, "not_integer"), ("i", "1.0", "not_integer"), ("i", "1e3", "not_integer"), ("i", '"1"', "not_integer"),
    ("i", "true", "not_integer"), ("i", "[]", "not_integer"), ("i", "{}", "not_integer"),
    ("small", "11", "too_large"), ("small", "-1", "too_small"),
    ("n", "9007199254740992", EXACT), ("n", "9007199254740993", "not_number"), ("n", "1" + "0" * 400, "not_number"),
    ("n", "1.7976931348623157e308", EXACT), ("n", "5e-324", EXACT), ("n", "0.1", EXACT), ("n", '"0.1"', "not_number"),
    ("n", "true", "not_number"),
    ("d", '"12.50"', EXACT), ("d", '"12.505"', "too_precise"), ("d", "12.5", "not_decimal"), ("d", '"1e2"', "not_decimal"),
    ("d", '"9999999999999999.99"', EXACT), ("d", '"99999999999999999.99"', "too_large"),
    ("d", '"1234567890123456789012345678901234567890"', "too_large"), ("d", '"NaN"', "not_decimal"), ("d", '"Infinity"', "not_decimal"),
    ("d", '" 1"', "not_decimal"), ("d", '"+1"', "not_decimal"), ("d", '"1_000"', "not_decimal"), ("d", '"\\u0661"', "not_decimal"),
    ("d", '"01"', "not_decimal"), ("d", '""', "not_decimal"),
    # Other types than the field's (V04).
    *((field, text, None) for field in ("t", "e", "u", "at", "day", "s", "r")
      for text in ('{"$ne": ""}', "[]", "{}", "0", "true", "[null]")),
    ("b", '"true"', None), ("b", "1", None), ("b", "0", None), ("b", '"on"', None), ("b", "[]", None),
    # Text that one engine could not keep (V05).
    ("t", '"a\\u0000b"', "invalid_text"), ("t", '"\\ud800"', "invalid_text"), ("t", '"\\udc00\\ud800"', "invalid_text"),
    ("j", '{"a": "\\u0000"}', "invalid_text"), ("j", '{"\\u0000": 1}', "invalid_text"), ("j", '["\\udfff"]', "invalid_text"),
    ("j", '{"\\ud83d": 1}', "invalid_text"), ("t", '"\\ud83d\\ude00"', EXACT), ("t", '"\\uffff\\ufffe"', EXACT),
    ("short", '"0123456789a"', "too_long"), ("short", '"😀😀😀😀😀😀😀😀😀😀"', EXACT),
    # The same key twice, on every level.
    ("j", '{"a": 1, "a": 2}', "duplicate_key"), ("j", '[{"b": {"a": 1, "\\u0061": 2}}]', "duplicate_key"),
    ("t", '"x", "t": "y"', "duplicate_key"),
    # Addresses (V12), header injection (I10), LDAP and patterns in them (I18).
    *(("e", json.dumps(text), "invalid_email") for text in (
        "a@b", "@example.org", "a@", "a b@example.org", '"quoted"@example.org', "a@(comment)example.org", "a\n@example.org",
        "a@example.org\r\nBcc: x@example.org", "a@example.org,b@example.org", "<a@example.org>", "a@@example.org", ".a@example.org",
        "a.@example.org", "a..b@example.org", "*)(uid=*@example.org", "a@example..org", "a@-example.org", "a@127.0.0.1]",
        "mailto:a@example.org",
        "a" * 300 + "@example.org", "a@" + "b" * 300 + ".org", "a@" + "b." * 140 + "org", "a\u202e@example.org", "a\u200b@example.org",
    )),
    ("e", '"ann+tag@example.org"', EXACT), ("e", json.dumps("käthe@bücher.example"), EXACT), ("e", json.dumps("用户@例子.广告"), EXACT),
    # Links that run or carry content (V13).
    *(("u", json.dumps(text), "invalid_url") for text in (
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<b>", "vbscript:x", "file:///etc/passwd", "//example.org", "/local",
        "http://", "https:///path", "http://[::1", "http://a b", "http://example.org\n", "\thttp://example.org", "ftp://example.org",
        "http:example.org", "http://example.org:99999", "http://example.org/" + "a" * 100_000,
    )),
    ("u", '"https://example.org/a?b=c#d"', EXACT), ("u", '"http://localhost:8000/"', EXACT),
    # Dates that are none, or finer than what is kept.
    *(("at", json.dumps(text), "not_date") for text in (
        "2026-02-30", "2026-13-01", "2026-11-22T25:00:00Z", "2026-11-22T13:00:60Z", "0000-01-01", "10000-01-01",
        "2026-11-22T13:00:00.0001Z",
        "now", "1e3", "2026-11-22T13:00:00+99:99", "٢٠٢٦-١١-٢٢", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", " 2026-11-22",
    )),
    ("at", '"2026-11-22T13:00:00.123Z"', EXACT), ("at", '"0001-01-01T00:00:00.000Z"', EXACT), ("at", '"9999-12-31T23:59:59.999Z"', EXACT),
    *(("day", json.dumps(text), "not_day") for text in ("2026-02-30", "2026-1-1", "2026-11-22T00:00:00Z", "20261122", "２０２６-11-22")),
    ("day", '"2024-02-29"', EXACT),
    ("s", '"three"', "not_a_choice"), ("s", '"ONE"', "not_a_choice"), ("s", '"one "', "not_a_choice"),
    ("r", '"no-such-record"', None), ("r", '"../x"', "not_an_id"), ("r", json.dumps("a" * 65), "not_an_id"), ("r", '"a b"', "not_an_id"),
    # A pattern that takes exponential time elsewhere (D03).
    ("p", json.dumps("a" * 50_000 + "!"), "pattern_mismatch"), ("p", json.dumps("a" * 50_000), EXACT),
    # Deep and wide, but within the limits.
    ("j", "[" * 60 + "]" * 60, EXACT), ("j", json.dumps({str(at): at for at in range(1000)}), EXACT),
    ("j", '{"__proto__": {"admin": true}, "constructor": 1, "": 2, "a.b": 3, "$where": "1"}', EXACT),
]  # fmt: skip


def _codes(seen: Any) -> set[str]:
    return {seen.code, *(each["code"] for each in seen.body["errors"])}


@pytest.mark.parametrize("field", sorted({field for field, _, _ in KEPT_OR_REFUSED}))
def test_a_value_is_kept_exactly_or_refused(target: Target, field: str) -> None:
    for _, text, code in (case for case in KEPT_OR_REFUSED if case[0] == field):
        seen = target.ask("POST", VALUES, raw=raw(field, text))
        if code == EXACT:
            assert seen.status == 201, (text[:100], seen)
            assert seen.body[field] == json.loads(text), text[:100]
            again = target.ask("GET", f"{VALUES}/{seen.body['id']}").body
            assert (again[field], type(again[field])) == (seen.body[field], type(seen.body[field]))
            continue
        assert seen.status == 400, (field, text[:100], seen)
        assert code is None or code in _codes(seen), (field, text[:100], seen.body)


def test_refused_values_leave_nothing_behind(target: Target) -> None:
    id = target.make("values", t="as it was")
    with target.unchanged():
        for field, text, code in KEPT_OR_REFUSED:
            if code != EXACT:
                body = raw(field, text)
                assert target.ask("PATCH", f"{VALUES}/{id}", raw=body).status == 400, body[:200]
                assert target.ask("POST", VALUES, raw=body).status == 400, body[:200]


def test_both_engines_answer_alike(both: tuple[Target, Target]) -> None:
    for field, text, _ in KEPT_OR_REFUSED:
        body = raw(field, text)
        first, second = (_comparable(each.ask("POST", VALUES, raw=body).told) for each in both)
        assert first == second, body[:200]


def _comparable(told: tuple[int, Any]) -> tuple[int, Any]:
    status, body = told
    return status, {key: value for key, value in body.items() if key not in ("id", "created", "updated")}


# --- strings


def test_every_string_is_kept_byte_for_byte(target: Target) -> None:
    for text in STRINGS:
        made = target.records("POST", "values", "", {"t": text, "j": {"k": text, text: 1}})
        assert made.status == 201, (text, made)
        read = target.ask("GET", f"{VALUES}/{made.body['id']}").body
        assert read["t"] == (text or None), text
        assert read["j"] == {"k": text, text: 1}, text


def test_every_string_is_found_by_itself_and_finds_nothing_else(target: Target) -> None:
    for at, text in enumerate(STRINGS):
        if not text or len(text) > 3000:
            continue
        target.make("values", t=text, short=f"find{at}")
        quoted = "'" + text.replace("'", "\\'") + "'"
        seen = target.listed("values", filter=f"t = {quoted} && short = 'find{at}'", fields="t")
        if text.endswith("\\") or "\\'" in text:
            # A backslash before the closing quote escapes it: whoever writes a filter by hand has to say it otherwise.
            assert seen.status in (200, 400), (text, seen)
            continue
        assert seen.status == 200, (text, seen)
        assert [item["t"] for item in seen.body["items"]] == [text], text
        if len(text) > 200:
            continue  # longer ones are not looked for with `~`
        other = target.listed("values", filter=f"t ~ {quoted} && t = 'no such text'", fields="t")
        assert (other.status, other.body["items"]) == (200, []), text


def test_every_string_as_any_other_value_is_no_failure(both: tuple[Target, Target]) -> None:
    for text in STRINGS:
        told = [_comparable(each.records("POST", "values", "", dict.fromkeys(("e", "u", "at", "day", "s", "r", "d", "i"), text)).told)
                for each in both]  # fmt: skip
        assert told[0] == told[1], text
        assert told[0][0] == 400, text


def test_text_that_is_no_utf8_is_refused(target: Target) -> None:
    with target.unchanged():
        for bad in UNSTORABLE:
            assert target.ask("POST", VALUES, raw=b'{"t": "' + bad + b'"}').status == 400, bad
        for bom in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
            assert target.ask("POST", VALUES, raw=bom + b'{"t": "x"}').status == 400
        assert target.ask("POST", VALUES, raw='{"t": "x"}'.encode("utf-16")).status == 400


# --- documents


def test_what_is_no_json_is_refused(target: Target) -> None:
    with target.unchanged():
        for document in REFUSED_JSON:
            seen = target.ask("POST", VALUES, raw=b'{"j": ' + document + b"}")
            assert seen.status in (400, 413), (document[:100], seen)
            assert target.ask("POST", VALUES, raw=document).status in (400, 413), document[:100]


def test_what_is_json_is_kept_as_it_means(target: Target) -> None:
    for document in ACCEPTED_JSON:
        made = target.ask("POST", VALUES, raw=b'{"j": ' + document + b"}")
        assert made.status == 201, (document[:100], made)
        read = target.ask("GET", f"{VALUES}/{made.body['id']}").body
        assert read["j"] == json.loads(document), document[:100]
        assert made.body["j"] == read["j"]
        again = target.ask("PATCH", f"{VALUES}/{made.body['id']}", {"j": read["j"], "t": "sent again as it was read"})
        assert (again.status, again.body["j"]) == (200, read["j"]), document[:100]


def test_a_body_is_one_object(target: Target) -> None:
    with target.unchanged():
        for body in (b"", b" ", b"null", b"true", b"1", b'"x"', b"[]", b'[{"t": "x"}]', b'{"t": "x"} {"t": "y"}', b'{"t": "x"},',
                     b'{"t": "x"}x', b"{}\x00", b'{"t": "x"', b"{'t': 'x'}", b"t=x", b'{"t": "x"}//', b'{"t": undefined}'):  # fmt: skip
            assert target.ask("POST", VALUES, raw=body).status == 400, body
