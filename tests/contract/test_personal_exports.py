"""The archive of an account on every database: all that belongs to it as it may see it, of others nothing, no secret (Z23, Z25)."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.inbound.web.archives import ZipArchive
from app.testing import TestBackend, backend, client
from domain.actor import SYSTEM, account
from domain.errors import NotFound, Problem, Unavailable
from domain.rules.values import RequestFacts
from ports.identities import KeptIdentity
from tests.api.doors import problem

FACTS = RequestFacts("GET")
PASSWORD = "correct horse battery"
USERS = {
    "name": "users", "type": "accounts",
    "fields": [{"name": "name", "type": "text"}, {"name": "remark", "type": "text", "hidden": True}],
    "rules": {"list": None, "view": "id = @request.auth.id", "create": "", "delete": "id = @request.auth.id"},
}  # fmt: skip
PLANES = {
    "name": "planes",
    "fields": [
        {"name": "title", "type": "text"}, {"name": "price", "type": "decimal", "scale": 2}, {"name": "more", "type": "json"},
        {"name": "owner", "type": "relation", "collection": "users"},
        {"name": "crew", "type": "relation", "collection": "users", "many": True},
        {"name": "watcher", "type": "relation", "collection": "users", "hidden": True},
        {"name": "price_paid", "type": "integer", "hidden": True},
        {"name": "note", "type": "text", "rules": {"view": "owner = @request.auth.id"}},
    ],
    "rules": {"list": "title != 'unseen'", "view": ""},
}  # fmt: skip
REPORTS = {
    "name": "reports", "fields": [{"name": "text", "type": "text"}, {"name": "about", "type": "relation", "collection": "users"}],
    "rules": {"list": None, "view": ""},
}  # fmt: skip


class Hangar:
    def __init__(self, room: TestBackend) -> None:
        self.room, self.door = room, client(room)
        for definition in (USERS, PLANES, REPORTS):
            room.collections.create(definition, actor=SYSTEM)
        self.bea, self.cem = (self.add("users", email=f"{name}@example.org", password=PASSWORD, name=name) for name in ("bea", "cem"))
        room.accounts.create_admin("ann@example.org", PASSWORD)

    def add(self, collection: str, /, **values: Any) -> str:
        return self.room.records.create(collection, values, actor=SYSTEM, facts=FACTS).id

    def signed_in(self, name: str, collection: str = "users") -> dict[str, str]:
        body = {"identity": f"{name}@example.org", "password": PASSWORD}
        answer = self.door.post(f"/api/v1/auth/{collection}/sign-in", json=body, headers={"User-Agent": "Loom"})
        return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}

    def asked(self, headers: dict[str, str], account: str | None = None, collection: str = "users") -> Any:
        query = {} if account is None else {"account": account}
        return self.door.get(f"/api/v1/auth/{collection}/personal-data", headers=headers, query_string=query)


@pytest.fixture
def each(database_url: str) -> Iterator[Hangar]:
    with backend(database=database_url) as room:
        yield Hangar(room)


@pytest.fixture
def hangar() -> Iterator[Hangar]:
    """For what no database can do otherwise."""
    with backend() as room:
        yield Hangar(room)


def opened(answer: Any) -> dict[str, Any]:
    assert (answer.status_code, answer.content_type) == (200, "application/zip"), answer.get_data(as_text=True)
    assert int(answer.headers["Content-Length"]) == len(answer.get_data())
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as archive:
        assert archive.testzip() is None
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def test_it_holds_what_belongs_to_the_account_as_the_account_sees_it(each: Hangar) -> None:
    hangar = each
    bea, cem = hangar.bea, hangar.cem
    mine = hangar.add("planes", title="Kite", price="1.50", more={"a": [1, 2.5]}, owner=bea, price_paid=7, note="mine")
    flown = hangar.add("planes", title="Wren", owner=cem, crew=[cem, bea], note="of Cem")
    hangar.add("planes", title="unseen", owner=bea)
    hangar.add("planes", title="Swift", owner=cem, watcher=bea)
    hangar.add("reports", text="about Bea", about=bea)
    headers = hangar.signed_in("bea")
    found = opened(hangar.asked(headers))
    planes = {each["id"]: each for each in found["records/planes.json"]}
    assert set(planes) == {mine, flown}
    assert (planes[mine]["price"], planes[mine]["more"], planes[mine]["note"]) == ("1.50", {"a": [1, 2.5]}, "mine")
    assert planes[flown]["note"] is None
    assert not {"price_paid", "watcher"} & set(planes[mine])
    assert found["account.json"]["email"] == "bea@example.org"
    assert "remark" not in found["account.json"]
    assert "records/reports.json" not in found
    told = found["contents.json"]
    assert told["records"] == {"planes": {"by": ["owner", "crew"], "count": 2}, "reports": {"by": [], "count": 0}}
    assert (told["account"], told["collection"]) == (bea, "users")
    assert [each["agent"] for each in found["sessions.json"]] == ["Loom"]
    assert "cem@example.org" not in json.dumps(found)


def test_an_owner_gets_the_same_archive(hangar: Hangar) -> None:
    hangar.add("planes", title="Kite", owner=hangar.bea, price_paid=7)
    hangar.add("reports", text="about Bea", about=hangar.bea)
    own, owners = (opened(hangar.asked(hangar.signed_in(*who), hangar.bea)) for who in (("bea",), ("ann", "_admins")))
    for each in (own, owners):
        each.pop("contents.json")
    # That the first one was made is told by the second.
    told = [entry["action"] for entry in owners["audit.json"] if entry not in own["audit.json"]]
    assert told == ["account.exported"]
    owners["audit.json"] = own["audit.json"]
    assert owners == own


def test_factors_and_letters_are_told_without_what_opens_anything(each: Hangar) -> None:
    hangar = each
    headers = hangar.signed_in("bea")
    seed = hangar.door.post("/api/v1/auth/users/factors/totp", headers=headers).get_json()["secret"]
    hangar.door.post("/api/v1/auth/users/verification", json={"email": "bea@example.org"})
    hangar.door.post("/api/v1/auth/users/verification", json={"email": "cem@example.org"})
    identity = KeptIdentity("i1", "https://issuer.example", "s-1", hangar.bea, "hangar", "bea@example.org", "", "")
    hangar.room.work.run(lambda stores: stores.identities.add(stores.schema.collection("users"), identity))
    first = opened(hangar.asked(headers))
    assert [(each["provider"], each["subject"]) for each in first["identities.json"]] == [("hangar", "s-1")]
    assert [(each["kind"], each["confirmed"]) for each in first["factors.json"]] == [("totp", False)]
    assert [(each["state"], each["purpose"]) for each in first["letters.json"]] == [("waiting", "verification")]
    hangar.room.mail.deliver()
    second = opened(hangar.asked(headers))
    assert [(each["state"], each["purpose"]) for each in second["letters.json"]] == [("open", "verification")]
    link = hangar.room.post.letters[0].text.split("token=")[1].split()[0]
    for found in (first, second):
        assert seed not in json.dumps(found)
        assert link not in json.dumps(found)
        assert "digest" not in json.dumps(found)


def test_it_tells_what_was_noted_and_not_who_else_did_it(hangar: Hangar) -> None:
    owner = hangar.signed_in("ann", "_admins")
    hangar.door.delete(f"/api/v1/auth/users/factors?account={hangar.bea}", headers=owner)
    hangar.door.delete(f"/api/v1/auth/users/factors?account={hangar.cem}", headers=owner)
    entries = opened(hangar.asked(hangar.signed_in("bea")))["audit.json"]
    others = [each for each in entries if each["action"] != "accounts.signed_in"]
    assert [(each["action"], each["target"], each["by"]) for each in others] == [("factors.reset", hangar.bea, {"kind": "admin"})]
    assert all(each["target"] == hangar.bea for each in entries)


def test_it_is_for_the_account_and_for_owners(hangar: Hangar) -> None:
    bea, ann = hangar.signed_in("bea"), hangar.signed_in("ann", "_admins")
    asked = [({}, None), (bea, hangar.cem), (bea, "nobody"), (bea, "../x"), (ann, "nobody"), (ann, None)]
    refused = [problem(hangar.asked(headers, account)) for headers, account in asked]
    assert [each["status"] for each in refused] == [401, 404, 404, 404, 404, 403]
    hangar.room.accounts.create_admin("eve@example.org", PASSWORD, role="editor")
    editor = hangar.signed_in("eve", "_admins")
    key = hangar.door.post("/api/v1/keys", json={"name": "robot", "scopes": {"users": ["list", "view"]}}, headers=ann).get_json()["key"]
    for headers in (editor, {"Authorization": f"Bearer {key}"}):
        for whom in (hangar.bea, None):
            assert problem(hangar.asked(headers, whom))["status"] in (403, 404)
            path = "/api/v1/auth/users/personal-data"
            assert hangar.door.delete(path, headers=headers, query_string={"account": whom} if whom else {}).status_code in (403, 404)
    assert hangar.door.get("/api/v1/auth/users/me", headers=bea).status_code == 200
    others, missing = ({name: value for name, value in each.items() if name != "request_id"} for each in refused[1:3])
    assert others == missing


def test_a_stolen_token_gets_nothing(hangar: Hangar) -> None:
    headers = hangar.signed_in("bea")
    hangar.room.clock.advance(minutes=11)
    assert problem(hangar.asked(headers))["code"] == "step_up_required"
    hangar.door.post("/api/v1/auth/users/step-up", json={"password": PASSWORD}, headers=headers)
    assert opened(hangar.asked(headers))


def test_of_many_records_none_is_missing_or_there_twice(each: Hangar) -> None:
    hangar = each
    rows = [{"title": f"Plane {at}", "owner": hangar.bea} for at in range(2_345)]
    with_events = [{"method": "create", "collection": "planes", "values": each} for each in rows]
    headers = hangar.signed_in("ann", "_admins")
    for start in range(0, len(rows), 500):
        sent = {"operations": with_events[start : start + 500]}
        assert hangar.door.post("/api/v1/batch", json=sent, headers=headers).status_code == 200
    found = opened(hangar.asked(hangar.signed_in("bea")))
    assert sorted(each["title"] for each in found["records/planes.json"]) == sorted(each["title"] for each in rows)
    assert found["contents.json"]["records"]["planes"]["count"] == 2_345


def test_it_is_begun_anew_where_reading_is(tmp_path: Any) -> None:
    at = backend().clock.now()
    with open(tmp_path / "archive.zip", "w+b") as file:  # noqa: PTH123
        with ZipArchive(file) as archive:
            archive.begin(at)
            archive.document("old.json", {"x": "y" * 5_000})
            archive.begin(at)
            with archive.table("new.json", ("a",)) as rows:
                rows.put([(1,), (2,)])
        with zipfile.ZipFile(file) as found:
            assert found.namelist() == ["new.json"]
            assert json.loads(found.read("new.json")) == [{"a": 1}, {"a": 2}]


def test_only_so_many_are_made_at_once(hangar: Hangar) -> None:
    made = hangar.room.personal_exports
    epoch = hangar.room.work.read(lambda stores: stores.accounts.credentials_of(stores.schema.collection("users"), hangar.bea)).epoch
    asking = {"actor": account(hangar.bea, "users", epoch), "facts": FACTS}
    with made._places.one(), made._places.one(), pytest.raises(Unavailable):
        made.write("users", None, ZipArchive(io.BytesIO()), **asking)
    with pytest.raises(Problem):
        made.write("users", None, ZipArchive(io.BytesIO()), **asking)  # a place is free, and the session is not fresh
    with pytest.raises(NotFound):
        made.write("users", hangar.cem, ZipArchive(io.BytesIO()), **asking)


def test_an_owner_gets_that_of_a_disabled_account(hangar: Hangar) -> None:
    bea, ann = hangar.signed_in("bea"), hangar.signed_in("ann", "_admins")
    plane = hangar.add("planes", title="Kite", owner=hangar.bea)
    hangar.room.records.update("users", hangar.bea, {"disabled": True}, actor=SYSTEM, facts=FACTS)
    assert hangar.asked(bea).status_code == 401
    found = opened(hangar.asked(ann, hangar.bea))
    assert [each["id"] for each in found["records/planes.json"]] == [plane]


def test_whoever_came_without_a_name_takes_its_data_and_is_erased(hangar: Hangar) -> None:
    hangar.room.collections.change("users", {"anonymous": {"days": 30}}, actor=SYSTEM)
    signed = hangar.door.post("/api/v1/auth/users/anonymous", json={})
    assert signed.status_code == 200, signed.get_data(as_text=True)
    headers = {"Authorization": f"Bearer {signed.get_json()['access_token']}"}
    plane = hangar.add("planes", title="Kite", owner=signed.get_json()["account"]["id"])
    assert [each["id"] for each in opened(hangar.asked(headers))["records/planes.json"]] == [plane]
    assert problem(hangar.door.delete("/api/v1/auth/users/personal-data", headers=headers))["code"] == "restricted"
    hangar.room.records.delete("planes", plane, actor=SYSTEM, facts=FACTS)
    assert hangar.door.delete("/api/v1/auth/users/personal-data", headers=headers).status_code == 200


def test_it_holds_the_files_that_the_account_sees(each: Hangar) -> None:
    hangar, door = each, each.door
    fields = [{"name": "owner", "type": "relation", "collection": "users"}, {"name": "scan", "type": "file"},
              {"name": "pages", "type": "file", "many": True}, {"name": "secret", "type": "file", "hidden": True}]  # fmt: skip
    hangar.room.collections.create({"name": "papers", "fields": fields, "rules": {"list": "", "view": "", "create": ""}}, actor=SYSTEM)

    def sent(owner: str) -> Any:
        parts = {"owner": owner, "scan": (io.BytesIO(owner.encode()), "scan.txt"),
                 "pages": [(io.BytesIO(b"one"), "1.txt"), (io.BytesIO(b"two"), "2.txt")]}  # fmt: skip
        return door.post("/api/v1/collections/papers/records", data=parts, content_type="multipart/form-data").get_json()

    mine, lost, _ = sent(hangar.bea), sent(hangar.bea), sent(hangar.cem)
    key = f"{hangar.room.collections.get('papers', actor=SYSTEM).id}/{lost['id']}/{lost['scan']['name']}"
    hangar.room.files._files.delete([key])
    answer = hangar.asked(hangar.signed_in("bea"))
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name.startswith("files/")}
        told = json.loads(archive.read("contents.json"))
    at, gone = f"files/papers/{mine['id']}", f"files/papers/{lost['id']}"
    assert files == {
        f"{at}/{mine['scan']['name']}": hangar.bea.encode(),
        **{f"{at}/{page['name']}": text for page, text in zip(mine["pages"], (b"one", b"two"), strict=True)},
        **{f"{gone}/{page['name']}": text for page, text in zip(lost["pages"], (b"one", b"two"), strict=True)},
    }
    assert told["missing_files"] == [f"{gone}/{lost['scan']['name']}"]
