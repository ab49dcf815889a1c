"""What admins may do by their role, and that no route of theirs forgets to ask."""

import pytest

from app.testing import backend, client
from domain.actor import GUEST, SYSTEM
from domain.errors import Conflict, Forbidden, Invalid, Unauthenticated
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

PASSWORD = "a stillroom of herbs"
FACTS = RequestFacts("POST")


@pytest.fixture
def room():
    with backend() as room:
        for role in ("owner", "editor", "viewer"):
            room.accounts.create_admin(f"{role}@example.org", PASSWORD, role)
        room.collections.create({"name": "posts", "fields": [{"name": "title", "type": "text"}]}, actor=SYSTEM)
        room.records.create("posts", {"id": "p1", "title": "x"}, actor=SYSTEM, facts=FACTS)
        yield room


def signed(room, role):
    return room.accounts.sign_in("_admins", f"{role}@example.org", PASSWORD, facts=FACTS)


def admin(room, role):
    return room.accounts.identify(signed(room, role).access_token)


def role_of(room, who, role):
    return room.records.update("_admins", who.id, {"admin_role": role}, actor=SYSTEM, facts=FACTS)


def test_a_viewer_sees_everything_and_changes_nothing(room):
    viewer = admin(room, "viewer")
    assert [each.name for each in room.collections.list(actor=viewer)] == ["posts"]
    assert room.records.get("posts", "p1", actor=viewer, facts=FACTS).as_object()["title"] == "x"
    for attempt in (
        lambda: room.records.create("posts", {"title": "y"}, actor=viewer, facts=FACTS),
        lambda: room.records.update("posts", "p1", {"title": "y"}, actor=viewer, facts=FACTS),
        lambda: room.records.update("posts", "p1", {}, actor=viewer, facts=FACTS),
        lambda: room.records.delete("posts", "p1", actor=viewer, facts=FACTS),
        lambda: room.collections.create({"name": "more"}, actor=viewer),
        lambda: room.collections.delete("posts", actor=viewer),
        lambda: room.trash.empty("posts", actor=viewer),
    ):
        with pytest.raises(Forbidden, match="your role is viewer"):
            attempt()
    assert room.records.get("posts", "p1", actor=viewer, facts=FACTS).as_object()["title"] == "x"


def test_an_editor_changes_what_is_in_the_backend_and_nobodys_rights(room):
    editor, viewer = admin(room, "editor"), admin(room, "viewer")
    room.records.update("posts", "p1", {"title": "y"}, actor=editor, facts=FACTS)
    room.collections.create({"name": "more"}, actor=editor)
    for attempt in (
        lambda: room.records.create("_admins", {"email": "x@example.org", "password": PASSWORD}, actor=editor, facts=FACTS),
        lambda: room.records.update("_admins", editor.id, {"admin_role": "owner"}, actor=editor, facts=FACTS),
        lambda: room.records.update("_admins", viewer.id, {"password": "another long one"}, actor=editor, facts=FACTS),
        lambda: room.records.delete("_admins", viewer.id, actor=editor, facts=FACTS),
        lambda: room.sessions.end_others("_admins", viewer.id, actor=editor),
    ):
        with pytest.raises(Forbidden, match="your role is editor"):
            attempt()


def test_a_viewer_sees_jobs_and_an_editor_mends_them(room):
    room.jobs.register("note", lambda: 1 / 0, tries=1)
    viewer, editor = admin(room, "viewer"), admin(room, "editor")
    dead = room.jobs.enqueue("note")
    room.job_runs.drain()
    waiting = room.jobs.enqueue("note")
    mending = (lambda who: room.jobs.cancel(waiting, actor=who), lambda who: room.jobs.retry(dead, actor=who),
               lambda who: room.jobs.drop(waiting, actor=who))  # fmt: skip
    assert [each.id for each in room.jobs.list({}, actor=viewer)] == [waiting, dead]
    assert (room.jobs.inspect(dead, actor=viewer).state, len(room.jobs.depths(actor=viewer))) == ("dead", 2)
    for attempt in mending:
        with pytest.raises(Forbidden, match="your role is viewer"):
            attempt(viewer)
        with pytest.raises(Unauthenticated):
            attempt(GUEST)
    for look in (room.jobs.depths, lambda actor: room.jobs.list({}, actor=actor), lambda actor: room.jobs.inspect(dead, actor=actor)):
        with pytest.raises(Unauthenticated):
            look(actor=GUEST)
    for attempt in mending:
        attempt(editor)
    assert [(each.id, each.state) for each in room.jobs.list({}, actor=viewer)] == [(dead, "waiting")]


def test_all_admins_see_schedules_and_owners_change_them(room):
    room.jobs.register("note", lambda: None)
    viewer, editor, owner = (admin(room, role) for role in ("viewer", "editor", "owner"))
    changing = (lambda who: room.schedules.put("hourly", {"job": "note", "every": "1 hour"}, actor=who),
                lambda who: room.schedules.pause("hourly", paused=True, actor=who),
                lambda who: room.schedules.run("hourly", actor=who),
                lambda who: room.schedules.remove("hourly", actor=who))  # fmt: skip
    seen = []
    for attempt in changing:
        for who in (viewer, editor):
            with pytest.raises(Forbidden, match=f"for owners, and your role is {who.role}"):
                attempt(who)
        with pytest.raises(Unauthenticated):
            attempt(GUEST)
        attempt(owner)
        seen.append([(each.name, each.is_paused) for each in room.schedules.list(actor=viewer)])
    assert seen == [[("hourly", False)], [("hourly", True)], [("hourly", True)], []]
    assert len(room.jobs.list({}, actor=viewer)) == 1, "what the owner ran, and nobody else"
    with pytest.raises(Unauthenticated):
        room.schedules.list(actor=GUEST)


def test_everybody_changes_their_own_address(room):
    viewer = admin(room, "viewer")
    room.records.update("_admins", viewer.id, {"email": "me@example.org", "old_password": PASSWORD}, actor=viewer, facts=FACTS)
    assert room.records.get("_admins", viewer.id, actor=SYSTEM, facts=FACTS).as_object()["email"] == "me@example.org"


def test_another_role_counts_at_once(room):
    session = signed(room, "editor")
    editor = room.accounts.identify(session.access_token)
    role_of(room, editor, "viewer")
    with pytest.raises(Unauthenticated):
        room.records.update("posts", "p1", {"title": "y"}, actor=editor, facts=FACTS)
    fresh = room.accounts.identify(room.sessions.refresh("_admins", session.refresh_token, facts=FACTS).access_token)
    assert fresh.role == "viewer", "the session goes on, with what the admin may do now"


def test_the_last_owner_stays_one(room):
    owner, viewer = admin(room, "owner"), admin(room, "viewer")
    for attempt in (
        lambda: role_of(room, owner, "editor"),
        lambda: room.records.delete("_admins", owner.id, actor=owner, facts=FACTS),
    ):
        with pytest.raises(Conflict, match="last owner"):
            attempt()
    role_of(room, viewer, "owner")
    role_of(room, owner, "viewer")
    assert admin(room, "owner").role == "viewer"


def test_a_role_that_is_none_is_refused(room):
    with pytest.raises(Invalid, match="owner, editor, viewer"):
        role_of(room, admin(room, "viewer"), "root")


# Requests that change nothing, though they are no GET.
ASKING = {"plan_collection", "plan_collection_change", "plan_schema", "why_refused"}
# What owners alone look at.
RUNNING = {"list_keys", "list_audit", "list_providers"}
NEW_ADMIN = {"email": "x@example.org", "password": PASSWORD}
BODIES = {
    "/api/v1/collections/_admins/records": NEW_ADMIN, "/api/v1/auth/posts/invitations": {"email": "x@example.org"},
    "/api/v1/auth/posts/impersonate": {"account": "p1"},
}  # fmt: skip


def operations(web, by):
    """Every operation that admins are told of and nobody else, so a new one is asked too: its id, method and address."""
    for_all = {each["operationId"] for _, _, each in told(web, {})}
    for path, method, each in told(web, by):
        query = "?expect=1&filter=id%3D'none'" if each["operationId"].startswith("bulk_") else ""
        if each["operationId"] not in for_all:
            yield each["operationId"], method, path.replace("{c}", "posts").replace("{id}", "p1").replace("{name}", "posts") + query


def told(web, headers):
    paths = web.get("/api/v1/openapi.json", headers=headers).get_json()["paths"]
    return [(path, method, each) for path, methods in paths.items() for method, each in methods.items() if method != "parameters"]


def test_no_route_of_admins_forgets_who_asks(room):
    web = client(room)
    viewer, editor = ({"Authorization": f"Bearer {signed(room, role).access_token}"} for role in ("viewer", "editor"))
    walked = list(operations(web, viewer))
    wrong = []
    for id, method, address in walked:
        looks = id not in RUNNING and (method == "get" or id in ASKING)
        body = None if method in ("get", "delete") else BODIES.get(address, {"title": "x"})
        answer = web.open(address, method=method.upper(), headers=viewer, json=body)
        if (answer.status_code == 403) is looks:
            wrong.append((id, method, address, answer.status_code))
    assert len(walked) > 25
    assert not wrong
    for _, method, address in walked:
        if "/_admins/records" in address and method != "get":
            body = {"email_visible": True} if "?" in address else NEW_ADMIN
            assert web.open(address, method=method.upper(), headers=editor, json=body).status_code == 403


TEXT, LIST = {"name": "role", "type": "text"}, {"name": "roles", "type": "select", "many": True, "values": ["chief", "cook"]}


@pytest.mark.parametrize("field", [TEXT, LIST])
def test_nobody_gives_themselves_what_has_role_reads(room, field):
    free = {"list": "", "view": "", "create": "", "update": "id = @request.auth.id"}
    room.collections.create({"name": "staff", "type": "accounts", "rules": free, "fields": [field]}, actor=SYSTEM)
    room.collections.change("posts", {"rules": {"list": "hasRole('chief')"}}, actor=SYSTEM)
    name, held = field["name"], ["chief"] if field.get("many") else "chief"
    new = {"email": "ann@example.org", "password": PASSWORD}
    with pytest.raises(Invalid):
        room.records.create("staff", {**new, name: held}, actor=GUEST, facts=FACTS)
    ann = room.records.create("staff", new, actor=GUEST, facts=FACTS)
    actor = room.accounts.identify(room.accounts.sign_in("staff", "ann@example.org", PASSWORD, facts=FACTS).access_token)
    for key in (name, f"{name}+"):
        with pytest.raises(Invalid):
            room.records.update("staff", ann.id, {key: held}, actor=actor, facts=FACTS)
    seen = lambda: len(room.records.list("posts", ListQuery(), actor=actor, facts=FACTS).rows)
    assert seen() == 0
    room.records.update("staff", ann.id, {name: held}, actor=SYSTEM, facts=FACTS)
    assert seen() == 1, "with the token of before"
