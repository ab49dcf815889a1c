"""Aggregates over hostile values, on every database held against the same computed in Python; and what may not be asked of them."""

import random
from collections import defaultdict
from decimal import Decimal, localcontext

import pytest

from adapters.outbound.sql.session import Session
from app.testing import backend as make_backend
from app.testing import client
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from domain.records.aggregates import AggregateQuery
from domain.rules.values import RequestFacts
from tests.contract.rule_cases import CENTS, INSTANTS, INTEGERS, NUMBERS, TEXTS

FACTS = RequestFacts(method="GET")
OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
TEAMS = {"name": "teams", "fields": [{"name": "name", "type": "text"}, {"name": "open", "type": "bool"}], "rules": {**OPEN, "list": "open"}}
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text"}, {"name": "views", "type": "integer"}, {"name": "score", "type": "number"},
        {"name": "price", "type": "decimal", "scale": 2}, {"name": "live", "type": "bool"}, {"name": "at", "type": "date"},
        {"name": "on_day", "type": "day"}, {"name": "meta", "type": "json"}, {"name": "contact", "type": "email"},
        {"name": "secret", "type": "integer", "hidden": True}, {"name": "team", "type": "relation", "collection": "teams"},
    ],
    "rules": {**OPEN, "list": "title != 'unseen'"},
}  # fmt: skip
EMAILS = (None, "ann@example.org", "Ann@Example.org", "bob@example.org")


def rows():
    chosen = random.Random(5)
    for at in range(80):
        yield {
            "title": chosen.choice(TEXTS[:12] + TEXTS[15:20]), "views": chosen.choice(INTEGERS), "score": chosen.choice(NUMBERS),
            "price": _text(chosen.choice(CENTS)), "live": chosen.choice((None, True, False)), "at": chosen.choice(INSTANTS),
            "on_day": (chosen.choice(INSTANTS) or "")[:10], "contact": chosen.choice(EMAILS), "secret": at,
            "team": chosen.choice((None, "red", "blue", "grey")),
        }  # fmt: skip


def _text(value):
    return None if value is None else format(value, "f")


ROWS = list(rows())


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        for definition in (TEAMS, POSTS):
            made.collections.create(definition, actor=SYSTEM)
        for id, is_open in (("red", True), ("blue", True), ("grey", False)):
            made.records.create("teams", {"id": id, "name": id.upper(), "open": is_open}, actor=SYSTEM, facts=FACTS)
        for row in ROWS:
            made.records.create("posts", row, actor=SYSTEM, facts=FACTS)
        yield made


def asked(room, actor=SYSTEM, **query):
    return room.records.aggregate("posts", AggregateQuery(**query), actor=actor, facts=FACTS).as_object()


# --- the same, in Python


def total(values, kind):
    if not values:
        return None
    if kind == "integer":
        found = sum(values)
        return found if -(2**63) <= found < 2**63 else str(found)
    with localcontext() as context:
        context.prec = 800
        exact = sum((Decimal(value) if kind == "decimal" else Decimal(repr(value)) for value in values), Decimal(0))
    return format(exact, "f") if kind == "decimal" else float(exact) + 0.0


def mean(values, kind):
    if not values:
        return None
    if kind == "number":
        return total(values, kind) / len(values)
    if kind == "integer":
        return float(sum(values)) / len(values)
    return float(sum(int(Decimal(value) * 100) for value in values)) / len(values) / 1e2


def held(rows, name):
    return [row[name] for row in rows if row[name] not in (None, "")]


def extreme(rows, name, choose):
    by = (lambda value: Decimal(value)) if name == "price" else (lambda value: value)
    return choose(held(rows, name), key=by, default=None)


MEASURES = ("count", "sum:views", "avg:views", "sum:score", "avg:score", "sum:price", "avg:price", "min:price", "max:price", "min:views",
            "max:title", "min:title", "min:at", "max:on_day", "count:live", "count:team")  # fmt: skip
KINDS = {"views": "integer", "score": "number", "price": "decimal"}


def computed(rows):
    found = {}
    for measure in MEASURES:
        function, _, name = measure.partition(":")
        if function == "count":
            found[measure] = len(held(rows, name)) if name else len(rows)
        elif function in ("min", "max"):
            found[measure] = extreme(rows, name, min if function == "min" else max)
        else:
            found[measure] = (total if function == "sum" else mean)(held(rows, name), KINDS[name])
    return found


GROUPS = {
    "": lambda row: (),
    "live": lambda row: (row["live"],),
    "title": lambda row: (row["title"] or None,),
    "team.name,live": lambda row: (row["team"] and row["team"].upper(), row["live"]),
    "at:month": lambda row: (row["at"] and row["at"][:7],),
    "at:day,on_day:year": lambda row: (row["at"] and row["at"][:10], row["on_day"][:4] or None),
    "price": lambda row: (row["price"],),
    "views": lambda row: (row["views"],),
    "score": lambda row: (row["score"],),
}


@pytest.mark.parametrize("group", GROUPS)
def test_groups_and_measures_are_those_of_python(room, group):
    expected = defaultdict(list)
    for row in ROWS:
        expected[GROUPS[group](row)].append(row)
    found = asked(room, group=group, measures=",".join(MEASURES), limit=500)
    assert found["next"] is None
    names = [name for name in group.split(",") if name]
    told = {tuple(item.pop(name) for name in names): item for item in found["items"]}
    assert told == {key: computed(each) for key, each in expected.items()}


def smallest_first(value):
    return (value is not None, value)


@pytest.mark.parametrize("name", ["title", "views", "score", "live", "at:year"])
def test_groups_stand_in_the_order_of_lists(room, name):
    """Code points, false before true, and null before everything."""
    values = [item[name] for item in asked(room, group=name)["items"]]
    assert values == sorted(values, key=smallest_first)
    assert values[::-1] == [item[name] for item in asked(room, group=name, sort=f"-{name}")["items"]]


def test_sums_are_sorted_exactly_also_beyond_64_bits(room):
    found = [item["sum:views"] for item in asked(room, group="title", measures="sum:views", sort="-sum:views")["items"]]
    numbers = [int(value) for value in found if value is not None]
    assert any(isinstance(value, str) for value in found)
    assert numbers == sorted(numbers, reverse=True)
    assert found.count(None) + len(numbers) == len(found)


def test_pages_of_groups_hold_every_group_once(room):
    whole = asked(room, group="title,live", sort="-count", limit=500)["items"]
    paged, page = [], 1
    while page:
        found = asked(room, group="title,live", sort="-count", limit=7, page=page)
        paged, page = paged + found["items"], found["next"]
    assert paged == whole
    assert len(whole) > 14


def test_addresses_that_are_equal_make_one_group(room):
    found = asked(room, group="contact")["items"]
    assert [item["contact"] for item in found] == [None, "Ann@Example.org", "bob@example.org"]
    assert sum(item["count"] for item in found) == len(ROWS)


def test_nothing_to_measure_is_one_group_of_nothing(room):
    assert asked(room, measures="count,sum:views,avg:score,max:title", filter="title = 'nobody'") == {
        "items": [{"count": 0, "sum:views": None, "avg:score": None, "max:title": None}], "next": None}  # fmt: skip
    assert asked(room, group="live", filter="title = 'nobody'") == {"items": [], "next": None}


# --- fields with many values

BOOKS = {"name": "books", "fields": [
    {"name": "title", "type": "text"}, {"name": "pages", "type": "integer"},
    {"name": "genres", "type": "select", "values": ["b", "a", "é"], "many": True},
    {"name": "shelves", "type": "relation", "collection": "teams", "many": True},
    {"name": "notes", "type": "select", "values": ["x"], "many": True, "rules": {"view": "pages > 2"}},
    {"name": "cost", "type": "integer", "rules": {"view": "pages > 2"}},
], "rules": OPEN}  # fmt: skip
KEPT = [
    {"pages": 1, "genres": ["a", "b"], "shelves": ["red"], "notes": ["x"], "cost": 100},
    {"pages": 2, "genres": ["é"], "shelves": ["blue", "red"], "cost": 200},
    {"pages": 4, "genres": [], "shelves": [], "notes": ["x"], "cost": 3}, {"pages": 8, "genres": ["a"], "shelves": ["grey"], "cost": 4},
]  # fmt: skip


@pytest.fixture
def books(room):
    room.collections.create(BOOKS, actor=SYSTEM)
    for book in KEPT:
        room.records.create("books", book, actor=SYSTEM, facts=FACTS)

    def groups(actor=GUEST, **query):
        return room.records.aggregate("books", AggregateQuery(**query), actor=actor, facts=FACTS).as_object()["items"]

    return groups


@pytest.mark.parametrize("name", ["genres", "shelves"])
def test_a_record_stands_in_the_group_of_each_of_its_values(books, name):
    expected = defaultdict(list)
    for book in KEPT:
        for value in book[name] or [None]:
            expected[value].append(book["pages"])
    found = books(group=name, measures="count,sum:pages")
    assert [item[name] for item in found] == sorted(expected, key=smallest_first)
    assert {item[name]: (item["count"], item["sum:pages"]) for item in found} == {
        value: (len(pages), sum(pages)) for value, pages in expected.items()}  # fmt: skip


def test_values_of_a_list_and_others_make_groups_together(books):
    found = books(group="genres,pages", filter="genres ?= 'a'", sort="-genres,-pages")
    assert [(item["genres"], item["pages"]) for item in found] == [("b", 1), ("a", 8), ("a", 1)]


def test_what_a_rule_hides_in_some_records_counts_as_absent_there(books):
    assert books(group="notes") == [{"notes": None, "count": 3}, {"notes": "x", "count": 1}]
    assert books(SYSTEM, group="notes") == [{"notes": None, "count": 2}, {"notes": "x", "count": 2}]
    measures = "count,count:cost,sum:cost,max:cost,avg:cost"
    assert books(measures=measures) == [{"count": 4, "count:cost": 2, "sum:cost": 7, "max:cost": 4, "avg:cost": 3.5}]
    assert books(SYSTEM, measures="sum:cost") == [{"sum:cost": 307}]
    assert books(group="cost") == [{"cost": None, "count": 2}, {"cost": 3, "count": 1}, {"cost": 4, "count": 1}]


@pytest.mark.parametrize("query", [
    {"group": "genres,shelves"}, {"group": "shelves.name"}, {"group": "genres:length"},
    {"measures": "count:genres"}, {"measures": "max:shelves"},
])  # fmt: skip
def test_other_questions_about_lists_are_refused(books, query):
    with pytest.raises(Invalid) as refused:
        books(**query)
    assert refused.value.code == "not_allowed"


# --- who asks


def test_totals_are_over_visible_records_only(room):
    for _ in range(3):
        room.records.create("posts", {"title": "unseen", "views": 1000}, actor=SYSTEM, facts=FACTS)
    assert asked(room, GUEST)["items"] == [{"count": len(ROWS)}]
    assert asked(room, SYSTEM)["items"] == [{"count": len(ROWS) + 3}]
    assert asked(room, GUEST, filter="title = 'unseen'", measures="count,sum:views")["items"] == [{"count": 0, "sum:views": None}]


def test_what_a_relation_hides_groups_as_absent(room):
    """The list rule of teams hides the grey one from a guest: its posts stand with those without a team."""
    counts = {item["team.name"]: item["count"] for item in asked(room, GUEST, group="team.name")["items"]}
    expected = {None: sum(row["team"] in (None, "grey") for row in ROWS)} | {
        name.upper(): sum(row["team"] == name for row in ROWS) for name in ("red", "blue")}  # fmt: skip
    assert counts == expected
    assert {item["max:team.name"] for item in asked(room, GUEST, measures="max:team.name")["items"]} == {"RED"}


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("query, pointer, code", [
    ({"group": "secret"}, "group", "unknown_field"),
    ({"measures": "max:secret"}, "measures", "unknown_field"),
    ({"measures": "count:secret"}, "measures", "unknown_field"),
    ({"filter": "secret > 3"}, "filter", "unknown_field"),
    ({"sort": "secret"}, "sort", "unknown_field"),
    ({"sort": "max:secret"}, "sort", "unknown_field"),
    ({"group": "@request.auth.id"}, "group", "not_allowed"),
    ({"group": "@collection.teams.name"}, "group", "not_allowed"),
    ({"group": "meta"}, "group", "not_allowed"),
    ({"group": "meta.x"}, "group", "not_allowed"),
    ({"group": "title:month"}, "group", "type_mismatch"),
    ({"group": "title:lower"}, "group", "not_allowed"),
    ({"group": "title,title"}, "group", "duplicate_name"),
    ({"group": "title,,live"}, "group", "syntax_error"),
    ({"group": "title;drop table posts"}, "group", "syntax_error"),
    ({"group": "teams_via_posts.id"}, "group", "unknown_field"),
    ({"group": ",".join(f"team.x{at}" for at in range(9))}, "group", "unknown_field"),
    ({"measures": "median:views"}, "measures", "unknown_name"),
    ({"measures": "sum"}, "measures", "unknown_name"),
    ({"measures": "sum:title"}, "measures", "type_mismatch"),
    ({"measures": "min:live"}, "measures", "type_mismatch"),
    ({"measures": "min:contact"}, "measures", "type_mismatch"),
    ({"measures": "max:meta"}, "measures", "type_mismatch"),
    ({"measures": "sum:views)--"}, "measures", "syntax_error"),
    ({"sort": "views"}, "sort", "unknown_field"),
    ({"sort": "count,-count"}, "sort", "duplicate_name"),
])  # fmt: skip
def test_what_may_not_be_asked_is_refused_in_its_place(room, query, pointer, code):
    with pytest.raises(Invalid) as refused:
        asked(room, GUEST, **query)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [(pointer, code)]
    assert "secret" not in (refused.value.hint or "")


@pytest.mark.parametrize("query, limit", [
    ({"group": "title,views,live,score,price,at:day,at:month,at:year,on_day"}, "group"),
    ({"measures": ",".join(f"{function}:{name}" for function in ("sum", "avg", "min", "max", "count") for name in KINDS for _ in (0,))
        + ",min:title,max:title,min:at,max:at,min:on_day,max:on_day"}, "measures"),
    ({"group": "x" * 4001}, "characters"),
])  # fmt: skip
def test_limits_are_refused_by_name(room, query, limit):
    with pytest.raises(Invalid) as refused:
        asked(room, **query)
    assert refused.value.code == "limit_exceeded"
    assert f"`{limit}`" in refused.value.detail


def test_a_list_rule_for_admins_is_refused_as_for_lists(room):
    room.collections.change("posts", {"rules": {"list": None}}, actor=SYSTEM)
    for actor, kind in ((GUEST, Unauthenticated), (Actor("account", "x", "", 0), Forbidden)):
        with pytest.raises(kind):
            asked(room, actor)
    with pytest.raises(NotFound):
        room.records.aggregate("nowhere", AggregateQuery(), actor=GUEST, facts=FACTS)


def test_an_aggregate_is_one_statement(room, monkeypatch):
    seen = []
    run = Session._run
    monkeypatch.setattr(Session, "_run", lambda self, text, arguments: seen.append(text) or run(self, text, arguments))
    asked(room, GUEST, group="team.name,at:month", measures="count,sum:views", filter="team.open && views > 1", sort="-count", page=1)
    assert len(seen) == 1
    assert "_meta" in seen[0]


# --- at the door


def test_over_http(room):
    web = client(room)
    path = "/api/v1/collections/posts/records/aggregate"
    answer = web.get(f"{path}?group=live&measures=count&sort=-count&limit=1")
    assert answer.status_code == 200
    assert answer.get_json()["next"] == 2
    for query in ("limit=501", "limit=0", "page=0", "grup=live", "cursor=x", "group=live&group=at"):
        assert web.get(f"{path}?{query}").status_code == 400, query
    assert web.get("/api/v1/collections/sqlite_master/records/aggregate").status_code == 404


def test_no_record_takes_the_address(room):
    with pytest.raises(Invalid) as refused:
        room.records.create("posts", {"id": "aggregate"}, actor=SYSTEM, facts=FACTS)
    assert [fault.code for fault in refused.value.faults] == ["reserved_name"]
