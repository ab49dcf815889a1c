"""What is made of many rows at once is what is made of each by itself."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.records.columnwise import Columnwise
from domain.records.draft import Moment, draft
from domain.records.imports import IMPORTER, Layout, Options, Row, layout_of_columns
from domain.schema.collection import Collection, define_collection
from domain.schema.fields import TRUSTING, TYPES

NOW = "2026-11-22T13:00:00.000Z"
# One of each type, with what may be written into its cells besides anything at all.
CELLS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "text": ({"max": 5}, ("Ann", "too long for it", "'=1", "a\x00b")),
    "richtext": ({}, ("<p>Hello</p>",)),
    "email": ({}, ("ann@example.org", "nobody")),
    "url": ({}, ("https://example.org/", "javascript:1")),
    "integer": ({"min": -3, "default": 7}, ("1", "-3", "-4", "5.0", "1.5", "99999999999999999999")),
    "number": ({"max": 10}, ("1.5", "-0.0", "1e400", "11", "9007199254740993")),
    "decimal": ({"scale": 2}, ("12.50", "1", "1.234", "1e3")),
    "bool": ({}, ("yes", "0", "TRUE", "perhaps")),
    "date": ({"default": "@now"}, ("2013-01-01T10:00:00Z", "2013-01-01", "2013-13-01")),
    "day": ({"default": "@now"}, ("2013-01-01", "2013-02-30")),
    "select": ({"values": ["red", "blue"]}, ("red", "green")),
    "relation": ({"collection": "others"}, ("UA", "no id!", "é")),
    "json": ({}, ("{}", "null", "[1, 2]", '{"a": 1, "a": 2}', '""', "no")),
    "geo": ({}, ('{"lon": 1, "lat": 2}', '{"lon": 1}', "1,2")),
    "file": ({}, ('{"name": "a"}', "a")),
    "autodate": ({}, ()),
}
LISTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "select": ({"values": ["red", "blue"], "many": True}, ("red; blue", '["red"]', "red;red", "[]", ";")),
    "relation": ({"collection": "others", "many": True, "max": 2}, ("a;b", "a;b;c", '["a"]', "a;a")),
}
FIELDS = [(type, options, cells) for table in (CELLS, LISTS) for type, (options, cells) in table.items()]


def _collection(required: bool) -> Collection:
    fields = [
        {"name": f"f{at}", "type": type, **options, **({"required": True} if required and type != "autodate" else {})}
        for at, (type, options, _) in enumerate(FIELDS)
    ]
    return define_collection({"name": "things", "fields": fields}, id="c1", now=NOW, tools=TRUSTING)


COLLECTIONS = {required: _collection(required) for required in (False, True)}
_WRITTEN = {f"f{at}": cells for at, (type, _, cells) in enumerate(FIELDS) if type != "autodate"}
_IDS = st.sampled_from(("a1", "", "-", "aggregate", "no id!", "'=1", "x" * 65))


def test_every_field_type_is_looked_at() -> None:
    assert set(CELLS) == set(TYPES)


@given(st.data(), st.booleans(), st.booleans())
def test_columns_make_what_rows_make(data: st.DataObject, required: bool, with_ids: bool) -> None:
    collection = COLLECTIONS[required]
    optional = [] if required else data.draw(st.lists(st.sampled_from(sorted(_WRITTEN)), unique=True))
    header = [*(["id"] if with_ids else []), *(name for name in _WRITTEN if name not in optional)]
    if not header:
        return
    layout = layout_of_columns(collection, header, Options(null=frozenset({"-", "1"})))
    # Mostly a row that is right: with a fault in each, nothing would be made.
    cells = [_IDS if name == "id" else _cell(_WRITTEN[name]) for name in header]
    rows = data.draw(st.lists(st.tuples(*cells) | st.lists(st.just("x"), max_size=3), max_size=6))
    found = Columnwise(collection, layout, TRUSTING).made(rows, ["n"] * len(rows), NOW)
    assert list(map(repr, found)) == [repr(_by_itself(collection, layout, row)) for row in rows]


def _cell(written: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.just(written[0]) | st.just(written[0]) | st.sampled_from((*written, "", "-")) | st.text(max_size=3)


def _by_itself(collection: Collection, layout: Layout, row: Any) -> tuple[Any, ...] | None:
    try:
        body = layout.body(Row(2, row))
        values = draft(collection, body, author=IMPORTER, moment=Moment(NOW, "n"), tools=TRUSTING).values
    except Invalid:
        return None
    return tuple(values.values())


def test_what_a_cell_was_taken_for_is_not_kept_for_ever() -> None:
    collection = COLLECTIONS[False]
    columnwise = Columnwise(collection, layout_of_columns(collection, ["f4"], Options()), TRUSTING)
    rows = [[str(number)] for number in range(5000)]
    made = columnwise.made(rows, [str(number) for number in range(5000)], NOW)
    at = columnwise.names.index("f4")
    assert [each and each[at] for each in made] == list(range(5000))


def test_files_with_a_key_or_other_names_of_records_are_looked_at_row_by_row() -> None:
    collection = COLLECTIONS[False]
    assert Columnwise.fits(layout_of_columns(collection, ["f0"], Options()))
    assert not Columnwise.fits(layout_of_columns(collection, ["f0", "id"], Options(key="id")))
    assert not Columnwise.fits(Layout(Options(match={"f11": "name"}), ("f11",), layout_of_columns(collection, ["f11"], Options()).columns))
