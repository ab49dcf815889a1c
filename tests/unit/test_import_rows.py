"""How columns find their fields and cells become values."""

from pathlib import Path
from typing import Any

import pytest

from adapters.inbound.rows.csv_rows import LONGEST_CELL
from adapters.inbound.rows.formats import open_rows
from domain.errors import Invalid
from domain.records.cells import read_json
from domain.records.imports import (
    BadRow,
    Options,
    Row,
    check_importable,
    layout_of_columns,
    layout_of_objects,
)
from domain.schema.collection import Collection, define_collection
from domain.schema.fields import TRUSTING, Unfit


def collection(*fields: dict[str, Any], type: str = "base") -> Collection:
    return define_collection({"name": "flights", "type": type, "fields": list(fields)}, id="c1", now="", tools=TRUSTING)


FLIGHTS = collection(
    {"name": "carrier", "type": "relation", "collection": "airlines"},
    {"name": "number", "type": "integer"},
    {"name": "delay", "type": "number"},
    {"name": "fare", "type": "decimal", "scale": 2},
    {"name": "late", "type": "bool"},
    {"name": "departs", "type": "date"},
    {"name": "day", "type": "day"},
    {"name": "note", "type": "text", "hidden": True},
    {"name": "extra", "type": "json"},
    {"name": "touched", "type": "autodate"},
)
HEADER = ("carrier", "number", "delay", "fare", "late", "departs", "day", "note", "extra")


def body(cells: tuple[str, ...], header: tuple[str, ...] = HEADER, **options: Any) -> dict[str, Any]:
    return layout_of_columns(FLIGHTS, header, Options(**options)).body(Row(2, cells))


def faults(header: tuple[str, ...], of: Collection = FLIGHTS, **options: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        layout_of_columns(of, header, Options(**options))
    return {fault.pointer: fault.code for fault in caught.value.faults}


def test_cells_are_read_by_the_types_of_their_fields() -> None:
    cells = ("UA", "1545", "-2.5", "120.50", "true", "2013-01-01T10:00:00Z", "2013-01-01", "0042", '{"a": [1, "x"]}')
    assert body(cells) == {
        "carrier": "UA", "number": 1545, "delay": -2.5, "fare": "120.50", "late": True, "departs": "2013-01-01T10:00:00Z",
        "day": "2013-01-01", "note": "0042", "extra": {"a": [1, "x"]},
    }  # fmt: skip


def test_an_empty_cell_and_a_null_marker_hold_nothing() -> None:
    assert set(body(("",) * 9).values()) == {None}
    assert set(body(("NA", "NA", "NA", "NA", "", "NA", "NA", "NA", "NA"), null=frozenset({"NA"})).values()) == {None}
    assert body(("NA", "", "", "", "", "", "", "NA", ""))["note"] == "NA"


@pytest.mark.parametrize(
    "field, text, value",
    [
        ("number", "5.0", 5),
        ("number", "+7", 7),
        ("number", "-0", 0),
        ("number", "9223372036854775808", 2**63),  # read whole; whether it fits is the draft's to say
        ("delay", "1e3", 1000.0),
        ("delay", ".5", 0.5),
        ("delay", "9007199254740993", 9007199254740993),
        ("late", "FALSE", False),
        ("late", "yes", True),
        ("late", "0", False),
        ("extra", "1", 1),
    ],
)
def test_what_other_programs_write_without_loss_is_taken(field: str, text: str, value: object) -> None:
    read = body((text,), (field,))[field]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "field, text, code",
    [
        ("number", "5.5", "not_integer"),
        ("number", "1,000", "not_integer"),
        ("number", "0x10", "not_integer"),
        ("number", " 5", "not_integer"),
        ("number", "٥", "not_integer"),
        ("number", "5" * 5000, "not_integer"),
        ("delay", "nan", "not_number"),
        ("delay", "inf", "not_number"),
        ("delay", "1_000", "not_number"),
        ("delay", "1e99999", "not_number"),
        ("late", "maybe", "not_bool"),
        ("late", "2", "not_bool"),
        ("extra", "{", "invalid_json"),
        ("extra", "NaN", "invalid_json"),
        ("extra", '{"a": 1, "a": 2}', "duplicate_key"),
        ("extra", "[" * 100_000, "invalid_json"),
    ],
)
def test_a_cell_that_is_no_value_of_its_field_is_refused_with_the_field(field: str, text: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        body((text,), (field,))
    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [(f"/{field}", code)]


def test_every_cell_of_a_row_is_judged() -> None:
    with pytest.raises(Invalid) as caught:
        body(("x", "y"), ("number", "delay"))
    assert [fault.pointer for fault in caught.value.faults] == ["/number", "/delay"]


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(Invalid, match="3 cells and the header 2"):
        body(("1", "2", "3"), ("number", "delay"))


def test_every_column_without_a_place_is_told_with_a_suggestion() -> None:
    assert faults(("numbr", "year", "delay")) == {"numbr": "unknown_column", "year": "unknown_column"}
    with pytest.raises(Invalid, match="did you mean `number`"):
        layout_of_columns(FLIGHTS, ("numbr",), Options())


def test_ignored_columns_are_passed_over_and_must_be_there() -> None:
    assert body(("2013", "7"), ("year", "number"), ignore=frozenset({"year"})) == {"number": 7}
    assert body(("1", "7"), ("number", "delay"), ignore=frozenset({"number"})) == {"delay": 7}
    assert faults(("number",), ignore=frozenset({"yaer"})) == {"yaer": "unknown_column"}


@pytest.mark.parametrize("stamped", ["created", "updated", "version", "touched"])
def test_what_the_backend_writes_is_no_column(stamped: str) -> None:
    assert faults((stamped, "number")) == {stamped: "unknown_column"}


def test_ids_come_from_their_own_column_or_from_a_named_one() -> None:
    assert body(("a1", "7"), ("id", "number")) == {"id": "a1", "number": 7}
    assert body(("UA", "7"), ("carrier", "number"), id_column="carrier") == {"id": "UA", "carrier": "UA", "number": 7}
    assert body(("k", "7"), ("key", "number"), id_column="key") == {"id": "k", "number": 7}
    assert faults(("id", "key"), id_column="key") == {"id": "unknown_column"}
    assert faults(("number",), id_column="key") == {"key": "unknown_column"}


def test_columns_named_twice_and_required_fields_without_one_are_refused() -> None:
    needy = collection({"name": "a", "type": "text", "required": True}, {"name": "b", "type": "text", "required": True, "default": "x"})
    assert faults(("b", "b"), needy) == {"b": "duplicate_column", "a": "missing_column"}


def test_only_relations_that_may_be_empty_can_be_cleared() -> None:
    strict = collection({"name": "plane", "type": "relation", "collection": "planes", "required": True})
    assert faults(("plane",), strict, clear_missing=frozenset({"plane"})) == {"plane": "required"}
    assert faults(("number",), clear_missing=frozenset({"carier"})) == {"carier": "unknown_relation"}
    with pytest.raises(Invalid):
        layout_of_objects(FLIGHTS, Options(clear_missing=frozenset({"number"})))


def test_objects_name_their_fields_themselves() -> None:
    layout = layout_of_objects(FLIGHTS, Options(id_column="key", ignore=frozenset({"key", "year"})))
    assert layout.body(Row(1, {"key": "k", "year": 2013, "number": 7})) == {"id": "k", "number": 7}


def test_accounts_are_not_imported() -> None:
    with pytest.raises(Invalid, match="holds accounts"):
        check_importable(collection(type="accounts"))


def test_strict_json_has_no_constants_of_other_languages() -> None:
    for text in ("NaN", "-Infinity", '{"a":1,"a":1}', ""):
        with pytest.raises(Unfit):
            read_json(text)


# --- files


def rows(path: Path, content: bytes | str) -> tuple[tuple[str, ...] | None, list[Row | BadRow]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_rows(path) as file:
        return file.header, list(file)


def test_a_row_is_told_by_the_line_where_it_begins(tmp_path: Path) -> None:
    header, found = rows(tmp_path / "a.csv", '\ufeffname,age\r\n"two\nlines",1\r\n\r\n"say ""hi""",2')
    assert header == ("name", "age")
    assert found == [Row(2, ["two\nlines", "1"]), Row(5, ['say "hi"', "2"])]


def test_broken_quotes_cost_their_row_alone(tmp_path: Path) -> None:
    _, found = rows(tmp_path / "a.csv", 'a,b\n"x"y,1\nz,2\n')
    assert [type(each).__name__ for each in found] == ["BadRow", "Row"]
    assert [each.line for each in found] == [2, 3]


def test_a_cell_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    _, found = rows(tmp_path / "a.csv", 'a\n"' + "x" * (LONGEST_CELL + 10))
    assert isinstance(found[0], BadRow)


def test_json_lines_are_objects_and_others_are_told(tmp_path: Path) -> None:
    header, found = rows(tmp_path / "a.jsonl", '{"a": 1}\n\n[1]\nnope\n{"a": "ü"}')
    assert header is None
    assert [(each.line, type(each).__name__) for each in found] == [(1, "Row"), (3, "BadRow"), (4, "BadRow"), (5, "Row")]


@pytest.mark.parametrize("name, content", [("a.csv", b"a\n\xff\n"), ("a.jsonl", b'{"a": "\xff"}'), ("a.csv", b""), ("a.txt", b"a")])
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(Invalid):
        rows(tmp_path / name, content)
