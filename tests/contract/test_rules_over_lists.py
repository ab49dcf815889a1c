"""Rules that ask lists of the account, of the body and of the record, told over the whole backend, on every database alike."""

import orjson
import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
COLLECTIONS = (
    {"name": "roles", "fields": [{"name": "name", "type": "text"}]},
    {"name": "teams", "fields": [{"name": "name", "type": "text"}, {"name": "open", "type": "bool"}], "rules": {"list": "", "view": ""}},
    {
        "name": "users", "type": "accounts",
        "fields": [{"name": "teams", "type": "relation", "collection": "teams", "many": True},
                   {"name": "roles", "type": "relation", "collection": "roles", "many": True}],
    },
    {
        "name": "posts",
        "fields": [{"name": "title", "type": "text"}, {"name": "meta", "type": "json"},
                   {"name": "team", "type": "relation", "collection": "teams"},
                   {"name": "readers", "type": "relation", "collection": "teams", "many": True},
                   {"name": "labels", "type": "select", "values": ["red", "blue", "green"], "many": True}],
        "rules": {
            "list": "team ?= @request.auth.teams || readers ?= @request.auth.teams", "view": "hasRole('chief') || labels ?= 'red'",
            "create": "@request.auth.teams ?= team && @request.auth.teams.open ?= true && @request.body.labels:each != 'green'",
            "update": "@request.body.readers:changed = false && @request.body.meta:changed = false && @request.body.labels:changed = false",
        },
    },
)  # fmt: skip


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as room:
        for definition in COLLECTIONS:
            room.collections.create(definition, actor=SYSTEM)
        yield room


def make(room, collection, actor=SYSTEM, **values):
    return room.records.create(collection, values, actor=actor, facts=FACTS).as_object()


def items(room, actor, filter_=""):
    page = room.records.list("posts", ListQuery(filter=filter_), actor=actor, facts=FACTS)
    return orjson.loads(orjson.dumps(page.as_object()["items"]))


def listed(room, actor, filter_=""):
    return sorted(each["title"] for each in items(room, actor, filter_))


@pytest.fixture
def world(room):
    """Two open teams and a closed one; Ann is in the first and the closed one, and chief; Bob is in none."""
    red, blue, closed = (make(room, "teams", name=name, open=name != "closed")["id"] for name in ("red", "blue", "closed"))
    chief, cook = (make(room, "roles", name=name)["id"] for name in ("chief", "cook"))
    ann = make(room, "users", email="ann@example.org", password="a stillroom of herbs", teams=[red, closed], roles=[cook, chief])
    bob = make(room, "users", email="bob@example.org", password="a stillroom of herbs", roles=[cook])
    for title, team, readers, labels in (("mine", red, [], ["blue"]), ("read", blue, [blue, closed], ["red"]), ("theirs", blue, [blue], []),
                                         ("nobody's", None, [], ["red"])):  # fmt: skip
        make(room, "posts", title=title, team=team, readers=readers, labels=labels, meta={"n": 1, "list": [1, 2]})
    actors = {name: Actor("account", each["id"], "users", 1) for name, each in (("ann", ann), ("bob", bob))}
    return {"red": red, "blue": blue, "closed": closed, **actors}


def post(room, title):
    return items(room, SYSTEM, f"title = '{title}'")[0]


def test_the_teams_of_the_account_open_their_posts(room, world):
    assert listed(room, world["ann"]) == ["mine", "read"]
    assert listed(room, world["ann"], "labels = 'red'") == ["read"]
    assert listed(room, world["bob"]) == []
    assert listed(room, GUEST) == []


def test_a_role_is_the_name_of_a_record(room, world):
    theirs = post(room, "theirs")["id"]
    assert room.records.get("posts", theirs, actor=world["ann"], facts=FACTS)
    with pytest.raises(NotFound):
        room.records.get("posts", theirs, actor=world["bob"], facts=FACTS)
    assert room.records.get("posts", post(room, "read")["id"], actor=world["bob"], facts=FACTS)


def test_a_post_is_made_in_an_open_team_of_ones_own(room, world):
    assert make(room, "posts", world["ann"], title="new", team=world["red"], labels=["blue"])
    before = listed(room, SYSTEM)
    for refused in ({"team": world["closed"]}, {"team": world["blue"]}, {"team": world["red"], "labels": ["blue", "green"]}, {}):
        with pytest.raises(Forbidden):
            make(room, "posts", world["ann"], title="no", **refused)
    with pytest.raises((Forbidden, Unauthenticated)):
        make(room, "posts", GUEST, title="no", team=world["red"])
    assert listed(room, SYSTEM) == before


@pytest.mark.parametrize("body,allowed", [
    ({"title": "x"}, True), ({"readers": ["blue", "closed"]}, True), ({"readers": ["closed", "blue"]}, False), ({"readers": []}, False),
    ({"readers+": "red"}, False), ({"labels": ["red"]}, True), ({"labels": ["red", "blue"]}, False), ({"labels": None}, False),
    ({"meta": {"list": [1.0, 2], "n": 1}}, True), ({"meta": {"n": 1, "list": [2, 1]}}, False), ({"meta": None}, False),
])  # fmt: skip
def test_what_may_not_change_may_be_sent_as_it_is(room, world, body, allowed):
    old = post(room, "read")
    sent = {key: [world[each] for each in value] if key == "readers" else world[value] if key == "readers+" else value
            for key, value in body.items()}  # fmt: skip
    if allowed:
        room.records.update("posts", old["id"], sent, actor=world["bob"], facts=FACTS)
        return
    with pytest.raises(NotFound):
        room.records.update("posts", old["id"], sent, actor=world["bob"], facts=FACTS)
    assert post(room, "read") == old


def test_too_long_a_list_is_refused_by_name_and_nothing_is_kept(room, world):
    room.collections.change("posts", {"rules": {"create": "title ?= @request.body.meta:each"}}, actor=SYSTEM)
    with pytest.raises(Invalid) as refused:
        make(room, "posts", world["bob"], title="long", meta=[f"{at}" for at in range(5000)])
    assert refused.value.code == "limit_exceeded"
    assert "long" not in listed(room, SYSTEM)
    assert make(room, "posts", world["bob"], title="7", meta=[f"{at}" for at in range(1000)])
