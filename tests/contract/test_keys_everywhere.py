"""Every endpoint that changes something takes a key and honours it, or refuses it by name; on every database."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from adapters.inbound.web.idempotency import takes_key
from adapters.inbound.web.limits import operations
from app import testing
from app.factory import create_app
from app.settings import Settings
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.api.doors import problem
from tests.contract.test_idempotency import OPEN, keyed, same
from tests.contract.test_webhooks import given_up
from tests.migrated import migrated_file

API = "/api/v1/collections"
HERBS = {"name": "herbs", "fields": [{"name": "code", "type": "text", "unique": True}, {"name": "n", "type": "integer", "default": 0}],
         "rules": OPEN, "trash": {"days": 30}}  # fmt: skip
ADMIN = {"email": "ann@example.org", "password": "correct horse battery"}
FACTS = RequestFacts("POST")
# They answer with a secret or mail one, spend or end what they came with, or keep nothing.
REFUSING = {
    "sign_in", "refresh_session", "sign_out", "create_first_admin", "sign_in_by_code", "sign_in_by_link", "ask_link",
    "ask_verification", "ask_password_reset", "ask_code", "ask_email_change", "verify_address", "reset_password", "confirm_email_change",
    "plan_collection", "plan_collection_change", "why_refused", "create_key", "revoke_key",
    "create_webhook", "renew_webhook_secret", "put_source", "receive_message", "link_file", "begin_upload", "continue_upload", "end_upload",
    "begin_upload_form", "complete_upload",
    "create_account_key", "revoke_account_key", "revoke_account_keys",
    "invite", "send_invitation", "withdraw_invitation", "accept_invitation", "sign_in_anonymously",
    "confirm_second_factor", "step_up", "propose_app", "confirm_app", "remove_app", "renew_recovery_codes", "reset_factors",
    "rename_passkey", "begin_enrolment_by_app", "end_enrolment_by_app", "begin_enrolment_by_passkey", "end_enrolment_by_passkey",
    "erase_personal_data", "propose_passkey", "register_passkey", "remove_passkey", "ask_passkey",
    "impersonate", "put_provider", "remove_provider", "come_back_by_form", "sign_in_by_provider", "ask_identity_link", "unlink_identity",
}  # fmt: skip


class World:
    def __init__(self, room: testing.TestBackend) -> None:
        self.room, self.client = room, testing.client(room)
        room.collections.create(HERBS, actor=SYSTEM)
        room.accounts.create_admin(ADMIN["email"], ADMIN["password"])
        self.admin = self.signed_in()

    def signed_in(self) -> dict[str, str]:
        sent = {"identity": ADMIN["email"], "password": ADMIN["password"]}
        answer = self.client.post("/api/v1/auth/_admins/sign-in", json=sent)
        return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}

    def herb(self, code: str) -> str:
        return self.room.records.create("herbs", {"code": code}, actor=SYSTEM, facts=FACTS).id

    def trashed(self, code: str) -> str:
        id = self.herb(code)
        self.room.records.delete("herbs", id, actor=SYSTEM, facts=FACTS)
        return id

    def state(self) -> list[Any]:
        """All that any of these requests changes."""
        places = (f"{API}/herbs/records?sort=id", f"{API}/herbs/trash", API, f"{API}/changes?limit=200", "/api/v1/auth/_admins/sessions",
                  "/api/v1/outbox/deferred", "/api/v1/jobs", "/api/v1/schedules", "/api/v1/sources", "/api/v1/webhooks")  # fmt: skip
        there = [self.client.get(place, headers=self.admin).get_json() for place in places]
        hooks = [each["id"] for each in there[-1]["items"]]
        return there + [self.client.get(f"/api/v1/webhooks/{id}/deliveries", headers=self.admin).get_json() for id in hooks]


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request, tmp_path):
    url = request.getfixturevalue("postgres_migrated_url") if request.param == "postgresql" else migrated_file(tmp_path / "data.db")
    with testing.backend(database=url, loopback_webhooks=True) as room:
        yield World(room)


def _end_session(world: World) -> tuple[str, str, dict[str, Any]]:
    world.signed_in()
    standing = world.client.get("/api/v1/auth/_admins/sessions", headers=world.admin).get_json()["items"]
    other = next(each["id"] for each in standing if not each["current"])
    return "DELETE", f"/api/v1/auth/_admins/sessions/{other}", {}


def _end_others(world: World) -> tuple[str, str, dict[str, Any]]:
    world.signed_in()
    return "DELETE", "/api/v1/auth/_admins/sessions", {}


def _undo(world: World) -> tuple[str, str, dict[str, Any]]:
    """Of two changes: a second undo would take the other one back too."""
    for text in ("n > 1", "n > 2"):
        world.room.collections.change("herbs", {"rules": {**OPEN, "list": text}}, actor=SYSTEM)
    return "POST", f"{API}/undo", {}


def _delete_collection(world: World) -> tuple[str, str, dict[str, Any]]:
    world.room.collections.create({"name": "spare", "fields": []}, actor=SYSTEM)
    return "DELETE", f"{API}/spare", {}


def _deferred(world: World) -> str:
    def fails(event: Any) -> None:
        raise RuntimeError

    world.room.events.subscribe("search", ["records.created"], fails)
    world.herb("rue")
    world.room.events.drain()
    waiting = world.client.get("/api/v1/outbox/deferred", headers=world.admin).get_json()["items"][-1]
    return f"/api/v1/outbox/deferred/search/{waiting['event']}"


def _registered(world: World) -> str:
    if "dry" not in world.room.jobs.tasks:
        world.room.jobs.register("dry", lambda: None)
    return "dry"


def _scheduled(world: World, name: str, *, paused: bool = False) -> str:
    body = {"job": _registered(world), "every": "1 day", "paused": paused}
    return world.room.schedules.put(name, body, actor=SYSTEM).name


def _hook(world: World) -> str:
    body = {"url": "http://127.0.0.1:9/", "as": "admin", "subscriptions": [{"collection": "herbs"}]}
    return world.room.webhooks.create(body, actor=SYSTEM)["id"]


def _given_up(world: World) -> tuple[str, str]:
    hook = _hook(world)
    message = world.room.webhooks.test(hook, actor=SYSTEM)
    given_up(world.room, {"id": hook})
    return hook, message


def _source(world: World) -> str:
    world.room.inbound.put("shop", {"scheme": "github", "secret": "a secret of their own"}, actor=SYSTEM)
    return "shop"


def _job(world: World, *, cancelled: bool = False) -> str:
    _registered(world)
    id = world.room.jobs.enqueue("dry", at=timedelta(days=1))
    if cancelled:
        world.room.jobs.cancel(id, actor=SYSTEM)
    return id


# By operation: the request, once what it needs is there.
TAKING: dict[str, Callable[[World], tuple[str, str, dict[str, Any]]]] = {
    "create_record": lambda world: ("POST", f"{API}/herbs/records", {"json": {"code": "rue"}}),
    "update_record": lambda world: ("PATCH", f"{API}/herbs/records/{world.herb('rue')}", {"json": {"n+": 1}}),
    "delete_record": lambda world: ("DELETE", f"{API}/herbs/records/{world.herb('rue')}", {}),
    "run_batch": lambda world: ("POST", "/api/v1/batch", {"json": {"operations": [
        {"method": "create", "collection": "herbs", "values": {"code": "rue"}},
        {"method": "update", "collection": "herbs", "id": world.herb("mint"), "values": {"n+": 1}},
    ]}}),
    "bulk_change_records": lambda world: (
        "PATCH", f"{API}/herbs/records", {"json": {"n+": 1}, "query_string": {"filter": f"id = '{world.herb('rue')}'", "expect": "1"}}
    ),
    "bulk_delete_records": lambda world: (
        "DELETE", f"{API}/herbs/records", {"query_string": {"filter": f"id = '{world.herb('rue')}'", "expect": "1"}}
    ),
    "import_records": lambda world: (
        "POST", f"{API}/herbs/import", {"data": "code,n\nrue,1\nmint,2\n", "content_type": "text/csv"}
    ),
    "restore_record": lambda world: ("POST", f"{API}/herbs/trash/{world.trashed('rue')}/restore", {}),
    "erase_record": lambda world: ("DELETE", f"{API}/herbs/trash/{world.trashed('rue')}", {}),
    "empty_trash": lambda world: ("DELETE", f"{API}/herbs/trash", {"_": world.trashed("rue")}),
    "create_collection": lambda world: ("POST", API, {"json": {"name": "roots", "fields": []}}),
    "change_collection": lambda world: ("PATCH", f"{API}/herbs", {"json": {"rules": {**OPEN, "list": None}}}),
    "delete_collection": _delete_collection,
    "undo_schema_change": _undo,
    "retry_deferred": lambda world: ("POST", f"{_deferred(world)}/retry", {}),
    "drop_deferred": lambda world: ("DELETE", _deferred(world), {}),
    "put_schedule": lambda world: ("PUT", "/api/v1/schedules/nightly", {"json": {"job": _registered(world), "every": "1 day"}}),
    "remove_schedule": lambda world: ("DELETE", f"/api/v1/schedules/{_scheduled(world, 'gone')}", {}),
    "pause_schedule": lambda world: ("POST", f"/api/v1/schedules/{_scheduled(world, 'calm')}/pause", {}),
    "resume_schedule": lambda world: ("POST", f"/api/v1/schedules/{_scheduled(world, 'brisk', paused=True)}/resume", {}),
    "run_schedule": lambda world: ("POST", f"/api/v1/schedules/{_scheduled(world, 'once')}/run", {}),
    "update_webhook": lambda world: ("PATCH", f"/api/v1/webhooks/{_hook(world)}", {"json": {"name": "mine"}}),
    "remove_webhook": lambda world: ("DELETE", f"/api/v1/webhooks/{_hook(world)}", {}),
    "test_webhook": lambda world: ("POST", f"/api/v1/webhooks/{_hook(world)}/test", {}),
    "replay_webhook": lambda world: ("POST", f"/api/v1/webhooks/{_given_up(world)[0]}/replay", {"json": {"since": "2020-01-01"}}),
    "replay_delivery": lambda world: ("POST", "/api/v1/webhooks/{}/deliveries/{}/replay".format(*_given_up(world)), {}),
    "remove_source": lambda world: ("DELETE", f"/api/v1/sources/{_source(world)}", {}),
    "retry_job": lambda world: ("POST", f"/api/v1/jobs/{_job(world, cancelled=True)}/retry", {}),
    "cancel_job": lambda world: ("POST", f"/api/v1/jobs/{_job(world)}/cancel", {}),
    "drop_job": lambda world: ("DELETE", f"/api/v1/jobs/{_job(world)}", {}),
    "end_session": _end_session,
    "end_other_sessions": _end_others,
}  # fmt: skip


def test_every_route_that_changes_something_is_on_one_of_two_lists():
    with testing.backend() as room:
        app = create_app(Settings(), room, room.observer)
    known = operations(app)
    unsafe = {rule.endpoint for rule in app.url_map.iter_rules() if set(rule.methods or ()) - {"GET", "HEAD", "OPTIONS"}}
    unsafe -= {"pages.press"}  # a form for people, which is no operation of the API
    assert {known[each] for each in unsafe if takes_key(app.view_functions[each])} == set(TAKING)
    assert {known[each] for each in unsafe if not takes_key(app.view_functions[each])} == REFUSING


@pytest.mark.parametrize("operation", TAKING)
def test_it_has_one_effect_and_one_answer_and_is_refused_where_it_is_another(world, operation):
    method, path, sent = TAKING[operation](world)
    sent.pop("_", None)
    before = world.state()
    first = world.client.open(path, method=method, headers=keyed(world.admin), **sent)
    after = world.state()
    assert first.status_code < 300, first.get_data(as_text=True)
    assert after != before
    same(first, world.client.open(path, method=method, headers=keyed(world.admin), **sent))
    assert world.state() == after
    other = world.client.open(path, method=method, headers=keyed({**world.admin, "If-Match": '"other"'}), **sent)
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency_key_reused")
    assert world.state() == after


def test_an_import_that_is_another_file_is_another_request_also_where_it_is_bad(world):
    sent = {"content_type": "text/csv", "headers": keyed(world.admin)}
    send = lambda rows: world.client.post(f"{API}/herbs/import", data=f"code,n\n{rows}", **sent)
    assert send("rue,1\n").status_code == 200
    assert [send(rows).status_code for rows in ("mint,1\n", "mint,x\n", "rue,1\nsage,2\n")] == [422] * 3
    assert len(world.state()[0]["items"]) == 1


def test_a_dry_run_keeps_no_answer(world):
    send = lambda query: world.client.post(
        f"/api/v1/batch{query}", json={"operations": [{"method": "create", "collection": "herbs", "values": {"code": "rue"}}]},
        headers=keyed(world.admin),
    )  # fmt: skip
    assert send("?dry_run=true").status_code == 200
    made = send("")
    assert (made.status_code, "Idempotency-Replayed" in made.headers) == (200, False)
    assert len(world.state()[0]["items"]) == 1


def test_others_refuse_it_by_name():
    accounts = "/api/v1/auth/_admins"
    places = [f"{accounts}/sign-in", f"{accounts}/refresh", f"{accounts}/sign-out", "/api/v1/setup"]
    with testing.backend() as room:
        world = World(room)
        for path in (*places, f"{API}/plan", f"{API}/herbs/plan", f"{API}/herbs/why"):
            answer = world.client.post(path, json={}, headers=keyed(world.admin))
            assert (answer.status_code, problem(answer)["code"]) == (400, "idempotency_key_not_taken")
