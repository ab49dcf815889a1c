"""Messages of other servers over HTTP: each makes what its owner said, once."""

import hashlib
import hmac
import json
import threading

import pytest

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.errors import Forbidden
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from domain.webhooks.signatures import sign
from stillroom import Extension

SECRET = "a secret that two know"
FACTS = RequestFacts("POST")
PAYMENTS = {
    "name": "payments",
    "fields": [
        {"name": "number", "type": "text", "unique": True}, {"name": "sum", "type": "integer", "min": 0}, {"name": "from", "type": "text"},
    ],
    "rules": {"create": "@request.auth.id != ''", "list": "", "update": None},
}  # fmt: skip
MAKING = {"collection": "payments", "as": "admin", "by": ["number"],
          "values": {"number": "/data/number", "sum": "/data/sum", "from": {"value": "shop"}}}  # fmt: skip


@pytest.fixture
def heard():
    return []


@pytest.fixture
def room(database_url, heard):
    listening = Extension("listening")
    listening.after("inbound.receive")(lambda event, backend: heard.append(event.payload))
    with backend(database=database_url, extensions=[listening]) as room:
        room.collections.create(PAYMENTS, actor=SYSTEM)
        yield room


def source(room, name="shop", **said):
    return room.inbound.put(name, {"scheme": "github", "secret": SECRET} | said, actor=SYSTEM)


def signed(body, id="d1", secret=SECRET):
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": id, "X-GitHub-Event": "paid",
            "Content-Type": "application/json"}  # fmt: skip


def send(room, said, id="d1", *, name="shop", secret=SECRET, web=None, **headers):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return (web or client(room)).post(f"/api/v1/inbound/{name}", data=body, headers=signed(body, id, secret) | headers)


def records(room):
    page = room.records.list("payments", ListQuery(), actor=SYSTEM, facts=FACTS).as_object()
    return [(each["number"], each["sum"], each["from"]) for each in page["items"]]


def test_a_message_is_an_event_once(room, heard):
    source(room)
    for _ in range(3):
        answer = send(room, {"data": {"sum": 5}})
        assert (answer.status_code, answer.get_json()) == (200, {"id": "d1"})
    assert send(room, {"data": {"sum": 6}}, "d2").status_code == 200
    room.events.drain()
    assert [(each["id"], each["kind"], each["body"]) for each in heard] == [
        ("d1", "paid", {"data": {"sum": 5}}), ("d2", "paid", {"data": {"sum": 6}})]  # fmt: skip
    assert {(each.id, each.state) for each in room.inbound.messages("shop", actor=SYSTEM)} == {("d1", "taken"), ("d2", "taken")}


def test_a_message_is_a_record_written_anew_by_its_key(room):
    source(room, record=MAKING)
    send(room, {"data": {"number": "a", "sum": 1}}, "d1")
    send(room, {"data": {"number": "b"}}, "d2")
    send(room, {"data": {"number": "a", "sum": 3}}, "d3")
    send(room, {"data": {"number": "a", "sum": 1}}, "d1")
    assert sorted(records(room), key=str) == [("a", 3, "shop"), ("b", None, "shop")]
    assert all(each.record for each in room.inbound.messages("shop", actor=SYSTEM))


def test_what_stands_against_it_is_told_and_it_may_come_again(room, heard):
    source(room, record=MAKING)
    refused = send(room, {"data": {"number": "a", "sum": -1}})
    assert refused.status_code == 400
    (failed,) = room.inbound.messages("shop", actor=SYSTEM)
    assert (failed.state, bool(failed.reason)) == ("failed", True)
    number, _, shop = PAYMENTS["fields"]
    room.collections.change("payments", {"fields": [number, {"name": "sum", "type": "integer"}, shop]}, actor=SYSTEM)
    assert send(room, {"data": {"number": "a", "sum": -1}}).status_code == 200
    assert records(room) == [("a", -1, "shop")]
    room.events.drain()
    assert len(heard) == 1


def test_rules_bind_whoever_writes_it(room):
    source(room, record=MAKING | {"as": "guest", "by": []})
    assert send(room, {"data": {"number": "a"}}).status_code in (401, 403)
    room.collections.create({"name": "users", "type": "accounts", "fields": []}, actor=SYSTEM)
    shop = {"email": "shop@example.org", "password": "a good long word"}
    id = room.records.create("users", shop, actor=SYSTEM, facts=FACTS).id
    source(room, record=MAKING | {"as": f"users/{id}", "by": []})
    assert send(room, {"data": {"number": "a"}}).status_code == 200
    room.records.update("users", id, {"disabled": True}, actor=SYSTEM, facts=FACTS)
    assert send(room, {"data": {"number": "b"}}, "d2").status_code == 403
    assert [number for number, *_ in records(room)] == ["a"]


def test_strangers_are_told_the_same_whatever_they_try(room, heard):
    source(room)
    source(room, "closed", enabled=False)
    body = b'{"a": 1}'
    post = lambda sent, headers: client(room).post("/api/v1/inbound/shop", data=sent, headers=headers)
    tried = [
        send(room, body, secret="another secret"), send(room, body, name="nothing"), send(room, body, name="closed"),
        post(body, {}), post(b"no json", signed(body)), post(b'{"a":1}', signed(body)),
    ]  # fmt: skip
    told = {json.dumps({**each.get_json(), "request_id": ""}, sort_keys=True) for each in tried}
    assert {each.status_code for each in tried} == {401}
    assert len(told) == 1
    assert "invalid_signature" in told.pop()
    room.events.drain()
    assert heard == []
    assert room.inbound.messages("shop", actor=SYSTEM) == []


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("body, status", [
    (b"", 400), (b"{", 400), (b'{"a": 1, "a": 2}', 400), (b'"\\u0000"', 400), (b"[" * 100 + b"]" * 100, 413),
    (b"99999999999999999999999999999999", 400), (b"\xff", 400), (b"[1.5, null, \"x\"]", 200),
])  # fmt: skip
def test_what_they_sign_is_read_strictly(room, body, status):
    source(room)
    assert send(room, body).status_code == status


@pytest.mark.sqlite_suffices
def test_a_form_is_refused_with_a_word(room):
    source(room)
    answer = send(room, b"payload=%7B%7D", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 415


def test_a_key_of_theirs_is_no_key_of_ours(room, heard):
    source(room, "lab", scheme="gitlab")
    headers = {"X-Gitlab-Token": SECRET, "Idempotency-Key": "key of theirs", "Content-Type": "application/json"}
    for _ in range(2):
        answer = client(room).post("/api/v1/inbound/lab", data=b'{"object_kind": "push"}', headers=headers)
        assert (answer.status_code, answer.get_json()) == (200, {"id": "key of theirs"})
    room.events.drain()
    assert [each["kind"] for each in heard] == ["push"]


def test_both_secrets_are_good_for_a_day(room):
    source(room)
    room.inbound.put("shop", {"scheme": "github", "secret": "another secret of two"}, actor=SYSTEM)
    assert send(room, {}, "d1").status_code == 200
    assert send(room, {}, "d2", secret="another secret of two").status_code == 200
    room.clock.advance(hours=25)
    past = room.work.read(lambda stores: stores.inbound.find("shop"))[1].until
    assert past > 0
    room.inbound.put("shop", {"scheme": "github"}, actor=SYSTEM)
    assert send(room, {}, "d3", secret="another secret of two").status_code == 200


def test_a_secret_that_is_made_here_is_told_once(room):
    made = room.inbound.put("till", {"scheme": "standard"}, actor=SYSTEM)
    assert "secret" not in room.inbound.put("till", {"scheme": "standard"}, actor=SYSTEM)
    body, now = b'{"type": "paid"}', int(room.clock.now().timestamp())
    headers = {"webhook-id": "m1", "webhook-timestamp": str(now), "webhook-signature": sign([made["secret"]], "m1", now, body),
               "Content-Type": "application/json"}  # fmt: skip
    assert client(room).post("/api/v1/inbound/till", data=body, headers=headers).status_code == 200


def test_fifty_at_once_make_one(room, heard):
    source(room, record=MAKING | {"by": []})
    web, answers = client(room).application, []
    body = {"data": {"number": "a", "sum": 1}}
    threads = [threading.Thread(target=lambda: answers.append(send(room, body, web=web.test_client()).status_code)) for _ in range(50)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert set(answers) == {200}
    assert records(room) == [("a", 1, "shop")]
    room.events.drain()
    assert len(heard) == 1


def test_a_hook_may_refuse_a_message(database_url):
    strict = Extension("strict")

    @strict.before("inbound.receive")
    def refuse(change, backend):
        if change.kind == "paid":
            raise Forbidden("not today", code="not_today")

    with backend(database=database_url, extensions=[strict]) as room:
        room.collections.create(PAYMENTS, actor=SYSTEM)
        source(room, record=MAKING)
        answer = send(room, {"data": {"number": "a"}})
        assert (answer.status_code, answer.get_json()["code"]) == (403, "not_today")
        assert records(room) == []
        assert [each.state for each in room.inbound.messages("shop", actor=SYSTEM)] == ["failed"]


def test_what_came_is_forgotten_after_a_while(room):
    source(room)
    send(room, {})
    later = room.work.read(lambda stores: stores.inbound.now()) + 1000
    assert room.work.run(lambda stores: stores.inbound.forget(later, 10)) == 1
    room.inbound.remove("shop", actor=SYSTEM)
    assert send(room, {}).status_code == 401
