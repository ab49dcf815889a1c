"""One request, one effect: keys of requests over HTTP, on every database."""

from threading import Barrier, Thread
from typing import Any

import pytest

from adapters.outbound.sql.session import Session
from app import testing
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.api.doors import problem
from tests.migrated import migrated_file

OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
RECORDS = "/api/v1/collections/orders/records"
ORDERS = {
    "name": "orders",
    "fields": [
        {"name": "code", "type": "text", "unique": True},
        {"name": "n", "type": "integer", "default": 0, "min": 0, "max": 1},
    ],
    "rules": OPEN,
}
USERS = {"name": "users", "type": "accounts", "fields": [], "rules": OPEN}
KEY = "0198f3d2-8c6e-7000-8000-000000000001"
FACTS = RequestFacts("POST")


@pytest.fixture(params=["sqlite", "postgresql"])
def room(request, tmp_path):
    url = request.getfixturevalue("postgres_migrated_url") if request.param == "postgresql" else migrated_file(tmp_path / "data.db")
    with testing.backend(database=url) as made:
        made.collections.create(ORDERS, actor=SYSTEM)
        made.collections.create(USERS, actor=SYSTEM)
        yield made


@pytest.fixture
def client(room):
    return testing.client(room)


def signed_in(room, client, name) -> dict[str, str]:
    sent = {"email": f"{name}@example.org", "password": f"{name} correct horse"}
    room.records.create("users", sent, actor=SYSTEM, facts=FACTS)
    answer = client.post("/api/v1/auth/users/sign-in", json={"identity": sent["email"], "password": sent["password"]})
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


@pytest.fixture
def ann(room, client):
    return signed_in(room, client, "ann")


def keyed(headers: dict[str, str] | None = None, key: str = KEY) -> dict[str, str]:
    return {**(headers or {}), "Idempotency-Key": key}


def orders(client) -> list[dict[str, Any]]:
    return client.get(f"{RECORDS}?sort=id&limit=200").get_json()["items"]


def same(first, again) -> None:
    """Everything that the first answer said, and that it is told once more."""
    assert (again.status_code, again.get_data()) == (first.status_code, first.get_data())
    told = {name: value for name, value in first.headers if name not in ("X-Request-Id",)}
    repeated = {name: value for name, value in again.headers if name not in ("X-Request-Id", "Idempotency-Replayed")}
    assert told == repeated
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


@pytest.mark.parametrize("guest", [True, False])
def test_a_create_sent_again_is_answered_again_and_makes_no_second_record(client, ann, guest):
    headers = keyed({} if guest else ann)
    first, again = (client.post(RECORDS, json={"n": 1}, headers=headers) for _ in range(2))
    assert first.status_code == 201
    same(first, again)
    assert "Location" in again.headers
    assert len(orders(client)) == 1
    assert client.post(RECORDS, json={"n": 1}, headers=keyed({} if guest else ann, KEY + "2")).status_code == 201
    assert len(orders(client)) == 2


def test_a_create_that_its_own_record_stands_against_is_answered_again(client, ann):
    first, again = (client.post(RECORDS, json={"code": "one"}, headers=keyed(ann)) for _ in range(2))
    assert first.status_code == 201
    same(first, again)
    other = client.post(RECORDS, json={"code": "one"}, headers=keyed(ann, KEY + "2"))
    assert (other.status_code, problem(other)["code"]) == (409, "not_unique")


def test_an_increment_sent_again_adds_nothing(client, ann):
    place = client.post(RECORDS, json={}).headers["Location"]
    first, again = (client.patch(place, json={"n+": 1}, headers=keyed(ann)) for _ in range(2))
    assert (first.status_code, first.get_json()["n"]) == (200, 1)
    same(first, again)  # though the result would be outside of its limits
    assert client.get(place).get_json()["n"] == 1


def test_a_batch_sent_again_is_answered_again_and_does_nothing(client, ann):
    place = client.post(RECORDS, json={"id": "one"}).headers["Location"]
    operations = [
        {"method": "create", "collection": "orders", "values": {}},
        {"method": "update", "collection": "orders", "id": "one", "values": {"n+": 1}},
    ]
    first, again = (client.post("/api/v1/batch", json={"operations": operations}, headers=keyed(ann)) for _ in range(2))
    assert first.status_code == 200
    same(first, again)
    assert (client.get(place).get_json()["n"], len(orders(client))) == (1, 2)
    other = client.post("/api/v1/batch", json={"operations": operations[:1]}, headers=keyed(ann))
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency_key_reused")


def test_a_dry_run_under_a_key_leaves_the_key_as_new(client, ann):
    operations = {"operations": [{"method": "create", "collection": "orders", "values": {}}]}
    assert client.post("/api/v1/batch?dry_run=true", json=operations, headers=keyed(ann)).status_code == 200
    assert client.post("/api/v1/batch", json=operations, headers=keyed(ann)).status_code == 200
    assert len(orders(client)) == 1


def test_a_conditional_change_sent_again_is_answered_again_though_its_condition_holds_no_more(client, ann):
    made = client.post(RECORDS, json={})
    headers = keyed({**ann, "If-Match": made.headers["ETag"]})
    first, again = (client.patch(made.headers["Location"], json={"n": 1}, headers=headers) for _ in range(2))
    assert first.status_code == 200
    same(first, again)


def test_a_delete_sent_again_is_answered_again(client, ann):
    place = client.post(RECORDS, json={}).headers["Location"]
    first, again = (client.delete(place, headers=keyed(ann)) for _ in range(2))
    assert (first.status_code, first.get_data(), "Content-Type" in again.headers) == (204, b"", False)
    same(first, again)
    assert client.delete(place, headers=keyed(ann, KEY + "2")).status_code == 404


def test_a_key_sent_with_another_request_is_refused_and_does_nothing(room, client, ann):
    rule = "@request.query.n = '1' || @request.query.n:isset = false"
    room.collections.change("orders", {"rules": {**OPEN, "create": rule}}, actor=SYSTEM)
    client.post(RECORDS, json={"code": "taken"})
    assert client.post(RECORDS, json={"n": 1}, headers=keyed(ann)).status_code == 201
    before = orders(client)
    written = {"data": b'{"n":  1}', "content_type": "application/json"}
    queried = {"json": {"n": 1}, "query_string": "n=1"}
    for other in (written, queried, {"json": {"n": 0}}, {"json": {"code": "taken"}}, {"json": {"n": 5}}):
        answer = client.post(RECORDS, headers=keyed(ann), **other)
        assert (answer.status_code, problem(answer)["code"]) == (422, "idempotency_key_reused"), other
    assert orders(client) == before


def test_another_condition_is_another_request(client, ann):
    made = client.post(RECORDS, json={})
    place = made.headers["Location"]
    assert client.patch(place, json={"n": 1}, headers=keyed({**ann, "If-Match": made.headers["ETag"]})).status_code == 200
    assert client.patch(place, json={"n": 1}, headers=keyed({**ann, "If-Match": "*"})).status_code == 422


def test_a_key_is_its_actors_its_methods_and_its_paths(room, client, ann):
    bob = signed_in(room, client, "bob")
    answers = [client.post(RECORDS, json={"n": 1}, headers=keyed(who)) for who in (ann, bob, {})]
    assert [each.status_code for each in answers] == [201, 201, 201]
    assert len(orders(client)) == 3
    places = [each.headers["Location"] for each in answers]
    assert [client.patch(place, json={"n": 0}, headers=keyed(ann)).get_json()["n"] for place in places] == [0, 0, 0]
    assert [client.delete(place, headers=keyed(ann)).status_code for place in places] == [204, 204, 204]
    assert "Idempotency-Replayed" not in answers[2].headers


def test_one_guests_key_is_another_key_with_another_body(client):
    """A guest who comes upon the key of another learns nothing from it, not even that it was used."""
    assert client.post(RECORDS, json={"n": 1}, headers=keyed()).status_code == 201
    other = client.post(RECORDS, json={"n": 0}, headers=keyed())
    assert (other.status_code, other.get_json()["n"], "Idempotency-Replayed" in other.headers) == (201, 0, False)


def test_a_refusal_is_not_kept(client, ann):
    client.post(RECORDS, json={"code": "one"}, headers=ann)
    assert client.post(RECORDS, json={"code": "one"}, headers=keyed(ann)).status_code == 409
    client.delete(f"{RECORDS}/{orders(client)[0]['id']}")
    again = client.post(RECORDS, json={"code": "one"}, headers=keyed(ann))
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)


def test_an_answer_is_kept_a_day_and_then_its_key_is_new_whether_or_not_it_was_swept(room, client, ann):
    send = lambda: client.post(RECORDS, json={"n": 1}, headers=keyed())
    first = send()
    room.clock.advance(hours=23, minutes=59)
    same(first, send())
    room.clock.advance(minutes=1)
    later = send()
    assert (later.status_code, len(orders(client))) == (201, 2)
    assert later.get_json()["id"] != first.get_json()["id"]
    same(later, send())


def test_housekeeping_sweeps_what_has_expired(room, client):
    for at in range(3):
        client.post(RECORDS, json={}, headers=keyed(key=f"{KEY}{at}"))
    room.clock.advance(hours=23)
    client.post(RECORDS, json={}, headers=keyed(key=f"{KEY}last"))
    assert room.housekeeping.run().forgotten == 0
    room.clock.advance(hours=1)
    assert room.housekeeping.run().forgotten == 3
    room.clock.advance(hours=23)
    assert room.housekeeping.run().forgotten == 1


def test_an_account_that_has_ended_is_told_no_answer(room, client, ann):
    assert client.post(RECORDS, json={"code": "one"}, headers=keyed(ann)).status_code == 201
    account = client.get("/api/v1/auth/users/me", headers=ann).get_json()
    room.records.update("users", account["id"], {"password": "another correct horse"}, actor=SYSTEM, facts=FACTS)
    assert client.post(RECORDS, json={"code": "one"}, headers=keyed(ann)).status_code == 401


def test_a_key_costs_one_statement(room, client, ann, monkeypatch):
    place = client.post(RECORDS, json={}).headers["Location"]
    seen: list[str] = []
    run = Session._run

    def noted(self, text, arguments):
        seen.append(text)
        return run(self, text, arguments)

    monkeypatch.setattr(Session, "_run", noted)

    def statements(act, key) -> int:
        seen.clear()
        assert act(keyed(ann, key) if key else ann).status_code in (200, 201, 204)
        return len(seen)

    creating = lambda headers: client.post(RECORDS, json={}, headers=headers)
    changing = lambda headers: client.patch(place, json={"n": 1}, headers=headers)
    for act in (creating, changing):
        statements(act, "")  # what is looked up once a process is known from here on
        assert statements(act, KEY) == statements(act, "") + 1
    places = [client.post(RECORDS, json={}).headers["Location"] for _ in range(3)]
    deleting = lambda headers: client.delete(places.pop(), headers=headers)
    statements(deleting, "")
    assert statements(deleting, KEY) == statements(deleting, "") + 1


def test_a_key_is_read_in_quotes_or_without(client, ann):
    for sent in ('"a-key"', "a-key", r'"a\"b"'):
        assert client.post(RECORDS, json={}, headers=keyed(ann, sent)).status_code == 201
        assert client.post(RECORDS, json={}, headers=keyed(ann, sent)).status_code == 201
    assert len(orders(client)) == 2


def test_a_key_that_is_none_is_refused(client, ann):
    for sent in ("", '""', "a b", "a, b", "a,b", '"a', '"a"b', "ä", "x" * 256, '"' + "x" * 256 + '"', '"a";p=1', "a\tb"):
        answer = client.post(RECORDS, json={}, headers=keyed(ann, sent))
        told = problem(answer)
        assert (answer.status_code, told["code"], told["errors"][0]["pointer"]) == (400, "invalid_header", "Idempotency-Key"), sent
    assert orders(client) == []


def test_a_guests_key_has_to_be_one_that_nobody_comes_upon(client, ann):
    assert problem(client.post(RECORDS, json={}, headers=keyed(key="1")))["code"] == "invalid_header"
    assert client.post(RECORDS, json={}, headers=keyed(ann, "1")).status_code == 201


def test_a_read_passes_a_key_over(client, ann):
    answers = [client.get(RECORDS, headers=keyed(ann)) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert "Idempotency-Replayed" not in answers[1].headers


def test_an_endpoint_that_makes_a_secret_refuses_a_key_by_name(client, ann):
    answer = client.post("/api/v1/auth/users/sign-in", json={"identity": "x", "password": "y"}, headers=keyed())
    assert (answer.status_code, problem(answer)["code"]) == (400, "idempotency_key_not_taken")


def test_what_is_kept_holds_neither_key_nor_body(room, client, ann):
    """Digests name both; the answer itself is there to be given again."""
    client.post(RECORDS, json={"n": 1}, headers=keyed(ann, "a-very-special-key"))
    rows = room.work.run(lambda stores: stores.answers._session.command("SELECT scope, fingerprint FROM _answers"))
    assert [len(each) for row in rows for each in row] == [64, 64]


def test_one_of_two_in_one_shared_commit_is_undone(room):
    """On SQLite both may stand in one transaction; what the second one did is undone alone."""
    gate, answers = Barrier(8), []
    clients = [testing.client(room) for _ in range(8)]

    def send(client):
        gate.wait()
        answers.append(client.post(RECORDS, json={"n": 1}, headers=keyed()))

    threads = [Thread(target=send, args=(each,)) for each in clients]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {each.status_code for each in answers} == {201}
    assert len({each.get_data() for each in answers}) == 1
    assert sum("Idempotency-Replayed" not in each.headers for each in answers) == 1
    assert len(orders(clients[0])) == 1

