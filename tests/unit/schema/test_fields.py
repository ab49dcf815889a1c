"""Field types judge values: what fits is kept exactly, what does not is refused by code."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.errors import Invalid
from domain.schema.fields import TRUSTING, Unfit, define, email_key


def matches(pattern: str, text: str) -> bool:
    import re

    return re.fullmatch(pattern, text) is not None


TOOLS = replace(TRUSTING, matches=matches)


def field(**definition):
    return define({"name": "it", **definition}, "/fields/0", TOOLS)


ACCEPTED = [
    ({"type": "text"}, "Grüße 🦊", "Grüße 🦊"),
    ({"type": "text"}, " \t\n", " \t\n"),
    ({"type": "text", "max": 3}, "🦊🦊🦊", "🦊🦊🦊"),
    ({"type": "text", "pattern": "[a-z]+"}, "abc", "abc"),
    ({"type": "integer"}, 2**63 - 1, 2**63 - 1),
    ({"type": "integer"}, -(2**63), -(2**63)),
    ({"type": "number"}, 2**53, 2.0**53),
    ({"type": "number"}, 5e-324, 5e-324),
    ({"type": "decimal", "scale": 2}, "12.5", Decimal("12.50")),
    ({"type": "decimal", "scale": 2}, 7, Decimal("7.00")),
    ({"type": "decimal", "scale": 2}, "-0.00", Decimal("0.00")),
    ({"type": "decimal", "scale": 0}, "9" * 18, Decimal("9" * 18)),
    ({"type": "bool"}, False, False),
    ({"type": "email"}, "Ann.Lee+tag@Example.org", "Ann.Lee+tag@Example.org"),
    ({"type": "email"}, "ünï@müller.example", "ünï@müller.example"),
    ({"type": "url"}, "https://example.org:8443/a?b=c#d", "https://example.org:8443/a?b=c#d"),
    ({"type": "date"}, "2026-11-22T13:00:00Z", "2026-11-22T13:00:00.000Z"),
    ({"type": "date"}, "2026-11-22 14:30:00.250+01:30", "2026-11-22T13:00:00.250Z"),
    ({"type": "date"}, "0001-01-01", "0001-01-01T00:00:00.000Z"),
    ({"type": "day"}, "2024-02-29", "2024-02-29"),
    ({"type": "select", "values": ["draft", "live"]}, "live", "live"),
    ({"type": "relation", "collection": "users"}, "0198-A_z", "0198-A_z"),
    ({"type": "json"}, {"a": [1, None, "x", 1.5, True]}, {"a": [1, None, "x", 1.5, True]}),
]


@pytest.mark.parametrize(("definition", "value", "kept"), ACCEPTED)
def test_a_value_that_fits_is_kept_exactly(definition, value, kept):
    accepted = field(**definition).accept(value, TOOLS)
    assert accepted == kept
    assert type(accepted) is type(kept)


REFUSED = [
    ({"type": "text"}, 5, "not_text"),
    ({"type": "text"}, {"$ne": ""}, "not_text"),
    ({"type": "text"}, [], "not_text"),
    ({"type": "text"}, "a\x00b", "invalid_text"),
    ({"type": "text"}, "a\ud800b", "invalid_text"),
    ({"type": "text", "max": 2}, "abc", "too_long"),
    ({"type": "text", "min": 2}, "a", "too_short"),
    ({"type": "text", "pattern": "[a-z]+"}, "abc1", "pattern_mismatch"),
    ({"type": "integer"}, 2**63, "not_integer"),
    ({"type": "integer"}, 10**400, "not_integer"),
    ({"type": "integer"}, 5.0, "not_integer"),
    ({"type": "integer"}, True, "not_integer"),
    ({"type": "integer"}, "5", "not_integer"),
    ({"type": "integer", "max": 3}, 4, "too_large"),
    ({"type": "number"}, 2**53 + 1, "not_number"),
    ({"type": "number"}, 10**400, "not_number"),
    ({"type": "number"}, float("nan"), "not_number"),
    ({"type": "number"}, float("inf"), "not_number"),
    ({"type": "number"}, True, "not_number"),
    ({"type": "decimal", "scale": 2}, 12.5, "not_decimal"),
    ({"type": "decimal", "scale": 2}, "12.505", "too_precise"),
    ({"type": "decimal", "scale": 2}, "1" * 17, "too_large"),
    ({"type": "decimal", "scale": 2}, "9" * 40, "too_large"),
    ({"type": "decimal", "scale": 2}, "1e5", "not_decimal"),
    ({"type": "decimal", "scale": 2}, "NaN", "not_decimal"),
    ({"type": "decimal", "scale": 2}, "٣.٥", "not_decimal"),
    ({"type": "bool"}, 1, "not_bool"),
    ({"type": "email"}, "a@b", "invalid_email"),
    ({"type": "email"}, "a@b.example\r\nBcc: x@y.example", "invalid_email"),
    ({"type": "email"}, '"quoted local"@b.example', "invalid_email"),
    ({"type": "email"}, "a(comment)@b.example", "invalid_email"),
    ({"type": "email"}, "a" * 300 + "@b.example", "invalid_email"),
    ({"type": "url"}, "javascript:alert(1)", "invalid_url"),
    ({"type": "url"}, "data:text/html,x", "invalid_url"),
    ({"type": "url"}, "https://" + "a" * 100_000, "invalid_url"),
    ({"type": "url"}, "https://[::1", "invalid_url"),
    ({"type": "date"}, "2026-02-30", "not_date"),
    ({"type": "date"}, "2026-11-22T13:00:00.1234Z", "not_date"),
    ({"type": "date"}, "0001-01-01T00:00:00+01:00", "not_date"),
    ({"type": "date"}, 1700000000, "not_date"),
    ({"type": "day"}, "2023-02-29", "not_day"),
    ({"type": "day"}, "2026-11-22T00:00:00Z", "not_day"),
    ({"type": "select", "values": ["draft"]}, "live", "not_a_choice"),
    ({"type": "select", "values": ["draft"]}, ["draft"], "not_a_choice"),
    ({"type": "relation", "collection": "users"}, "../x", "not_an_id"),
    ({"type": "json"}, {"a": ["\x00"]}, "invalid_text"),
    ({"type": "json"}, {"\ud800": 1}, "invalid_text"),
    ({"type": "json"}, [float("inf")], "number_too_large"),
    ({"type": "json"}, [10**400], "number_too_large"),
]


@pytest.mark.parametrize(("definition", "value", "code"), REFUSED)
def test_a_value_that_does_not_fit_is_refused_by_code(definition, value, code):
    with pytest.raises(Unfit) as refused:
        field(**definition).accept(value, TOOLS)
    assert refused.value.code == code


DEFINITIONS = [
    ({"type": "txt"}, "unknown_type", "did you mean `text`?"),
    ({"type": "editor"}, "unknown_type", "did you mean `richtext`?"),
    ({"type": "geoPoint"}, "unknown_type", "did you mean `geo`?"),
    ({"type": "select", "values": ["a"], "maxSelect": 2}, "unknown_option", "did you mean `many`?"),
    ({"type": "text", "maxx": 3}, "unknown_option", "did you mean `max`?"),
    ({"type": "text", "min": 5, "max": 2}, "invalid_option", None),
    ({"type": "text", "required": "yes"}, "invalid_option", None),
    ({"type": "decimal"}, "missing_option", None),
    ({"type": "decimal", "scale": 19}, "invalid_option", None),
    ({"type": "select", "values": []}, "invalid_option", None),
    ({"type": "select", "values": ["a", "a"]}, "invalid_option", None),
    ({"type": "select", "values": ["a"], "default": "b"}, "not_a_choice", None),
    ({"type": "integer", "default": "@now"}, "not_integer", None),
    ({"type": "relation", "collection": "x", "on_delete": "explode"}, "invalid_option", None),
    ({"type": "relation", "collection": "x", "required": True, "on_delete": "clear"}, "invalid_option", None),
    ({"type": "json", "unique": True}, "invalid_option", None),
    ({"type": "autodate", "default": "@now"}, "invalid_option", None),
]


@pytest.mark.parametrize(("definition", "code", "hint"), DEFINITIONS)
def test_a_definition_that_cannot_be_is_refused_with_a_hint(definition, code, hint):
    with pytest.raises(Invalid) as refused:
        field(**definition)
    assert refused.value.code == code
    assert hint is None or refused.value.hint == hint


@pytest.mark.parametrize(
    "name",
    ["id", "expand", "Title", "1st", "a-b", 'a"b', "a]", "a`b", "a;drop", "ａ", "a" * 51, "", "x_via_y", None, "a\x00"],
)
def test_a_field_name_outside_the_allowed_form_is_refused(name):
    with pytest.raises(Invalid):
        define({"name": name, "type": "text"}, "/fields/0", TOOLS)


def test_a_definition_comes_back_as_it_was_given():
    definition = {"name": "it", "type": "decimal", "required": True, "scale": 2, "min": "0"}
    assert define(definition, "", TOOLS).definition() == definition


def test_addresses_that_people_take_for_the_same_have_the_same_key():
    assert email_key("Ann@Example.ORG") == email_key("ann@example.org")
    assert email_key("ﬁona@example.org") == email_key("FIONA@example.org")
    assert email_key("ann@example.org") != email_key("anna@example.org")
