"""Views on every database: what they show is what the same query computes in Python, everything that reads works on them, nobody
writes to them, and what they read does not change under them.
"""

import random
from collections import defaultdict
from decimal import Decimal

import pytest

from adapters.outbound.sql.session import Session
from adapters.outbound.sql.sqlite_functions import group_id
from app.testing import backend as make_backend
from app.testing import client
from domain.actor import GUEST, SYSTEM
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from domain.records.aggregates import AggregateQuery
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from tests.contract.test_aggregates import POSTS, ROWS, TEAMS, extreme, held, mean, total

FACTS = RequestFacts(method="GET")
OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
SEEN = {"list": "", "view": ""}
USERS = {"name": "users", "type": "accounts", "fields": [
    {"name": "name", "type": "text"}, {"name": "role", "type": "text"}, {"name": "team", "type": "relation", "collection": "teams"},
], "rules": OPEN}  # fmt: skip
NOTES = {"name": "notes", "fields": [
    {"name": "text", "type": "text"}, {"name": "words", "type": "integer"}, {"name": "author", "type": "relation", "collection": "users"},
    {"name": "private", "type": "text", "hidden": True}, {"name": "more", "type": "json"},
    {"name": "draft", "type": "text", "rules": {"view": "author = @request.auth.id"}},
], "rules": OPEN}  # fmt: skip


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        made.collections.create(TEAMS, actor=SYSTEM)
        for id in ("red", "blue", "grey"):
            made.records.create("teams", {"id": id, "name": id.upper(), "open": id != "grey"}, actor=SYSTEM, facts=FACTS)
        yield made


@pytest.fixture
def posts(room):
    room.collections.create(POSTS, actor=SYSTEM)
    for row in ROWS:
        room.records.create("posts", row, actor=SYSTEM, facts=FACTS)
    return room


@pytest.fixture
def notes(room):
    for definition in (USERS, NOTES):
        room.collections.create(definition, actor=SYSTEM)
    people = {
        name: room.records.create("users", {"name": name, "email": f"{name}@example.org", "password": "correct horse", "team": team},
                                  actor=GUEST, facts=FACTS).id
        for name, team in (("ann", "red"), ("bob", "grey"))
    }  # fmt: skip
    for at in range(7):
        author = [people["ann"], people["bob"], None][at % 3]
        note = {"id": f"n{at}", "text": f"note {at}", "words": at, "author": author, "private": "p" * at, "more": {"at": at}}
        room.records.create("notes", note, actor=SYSTEM, facts=FACTS)
    return room, people


def view(room, query, rules=SEEN, name="seen"):
    return room.collections.create({"name": name, "type": "view", "query": query, "rules": rules}, actor=SYSTEM)


def listed(room, name="seen", actor=GUEST, **query):
    return room.records.list(name, ListQuery(**{"limit": 500, **query}), actor=actor, facts=FACTS).as_object()


def paged(room, name="seen", **query):
    items, cursor = [], None
    while True:
        page = listed(room, name, cursor=cursor, **query)
        items, cursor = items + page["items"], page["next"]
        if cursor is None:
            return items


# --- the same, in Python

FILTERS = {
    "": lambda row: True,
    "views > 1": lambda row: row["views"] is not None and row["views"] > 1,
    "live && title != 'a'": lambda row: row["live"] is True and row["title"] != "a",
    "team.name = 'RED' || price < 1.5": lambda row: row["team"] == "red" or Decimal(row["price"] or "9") < Decimal("1.5"),
    "title ~ '%' && !(at = '')": lambda row: row["at"] is not None,
    "contact = 'ANN@example.org' || title in ('é', 'É', '')": lambda row: (row["contact"] or "").lower() == "ann@example.org"
        or row["title"] in (None, "é", "É"),
}  # fmt: skip
COLUMNS = {"title": "title", "views": "views", "score": "score", "price": "price", "live": "live", "at": "at", "on_day": "on_day",
           "contact": "contact", "team": "team", "team_name": "team.name", "team_open": "team.open"}  # fmt: skip
OPENNESS = {None: None, "red": True, "blue": True, "grey": False}
NUMBERS = {"views": "integer", "score": "number", "price": "decimal"}
MEASURES = {
    "n": "count", "held": "count:live", "total": "sum:views", "sum_score": "sum:score", "sum_price": "sum:price", "mean": "avg:views",
    "mean_price": "avg:price", "mean_score": "avg:score", "least": "min:price", "most": "max:title", "last": "max:at",
}  # fmt: skip


def shown(row, column):
    if column == "team_name":
        return row["team"] and row["team"].upper()
    if column == "team_open":
        return OPENNESS[row["team"]]
    return row[column] if row[column] != "" else None


def told(rows, column):
    """Of a group: addresses that are equal are shown as the first of them is written."""
    return min(held(rows, column), default=None) if column == "contact" else shown(rows[0], column)


def measured(rows, measure):
    function, _, name = measure.partition(":")
    if function == "count":
        return len(held(rows, name)) if name else len(rows)
    if function in ("min", "max"):
        return extreme(rows, name, min if function == "min" else max)
    found = (total if function == "sum" else mean)(held(rows, name), NUMBERS[name])
    # A field of a view holds what any such field holds: what is larger is absent.
    if isinstance(found, str) and (NUMBERS[name] == "integer" or len(found.replace(".", "").lstrip("-0")) > 18):
        return None
    return found


def identity(row, columns):
    """The values of a group as the statement hashes them: decimals as integers of their last digit, bools as numbers."""
    values = []
    for column in columns:
        value = shown(row, column)
        if column == "price" and value is not None:
            value = int(Decimal(value) * 100)
        if column == "contact" and value is not None:
            value = value.lower()
        values.append(int(value) if isinstance(value, bool) else value)
    return group_id(*values)


def generated(count):
    chosen = random.Random(11)
    for _ in range(count):
        columns = chosen.sample(list(COLUMNS), chosen.randint(0, 4))
        measures = chosen.sample(list(MEASURES), chosen.randint(0 if columns else 1, 5))
        yield chosen.choice(list(FILTERS)), columns, measures


@pytest.mark.parametrize("text, columns, measures", list(generated(30)))
def test_a_view_shows_what_python_computes(posts, text, columns, measures):
    definitions = [{"name": each, "path": COLUMNS[each]} for each in columns]
    definitions += [{"name": each, "measure": MEASURES[each]} for each in measures]
    view(posts, {"source": "posts", "filter": text, "columns": definitions, "group_by": columns if measures else []})
    chosen = [row for row in ROWS if FILTERS[text](row)]
    if not measures:
        expected = sorted((tuple(shown(row, each) for each in columns) for row in chosen), key=repr)
        assert sorted((tuple(item[each] for each in columns) for item in listed(posts)["items"]), key=repr) == expected
        return
    groups = defaultdict(list, {} if columns else {identity({}, ()): []})
    for row in chosen:
        groups[identity(row, columns)].append(row)
    expected = {
        id: {"id": id, **{each: told(rows, each) for each in columns}, **{each: measured(rows, MEASURES[each]) for each in measures}}
        for id, rows in groups.items()
    }
    assert {item["id"]: item for item in listed(posts)["items"]} == expected
    for id, item in list(expected.items())[:3]:
        assert posts.records.get("seen", id, actor=GUEST, facts=FACTS).as_object() == item


@pytest.mark.parametrize("sort", ["n", "-n", "team_name,-n", "-live,team_name", "-total", "sum_price", "mean_score", "-mean,n", "id"])
def test_pages_of_a_view_hold_every_record_once(posts, sort):
    columns = [{"name": each, "path": COLUMNS[each]} for each in ("team_name", "live")]
    columns += [{"name": each, "measure": MEASURES[each]} for each in ("n", "total", "sum_price", "mean", "mean_score")]
    view(posts, {"source": "posts", "columns": columns, "group_by": ["team_name", "live"]})
    whole = listed(posts, sort=sort, count=True)
    assert paged(posts, sort=sort, limit=2) == whole["items"]
    assert whole["total"] == len(whole["items"]) == len({(row["team"], row["live"]) for row in ROWS})
    assert paged(posts, sort=sort, limit=1, filter="n > 3 && live != true") == [
        item for item in whole["items"] if item["n"] > 3 and item["live"] is not True]  # fmt: skip


# --- everything that reads

PER_AUTHOR = {
    "source": "notes", "filter": "words > 0", "group_by": ["author", "team"],
    "columns": [{"name": "author", "path": "author"}, {"name": "team", "path": "author.team.name"}, {"name": "notes", "measure": "count"},
                {"name": "words", "measure": "sum:words"}],
}  # fmt: skip
FLAT = {
    "source": "notes",
    "columns": [{"name": name, "path": path} for name, path in (("note", "id"), ("author", "author"), ("text", "text"), ("more", "more"),
                ("private", "private"), ("draft", "draft"), ("mail", "author.email"), ("created", "created"))],
}  # fmt: skip


def test_relations_of_a_view_are_relations(notes):
    room, people = notes
    view(room, PER_AUTHOR)
    found = listed(room, filter="author.name = 'ann' && words >= 9", expand="author.team")["items"]
    assert [(item["author"], item["team"], item["notes"], item["words"]) for item in found] == [(people["ann"], "RED", 2, 9)]
    assert found[0]["expand"]["author"]["expand"]["team"]["name"] == "RED"
    assert [item["author"] for item in listed(room, sort="-author.name")["items"]] == [people["bob"], people["ann"], None]


def test_records_of_a_view_are_grouped_and_measured(notes):
    room, _ = notes
    view(room, PER_AUTHOR)
    groups = room.records.aggregate("seen", AggregateQuery(group="author.name", measures="max:words,count"), actor=GUEST, facts=FACTS)
    assert groups.as_object()["items"] == [
        {"author.name": None, "max:words": 7, "count": 1}, {"author.name": "ann", "max:words": 9, "count": 1},
        {"author.name": "bob", "max:words": 5, "count": 1}]  # fmt: skip


def test_a_view_of_single_records_has_their_ids(notes):
    room, _ = notes
    view(room, FLAT)
    first = listed(room, limit=1, sort="text", fields="id,note,more", expand="note")["items"][0]
    assert (first["id"], first["note"], first["expand"]["note"]["text"]) == ("n0", "n0", "note 0")
    one = client(room).get("/api/v1/collections/seen/records/n3")
    assert one.status_code == 200
    assert "ETag" not in one.headers
    assert set(one.get_json()) == {"id", "note", "author", "text", "more", "created"}
    assert client(room).get("/api/v1/collections/seen/records/n9").status_code == 404


def test_documents_stay_documents(notes):
    """Whole in answers, and open to conditions."""
    room, _ = notes
    view(room, FLAT)
    seen = client(room).get("/api/v1/collections/seen/records?sort=id&filter=more.at%3E%3D5&fields=more").get_json()
    assert seen["items"] == [{"more": {"at": 5}}, {"more": {"at": 6}}]


def test_a_view_is_found_by_what_it_points_at(notes):
    """As a back relation: in filters, in rules, and expanded."""
    room, people = notes
    view(room, PER_AUTHOR)
    assert [item["name"] for item in listed(room, "users", filter="seen_via_author.words ?> 5")["items"]] == ["ann"]
    found = listed(room, "users", filter="name = 'bob'", expand="seen_via_author")["items"][0]["expand"]["seen_via_author"]
    assert [(item["author"], item["words"]) for item in found] == [(people["bob"], 5)]
    room.collections.change("users", {"rules": {"list": "seen_via_author.notes ?> 1 && @collection.seen.words ?> 8"}}, actor=SYSTEM)
    assert {item["name"] for item in listed(room, "users")["items"]} == {"ann", "bob"}
    room.collections.change("users", {"rules": {"list": "seen_via_author.words ?> 8"}}, actor=SYSTEM)
    assert {item["name"] for item in listed(room, "users")["items"]} == {"ann"}
    with pytest.raises(Conflict) as refused:
        room.collections.delete("seen", actor=SYSTEM)
    assert "`users`: /rules/list" in refused.value.faults[0].detail


def test_a_filter_of_a_view_may_ask_for_many_values(notes):
    room, _ = notes
    view(room, {"source": "users", "filter": "notes_via_author.words ?> 3 && @collection.teams.name ?= 'RED'",
                "columns": [{"name": "name", "path": "name"}]})  # fmt: skip
    assert {item["name"] for item in listed(room)["items"]} == {"ann", "bob"}
    room.collections.change("seen", {"query": {"source": "users", "filter": "notes_via_author.words < 6",
                                               "columns": [{"name": "name", "path": "name"}]}}, actor=SYSTEM)  # fmt: skip
    assert {item["name"] for item in listed(room)["items"]} == {"bob"}


def test_a_view_follows_its_source_at_once(notes):
    room, people = notes
    view(room, PER_AUTHOR)
    room.records.create("notes", {"words": 100, "author": people["ann"]}, actor=SYSTEM, facts=FACTS)
    assert [item["words"] for item in listed(room, filter="author.name = 'ann'")["items"]] == [109]
    room.collections.change("seen", {"query": {**PER_AUTHOR, "filter": "words > 50"}}, actor=SYSTEM)
    assert [item["words"] for item in listed(room)["items"]] == [100]


@pytest.mark.parametrize("query", [{}, {"count": True, "filter": "author.name != '' && words > 1", "sort": "-words,author.name"}])
def test_a_list_of_a_view_is_one_statement(notes, monkeypatch, query):
    room, _ = notes
    view(room, PER_AUTHOR)
    listed(room, **query)
    seen, run = [], Session._run
    monkeypatch.setattr(Session, "_run", lambda self, text, arguments: seen.append(text) or run(self, text, arguments))
    listed(room, **query)
    room.records.get("seen", listed(room)["items"][0]["id"], actor=GUEST, facts=FACTS)
    assert len(seen) == 3


def nested(innermost, beside, times):
    text = innermost
    for _ in range(times):
        text = f"({beside} || ({beside} && {text}))"
    return text


def test_what_nests_too_deep_is_refused_before_it_is_kept_or_asked(notes):
    """The deepest view beneath the deepest condition that goes by it: one statement that both engines take."""
    room, _ = notes
    view(room, PER_AUTHOR)

    def kept(times):
        filter = nested("author.team.name = 'RED'", "words > 0", times)
        room.collections.change("seen", {"query": {**PER_AUTHOR, "filter": filter}}, actor=SYSTEM)

    def answered(times):
        text = nested("seen_via_author.words ?> 1 && seen_via_author.notes ?> 0", "name != 'q'", times)
        asked = {"filter": f"name ~ 'n' || {text}", "sort": "-name,team.name", "limit": 1, "count": True}
        listed(room, "users", **asked, cursor=listed(room, "users", **asked)["next"])

    for step in (kept, answered):
        outcomes = [outcome(step, times) for times in range(12)]
        assert outcomes == sorted(outcomes, reverse=True)
        assert outcomes[:2] + outcomes[-5:] == ["taken"] * 2 + ["limit_exceeded"] * 5


def outcome(step, times):
    try:
        step(times)
    except Invalid as refused:
        return refused.code
    return "taken"


# --- what is hidden, and from whom


def test_what_the_source_hides_the_view_hides(notes):
    room, _ = notes
    made = view(room, FLAT)
    assert [field.name for field in made.fields if field.hidden] == ["private", "draft", "mail"]
    for asked in ({"filter": "private != ''"}, {"sort": "mail"}, {"fields": "draft"}, {"filter": "mail ~ 'ann'"}):
        with pytest.raises(Invalid) as refused:
            listed(room, **asked)
        assert refused.value.code == "unknown_field"
    with pytest.raises(Invalid):
        room.records.aggregate("seen", AggregateQuery(measures="max:private"), actor=GUEST, facts=FACTS)
    assert "private" in listed(room, actor=SYSTEM)["items"][0]


def test_measures_of_what_is_hidden_are_hidden_unless_the_view_says_otherwise(notes):
    room, _ = notes
    made = view(room, {"source": "notes", "columns": [{"name": "a", "measure": "max:private"},
                                                      {"name": "b", "measure": "max:private", "hidden": False},
                                                      {"name": "c", "measure": "count", "hidden": True}]})  # fmt: skip
    assert [field.hidden for field in made.fields] == [True, False, True]
    assert set(listed(room)["items"][0]) == {"id", "b"}


def test_hiding_a_field_later_hides_it_in_views_too(notes):
    room, _ = notes
    view(room, {"source": "notes", "columns": [{"name": "t", "path": "text"}]})
    assert "t" in listed(room)["items"][0]
    fields = [{**each, "hidden": True} if each["name"] == "text" else each for each in NOTES["fields"]]
    room.collections.change("notes", {"fields": fields}, actor=SYSTEM)
    assert set(listed(room)["items"][0]) == {"id"}


def test_groups_by_what_is_hidden_are_refused_unless_the_view_says_so(notes):
    room, _ = notes
    query = {"source": "notes", "columns": [{"name": "p", "path": "private"}, {"name": "n", "measure": "count"}], "group_by": ["p"]}
    with pytest.raises(Invalid) as refused:
        view(room, query)
    assert refused.value.faults[0].pointer == "/query/columns/0"
    query["columns"][0]["hidden"] = False
    view(room, query)
    assert len(listed(room)["items"]) == 7


def test_ids_of_groups_tell_nothing_of_what_is_hidden_in_them(notes):
    """Whoever could compute the id from a guess would know whether the guess was right."""
    room, _ = notes
    columns = [{"name": "p", "path": "private", "hidden": True}, {"name": "w", "path": "words"}, {"name": "n", "measure": "count"}]
    made = view(room, {"source": "notes", "columns": columns, "group_by": ["p", "w"]})
    seen = {row["w"]: row["id"] for row in listed(room)["items"]}
    assert seen[3] not in {group_id("ppp", 3), group_id(3, "ppp"), group_id("ppp")}
    assert seen == {at: group_id(made.id, "p" * at or None, at) for at in range(7)}
    assert room.records.get("seen", seen[3], actor=GUEST, facts=FACTS).as_object() == {"id": seen[3], "w": 3, "n": 1}
    room.collections.change("seen", {"name": "watched"}, actor=SYSTEM)
    assert {row["w"]: row["id"] for row in listed(room, "watched")["items"]} == seen


def test_rules_of_the_view_bind_and_those_of_the_source_do_not(notes):
    room, _ = notes
    room.collections.change("notes", {"rules": {"list": None, "view": None}}, actor=SYSTEM)
    view(room, PER_AUTHOR, {"list": "author = @request.auth.id", "view": None})
    assert listed(room)["items"] == []
    assert listed(room, count=True)["total"] == 0
    with pytest.raises(Problem):
        room.records.get("seen", "x", actor=GUEST, facts=FACTS)
    view(room, PER_AUTHOR, {}, name="locked")
    with pytest.raises(NotFound):
        listed(room, "locked")


def test_a_relation_of_a_view_shows_no_more_than_its_target_lets_see(notes):
    """The list rule of teams hides the grey one, also to a filter that goes through the view."""
    room, _ = notes
    view(room, {"source": "users", "columns": [{"name": "team", "path": "team"}, {"name": "n", "measure": "count"}], "group_by": ["team"]})
    assert {item["team"] for item in listed(room)["items"]} == {"red", "grey"}
    assert [item["team"] for item in listed(room, filter="team.name != ''")["items"]] == ["red"]


# --- nobody writes


@pytest.mark.parametrize("actor", [GUEST, SYSTEM])
def test_nobody_writes_to_a_view(notes, actor):
    room, _ = notes
    view(room, FLAT)
    writes = [
        lambda: room.records.create("seen", {"text": "x"}, actor=actor, facts=FACTS),
        lambda: room.records.update("seen", "n0", {"text": "x"}, actor=actor, facts=FACTS),
        lambda: room.records.delete("seen", "n0", actor=actor, facts=FACTS),
    ]
    for write in writes:
        with pytest.raises(Forbidden) as refused:
            write()
        assert refused.value.code == "view_is_read_only"
    assert listed(room, "notes", count=True)["total"] == 7


def test_a_locked_view_is_unknown_to_writers_too(notes):
    room, _ = notes
    view(room, FLAT, {})
    with pytest.raises(NotFound):
        room.records.create("seen", {}, actor=GUEST, facts=FACTS)
    with pytest.raises(Forbidden):
        room.records.create("seen", {}, actor=SYSTEM, facts=FACTS)


# --- definitions

C = {"name": "t", "path": "text"}
ON_NOTES = {"source": "notes"}


def c(name, path):
    return {"name": name, "path": path}


def m(name, measure):
    return {"name": name, "measure": measure}


REFUSED = {
    "no source": ({"columns": [C]}, "/query/source", "invalid_query"),
    "an unknown source": ({"source": "notez", "columns": [C]}, "/query/source", "unknown_collection"),
    "a table of the system": ({"source": "_admins", "columns": [c("m", "email")]}, "/query/source", "unknown_collection"),
    "a table of the engine": ({"source": "sqlite_master", "columns": [c("m", "sql")]}, "/query/source", "unknown_collection"),
    "SQL for a source": ({"source": "(select 1)", "columns": [C]}, "/query/source", "unknown_collection"),
    "no columns": ({**ON_NOTES, "columns": []}, "/query/columns", "invalid_query"),
    "SQL for a column": ({**ON_NOTES, "columns": [c("t", "text; DROP TABLE notes")]}, "/query/columns/0/path",
                         "invalid_query"),
    "SQL for a measure": ({**ON_NOTES, "columns": [m("t", "load_extension:text")]}, "/query/columns/0/measure",
                          "invalid_query"),
    "SQL for a filter": ({**ON_NOTES, "columns": [C], "filter": "1=1; ATTACH 'x' AS y"}, "/query/filter", "syntax_error"),
    "a column of the engine": ({**ON_NOTES, "columns": [c("r", "rowid")]}, "/query/columns/0/path", "unknown_field"),
    "a column of ours": ({"source": "users", "columns": [c("r", "_password")]}, "/query/columns/0/path", "invalid_query"),
    "a password": ({"source": "users", "columns": [c("r", "password")]}, "/query/columns/0/path", "unknown_field"),
    "a reserved name": ({**ON_NOTES, "columns": [c("id", "text")]}, "/query/columns/0/name", "reserved_name"),
    "the name of a stamp": ({**ON_NOTES, "columns": [c("version", "words")]}, "/query/columns/0/name", "reserved_name"),
    "a column twice": ({**ON_NOTES, "columns": [C, C]}, "/query/columns/1/name", "duplicate_name"),
    "path and measure": ({**ON_NOTES, "columns": [{**C, "measure": "count"}]}, "/query/columns/0", "invalid_query"),
    "neither": ({**ON_NOTES, "columns": [{"name": "t"}]}, "/query/columns/0", "invalid_query"),
    "a typo": ({**ON_NOTES, "columns": [C], "filtre": ""}, "/query/filtre", "unknown_field"),
    "a path through no relation": ({**ON_NOTES, "columns": [c("t", "text.x")]}, "/query/columns/0/path", "not_allowed"),
    "a path too long": ({**ON_NOTES, "columns": [c("t", "a.a.a.a.a.a.a.a")]}, "/query/columns/0/path", "limit_exceeded"),
    "a sum of text": ({**ON_NOTES, "columns": [m("t", "sum:text")]}, "/query/columns/0/measure", "type_mismatch"),
    "a column that is not grouped": ({**ON_NOTES, "columns": [C, m("n", "count")]}, "/query/columns/0", "invalid_query"),
    "a group of nothing": ({**ON_NOTES, "columns": [C], "group_by": ["x"]}, "/query/group_by/0", "unknown_field"),
    "a group of json": ({**ON_NOTES, "columns": [c("m", "more")], "group_by": ["m"]}, "/query/columns/0", "not_allowed"),
    "who asks": ({**ON_NOTES, "columns": [C], "filter": "author = @request.auth.id"}, "/query/filter", "not_allowed"),
    "what time it is": ({**ON_NOTES, "columns": [C], "filter": "created > @now - 7d"}, "/query/filter", "not_allowed"),
    "a role": ({**ON_NOTES, "columns": [C], "filter": "hasRole('x')"}, "/query/filter", "not_allowed"),
    "an unknown field in the filter": ({**ON_NOTES, "columns": [C], "filter": "texd = 'x'"}, "/query/filter", "unknown_field"),
    "another view in the filter": ({"source": "teams", "columns": [c("n", "name")], "filter": "@collection.other.t ?= 'x'"},
                                   "/query/filter", "not_allowed"),
    "another view": ({"source": "other", "columns": [c("t", "t")]}, "/query/source", "not_allowed"),
    "itself": ({"source": "seen", "columns": [c("t", "t")]}, "/query/source", "not_allowed"),
    "too many steps": ({**ON_NOTES, "columns": [{"name": f"t{at}", "path": "author.team.name"} for at in range(25)]}, "/query/columns",
                       "limit_exceeded"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_query_that_means_nothing_is_refused_in_its_place(case):
    query, pointer, code = REFUSED[case]
    with make_backend() as room:
        for definition in (TEAMS, USERS, NOTES):
            room.collections.create(definition, actor=SYSTEM)
        view(room, {"source": "notes", "columns": [C]}, name="other")
        with pytest.raises(Invalid) as refused:
            view(room, query)
        assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [(pointer, code)]
        assert "seen" not in {each.name for each in room.collections.list(actor=SYSTEM)}


TEAM_NAMES = {"name": "v", "type": "view", "query": {"source": "teams", "columns": [c("n", "name")]}}


@pytest.mark.parametrize("definition, pointer", [
    ({"name": "v", "type": "view"}, "/query"),
    ({**TEAM_NAMES, "rules": {"create": ""}},
     "/rules/create"),
    ({**TEAM_NAMES, "indexes": [{"fields": ["n"]}]},
     "/indexes"),
    ({**TEAM_NAMES,
      "fields": [{"name": "n", "type": "integer"}]}, "/fields"),
    ({"name": "v", "fields": [], "query": TEAM_NAMES["query"]}, "/query"),
    ({**TEAM_NAMES, "rules": {"list": "m = 'x'"}},
     "/rules/list"),
    ({"name": "v", "type": "vew", "query": {}}, "/type"),
])  # fmt: skip
def test_a_view_has_its_parts_and_no_others(definition, pointer):
    with make_backend() as room:
        room.collections.create(TEAMS, actor=SYSTEM)
        with pytest.raises(Invalid) as refused:
            room.collections.create(definition, actor=SYSTEM)
        assert refused.value.faults[0].pointer == pointer


def test_what_was_read_may_be_sent_back(notes):
    room, _ = notes
    view(room, PER_AUTHOR)
    read = room.collections.get("seen", actor=SYSTEM).definition()
    assert room.collections.change("seen", read, actor=SYSTEM).version == 2
    again = {key: value for key, value in read.items() if key not in ("id", "version", "created", "updated")}
    assert room.collections.create({**again, "name": "again"}, actor=SYSTEM).definition()["fields"] == read["fields"]


def test_what_views_read_stays_as_they_need_it(notes):
    room, _ = notes
    view(room, PER_AUTHOR)
    without = [each for each in NOTES["fields"] if each["name"] != "words"]
    refusals = [
        lambda: room.collections.change("notes", {"fields": without}, actor=SYSTEM),
        lambda: room.collections.delete("notes", actor=SYSTEM),
        lambda: room.collections.change("users", {"fields": [{"name": "name", "type": "text"}]}, actor=SYSTEM),
    ]
    for refusal in refusals:
        with pytest.raises(Conflict) as refused:
            refusal()
        assert refused.value.code == "collection_in_use"
        assert all("`seen`" in fault.detail for fault in refused.value.faults)
    room.collections.delete("seen", actor=SYSTEM)
    room.collections.change("notes", {"fields": without, "drop": ["words"]}, actor=SYSTEM)


def test_no_relation_points_at_a_view(notes):
    room, _ = notes
    view(room, FLAT)
    with pytest.raises(Invalid) as refused:
        room.collections.create({"name": "likes", "fields": [{"name": "of", "type": "relation", "collection": "seen"}]}, actor=SYSTEM)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/fields/0/collection", "not_allowed")]


def test_deleting_what_a_view_shows_asks_the_view_nothing(notes):
    room, _ = notes
    view(room, FLAT)
    room.records.delete("notes", "n0", actor=SYSTEM, facts=FACTS)
    assert "n0" not in {item["note"] for item in listed(room)["items"]}


# --- when what it reads is called anew, or becomes another


def renamed(**names):
    return [{**each, "name": names[each["name"]], "was": each["name"]} if each["name"] in names else each for each in NOTES["fields"]]


def test_a_view_follows_when_what_it_reads_is_called_anew(notes):
    room, _ = notes
    view(room, PER_AUTHOR, {"list": "words > 0", "view": ""})
    before = listed(room, sort="id")
    fields = renamed(words="length", author="writer")
    # A rule of the notes themselves is sent anew, so it is renamed with them.
    fields = [{**each, "rules": {"view": "writer = @request.auth.id"}} if each["name"] == "draft" else each for each in fields]
    room.collections.change("notes", {"fields": fields}, actor=SYSTEM)
    query = room.collections.get("seen", actor=SYSTEM).query.definition()
    assert query["filter"] == "length > 0"
    assert [each.get("path") or each["measure"] for each in query["columns"]] == ["writer", "writer.team.name", "count", "sum:length"]
    room.collections.change("notes", {"name": "remarks"}, actor=SYSTEM)
    room.collections.change("teams", {"fields": [{**each, "name": "title", "was": "name"} if each["name"] == "name" else each
                                                 for each in TEAMS["fields"]]}, actor=SYSTEM)  # fmt: skip
    query = room.collections.get("seen", actor=SYSTEM).query.definition()
    assert (query["source"], query["columns"][1]["path"]) == ("remarks", "writer.team.title")
    assert listed(room, sort="id") == before


def test_a_view_may_be_called_anew_itself(notes):
    room, _ = notes
    view(room, PER_AUTHOR)
    before = listed(room, sort="id")
    room.collections.change("users", {"rules": {"list": "seen_via_author.words ?> 8"}}, actor=SYSTEM)
    room.collections.change("seen", {"name": "sums"}, actor=SYSTEM)
    assert listed(room, "sums", sort="id") == before
    assert [item["name"] for item in listed(room, "users")["items"]] == ["ann"]
    with pytest.raises(NotFound):
        listed(room)


def test_a_type_that_a_view_cannot_measure_is_refused(notes):
    room, _ = notes
    view(room, PER_AUTHOR)
    fields = [{"name": "words", "type": "text"} if each["name"] == "words" else each for each in NOTES["fields"]]
    with pytest.raises(Conflict) as refused:
        room.collections.change("notes", {"fields": fields}, actor=SYSTEM)
    assert refused.value.code == "collection_in_use"
    assert "`seen`" in refused.value.faults[0].detail


def test_a_column_takes_the_type_that_its_field_is_given(notes):
    room, _ = notes
    view(room, {"source": "notes", "columns": [c("w", "words")]})
    fields = [{"name": "words", "type": "text"} if each["name"] == "words" else each for each in NOTES["fields"]]
    room.collections.change("notes", {"fields": fields}, actor=SYSTEM)
    assert [field.type for field in room.collections.get("seen", actor=SYSTEM).fields] == ["text"]
    assert [item["w"] for item in listed(room, filter="w = '3' || w ~ '5'", sort="w")["items"]] == ["3", "5"]


def test_changes_of_views_are_told_and_taken_back(notes):
    room, _ = notes
    view(room, PER_AUTHOR)
    first = listed(room, sort="id")
    room.collections.change("seen", {"query": {**PER_AUTHOR, "filter": "words > 3"}}, actor=SYSTEM)
    assert listed(room, sort="id") != first
    told = room.collections.history(actor=SYSTEM, limit=5)
    assert [each.definition()["after"]["query"]["filter"] for each in told[:2]] == ["words > 3", "words > 0"]
    assert room.collections.plan_change("seen", {"query": PER_AUTHOR}, actor=SYSTEM).steps == ()
    room.collections.undo(actor=SYSTEM)
    assert listed(room, sort="id") == first
    room.collections.delete("seen", actor=SYSTEM)
    room.collections.undo(actor=SYSTEM)
    assert listed(room, sort="id") == first


def test_a_view_that_is_new_is_taken_back_whole(notes):
    room, _ = notes
    view(room, PER_AUTHOR)
    room.collections.undo(actor=SYSTEM)
    with pytest.raises(NotFound):
        listed(room)
