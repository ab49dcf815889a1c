"""The same records in the same order, whatever the texts and the words: Python's measure, SQLite and PostgreSQL."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.testing import backend
from domain.actor import SYSTEM
from domain.errors import Invalid
from domain.records.page import ListQuery
from domain.records.reading import Search
from domain.records.search import rank, snippets
from domain.rules.values import RequestFacts
from domain.schema.collection import define_collection
from domain.schema.fields import TRUSTING
from domain.schema.fields.markup import text_of
from domain.schema.words import kept_words, wanted_words

FACTS = RequestFacts("GET")
DEFINITION = {
    "name": "notes",
    "fields": [{"name": "title", "type": "text", "searchable": True}, {"name": "body", "type": "richtext", "searchable": True}],
}
# Letters of many scripts, marks that stand alone, what the engines' own parsers split at, and what is special in their languages.
WRITTEN = (
    "a b c ab abc Ä ä a\u0301 \u0301 ß SS \ufb01 \ufb00 ½ ² \u2167 \u2460 İ ı i\u0307 Σ ς "
    "σ \u212a \u0345 ᾳ ŉ é É @ . - _ / : ' \" \\ & | ! ( ) * { } ^ < > # % + ~ 1 12 1a a1 "
    "-1 1.5 1e5 ann@b.cd http://a.bc/d?e=f 漢 字 漢字 かな カナ が が \uff76\uff9e \ud55c 국 "
    "\ud55c\uad6d 한 हि न् दी ไทย ก ข \U0001f600 \u200d \u200b \xa0 \u2028 \ufeff \ufffd "
    "\uffff \U0010ffff \ud7ff \ue000 \x01 \t \n х Х ё Ё Ⴀ \u2d00 Ꭰ ꭰ \U00010400 \U00010428 "
    "\U0001e900 \U0001e922 \U00020000 \U0002a6df ำ ຳ ᴬ ㌀ \ufdfa AND OR NOT NEAR rank rowid "
    "&lt; <b> </b> <p>"
)
HOSTILE = WRITTEN.split(" ")
TEXTS = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=3)), max_size=8).map(
    lambda parts: "".join(parts) if len(parts) % 2 else " ".join(parts)
).filter(lambda text: "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text))  # fmt: skip
RECORDS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def room(request, tmp_path_factory):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('search')}/data.db"
    else:
        url = request.getfixturevalue("postgres_module_url")
    with backend(database=url) as made:
        made.collections.create(DEFINITION, actor=SYSTEM)
        yield made


@pytest.fixture(scope="module")
def postgres_module_url(request):
    from tests.postgres import fresh_schema

    with fresh_schema(request.getfixturevalue("postgres_worker_database")) as url:
        yield url


@settings(suppress_health_check=list(HealthCheck))
@given(RECORDS, st.lists(TEXTS, min_size=1, max_size=6))
def test_a_search_finds_and_orders_what_python_says(room, records, searches):
    made = []
    for title, body in records:
        shown = room.records.create("notes", {"title": title, "body": body}, actor=SYSTEM, facts=FACTS).as_object()
        kept = [kept_words(text) for text in (shown["title"] or "", text_of(shown["body"] or ""))]
        made.append((shown["id"], kept))
    try:
        for text in [*searches, *(title for title, _ in records)]:
            words = wanted_words(text)
            if not words or len(words) > 20:
                continue
            ranked = sorted(((rank(kept, words), id) for id, kept in made), reverse=True)
            page = room.records.list("notes", ListQuery(search=text, limit=500, fields="id"), actor=SYSTEM, facts=FACTS)
            items = page.as_object()["items"]
            assert [item["id"] for item in items] == [id for score, id in ranked if score], text
            assert all(item["search"] for item in items), text
    finally:
        for id, _ in made:
            room.records.delete("notes", id, actor=SYSTEM, facts=FACTS)


@given(TEXTS, TEXTS)
def test_a_snippet_marks_a_word_wherever_one_is_found(text, asked):
    """And what is left of it without the marks is the text itself, escaped."""
    words = wanted_words(asked)
    collection = define_collection(DEFINITION, id="c1", now="", tools=TRUSTING)
    found = snippets(collection, Search(("title",), words), [{"title": text}])[0]
    held = [kept_words(text)]
    assert bool(found) == any(rank(held, [word]) for word in words)
    for snippet in found.values():
        plain = snippet.replace("<mark>", "").replace("</mark>", "")
        assert "<" not in plain
        assert ">" not in plain


def test_words_are_bounded_in_length_and_in_number():
    assert kept_words("x" * 1_000_000) == "x" * 64
    kept = kept_words(" ".join(f"漢字{at}語" for at in range(200_000)))
    assert 400_000 < len(kept.encode()) <= 500_000
    assert all(kept.split(" "))


@pytest.mark.parametrize("search", ["x" * 300, "漢" * 20])
def test_long_words_are_known_by_their_beginning(room, search):
    id = room.records.create("notes", {"title": search}, actor=SYSTEM, facts=FACTS).id
    try:
        assert [row[0] for row in room.records.list("notes", ListQuery(search=search, fields="id"), actor=SYSTEM, facts=FACTS).rows] == [id]
    except Invalid:
        pytest.fail("it was refused")
    finally:
        room.records.delete("notes", id, actor=SYSTEM, facts=FACTS)


def test_the_longest_texts_can_be_kept_and_found(room):
    text = " ".join(f"{at:x}wort" for at in range(110_000))[:1_000_000]
    id = room.records.create("notes", {"title": text}, actor=SYSTEM, facts=FACTS).id
    assert len(room.records.list("notes", ListQuery(search="abcwort"), actor=SYSTEM, facts=FACTS).rows) == 1
    room.records.delete("notes", id, actor=SYSTEM, facts=FACTS)
