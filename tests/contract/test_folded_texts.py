"""Folded texts: operators, sorting and unique indexes go by a key that knows no case, alike in Python and on both engines."""

import sys
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from adapters.outbound.sql.rules import RuleCompiler, bind_values
from adapters.outbound.sql.statements import prepare
from app.testing import backend
from domain.actor import SYSTEM
from domain.errors import Conflict
from domain.records.page import ListQuery
from domain.rules.check import Scope, check
from domain.rules.evaluate import holds, holds_bound
from domain.rules.shape import shape
from domain.rules.values import RequestFacts, Values
from domain.schema.fields import fold_key
from tests.contract.sql_engines import NOW, postgresql_engine, schema, sqlite_engine
from tests.postgres import fresh_schema

TEXTS = (
    None, "Ann", "ANN", "ann", "anna", "Straße", "STRASSE", "strasse", "É", "é", "E\u0301", "e", "İ", "i\u0307", "i", "I", "ı",
    "\u212a", "k", "ﬁ", "FI", "100%", "％", "a_b", "A\\B", "ΣΑΣ", "σας", "σασ", "ΐ", "\u0390\u0301", "Дом", "дОМ",
    "\U00010400", "\U00010428", "ŉ", "\u02bcN",
)  # fmt: skip
FOLDED = {"name": "name", "type": "text", "fold": True}
SCHEMA = schema(
    {
        "name": "people",
        "fields": [
            FOLDED, {"name": "nick", "type": "text", "fold": True}, {"name": "plain", "type": "text"},
            {"name": "friend", "type": "relation", "collection": "people"},
        ],
        "indexes": [{"fields": ["name"]}],
    },
)  # fmt: skip
ROWS = tuple(
    {
        "id": f"p{at:02}", "version": 1, "created": NOW, "updated": NOW, "name": text, "nick": TEXTS[at * 5 % len(TEXTS)],
        "plain": TEXTS[at * 7 % len(TEXTS)], "friend": f"p{at - 1:02}" if at % 3 else None,
    }
    for at, text in enumerate(TEXTS)
)  # fmt: skip
WORLD = {"people": {row["id"]: row for row in ROWS}}
VALUES = Values(datetime(2026, 1, 1, tzinfo=UTC), {("auth", "id"): "ANN", ("query", "q"): "ß%"})
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~", "?=", "in", "not in")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request):
    if request.param == "sqlite":
        made = sqlite_engine(SCHEMA)
        made.fill("people", ROWS)
        yield made
        return
    with fresh_schema(request.getfixturevalue("postgres_worker_database")) as url:
        made = postgresql_engine(url, SCHEMA)
        made.fill("people", ROWS)
        yield made
        made.connection.close()


def chosen(engine, text):
    """What a rule chooses in Python, shaped and not, and on the engine: all the same."""
    condition = check(text, Scope(SCHEMA, SCHEMA.collections["people"]))
    bound = shape(condition, VALUES)
    by_rule = [row["id"] for row in ROWS if holds(condition, row, VALUES, WORLD)]
    by_shape = [row["id"] for row in ROWS if holds_bound(bound, row, WORLD)]
    compiler, table = RuleCompiler(SCHEMA, engine.tables, engine.dialect), engine.tables["people"]
    prepared = prepare(select(table.c.id).where(compiler.condition(bound.shape, table)), engine.dialect)
    by_engine = sorted(row[0] for row in engine.rows(prepared, bind_values(compiler.binds, bound.values)))
    assert by_rule == by_shape == by_engine, text
    return by_engine


def quoted(text):
    return "'" + text.rstrip("\\").replace("'", "\\'") + "'"


def compared(left, op, right):
    return f"{left} {op} ({right})" if op.endswith("in") else f"{left} {op} {right}"


LEFTS = ("name", "nick", "friend.name", "plain")
NAMES = ("nick", "plain", "friend.nick", "@request.auth.id", "@request.query.q", "null")
RIGHTS = (*(quoted(each) for each in TEXTS if each), *NAMES)


def test_every_operator_chooses_the_same_rows_everywhere(engine):
    for left, op, right in product(LEFTS, OPERATORS, RIGHTS):
        if (op in ("<", "<=", ">", ">=", "~", "!~") and right == "null") or (op == "~" and left == right):
            continue
        chosen(engine, compared(left, op, right))
        if "'" in right and "in" not in op:
            chosen(engine, f"!({compared(right, op, left)}) || plain = 'Ann'")


@given(st.text(alphabet="aA\u0301eEßsSıiİI%_\\ﬁfk\u212aΣσς ", max_size=6), st.sampled_from(("~", "=", "<", "!~")))
def test_generated_patterns_choose_the_same_rows_everywhere(engine, text, op):
    chosen(engine, f"name {op} {quoted(text)}")


def test_case_does_not_matter_in_any_script(engine):
    names = lambda text: [WORLD["people"][id]["name"] for id in chosen(engine, text)]
    assert names("name = 'aNN'") == ["Ann", "ANN", "ann"]
    assert names("name = 'strasse'") == ["Straße", "STRASSE", "strasse"]
    assert names("name ~ 'TRASS'") == ["Straße", "STRASSE", "strasse"]
    assert names("name = 'дом'") == ["Дом", "дОМ"]
    assert names("name = 'é'") == ["É", "é", "E\u0301"]
    assert names("name ~ '100%'") == ["100%"]
    assert names("name in ('σας', 'FI')") == ["ﬁ", "FI", "ΣΑΣ", "σας", "σασ"]
    # Functions and modifiers read what was written.
    assert names("contains(name, 'NN')") == ["ANN"]
    assert names("name:lower = 'ann'") == ["Ann", "ANN", "ann"]


def test_folding_twice_is_folding_once():
    for point in range(sys.maxunicode + 1):
        if not 0xD800 <= point <= 0xDFFF:
            once = fold_key(chr(point))
            assert once
            assert fold_key(once) == once, hex(point)


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as made:
        made.collections.create({
            "name": "tags", "fields": [{"name": "name", "type": "text", "fold": True, "unique": True}, {"name": "at", "type": "integer"}],
        }, actor=SYSTEM)  # fmt: skip
        yield made


def add(room, **values):
    return room.records.create("tags", values, actor=SYSTEM, facts=RequestFacts("GET"))


def listed(room, **query):
    page = room.records.list("tags", ListQuery(**query), actor=SYSTEM, facts=RequestFacts("GET"))
    return [item["name"] for item in page.as_object()["items"]], page.next


def test_unique_goes_by_the_key_and_the_text_stays_as_written(room):
    add(room, name="Straße")
    with pytest.raises(Conflict) as refused:
        add(room, name="STRASSE")
    assert refused.value.faults[0].pointer == "/name"
    assert listed(room, filter="name = 'strasse'")[0] == ["Straße"]


def test_sorting_goes_by_the_key_page_after_page(room):
    for name in ("banana", "Cherry", "apple", "Élan", "eland", "Zoo", "zebra"):
        add(room, name=name)
    wanted = ["apple", "banana", "Cherry", "eland", "zebra", "Zoo", "Élan"]
    found, cursor = [], None
    while True:
        names, cursor = listed(room, sort="name", limit=2, cursor=cursor)
        found += names
        if cursor is None:
            break
    assert found == wanted
    assert listed(room, sort="-name")[0] == wanted[::-1]


def test_a_change_of_the_text_changes_its_key(room):
    made = add(room, name="Old")
    room.records.update("tags", made.id, {"name": "New"}, actor=SYSTEM, facts=RequestFacts("GET"))
    assert listed(room, filter="name ~ 'OLD'")[0] == []
    assert listed(room, filter="name ~ 'NEW'")[0] == ["New"]


def test_asking_for_folding_later_makes_the_keys_of_what_is_there(room):
    plain = {"name": "name", "type": "text", "unique": True}
    room.collections.change("tags", {"fields": [plain, {"name": "at", "type": "integer"}]}, actor=SYSTEM)
    for name in ("Ann", "bob", "Cyd"):
        add(room, name=name)
    assert listed(room, filter="name ~ 'BOB' || name = 'ANN'", sort="name")[0] == ["bob"]
    room.collections.change("tags", {"fields": [FOLDED | {"unique": True}]}, actor=SYSTEM)
    assert listed(room, filter="name = 'BOB' || name = 'ANN'", sort="name")[0] == ["Ann", "bob"]
    assert listed(room, sort="name")[0] == ["Ann", "bob", "Cyd"]
    with pytest.raises(Conflict):
        add(room, name="CYD")


def test_folding_that_makes_two_texts_one_is_refused_and_changes_nothing(room):
    room.collections.change("tags", {"fields": [{"name": "name", "type": "text", "unique": True}]}, actor=SYSTEM)
    add(room, name="Ann")
    add(room, name="ann")
    with pytest.raises(Conflict) as refused:
        room.collections.change("tags", {"fields": [FOLDED | {"unique": True}]}, actor=SYSTEM)
    assert refused.value.code == "not_unique"
    assert listed(room, filter="name = 'ANN'")[0] == []
    with pytest.raises(Conflict):
        add(room, name="ann")
