"""What a file's columns are taken for: rather text than a loss."""

from collections.abc import Sequence
from typing import Any

import pytest

from domain.errors import Invalid
from domain.records.column_names import field_names, legal_name
from domain.records.imports import Options, Row
from domain.records.proposals import Gathered, Proposal, Target, propose


def proposal(columns: dict[str, Sequence[str]], *targets: Target, **options: Any) -> Proposal:
    gathered = Gathered(tuple(columns))
    gathered.add([Row(line, cells) for line, cells in enumerate(zip(*columns.values(), strict=True), 2)])
    return propose("things", gathered, Options(**options), targets)


def field(values: Sequence[str], name: str = "c", *targets: Target) -> dict[str, Any]:
    """The definition of one column's field, beside a column that makes it none of ids."""
    [definition] = proposal({name: values}, *targets).definition()["fields"]
    return {key: value for key, value in definition.items() if key not in ("name", "required")}


def have(collection: str, *values: str, key: str | None = None) -> Target:
    return Target(collection, key, lambda asked: frozenset(asked) & frozenset(values))


@pytest.mark.parametrize(
    "name, values, type",
    [
        ("count", ["1", "-20", "0"], "integer"),
        ("count", ["1", "9223372036854775808"], "text"),  # too long for every number
        ("lat", ["41.13", "-80.6195833"], "number"),
        ("lat", ["41.12345678901234567"], "number"),
        ("ratio", ["0.1", "1e-7"], "number"),
        ("ratio", ["0.12345678901234567"], "decimal"),  # a double would not give it back
        ("score", ["1.50", "2.25"], "decimal"),
        ("price", ["1.5", "2"], "decimal"),
        ("unit_price_eur", ["0.125", "10"], "decimal"),
        ("price", ["10", "20"], "integer"),
        ("c", ["007", "123"], "text"),
        ("c", ["-0", "1"], "integer"),
        ("c", ["+49 30 1234", "+49 89 99"], "text"),
        ("phone", ["5551234", "5559876"], "text"),
        ("zip", ["90210", "10001"], "text"),
        ("c", ["1,234.56", "99.00"], "text"),
        ("price", ["$12.00", "$9.99"], "text"),
        ("c", ["true", "FALSE"], "bool"),
        ("c", ["yes", "no"], "bool"),
        ("c", ["y", "y"], "text"),
        ("c", ["0", "1"], "integer"),
        ("is_open", ["0", "1"], "bool"),
        ("active", ["1", "1"], "bool"),
        ("c", ["2013-01-01", "2013-12-31"], "day"),
        ("c", ["2013-02-30", "2013-01-01"], "text"),
        ("c", ["2013-01-01T10:00:00Z", "2013-01-01 11:30"], "date"),
        ("c", ["2013-01-01", "2013-01-01T10:00:00Z"], "date"),
        ("c", ["2013-01-01T10:00:00.1234567Z"], "text"),  # finer than is kept
        ("c", ["01/02/2013", "11/12/2013"], "text"),
        ("c", ["ann@example.org", "bob@example.org"], "email"),
        ("c", ["ann@example.org", "bob"], "text"),
        ("c", ["https://example.org/a", "http://b.example"], "url"),
        ("c", ["javascript:alert(1)"], "text"),
        ("c", ['{"a": 1}', "[2]"], "json"),
        ("c", ['{"a": 1, "a": 2}'], "text"),
        ("c", ["=1+1", "@SUM(1)"], "text"),
        ("c", ["1e400"], "text"),
        ("c", ["٥"], "text"),
        ("c", ["0x1f"], "text"),
        ("c", ["1_000"], "text"),
        ("c", [" 5"], "text"),
        ("c", ["", ""], "text"),
        ("c", ["NA", "NA"], "text"),
        ("c", ["5", "NA", ""], "integer"),
        ("c", ["5", "nothing"], "text"),
        ("c", ["a\x00b"], "text"),
    ],
)
def test_types_follow_from_all_values(name: str, values: list[str], type: str) -> None:
    assert field(values, name)["type"] == type


def test_decimals_have_as_many_digits_as_are_needed() -> None:
    assert field(["1.5", "2.125", "3"], "price") == {"type": "decimal", "scale": 3}


def test_few_values_that_come_back_are_choices() -> None:
    assert field(["live", "draft"] * 10, "status") == {"type": "select", "values": ["draft", "live"]}
    assert field(["live", "draft"] * 3, "status") == {"type": "text"}
    assert field([f"v{number % 13}" for number in range(200)], "status") == {"type": "text"}


def test_what_is_never_empty_is_required_and_what_is_a_key_is_unique() -> None:
    fields = proposal({"sku": ["a1", "b2", "c3"], "city": ["Rome", "Oslo", "Bern"], "note": ["x", "", "z"]}).definition()["fields"]
    assert fields == [
        {"name": "sku", "type": "text", "required": True, "unique": True},
        {"name": "city", "type": "text", "required": True},
        {"name": "note", "type": "text"},
    ]
    assert "unique" not in field(["a1", "b2", "a1"], "sku")


def test_a_column_of_ids_gives_the_ids() -> None:
    assert proposal({"id": ["1", "2"], "name": ["a", "b"]}).options.id_column == "id"
    for values in (["1", "1"], ["1", ""], ["a b", "c"]):
        twice = proposal({"id": values, "name": ["a", "b"]})
        assert twice.options.id_column is None
        assert twice.columns[0].name == "id_value"


def test_words_for_nothing_are_found_where_a_type_speaks_for_it_and_hold_for_the_file() -> None:
    found = proposal({"speed": ["90", "NA", "80"], "name": ["NA", "b", "c"]})
    assert found.options.null == {"NA"}
    assert [each.get("required") for each in found.definition()["fields"]] == [None, None]
    assert proposal({"country": ["NA", "DE", "FR"]}).options.null == frozenset()  # Namibia


def test_a_relation_is_proposed_where_every_value_is_there() -> None:
    airlines = have("airlines", "UA", "AA", "9E")
    assert field(["UA", "AA", "UA"], "carrier", airlines) == {"type": "relation", "collection": "airlines"}
    assert field(["UA", "ZZ", "AA"], "carrier", airlines)["type"] == "text"
    assert "of airlines" in proposal({"carrier": ["UA", "ZZ", "AA"]}, airlines).columns[0].reason
    assert field(["UA", "AA"], "carrier", airlines, have("brands", "UA", "AA"))["type"] == "text"  # which one?


def test_a_relation_that_nobody_saw_all_values_of_is_told_and_not_proposed() -> None:
    codes = [f"c{number}" for number in range(6_000)]
    plants = have("plants", *codes)
    assert field(codes[:100], "code", plants)["type"] == "relation"
    found = proposal({"code": codes}, plants)
    assert found.definition()["fields"][0]["type"] == "text"
    assert "its first 5,000 values are of plants" in found.columns[0].reason
    assert field(codes, "plant", plants)["type"] == "relation"


def test_numbers_are_relations_only_where_the_name_says_so() -> None:
    authors = have("authors", "1", "2", "3")
    assert field(["1", "2"], "month", authors)["type"] == "integer"
    assert field(["1", "2"], "author_id", authors) == {"type": "relation", "collection": "authors"}
    assert field(["1", "2"], "author", authors) == {"type": "relation", "collection": "authors"}


def test_a_relation_by_another_key_is_told_to_the_import() -> None:
    people = have("people", "ann@example.org", "bob@example.org", key="email")
    found = proposal({"owner": ["ann@example.org", "bob@example.org"]}, people)
    assert found.definition()["fields"] == [{"name": "owner", "type": "relation", "collection": "people", "required": True}]
    assert found.options.match == {"owner": "email"}


@pytest.mark.parametrize(
    "column, name",
    [
        ("First Name", "first_name"), ("createdAt", "created_at"), ("HTTPCode", "http_code"), ("Straße Nr.", "strasse_nr"),
        ("Größe (m²)", "grosse_m2"), ("2013", "n2013"), ("", "column"), ("名前", "column"), ("created", "created_value"),
        ("posts_via_author", "posts_by_author"), ("x" * 80, "x" * 50), ("__a__", "a"), ("in", "in_value"),
    ],
)  # fmt: skip
def test_columns_become_legal_names(column: str, name: str) -> None:
    assert legal_name(column) == name


def test_no_two_columns_become_one_field() -> None:
    assert field_names(["A b", "a_b", "a-b", "", " "]) == {"A b": "a_b", "a_b": "a_b_2", "a-b": "a_b_3", "": "column", " ": "column_2"}
    assert field_names(["A b", "a_b"], {"a_b"}) == {"A b": "a_b_2", "a_b": "a_b"}


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(Invalid, match="two columns `a`"):
        Gathered(("a", "a"))


def test_objects_may_name_different_things() -> None:
    gathered = Gathered(None)
    gathered.add([Row(1, {"a": 1, "b": True}), Row(2, {"a": 2.5, "c": {"x": 1}})])
    fields = {each["name"]: each for each in propose("things", gathered, Options(), ()).definition()["fields"]}
    assert {name: (each["type"], each.get("required")) for name, each in fields.items()} == {
        "a": ("number", True), "b": ("bool", None), "c": ("json", None),
    }  # fmt: skip


def test_all_of_a_long_file_counts_and_little_of_it_is_remembered() -> None:
    gathered = Gathered(("n", "code"))
    for start in range(0, 300_000, 2_000):
        gathered.add([Row(number, (str(number % 6_000), f"K{number}")) for number in range(start, start + 2_000)])
    gathered.add([Row(300_000, ("x", "K0"))])
    assert len(gathered.evidence["code"].seen) == 5_000
    assert propose("things", gathered, Options(), ()).definition()["fields"][0]["type"] == "text"
