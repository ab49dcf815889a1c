"""Fields of every type and hostile values of each, for the tests of conversions."""

from decimal import Decimal

from domain.schema.fields import TRUSTING, define

CHOICES = ["a", "b", "5", "true", "12.50", "it's 100%", "2026-11-22", "0", "1"]
FIELDS = {
    "text": {"type": "text"},
    "email": {"type": "email"},
    "url": {"type": "url"},
    "select": {"type": "select", "values": CHOICES},
    "many select": {"type": "select", "values": CHOICES, "many": True},
    "relation": {"type": "relation", "collection": "targets"},
    "relation elsewhere": {"type": "relation", "collection": "others"},
    "many relation": {"type": "relation", "collection": "targets", "many": True},
    "many relation elsewhere": {"type": "relation", "collection": "others", "many": True},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "decimal": {"type": "decimal", "scale": 2},
    "decimal of scale 0": {"type": "decimal", "scale": 0},
    "decimal of scale 18": {"type": "decimal", "scale": 18},
    "bool": {"type": "bool"},
    "date": {"type": "date"},
    "autodate": {"type": "autodate"},
    "day": {"type": "day"},
    "json": {"type": "json"},
    "folded text": {"type": "text", "fold": True},
    "richtext": {"type": "richtext"},
    "geo": {"type": "geo"},
    "file": {"type": "file"},
    "many file": {"type": "file", "many": True},
}


def field(name):
    return define({"name": "x", **FIELDS[name]}, "", TRUSTING)


_NUMBERS = [
    0, 1, -1, 5, 42, 2**53, 2**53 + 1, -(2**53) - 1, 2**60, 2**63 - 1, -(2**63), 10**17, 10**18 - 1, 10**18,
    9223372036854774784, 9223372036854774785,
]  # fmt: skip
_DOUBLES = [
    0.0, 1.0, -1.0, 0.5, 0.1, 12.5, 1e14, 123456789012345.6, 1e15, 1e16, 9007199254740993.0, 1e17, 1e18, 1e22,
    1.7976931348623157e308, 5e-324,
    -2.5e-7, 0.0001, 0.00001, 2.0**62, 2.0**63, -(2.0**63), 0.1 + 0.2, 1e-18,
]  # fmt: skip
_TEXTS = [
    "a", "b", " ", "0", "1", "-0", "00", "007", "5", "-5", "+5", "5 ", "5.", "5.0", ".5", "0.10", "12.50", "12.5",
    "1e2", "1E2", "1e+2", "1e-2", "1e400",
    "1e-400", "0e0", "-0.0", "9007199254740993", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "-9223372036854775809",
    "99999999999999999999", "0.000000000000000001", "1.7976931348623157e308", "1.7976931348623159e308", "5e-324",
    "3e-324", "123456789012345678.1",
    "9" * 39, "9" * 41, "true", "false", "True", "TRUE", "t", "it's 100%", "x\\y", "é", "١٢", "5\n", "\n5", "null",
    "[]", '"5"', "ann@example.org",
    "Ann@Example.org", "no mail@x", "https://example.org/?a=1%20", "javascript:alert(1)", "2026-11-22",
    "2026-02-30", "2026-11-22T00:00:00.000Z",
    "2026-11-22 13:00", "2026-11-22T13:00:00+02:00", "2026-11-22T13:00:00.0005Z", "0001-01-01", "t1", "t2",
    "nobody", "a b", "x" * 65, "x" * 64, "😀",
]  # fmt: skip
_JSON = [
    0, 1, -1, 5, 5.0, 0.5, 0.1, 1e17, 2**53 + 1, 2**63 - 1, -(2**63), 1e22, 1e300, True, False, "", "5", "a",
    "true", "12.50", "0.10", "t1", "nobody", [],
    {}, ["a"], ["a", "a"], ["a", "b"], ["nope"], [["a"]], ["a", 5], {"a": 1},
    {"lon": 13, "lat": 52.5}, {"lat": 1, "lon": 2}, {"lon": 999, "lat": 0}, "ann@example.org",
    "https://example.org/", "2026-11-22",
    "2026-11-22T13:00:00Z", "it's 100%",
]  # fmt: skip
_DAYS = ["0001-01-01", "2026-11-22", "9999-12-31"]
_INSTANTS = [
    "0001-01-01T00:00:00.000Z",
    "2026-11-22T00:00:00.000Z",
    "2026-11-22T13:00:00.001Z",
    "9999-12-31T23:59:59.999Z",
]
_DECIMALS = ["0", "1", "-1", "0.50", "12.50", "-0.01", "9999999999999999.99", "0.10", "5"]

VALUES = {
    "text": _TEXTS, "email": ["ann@example.org", "Ann@Example.org", "é@example.org"],
    "url": ["https://example.org/", "http://x.example/?a=%20"],
    "select": CHOICES, "many select": [("a",), ("a", "b"), ("it's 100%", "5")], "relation": ["t1", "t2"],
    "many relation": [("t1",), ("t1", "t2")],
    "integer": _NUMBERS, "number": _DOUBLES,
    "decimal": [Decimal(each).quantize(Decimal("0.01")) for each in _DECIMALS], "bool": [True, False],
    "date": _INSTANTS, "autodate": _INSTANTS, "day": _DAYS, "json": _JSON,
    "richtext": ["<p>a</p>", "a", "a &amp; b"],
    "geo": [{"lon": 13.4, "lat": 52.5}, {"lon": 0.0, "lat": -90.0}],
    "file": [], "many file": [],  # only what was sent is one
}  # fmt: skip


def values(name):
    """Those of a field of FIELDS, in its own form."""
    if name == "decimal of scale 0":
        return [Decimal(0), Decimal(1), Decimal(-5), Decimal(10**18 - 1)]
    if name == "decimal of scale 18":
        return [
            Decimal(each).quantize(Decimal(1).scaleb(-18))
            for each in ("0", "0.5", "0.999999999999999999", "-0.000000000000000001")
        ]
    if name.endswith("elsewhere"):
        return [("t1",)] if name.startswith("many") else ["t1"]
    return VALUES[form_of(name)]


def form_of(name):
    one = field(name)
    return f"many {one.type}" if one.many else one.type
