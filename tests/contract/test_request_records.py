"""Rules that read records through the request: back from the actor's own record, and what the relations of a body name; on every
database alike, and each the same as the rule that asks `@collection`."""

from random import Random
from types import SimpleNamespace

import pytest

from adapters.outbound.sql.session import Session
from app.testing import backend as make_backend
from app.usecases.request_records import MAX_LOADED
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Forbidden, Invalid, NotFound, Problem
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="POST")
TEXT = {"name": "name", "type": "text"}


def to(name, target, **options):
    return {"name": name, "type": "relation", "collection": target, **options}


DEFINITIONS = (
    {"name": "users", "type": "accounts", "fields": [TEXT, to("lead", "users")]},
    {"name": "staff", "type": "accounts", "fields": [TEXT]},
    {"name": "teams", "fields": [TEXT, {"name": "open", "type": "bool"}]},
    {"name": "members", "fields": [to("user", "users"), to("team", "teams"), {"name": "role", "type": "text"},
                                   {"name": "since", "type": "date"}, {"name": "share", "type": "decimal", "scale": 2}]},
    {"name": "badges", "fields": [TEXT, to("users", "users", many=True)]},
    {"name": "projects", "fields": [TEXT, to("owner", "users"), to("team", "teams"), {"name": "meta", "type": "json"}]},
    {"name": "tasks", "fields": [TEXT, to("project", "projects"), to("others", "projects", many=True), to("team", "teams")],
     "rules": {"list": "", "view": ""}},
    {"name": "seats", "type": "view",
     "query": {"source": "members", "columns": [{"name": each, "path": each} for each in ("user", "team", "role")]}},
)  # fmt: skip


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        for definition in DEFINITIONS:
            made.collections.create(definition, actor=SYSTEM)
        people = {name: create(made, "users", name=name, email=f"{name}@example.org", password="a stillroom of herbs")
                  for name in ("ann", "bob", "cyd")}  # fmt: skip
        actors = {name: Actor("account", each["id"], "users", 1) for name, each in people.items()}
        made.records.update("users", people["bob"]["id"], {"lead": people["ann"]["id"]}, actor=SYSTEM, facts=FACTS)
        for at in range(4):
            create(made, "teams", id=f"t{at}", name=f"team {at}", open=at % 2 == 0)
        for user, team, role in (("ann", "t0", "admin"), ("ann", "t1", "guest"), ("ann", "t2", "admin"), ("bob", "t1", "admin")):
            create(made, "members", user=people[user]["id"], team=team, role=role, since="2026-01-01", share="2.50")
        create(made, "badges", name="gold", users=[people["ann"]["id"], people["bob"]["id"]])
        create(made, "badges", name="tin", users=[people["ann"]["id"]])
        create(made, "projects", id="p0", name="zero", owner=people["ann"]["id"], team="t0", meta={"open": True, "owner": "x"})
        create(made, "projects", id="p1", name="one", owner=people["bob"]["id"], team="t1", meta={"open": False})
        create(made, "projects", id="p2", name="two", team="t3")
        for at, (project, others) in enumerate((("p0", []), ("p1", ["p0"]), ("p2", ["p0", "p1"]), (None, ["p2"]))):
            create(made, "tasks", id=f"k{at}", name=f"task {at}", project=project, others=others, team=f"t{at}")
        yield SimpleNamespace(collections=made.collections, records=made.records, **actors)


def create(room, collection, actor=SYSTEM, **values):
    return room.records.create(collection, values, actor=actor, facts=FACTS).as_object()


def rule(room, **rules):
    room.collections.change("tasks", {"rules": rules}, actor=SYSTEM)


def listed(room, actor, text):
    rule(room, list=text)
    return seen(room, actor)


def seen(room, actor):
    return [each["id"] for each in room.records.list("tasks", ListQuery(sort="id"), actor=actor, facts=FACTS).as_object()["items"]]


def listed_by_each(room, text):
    rule(room, list=text)
    return [seen(room, actor) for actor in (room.ann, room.bob, room.cyd, GUEST)]


def refused(room, actor, **values):
    try:
        create(room, "tasks", actor, **values)
    except Forbidden:
        return True
    return False


BACK = [
    ("@request.auth.members_via_user.team ?= team", "k0 k1 k2", "k1", ""),
    ("@request.auth.members_via_user.team ?= team && @request.auth.members_via_user.role ?= 'admin'", "k0 k2", "k1", ""),
    ("@request.auth.members_via_user.team.open ?= true && @request.auth.members_via_user.team ?= team", "k0 k2", "", ""),
    ("@request.auth.members_via_user.role ?= 'guest'", "k0 k1 k2 k3", "", ""),
    ("@request.auth.members_via_user.role = 'admin'", "", "k0 k1 k2 k3", ""),
    ("@request.auth.members_via_user.role != 'guest'", "", "k0 k1 k2 k3", "k0 k1 k2 k3"),
    ("@request.auth.members_via_user:length > 1", "k0 k1 k2 k3", "", ""),
    ("@request.auth.members_via_user:length = 0", "", "", "k0 k1 k2 k3"),
    ("@request.auth.members_via_user.team.members_via_team:length = 4", "k0 k1 k2 k3", "", ""),
    ("@request.auth.members_via_user.team.members_via_team.user.name ?= 'bob'", "k0 k1 k2 k3", "k0 k1 k2 k3", ""),
    ("@request.auth.lead.members_via_user.team ?= team", "", "k0 k1 k2", ""),
    ("@request.auth.users_via_lead.members_via_user.team ?= team", "k1", "", ""),
    ("@request.auth.badges_via_users.name ?= 'tin'", "k0 k1 k2 k3", "", ""),
    ("@request.auth.seats_via_user.team ?= team && @request.auth.seats_via_user.role ?= 'guest'", "k1", "", ""),
    ("@request.auth.members_via_user.since ?< @now && @request.auth.members_via_user.share ?= 2.5", "k0 k1 k2 k3", "k0 k1 k2 k3", ""),
    ("@request.auth.projects_via_owner.meta.open ?= true", "k0 k1 k2 k3", "", ""),
    ("@request.auth.projects_via_owner ?= project", "k0", "k1", ""),
    ("!(@request.auth.projects_via_owner ?= project)", "k1 k2 k3", "k0 k2 k3", "k0 k1 k2 k3"),
]  # fmt: skip


def test_what_points_back_at_the_actor(room):
    for text, *expected in BACK:
        # A guest is one whom nothing points at.
        assert [" ".join(each) for each in listed_by_each(room, text)] == [*expected, expected[-1]], text


def test_an_actor_of_another_collection_is_nobody_there(room):
    sam = create(room, "staff", name="sam", email="sam@example.org", password="a stillroom of herbs")
    actor = Actor("account", sam["id"], "staff", 1)
    assert listed(room, actor, "@request.auth.members_via_user.role ?= 'admin' || @request.auth.members_via_user != ''") == []


SAME = (
    ("@request.auth.members_via_user.{0} ?= {1} && @request.auth.members_via_user.{2} ?= {3}",
     "@collection.members.user ?= @request.auth.id && @collection.members.{0} ?= {1} && @collection.members.{2} ?= {3}"),
    ("@request.auth.members_via_user.{0} ?= {1} && !(@request.auth.members_via_user.{2} ?= {3})",
     ("@collection.members.user ?= @request.auth.id && @collection.members.{0} ?= {1} && "
      "!(@collection.members.user ?= @request.auth.id && @collection.members.{2} ?= {3})")),
    ("@request.auth.members_via_user.{0} ?= {1} || @request.auth.projects_via_owner.team ?= team",
     ("(@collection.members.user ?= @request.auth.id && @collection.members.{0} ?= {1}) || "
      "(@collection.projects.owner ?= @request.auth.id && @collection.projects.team ?= team)")),
)  # fmt: skip
SIDES = (("team", "team"), ("team", "project.team"), ("role", "'admin'"), ("role", "'guest'"), ("team.name", "team.name"), ("team", "'t1'"),
         ("team.open", "true"), ("team.open", "team.open"))  # fmt: skip


def test_it_says_what_the_same_rule_with_collection_says(room):
    dice, told = Random(7), set()
    for _ in range(6):
        (first, one), (second, other) = dice.choice(SIDES), dice.choice(SIDES)
        form, same = dice.choice(SAME)
        texts = [each.format(first, one, second, other) for each in (form, same)]
        found, expected = (listed_by_each(room, text) for text in texts)
        assert found == expected, texts
        told.update(map(len, found))
    assert len(told) > 2


NAMED = [
    ("@request.body.project.owner = @request.auth.id", {"project": "p0"}, [{"project": "p1"}, {"project": "p2"}, {"project": "none"}, {}]),
    ("@request.body.project.team.name = 'team 0'", {"project": "p0"}, [{"project": "p1"}, {"project": ""}, {"project": None}]),
    ("@request.body.project.meta.open = true", {"project": "p0"}, [{"project": "p1"}, {"project": "p2"}]),
    ("@request.body.others.owner ?= @request.auth.id", {"others": ["p2", "p0"]}, [{"others": ["p1"]}, {"others": []}, {}]),
    ("@request.body.others.owner = @request.auth.id", {"others": ["p0"]}, [{"others": ["p0", "p1"]}, {"others": ["p0", "none"]}]),
    ("@request.body.others.name ?= 'two' && @request.body.others.team ?= @request.body.team", {"others": ["p0", "p2"], "team": "t3"},
     [{"others": ["p0", "p2"], "team": "t0"}]),
    ("@request.body.project.team.members_via_team.user ?= @request.auth.id", {"project": "p0"}, [{"project": "p2"}, {}]),
    ("@request.body.project.team.members_via_team:length = 2", {"project": "p1"}, [{"project": "p0"}, {}]),
    ("@request.body.project.team = @request.body.team", {"project": "p0", "team": "t0"}, [{"project": "p0", "team": "t1"}, {}]),
    ("@request.body.project:isset && @request.body.project.owner != ''", {"project": "p0"}, [{}, {"project": "p2"}, {"project": None}]),
]  # fmt: skip


def test_what_the_relations_of_a_body_name(room):
    for text, passing, failing in NAMED:
        rule(room, create=text, update=text)
        assert not refused(room, room.ann, **passing), text
        assert change(room, room.ann, **passing) == "changed", text
        for body in failing:
            assert refused(room, room.ann, **body), (text, body)
            assert change(room, room.ann, **body) == "hidden", (text, body)
        assert refused(room, GUEST, **passing) is ("@request.auth" in text)


def change(room, actor, **body):
    try:
        room.records.update("tasks", "k3", body, actor=actor, facts=FACTS)
    except NotFound:
        return "hidden"
    return "changed"


HOSTILE = [
    {"project": {"owner": "ANN", "meta": {"open": True}}}, {"project": ["p0"]}, {"project": 5}, {"project": "\0"}, {"project": "\ud800"},
    {"others": {"owner": "ANN"}}, {"others": [{"owner": "ANN"}]}, {"others": [["p0"]]}, {"project": "p" * 100_000},
]  # fmt: skip


def test_nothing_that_a_body_says_stands_in_for_the_record(room):
    ours = "@request.body.project.owner = @request.auth.id || @request.body.others.owner ?= @request.auth.id"
    rule(room, create=f"({ours}) && @request.body.project != 'x' && @request.body.others != 'x'", update=ours)
    for body in HOSTILE:
        told = {key: _with(value, room.ann.id) for key, value in body.items()}
        # The rule says no before anything is said about the body.
        with pytest.raises(Forbidden):
            create(room, "tasks", room.ann, **told)
        with pytest.raises(Invalid):
            change(room, room.ann, **told)


def _with(value, id):
    if isinstance(value, dict):
        return {key: _with(each, id) for key, each in value.items()}
    return [_with(each, id) for each in value] if isinstance(value, list) else id if value == "ANN" else value


def test_too_many_records_are_refused_by_the_name_of_the_limit(room):
    for _ in range(MAX_LOADED):
        create(room, "projects", owner=room.cyd.id)
    assert listed(room, room.cyd, "@request.auth.projects_via_owner:length > 100") == ["k0", "k1", "k2", "k3"]
    create(room, "projects", owner=room.cyd.id)
    for text in ("@request.auth.projects_via_owner:length > 100", "@request.auth.projects_via_owner.name ?= 'a'"):
        with pytest.raises(Invalid) as refusal:
            listed(room, room.cyd, text)
        assert refusal.value.code == "limit_exceeded"
        assert "`request_records`" in refusal.value.detail
        assert "@collection" in refusal.value.hint
    assert listed(room, room.ann, "@request.auth.projects_via_owner:length < 100") == ["k0", "k1", "k2", "k3"]


def test_what_one_step_leads_to_is_loaded_together(room, monkeypatch):
    rule(room, list="@request.auth.members_via_user.team.name ?= team.name && @request.auth.members_via_user.role ?= 'admin'")
    count, run = [], Session.execute
    monkeypatch.setattr(Session, "execute", lambda self, prepared, values: count.append(prepared.text) or run(self, prepared, values))
    room.records.list("tasks", ListQuery(), actor=room.ann, facts=FACTS)
    # What points back, those records, their teams, and the list.
    assert len(count) == 4, count


def test_names_in_such_rules_follow_renames_and_stand_in_the_way_of_deletion(room):
    rule(room, list="@request.auth.members_via_user.role ?= 'admin'", update="@request.body.project.owner.name = 'ann'")
    renamed(room, "members", {"user": "person", "role": "part"}, "seatings")
    renamed(room, "projects", {"owner": "keeper"}, "projects")
    kept = room.collections.get("tasks", actor=SYSTEM).rules
    assert (kept.list, kept.update) == ("@request.auth.seatings_via_person.part ?= 'admin'", "@request.body.project.keeper.name = 'ann'")
    for collection in ("seatings", "projects"):
        kept = [each for each in definitions_of(room, collection) if each["name"] not in ("part", "keeper")]
        with pytest.raises(Problem) as refusal:
            room.collections.change(collection, {"fields": kept}, actor=SYSTEM)
        assert "tasks" in str([fault.detail for fault in refusal.value.faults]) + refusal.value.detail


def definitions_of(room, collection):
    return [each.definition() for each in room.collections.get(collection, actor=SYSTEM).fields]


def renamed(room, collection, names, to):
    fields = definitions_of(room, collection)
    moved = [{**each, "name": names[each["name"]], "was": each["name"]} if each["name"] in names else each for each in fields]
    room.collections.change(collection, {"name": to, "fields": moved}, actor=SYSTEM)
