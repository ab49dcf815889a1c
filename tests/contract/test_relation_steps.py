"""One request takes a bounded number of relation steps, whichever of its parts ask for them; what is within runs on every database."""

import pytest

from app.testing import backend as make_backend
from domain.actor import SYSTEM, Actor
from domain.errors import Invalid
from domain.records.aggregates import AggregateQuery
from domain.records.page import ListQuery
from domain.rules.syntax import MAX_RELATION_STEPS
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="GET")
WIDE = 20
# Instead of 48, so that few are many.
MOST = 12


def to(name, target, **options):
    return {"name": name, "type": "relation", "collection": target, **options}


@pytest.fixture
def room(database_url, monkeypatch):
    monkeypatch.setattr("domain.rules.steps.MAX_RELATION_STEPS", MOST)
    with make_backend(database=database_url) as made:
        made.collections.create({"name": "users", "type": "accounts", "fields": []}, actor=SYSTEM)
        ann = made.records.create("users", {"email": "ann@example.org", "password": "a stillroom of herbs"}, actor=SYSTEM, facts=FACTS)
        made.collections.create({"name": "tags", "fields": [{"name": "name", "type": "text"}], "rules": {"list": ""}}, actor=SYSTEM)
        # Whoever goes to a label asks for its tags: one step there, two through the list.
        labels = [{"name": "name", "type": "text"}, to("tags", "tags", many=True)]
        made.collections.create({"name": "labels", "fields": labels, "rules": {"list": "tags.name ?!= 'x'"}}, actor=SYSTEM)
        fields = [{"name": "title", "type": "text", "searchable": True, "rules": {"view": "r0.name = ''"}}, to("label", "labels")]
        fields += [to(f"r{at}", "tags") for at in range(WIDE)]
        made.collections.create({"name": "wide", "fields": fields, "rules": {"list": named(0, 5)}}, actor=SYSTEM)
        made.records.create("wide", {"title": "herbs"}, actor=SYSTEM, facts=FACTS)
        yield made, Actor("account", ann.id, "users", 1)


def named(first, count):
    return " && ".join(f"r{at}.name = ''" for at in range(first, first + count))


def sorted_by(count):
    return ",".join(f"r{at}.name" for at in range(count))


def listed(room, **query):
    backend, ann = room
    return len(backend.records.list("wide", ListQuery(**query), actor=ann, facts=FACTS).rows)


def grouped(room, **query):
    backend, ann = room
    return len(backend.records.aggregate("wide", AggregateQuery(**query), actor=ann, facts=FACTS).rows)


def assert_refused(ask, pointer, room, **query):
    with pytest.raises(Invalid) as refusal:
        ask(room, **query)
    assert refusal.value.code == "limit_exceeded"
    assert "`relation_steps`" in refusal.value.detail
    assert "here are 13" in refusal.value.detail
    assert refusal.value.faults[0].pointer == pointer
    assert "count together" in refusal.value.hint


def test_rule_filter_sort_and_search_are_counted_together(room):
    assert listed(room, filter=named(5, 5), sort=sorted_by(2), count=True) == 1
    assert listed(room, filter=named(5, 6), search="herbs") == 1
    assert_refused(listed, "filter", room, filter=named(5, 6), sort=sorted_by(2))
    assert_refused(listed, "filter", room, filter=named(5, 7), search="herbs")
    assert_refused(listed, "sort", room, sort=sorted_by(8))
    # What the filter asks as the rule does is asked once.
    assert listed(room, filter=named(0, 10), sort=sorted_by(2)) == 1


def test_groups_and_measures_are_counted_with_rule_and_filter(room):
    assert grouped(room, group="label.name", filter=named(5, 4)) == 1
    assert_refused(grouped, "group", room, group="label.name", filter=named(5, 5))
    assert grouped(room, measures="min:label.name,count", filter=named(5, 4)) == 1
    assert_refused(grouped, "measures", room, measures="min:label.name", filter=named(5, 5))


def test_as_many_steps_as_are_allowed_run_within_the_time_of_a_statement(database_url):
    with make_backend(database=database_url) as made:
        made.collections.create({"name": "tags", "fields": [{"name": "name", "type": "text"}], "rules": {"list": ""}}, actor=SYSTEM)
        fields = [{"name": "title", "type": "text"}, *(to(f"r{at}", "tags") for at in range(MAX_RELATION_STEPS))]
        made.collections.create({"name": "wide", "fields": fields, "rules": {"list": ""}}, actor=SYSTEM)
        made.records.create("wide", {"title": "herbs"}, actor=SYSTEM, facts=FACTS)
        query = ListQuery(filter=named(0, MAX_RELATION_STEPS - 8), sort=sorted_by(8), count=True)
        assert len(made.records.list("wide", query, actor=SYSTEM, facts=FACTS).rows) == 1
