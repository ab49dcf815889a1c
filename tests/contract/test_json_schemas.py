"""The JSON Schema port on jsonschema-rs: sound schemas only, nothing fetched, no pattern that could stall."""

import time

import pytest

from adapters.outbound.jsonschema_rs_schemas import (
    MAX_DEPTH,
    MAX_FAULTS,
    MAX_SCHEMA,
    JsonschemaRsSchemas,
)
from domain.schema.fields import Unfit

faults = JsonschemaRsSchemas().faults


def nested(depth):
    schema = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


def doubling(times):
    return {**{f"a{at}": {"allOf": [{"$ref": f"#/$defs/a{at + 1}"}] * 2} for at in range(times)}, f"a{times}": {"type": "integer"}}


@pytest.mark.parametrize("schema", [
    {"type": "strin"}, {"properties": 5}, {"pattern": "("}, {"pattern": "(?=a)b"}, {"pattern": r"(a)\1"}, {"minimum": "x"},
    {"$ref": "http://127.0.0.1/x"}, {"$ref": "file:///etc/passwd"}, {"$ref": "other.json"}, {"$ref": "#/$defs/missing"},
    {"properties": {"a": {"allOf": [{"$ref": "https://example.org/schema"}]}}}, {"$dynamicRef": "http://127.0.0.1/x"},
    {"$schema": "http://json-schema.org/draft-04/schema#"}, {"$schema": "http://127.0.0.1/draft"}, {"$id": "http://x.example/",
    "$ref": "y"},
    nested(MAX_DEPTH), {"description": "x" * MAX_SCHEMA}, [], True,
    {"$ref": "#/$defs/a0", "$defs": doubling(20)}, {"$ref": "#/$defs/a0", "$defs": doubling(300)},
])  # fmt: skip
def test_a_schema_that_is_not_sound_or_not_whole_is_refused(schema):
    with pytest.raises(Unfit) as refused:
        faults(schema, None)
    assert refused.value.code == "invalid_schema"
    assert "Traceback" not in refused.value.detail
    assert len(refused.value.detail) < 300


def test_faults_point_into_the_value():
    schema = {"properties": {"a~/b": {"items": {"type": "integer"}}}, "required": ["c"]}
    assert {pointer for pointer, _ in faults(schema, {"a~/b": [1, "x"]})} == {"/a~0~1b/1", ""}


def test_a_message_does_not_repeat_the_value():
    assert all("hunter2" not in detail for _, detail in faults({"type": "integer"}, "hunter2"))


def test_not_every_fault_of_a_hopeless_value_is_told():
    assert len(faults({"items": {"type": "integer"}}, ["x"] * 1000)) == MAX_FAULTS


@pytest.mark.parametrize(("format", "value"), [("email", "nobody"), ("date-time", "soon"), ("uuid", "x"), ("uri", "no link")])
def test_formats_are_checked(format, value):
    assert faults({"format": format}, value)


def test_no_pattern_backtracks():
    started = time.process_time()
    assert faults({"pattern": "^(a+)+$"}, "a" * 50_000 + "!")
    assert time.process_time() - started < 1.0


def test_definitions_that_refer_to_each_other_end():
    started = time.process_time()
    assert faults({"$ref": "#/$defs/a0", "$defs": doubling(6)}, "x")
    assert faults({"$ref": "#"}, {}) == []
    assert faults({"$ref": "#/$defs/l", "$defs": {"l": {"items": {"$ref": "#/$defs/l"}}}}, [[[[]]]]) == []
    assert time.process_time() - started < 2.0
