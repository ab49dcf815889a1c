"""Sorting by a field of a related record goes by nothing that the actor may not list, whatever that collection's rule asks."""

import pytest

from app.testing import backend
from domain.actor import GUEST, SYSTEM
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
BLUE = RequestFacts("GET", headers={"x_team": "blue"})
# Only red authors may be listed, unless the request names their team. Xaver comes first where he is absent, last where he is not.
AUTHORS = {
    "name": "authors",
    "fields": [{"name": "name", "type": "text"}, {"name": "team", "type": "text"}],
    "rules": {"list": "team = 'red' || team = @request.headers.x_team", "view": ""},
}
BOOKS = {
    "name": "books",
    "fields": [{"name": "author", "type": "relation", "collection": "authors"}],
    "rules": {"list": ""},
}
PEOPLE = {"a1": ("Vera", "red"), "a2": ("Xaver", "blue"), "a3": ("Mia", "red")}


@pytest.fixture(params=["sqlite", "postgresql"])
def library(request):
    on_postgresql = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if on_postgresql else "sqlite:///:memory:"
    with backend(database=url) as room:
        room.collections.create(AUTHORS, actor=SYSTEM)
        room.collections.create(BOOKS, actor=SYSTEM)
        for id, (name, team) in PEOPLE.items():
            room.records.create("authors", {"id": id, "name": name, "team": team}, actor=SYSTEM, facts=FACTS)
            room.records.create("books", {"id": f"by-{name}", "author": id}, actor=SYSTEM, facts=FACTS)
        yield room


def listed(library, actor, facts=FACTS, **query):
    page = library.records.list("books", ListQuery(**query), actor=actor, facts=facts)
    return [item["id"] for item in page.as_object()["items"]], page.next


def books(library, actor, facts=FACTS, **query):
    return listed(library, actor, facts, **query)[0]


def test_an_author_that_may_not_be_listed_counts_as_absent(library):
    assert books(library, GUEST, sort="author.name") == ["by-Xaver", "by-Mia", "by-Vera"]
    assert books(library, GUEST, sort="-author.name") == ["by-Vera", "by-Mia", "by-Xaver"]


def test_what_the_request_says_decides_with_it(library):
    assert books(library, GUEST, BLUE, sort="author.name") == ["by-Mia", "by-Vera", "by-Xaver"]
    assert books(library, GUEST, FACTS, sort="author.name") == ["by-Xaver", "by-Mia", "by-Vera"]


def test_sort_and_filter_ask_the_same_request(library):
    assert books(library, GUEST, BLUE, sort="-author.name", filter="author.name > 'N'") == ["by-Xaver", "by-Vera"]
    assert books(library, GUEST, FACTS, sort="-author.name", filter="author.name > 'N'") == ["by-Vera"]


@pytest.mark.parametrize("facts", [FACTS, BLUE], ids=["hidden", "shown"])
@pytest.mark.parametrize("sort", ["author.name", "-author.name"])
def test_pages_go_on_where_they_stopped(library, facts, sort):
    seen, cursor = [], None
    for _ in PEOPLE:
        ids, cursor = listed(library, GUEST, facts, sort=sort, limit=1, cursor=cursor)
        seen += ids
    assert (seen, cursor) == (books(library, GUEST, facts, sort=sort), None)


def test_who_passes_all_rules_sorts_by_everybody(library):
    assert books(library, SYSTEM, sort="author.name") == ["by-Mia", "by-Vera", "by-Xaver"]
