"""Full-text search over whole backends: the same records in the same order on every database, and no more than the asker may see."""

import pytest

from app.testing import backend
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Invalid
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
NOTES = {
    "name": "notes",
    "fields": [
        {"name": "title", "type": "text", "searchable": True},
        {"name": "body", "type": "richtext", "searchable": True},
        {"name": "kind", "type": "select", "values": ["news", "Straßen-Bau"], "searchable": True},
        {"name": "secret", "type": "text", "searchable": True, "hidden": True},
        {"name": "memo", "type": "text"},
        {"name": "stars", "type": "integer"},
        {"name": "parent", "type": "relation", "collection": "notes", "on_delete": "cascade"},
    ],
    "rules": {"list": "stars != 13", "view": ""},
}


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as made:
        made.collections.create(NOTES, actor=SYSTEM)
        yield made


def add(room, **values):
    return room.records.create("notes", values, actor=SYSTEM, facts=FACTS).id


def found(room, search, actor=SYSTEM, **query):
    page = room.records.list("notes", ListQuery(search=search, fields="id,title", **query), actor=actor, facts=FACTS)
    return [item["title"] for item in page.as_object()["items"]]


def refusal(room, search, name="notes", actor=SYSTEM, **query):
    with pytest.raises(Invalid) as refused:
        room.records.list(name, ListQuery(search=search, **query), actor=actor, facts=FACTS)
    return refused.value.faults[0].code


def test_all_words_must_be_there_in_whatever_field(room):
    add(room, title="Green apples", body="<p>from the <b>old</b> orchard</p>")
    add(room, title="Green pears")
    assert found(room, "green orchard") == ["Green apples"]
    assert found(room, "green ") == ["Green pears", "Green apples"]
    assert found(room, "green plums") == []


def test_case_accents_and_compatibility_forms_do_not_count(room):
    add(room, title="Café Straße ﬁne Ⅷ")
    for text in ("cafe", "CAFÉ", "cafe\u0301", "strasse", "STRASSE", "ﬁne", "FINE", "viii"):
        assert found(room, text) == ["Café Straße ﬁne Ⅷ"], text


def test_the_last_word_may_go_on_while_it_is_typed(room):
    add(room, title="searching")
    add(room, title="search")
    assert found(room, "sear") == ["search", "searching"]
    assert found(room, "search") == ["search", "searching"]
    assert found(room, "search ") == ["search"]
    assert found(room, "sear search") == []


@pytest.mark.parametrize(("title", "asked"), [
    ("mail ann@example.org now", "example.org"), ("mail ann@example.org now", "ann"),
    ("https://a.example/b?c=d#e", "example"),
    ("well-known", "known"), ("3.14 is pi", "14"),
    ("v1.2-beta", "beta"), ("C++ and C#", "c"), ("don't", "don t"),
    ("snake_case", "case"),
    ("東京都は日本の首都", "東京"), ("東京都は日本の首都", "都"), ("東京都は日本の首都", "日本の首"),
    ("Привет, мир", "МИР"), ("हिन्दी भाषा", "भाषा"),
    ("한국어 검색", "검색"), ("ภาษาไทย", "ไทย"), ("Ἀθηνᾶ", "αθηνα"), ("💩 emoji", "emoji"), ("a\u200db", "b"), ("x" * 200, "x" * 100),
])  # fmt: skip
def test_words_are_found_however_they_stand(room, title, asked):
    add(room, title=title)
    assert found(room, asked) == [title]


def test_tags_are_no_words_and_do_not_split_them(room):
    add(room, title="a", body='<p title="hidden">W<b>or</b>d one</p><p>two</p>')
    assert found(room, "word one two") == ["a"]
    for text in ("hidden", "title", "onetwo"):
        assert found(room, text) == [], text


def test_what_is_not_searchable_is_not_searched(room):
    add(room, title="a", memo="needle")
    assert found(room, "needle") == []
    room.collections.create({"name": "plain", "fields": [{"name": "title", "type": "text"}]}, actor=SYSTEM)
    assert refusal(room, "x", name="plain") == "not_searchable"


def test_hidden_fields_are_searched_for_admins_only(room):
    add(room, title="a", secret="treasure")
    assert found(room, "treasure") == ["a"]
    assert found(room, "treasure", actor=GUEST) == []
    assert found(room, "a", actor=GUEST) == ["a"]


def test_the_list_rule_and_the_filter_bind_a_search(room):
    add(room, title="apple one", stars=13)
    add(room, title="apple two", stars=1)
    add(room, title="apple three", stars=2)
    assert found(room, "apple", actor=GUEST) == ["apple three", "apple two"]
    assert found(room, "apple", actor=GUEST, filter="stars > 1") == ["apple three"]
    page = room.records.list("notes", ListQuery(search="apple", count=True, limit=1), actor=GUEST, facts=FACTS)
    assert page.total == 2


def test_changes_are_found_at_once(room):
    id = add(room, title="before", kind="news")
    room.records.update("notes", id, {"title": "after"}, actor=SYSTEM, facts=FACTS)
    assert (found(room, "before"), found(room, "after"), found(room, "news")) == ([], ["after"], ["after"])
    room.records.update("notes", id, {"title": None, "stars": 5}, actor=SYSTEM, facts=FACTS)
    assert found(room, "after") == []
    assert found(room, "news") == [None]


def test_what_is_deleted_is_not_found_and_neither_is_what_goes_with_it(room):
    parent = add(room, title="parent apple")
    add(room, title="child apple", parent=parent)
    add(room, title="other apple")
    room.records.delete("notes", parent, actor=SYSTEM, facts=FACTS)
    assert found(room, "apple") == ["other apple"]


def test_a_refused_write_leaves_nothing_to_be_found(room):
    room.collections.change("notes", {"checks": [{"name": "no", "rule": "stars != 7", "message": "no"}]}, actor=SYSTEM)
    id = add(room, title="kept")
    with pytest.raises(Invalid):
        room.records.update("notes", id, {"title": "refused", "stars": 7}, actor=SYSTEM, facts=FACTS)
    with pytest.raises(Invalid):
        add(room, title="refused", stars=7)
    assert (found(room, "refused"), found(room, "kept")) == ([], ["kept"])


def test_the_best_come_first_and_pages_hold_together(room):
    add(room, title="a long way until apple comes")
    add(room, title="apples")
    add(room, title="apple")
    add(room, title="pear", body="<p>apple</p>", kind="news")
    add(room, title="apple tart", body="<p>apple</p>")
    wanted = ["apple tart", "pear", "apple", "a long way until apple comes", "apples"]
    assert found(room, "apple") == wanted
    titles, cursor = [], None
    while True:
        query = ListQuery(search="apple", limit=2, cursor=cursor)
        page = room.records.list("notes", query, actor=SYSTEM, facts=FACTS).as_object()
        titles += [item["title"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert titles == wanted
    assert found(room, "apple", page=2, limit=2) == wanted[2:4]
    assert found(room, "apple", sort="title") == sorted(wanted)


def test_a_cursor_belongs_to_its_search(room):
    for at in range(3):
        add(room, title=f"apple {at}")
    page = room.records.list("notes", ListQuery(search="apple", limit=1), actor=SYSTEM, facts=FACTS)
    assert refusal(room, "pear", cursor=page.next) == "cursor_of_another_list"
    with pytest.raises(Invalid):
        room.records.list("notes", ListQuery(cursor=page.next), actor=SYSTEM, facts=FACTS)


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("text", ["*" * 400, '"', "'", "   ", "\u0301", "()", ":*", "&|!", "-", "{", "\\", "💩", "_"])
def test_a_text_without_a_word_is_refused(room, text):
    add(room, title="a")
    assert refusal(room, text) == "invalid_search"


@pytest.mark.parametrize("text", [
    "a OR b", "a AND b", "NOT a", 'a" OR "b', "a' | 'b", "a:* & b", "title:a", "{_words_title} : a", "a NEAR/2 b", "^a",
    "a*", "-a", "(a", "a)",
    "a\\", "rowid", "NEAR(", "'; DROP TABLE notes; --",
    "a <-> b", "!a", "col : a", "%_words%", "a\x01b", "rank", "_fts", "'a':*B", "\ufeffa",
])  # fmt: skip
def test_no_text_is_read_as_a_language(room, text):
    add(room, title="zz only zz")
    assert found(room, text) == []
    add(room, title=text)
    assert found(room, text) == [text]


@pytest.mark.parametrize("text", ["x" * 501, " ".join(f"w{at}" for at in range(21))])
def test_limits_are_told(room, text):
    assert refusal(room, text) == "limit_exceeded"


def test_snippets_show_where_and_are_safe_to_show(room):
    add(room, title="<script>alert('apple')</script>", body="<p>An <i>Äpple</i> &lt;b&gt; and " + "word " * 100 + "apple</p>")
    page = room.records.list("notes", ListQuery(search="apple", fields="id"), actor=SYSTEM, facts=FACTS).as_object()
    shown = page["items"][0]["search"]
    assert set(page["items"][0]) == {"id", "search"}
    assert shown["title"] == "&lt;script&gt;alert(&#x27;<mark>apple</mark>&#x27;)&lt;/script&gt;"
    assert shown["body"].startswith("An <mark>Äpple</mark> &lt;b&gt; and word")
    assert shown["body"].endswith("word…")
    assert len(shown["body"]) < 400


def test_snippets_are_only_of_what_the_asker_sees(room):
    add(room, title="apple", secret="apple")
    search = ListQuery(search="apple")
    assert set(room.records.list("notes", search, actor=SYSTEM, facts=FACTS).as_object()["items"][0]["search"]) == {"title", "secret"}
    assert set(room.records.list("notes", search, actor=GUEST, facts=FACTS).as_object()["items"][0]["search"]) == {"title"}


def test_without_a_search_items_say_nothing_of_one(room):
    add(room, title="apple")
    assert "search" not in room.records.list("notes", ListQuery(), actor=SYSTEM, facts=FACTS).as_object()["items"][0]


def test_a_field_whose_rule_asks_the_record_is_searched_where_it_holds(room):
    fields = [each if each["name"] != "title" else {**each, "rules": {"view": "stars > 5"}} for each in NOTES["fields"]]
    room.collections.change("notes", {"fields": fields}, actor=SYSTEM)
    ids = {stars: add(room, title="apple", body="<p>pear</p>", stars=stars) for stars in (1, 9)}
    both = add(room, title="apple", body="<p>apple</p>", stars=2)
    page = room.records.list("notes", ListQuery(search="apple", fields="id"), actor=GUEST, facts=FACTS).as_object()
    assert [item["id"] for item in page["items"]] == [both, ids[9]]
    assert [set(item["search"]) for item in page["items"]] == [{"body"}, {"title"}]
    page = room.records.list("notes", ListQuery(search="apple pear", fields="id", count=True), actor=GUEST, facts=FACTS).as_object()
    assert ([item["id"] for item in page["items"]], page["total"]) == ([ids[9]], 1)


def test_a_field_that_only_the_owner_sees_is_searched_for_the_owner(room):
    room.collections.create({"name": "people", "type": "accounts", "fields": []}, actor=SYSTEM)
    ann = room.records.create("people", {"email": "ann@example.org", "password": "correct horse"}, actor=SYSTEM, facts=FACTS).id
    room.collections.create({
        "name": "diaries",
        "fields": [
            {"name": "text", "type": "text", "searchable": True, "rules": {"view": "owner = @request.auth.id"}},
            {"name": "owner", "type": "relation", "collection": "people"},
        ],
        "rules": {"list": ""},
    }, actor=SYSTEM)  # fmt: skip
    room.records.create("diaries", {"text": "dear apple", "owner": ann}, actor=SYSTEM, facts=FACTS)
    search = ListQuery(search="apple")
    mine = Actor(kind="account", id=ann, collection="people", epoch=1)
    assert len(room.records.list("diaries", search, actor=mine, facts=FACTS).rows) == 1
    assert refusal(room, "apple", name="diaries", actor=GUEST) == "not_searchable"
    stranger = room.records.create("people", {"email": "bob@example.org", "password": "correct horse"}, actor=SYSTEM, facts=FACTS).id
    other = Actor(kind="account", id=stranger, collection="people", epoch=1)
    assert room.records.list("diaries", search, actor=other, facts=FACTS).rows == []


# --- schema changes


def test_asking_for_search_later_finds_what_is_there(room):
    add(room, title="a", memo="needle in a haystack")
    fields = [each if each["name"] != "memo" else {**each, "searchable": True} for each in NOTES["fields"]]
    room.collections.change("notes", {"fields": fields}, actor=SYSTEM)
    assert found(room, "needle") == ["a"]
    add(room, title="b", memo="another needle")
    assert found(room, "needle") == ["a", "b"]
    room.collections.change("notes", {"fields": NOTES["fields"]}, actor=SYSTEM)
    assert found(room, "needle") == []
    assert found(room, "b") == ["b"]


def test_fields_come_and_go_beside_searchable_ones(room):
    add(room, title="apple")
    fields = [each for each in NOTES["fields"] if each["name"] not in ("body", "memo")]
    extra = {"name": "extra", "type": "text", "searchable": True, "default": "Grüße"}
    room.collections.change("notes", {"fields": [*fields, extra]}, actor=SYSTEM)
    assert found(room, "apple") == ["apple"]
    assert found(room, "grusse") == ["apple"]
    plain = {"fields": [{"name": "title", "type": "text"}], "rules": {"list": ""}, "drop": ["extra"]}
    room.collections.change("notes", plain, actor=SYSTEM)
    assert refusal(room, "apple") == "not_searchable"
    assert [item["title"] for item in room.records.list("notes", ListQuery(), actor=SYSTEM, facts=FACTS).as_object()["items"]] == ["apple"]


def test_a_collection_goes_with_its_index(room):
    add(room, title="apple")
    room.collections.delete("notes", actor=SYSTEM)
    room.collections.create(NOTES, actor=SYSTEM)
    assert found(room, "apple") == []
    add(room, title="apple")
    assert found(room, "apple") == ["apple"]


def test_renaming_keeps_what_can_be_found(room):
    add(room, title="apple")
    headline = {"name": "headline", "type": "text", "searchable": True, "was": "title"}
    room.collections.change("notes", {"fields": [headline, *NOTES["fields"][1:]]}, actor=SYSTEM)
    room.collections.change("notes", {"name": "papers"}, actor=SYSTEM)
    room.records.create("papers", {"headline": "apple tree"}, actor=SYSTEM, facts=FACTS)
    page = room.records.list("papers", ListQuery(search="apple", fields="headline"), actor=SYSTEM, facts=FACTS).as_object()
    assert [item["search"]["headline"] for item in page["items"]] == ["<mark>apple</mark> tree", "<mark>apple</mark>"]


def test_another_type_has_the_words_of_that_type(room):
    add(room, title="apple", body="<p>pear</p>")
    fields = [each if each["name"] != "body" else {**each, "type": "text"} for each in NOTES["fields"]]
    room.collections.change("notes", {"fields": fields}, actor=SYSTEM)
    assert (found(room, "pear p"), found(room, "apple")) == (["apple"], ["apple"])
    add(room, title="plum", body="<b>")
    assert found(room, "b ") == ["plum"]


@pytest.mark.parametrize("field", [
    {"type": "integer", "searchable": True}, {"type": "email", "searchable": True}, {"type": "json", "searchable": True},
    {"type": "text", "searchable": "yes"}, {"type": "select", "values": ["a"], "many": True, "searchable": True},
])  # fmt: skip
def test_what_has_no_words_is_not_made_searchable(room, field):
    with pytest.raises(Invalid):
        room.collections.create({"name": "more", "fields": [{"name": "it", **field}]}, actor=SYSTEM)
