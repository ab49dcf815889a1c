"""Erasure on every database: a person is marked wherever anything of one can be kept, and after it no mark is found anywhere (X08, Z29)."""

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest

from app.testing import TestBackend, backend, client
from domain.actor import SYSTEM
from domain.errors import Conflict
from domain.rules.values import RequestFacts
from ports.identities import KeptIdentity
from tests.api.doors import problem
from tests.contract.leftovers import found_in_files, found_in_tables, learn
from tests.migrated import migrated_file

FACTS = RequestFacts("POST")
PASSWORD = "correct horse battery"
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
MARK = "zqmark"
INTEGER, DOUBLE, DECIMAL, INSTANT, DAY = 71_305_171_305_17, 7130517.130517, "71305171305.17", "1971-03-05T17:13:05.171Z", "1971-03-05"
MARKS = (MARK, str(INTEGER), str(DOUBLE), DECIMAL, INSTANT, DAY, "71.305171")
TYPED = [
    {"name": "title", "type": "text", "searchable": True, "fold": True}, {"name": "mail", "type": "email"}, {"name": "site", "type": "url"},
    {"name": "n", "type": "integer"}, {"name": "size", "type": "number"}, {"name": "price", "type": "decimal", "scale": 2},
    {"name": "at", "type": "date"}, {"name": "day", "type": "day"}, {"name": "more", "type": "json"}, {"name": "place", "type": "geo"},
    {"name": "page", "type": "richtext", "searchable": True}, {"name": "secret", "type": "text", "hidden": True},
]  # fmt: skip
MARKED = {
    "title": f"Of {MARK}title", "mail": f"{MARK}@example.org", "site": f"https://{MARK}.example", "n": INTEGER, "size": DOUBLE,
    "price": DECIMAL, "at": INSTANT, "day": DAY, "more": {f"{MARK}key": [f"{MARK}value"]}, "place": {"lon": 71.305171, "lat": 1},
    "page": f"<p>{MARK}page</p>", "secret": f"{MARK}secret",
}  # fmt: skip
USERS = {
    "name": "users", "type": "accounts", "fields": [*TYPED[:1], *TYPED[-1:]], "trash": {"days": 30},
    "rules": {**OPEN, "list": None, "update": "id = @request.auth.id", "delete": "id = @request.auth.id"},
}  # fmt: skip
PLANES = {
    "name": "planes", "trash": {"days": 30}, "rules": OPEN,
    "fields": [*TYPED, {"name": "owner", "type": "relation", "collection": "users", "on_delete": "cascade"}],
}  # fmt: skip
NOTES = {
    "name": "notes", "trash": {"days": 30}, "rules": OPEN,
    "fields": [
        {"name": "text", "type": "text"}, {"name": "plane", "type": "relation", "collection": "planes", "on_delete": "cascade"},
        {"name": "by", "type": "relation", "collection": "users", "on_delete": "clear"},
        {"name": "readers", "type": "relation", "collection": "users", "many": True, "on_delete": "clear"},
    ],
}  # fmt: skip
BILLS = {
    "name": "bills", "rules": OPEN,
    "fields": [{"name": "payer", "type": "relation", "collection": "users", "on_delete": "restrict"}],
}  # fmt: skip


class Hangar:
    def __init__(self, room: TestBackend, url: str) -> None:
        self.room, self.door, self.url, self.at = room, client(room), url, 0
        for definition in (USERS, PLANES, NOTES, BILLS):
            room.collections.create(definition, actor=SYSTEM)
        room.accounts.create_admin("ann@example.org", PASSWORD)
        self.cem = self.signed_up("cem@example.org", title="Cem", secret="of Cem")
        # PostgreSQL's statistics of a table that is empty are never renewed.
        for collection, values in (("planes", {"title": "Kite", "owner": self.cem}), ("notes", {"text": "kept"})):
            room.records.create(collection, values, actor=SYSTEM, facts=FACTS)
        for collection in ("planes", "notes"):
            last = room.records.create(collection, {}, actor=SYSTEM, facts=FACTS).id
            room.records.delete(collection, last, actor=SYSTEM, facts=FACTS)

    def send(self, method: str, path: str, body: Any = None, headers: Any = None, *, key: bool = False) -> Any:
        """With an Idempotency-Key answers are kept."""
        self.at += 1
        more = {"Idempotency-Key": f"2f1c5b8e-0000-4000-8000-{self.at:012}"} if key else {}
        answer = self.door.open(f"/api/v1{path}", method=method, json=body, headers={**(headers or {}), **more})
        assert answer.status_code < 300, answer.get_data(as_text=True)
        return answer.get_json() if answer.status_code != 204 else None

    def signed_up(self, email: str, *, key: bool = False, title: str, secret: str) -> str:
        made = self.send("POST", "/collections/users/records", {"email": email, "password": PASSWORD, "title": title}, key=key)
        self.room.records.update("users", made["id"], {"secret": secret}, actor=SYSTEM, facts=FACTS)
        return str(made["id"])

    def signed_in(self, email: str, collection: str = "users", **more: Any) -> dict[str, str]:
        body = {"identity": email, "password": PASSWORD, **more}
        agent = {"User-Agent": f"Loom {MARK}agent"} if more else {}
        answer = self.door.post(f"/api/v1/auth/{collection}/sign-in", json=body, headers=agent)
        return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}

    def erase(self, headers: dict[str, str], account: str | None = None) -> Any:
        query = {} if account is None else {"account": account}
        return self.door.delete("/api/v1/auth/users/personal-data", headers=headers, query_string=query)

    def tables(self, *marks: str) -> dict[str, set[str]]:
        return found_in_tables(self.url, marks or MARKS)


@pytest.fixture
def hangar(tmp_path: Any) -> Iterator[Hangar]:
    """For what no database can do otherwise."""
    url = f"sqlite:///{tmp_path}/data.db"
    with backend(database=url) as room:
        yield Hangar(room, url)


@pytest.fixture(params=["sqlite", "postgresql"])
def each(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Hangar]:
    """Of databases that others can look into."""
    url = request.getfixturevalue("postgres_migrated_url") if request.param == "postgresql" else migrated_file(tmp_path / "data.db")
    with backend(database=url) as room:
        yield Hangar(room, url)


def marked(hangar: Hangar) -> tuple[str, dict[str, str]]:
    """A person of whom something is wherever anything of a person can be."""
    email = f"{MARK}@example.org"
    bea = hangar.signed_up(email, key=True, title=f"{MARK}name", secret=f"{MARK}hidden")
    headers = hangar.signed_in(email, device=f"{MARK}device")
    planes = [hangar.send("POST", "/collections/planes/records", {**plane, "owner": bea}, headers, key=True) for plane in _planes()]
    for plane in planes:
        hangar.room.records.update("planes", plane["id"], {"secret": MARKED["secret"]}, actor=SYSTEM, facts=FACTS)
        hangar.send("PATCH", f"/collections/planes/records/{plane['id']}", {"title": f"{MARK}other"}, headers, key=True)
        note = {"text": f"{MARK}note", "plane": plane["id"], "by": hangar.cem}
        hangar.send("POST", "/collections/notes/records", note, headers, key=True)
    batch = [{"method": "create", "collection": "planes", "values": {**MARKED_TOLD, "owner": bea}}]
    hangar.send("POST", "/batch", {"operations": batch}, headers, key=True)
    hangar.send("DELETE", f"/collections/planes/records/{planes[0]['id']}", headers=headers)
    hangar.send("POST", "/auth/users/email-change", {"email": f"{MARK}new@example.org", "old_password": PASSWORD}, headers)
    hangar.room.mail.deliver()
    hangar.send("POST", "/auth/users/verification", {"email": email})
    hangar.send("POST", "/auth/users/factors/totp", headers=headers)
    owner = hangar.signed_in("ann@example.org", "_admins")
    hangar.send("DELETE", f"/auth/users/factors?account={bea}", headers=owner)
    hangar.send("POST", "/auth/users/factors/totp", headers=headers)
    hangar.send("POST", "/auth/users/verification", {"email": "cem@example.org"})
    acting = hangar.send("POST", "/auth/users/impersonate", {"account": bea}, owner)["access_token"]
    by_another = {"Authorization": f"Bearer {acting}"}
    hangar.send("PATCH", f"/collections/planes/records/{planes[1]['id']}", {"title": f"{MARK}acted"}, by_another)
    for method in ("GET", "DELETE"):
        refused = hangar.door.open("/api/v1/auth/users/personal-data", method=method, headers=by_another)
        assert problem(refused)["code"] == "acting_as_another"
    hangar.send("POST", "/auth/users/invitations", {"email": email}, owner)
    identity = KeptIdentity("i1", "https://issuer.example", f"{MARK}subject", bea, "hangar", f"{MARK}@example.org", INSTANT, INSTANT)
    hangar.room.work.run(lambda stores: stores.identities.add(stores.schema.collection("users"), identity))
    return bea, headers


def _planes() -> list[dict[str, Any]]:
    return [MARKED_TOLD, MARKED_TOLD]


MARKED_TOLD = {name: value for name, value in MARKED.items() if name != "secret"}


def waiting(hangar: Hangar) -> int:
    """Letters are sealed: no search finds what they say."""
    return len(hangar.room.work.read(lambda stores: stores.mailbox.all("", 100)))


def test_of_who_is_erased_nothing_is_found_anywhere(each: Hangar) -> None:
    hangar = each
    bea, headers = marked(hangar)
    on_file = hangar.url.startswith("sqlite")
    learn(hangar.url)
    before = hangar.tables()
    # The control: it is there, and the search finds it.
    theirs = {"_trash", "_outbox", "_answers", "_sessions", "_one_time", "_identities", "_invitations"}
    assert {"users", "planes", "notes", *theirs} <= set(before), before
    assert set().union(*before.values()) == set(MARKS), before
    assert {"users", "planes", "_audit", "_totp"} <= set(hangar.tables(bea))
    assert waiting(hangar) == 3
    assert on_file or {"statistics of planes", "statistics of _outbox"} <= set(before)
    if on_file:
        assert {MARK, str(INTEGER), str(DOUBLE)} <= found_in_files(hangar.url, MARKS, [INTEGER], [DOUBLE])
    told = hangar.erase(headers)
    assert told.status_code == 200, told.get_data(as_text=True)
    assert hangar.tables() == {}
    # The events of the day tell by its id that it is gone, and that relations to it were cleared.
    assert set(hangar.tables(bea)) <= {"_outbox", "statistics of _outbox"}
    assert waiting(hangar) == 1
    if on_file:
        assert found_in_files(hangar.url, MARKS, [INTEGER], [DOUBLE]) == set()
    answer = told.get_json()
    assert answer["records"] == {"users": 1, "planes": 2, "notes": 1}
    assert (answer["trash"], answer["letters"]) == (2, 2)
    assert answer["answers"] >= 7
    assert problem(hangar.door.get("/api/v1/auth/users/me", headers=headers))["status"] == 401
    _others_are_as_they_were(hangar)


def _others_are_as_they_were(hangar: Hangar) -> None:
    headers = hangar.signed_in("cem@example.org")
    assert hangar.send("GET", "/auth/users/me", headers=headers)["title"] == "Cem"


def test_what_it_did_stays_under_a_tombstone(each: Hangar) -> None:
    hangar = each
    bea, headers = marked(hangar)
    tombstone = hangar.erase(headers).get_json()["tombstone"]
    owner = hangar.signed_in("ann@example.org", "_admins")
    entries = hangar.send("GET", "/audit", headers=owner)["items"]
    told = {each["action"]: each for each in entries}
    assert told["factors.reset"]["target"] == tombstone
    assert (told["account.erased"]["by"]["id"], told["account.erased"]["target"]) == (tombstone, tombstone)
    assert told["account.erased"]["address"] is None
    assert bea not in str(entries)


def test_relations_hold_and_all_of_it_is_undone(each: Hangar) -> None:
    hangar = each
    bea, headers = marked(hangar)
    bill = hangar.room.records.create("bills", {"payer": bea}, actor=SYSTEM, facts=FACTS).id
    kept = hangar.room.records.create(
        "notes", {"text": "of Cem", "by": bea, "readers": [hangar.cem, bea]}, actor=SYSTEM, facts=FACTS
    ).id
    before = hangar.tables()
    assert problem(hangar.erase(headers))["code"] == "restricted"
    assert hangar.tables() == before
    hangar.room.records.delete("bills", bill, actor=SYSTEM, facts=FACTS)
    assert hangar.erase(headers).status_code == 200
    note = hangar.send("GET", f"/collections/notes/records/{kept}")
    assert (note["text"], note["by"], note["readers"]) == ("of Cem", None, [hangar.cem])


def test_a_request_sent_again_is_not_done_again(hangar: Hangar) -> None:
    email = f"{MARK}@example.org"
    key = {"Idempotency-Key": "9d0f6a52-7b1e-4c53-8f55-0d7f4f4b9f10"}
    body = {"email": email, "password": PASSWORD, "title": "Bea"}
    first = hangar.door.post("/api/v1/collections/users/records", json=body, headers=key)
    assert first.status_code == 201
    assert hangar.erase(hangar.signed_in(email)).status_code == 200
    again = hangar.door.post("/api/v1/collections/users/records", json=body, headers=key)
    assert (again.status_code, problem(again)["code"]) == (422, "answer_erased")
    assert hangar.tables() == {}


def test_an_owner_erases_whom_the_trash_still_has(each: Hangar) -> None:
    hangar = each
    bea, headers = marked(hangar)
    hangar.send("DELETE", f"/collections/users/records/{bea}", headers=headers)
    assert {"_trash", "_outbox", "_answers"} <= set(hangar.tables())
    owner = hangar.signed_in("ann@example.org", "_admins")
    assert hangar.erase(owner, bea).status_code == 200
    assert hangar.tables() == {}
    assert problem(hangar.erase(owner, bea))["status"] == 404


def test_who_may_erase_whom(hangar: Hangar) -> None:
    bea, headers = marked(hangar)
    cem, owner = hangar.signed_in("cem@example.org"), hangar.signed_in("ann@example.org", "_admins")
    refused = [problem(hangar.erase(*asked)) for asked in (({}, None), (cem, bea), (cem, "nobody"), (owner, "nobody"), (owner, None))]
    assert [each["status"] for each in refused] == [401, 404, 404, 404, 403]
    hangar.room.collections.change("users", {"rules": {**USERS["rules"], "delete": None}}, actor=SYSTEM)
    assert problem(hangar.erase(headers))["status"] == 403
    hangar.room.collections.change("users", {"rules": {**USERS["rules"], "delete": "title = 'Cem'"}}, actor=SYSTEM)
    assert problem(hangar.erase(headers))["status"] == 404
    hangar.room.clock.advance(minutes=11)
    assert [problem(hangar.erase(*asked))["code"] for asked in ((headers, None), (owner, bea))] == ["step_up_required"] * 2
    hangar.send("POST", "/auth/_admins/step-up", {"password": PASSWORD}, owner)
    assert hangar.erase(owner, bea).status_code == 200


def test_the_last_owner_stays(hangar: Hangar) -> None:
    ids = hangar.room.work.run(lambda stores: stores.accounts.owners(stores.schema.collection("_admins")))
    with pytest.raises(Conflict):
        hangar.room.erasure.erase("_admins", ids[0], actor=SYSTEM, facts=FACTS)


def test_of_many_erasures_one_is_done_and_nothing_is_left_by_who_was_at_work(each: Hangar) -> None:
    """Others sign in, write and ask for letters while it happens."""
    hangar, email = each, f"{MARK}@example.org"
    bea = hangar.signed_up(email, title=f"{MARK}name", secret=f"{MARK}hidden")
    headers, over, statuses = hangar.signed_in(email), Event(), list[int]()
    body = {"identity": email, "password": PASSWORD, "device": f"{MARK}device"}

    def busy(path: str, sent: dict[str, Any]) -> None:
        door = client(hangar.room)
        while not over.is_set():
            door.post(f"/api/v1{path}", json=sent, headers=headers if "collections" in path else {})

    def erases() -> None:
        answer = client(hangar.room).delete("/api/v1/auth/users/personal-data", headers=headers)
        statuses.append(answer.status_code)

    others = [("/auth/users/sign-in", body)] * 3 + [("/collections/planes/records", {"title": f"{MARK}new", "owner": bea})] * 2
    threads = [Thread(target=busy, args=other) for other in others]
    erasing = [Thread(target=erases) for _ in range(4)]
    for thread in (*threads, *erasing):
        thread.start()
    for thread in erasing:
        thread.join()
    over.set()
    for thread in threads:
        thread.join()
    assert sorted(statuses)[0] == 200, statuses
    assert set(sorted(statuses)[1:]) <= {401, 404}, statuses
    assert hangar.tables(MARK) == {}


def test_what_the_trash_loses_for_good_is_in_no_answer_either(hangar: Hangar) -> None:
    plane = hangar.send("POST", "/collections/planes/records", {"title": f"{MARK}title"}, key=True)["id"]
    hangar.send("DELETE", f"/collections/planes/records/{plane}")
    assert "_answers" in hangar.tables(f"{MARK}title")
    owner = hangar.signed_in("ann@example.org", "_admins")
    hangar.send("DELETE", f"/collections/planes/trash/{plane}", headers=owner)
    assert not {"_answers", "_outbox", "_trash"} & set(hangar.tables(f"{MARK}title"))


def test_a_browser_that_erases_its_account_is_signed_out(hangar: Hangar) -> None:
    bea = hangar.signed_up("bea@example.org", title="Bea", secret="")
    door, here = client(hangar.room), {"base_url": "https://planes.example"}
    sent = {"identity": "bea@example.org", "password": PASSWORD, "mode": "cookie"}
    signed = door.post("/api/v1/auth/users/sign-in", json=sent, headers={"Origin": "https://planes.example"}, **here)
    assert (signed.status_code, signed.get_json()["account"]["id"]) == (201, bea)
    assert problem(door.delete("/api/v1/auth/users/personal-data", **here))["code"] == "csrf_refused"
    headers = {"X-CSRF-Token": signed.get_json()["csrf_token"], "Origin": "https://planes.example"}
    gone = door.delete("/api/v1/auth/users/personal-data", headers=headers, **here)
    assert gone.status_code == 200
    assert {each.split("=", 1)[0] for each in gone.headers.getlist("Set-Cookie") if "Max-Age=0" in each} >= {"__Host-stillroom_access"}
    assert problem(door.get("/api/v1/auth/users/me", **here))["code"] == "unauthenticated"
