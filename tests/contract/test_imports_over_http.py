"""Imports over HTTP, on every database: for admins only, all rows or none, and a report."""

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app import testing
from app.settings import Settings
from domain.actor import SYSTEM

HERBS = {
    "name": "herbs",
    "fields": [
        {"name": "code", "type": "text", "unique": True},
        {"name": "price", "type": "decimal", "scale": 2, "min": "0"},
        {"name": "garden", "type": "relation", "collection": "gardens"},
    ],
}
PATH = "/api/v1/collections/herbs/import"
CSV, NDJSON = {"Content-Type": "text/csv"}, {"Content-Type": "application/x-ndjson"}


class Room:
    def __init__(self, backend: testing.TestBackend) -> None:
        self.backend = backend
        self.client = testing.client(backend, Settings(max_import=200_000))
        backend.collections.create({"name": "gardens", "fields": [{"name": "plot", "type": "integer", "unique": True}]}, actor=SYSTEM)
        backend.collections.create(HERBS, actor=SYSTEM)
        backend.accounts.create_admin("ann@example.org", "correct horse battery")
        credentials = {"identity": "ann@example.org", "password": "correct horse battery"}
        token = self.client.post("/api/v1/auth/_admins/sign-in", json=credentials).get_json()["access_token"]
        self.admin = {"Authorization": f"Bearer {token}"}

    def send(self, body: bytes | str, headers: dict[str, str] = CSV, query: str = "", path: str = PATH) -> Any:
        return self.client.post(f"{path}{query}", data=body, headers={**self.admin, **headers})

    def herbs(self) -> list[tuple[Any, ...]]:
        found = self.client.get("/api/v1/collections/herbs/records?sort=code", headers=self.admin).get_json()["items"]
        return [(each["code"], each["price"], each["version"]) for each in found]


@pytest.fixture
def room(database_url: str) -> Iterator[Room]:
    with testing.backend(database=database_url) as made:
        yield Room(made)


def counts(answer: Any) -> tuple[int, ...]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return tuple(answer.get_json()[name] for name in ("created", "changed", "unchanged", "rejected"))


def test_each_format_is_read(room: Room) -> None:
    assert counts(room.send("code;price\nrue;1.50\n")) == (1, 0, 0, 0)
    assert counts(room.send('{"code": "sage", "price": 2.25}\n', NDJSON)) == (1, 0, 0, 0)
    assert counts(room.send(' [{"code": "thyme"} , {"code": "mint"}]\n', {"Content-Type": "application/json"})) == (2, 0, 0, 0)
    assert counts(room.send(gzip.compress(b"code\nbay\n"), {**CSV, "Content-Encoding": "gzip"})) == (1, 0, 0, 0)
    assert room.herbs() == [("bay", None, 1), ("mint", None, 1), ("rue", "1.50", 1), ("sage", "2.25", 1), ("thyme", None, 1)]


def test_a_key_finds_what_is_changed(room: Room) -> None:
    room.send("code,price\nrue,1\nsage,2\n")
    assert counts(room.send("code,price\nrue,1.00\nsage,3\nbay,4\n", query="?key=code")) == (1, 1, 1, 0)
    assert room.herbs() == [("bay", "4.00", 1), ("rue", "1.00", 1), ("sage", "3.00", 2)]


def test_relations_are_found_by_a_unique_field(room: Room) -> None:
    room.send("plot\n7\n", path="/api/v1/collections/gardens/import")
    assert counts(room.send("code,garden\nrue,7\n", query="?match=garden=plot")) == (1, 0, 0, 0)
    refused = room.send("code,garden\nsage,8\nbay,x\n", query="?match=garden=plot")
    assert [each["pointer"] for each in refused.get_json()["errors"]] == ["/2/garden", "/3/garden"]


def test_one_bad_row_keeps_every_row_out_and_all_its_faults_are_told(room: Room) -> None:
    answer = room.send("code,price\nrue,1\nsage,-1\nbay,x,y\n\x00,0.001\n")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "rows_refused")
    assert [(each["pointer"], each["code"]) for each in answer.get_json()["errors"]] == [
        ("/3/price", "too_small"), ("/4", "wrong_width"), ("/5/code", "invalid_text"), ("/5/price", "too_precise"),
    ]  # fmt: skip
    assert room.herbs() == []


def test_good_rows_are_kept_where_that_is_wished_for(room: Room) -> None:
    answer = room.send("code,price\nrue,1\nsage,-1\nrue,2\n", query="?skip_bad=true")
    assert counts(answer) == (1, 0, 0, 2)
    assert [(each["line"], each["errors"][0]["pointer"]) for each in answer.get_json()["rejects"]] == [(3, "/price"), (4, "/code")]
    assert room.herbs() == [("rue", "1.00", 1)]


def test_a_dry_run_writes_nothing(room: Room) -> None:
    answer = room.send("code,price\nrue,1\nsage,x\n", query="?dry_run=true")
    assert counts(answer) == (0, 0, 0, 1)
    assert (answer.get_json()["rows"], answer.get_json()["dry_run"]) == (1, True)
    assert room.herbs() == []


class Untouched(io.RawIOBase):
    """A body that must not be read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise AssertionError("the body was read")


UNTOUCHED = {"wsgi.input": Untouched(), "CONTENT_LENGTH": "100"}


@pytest.mark.parametrize("headers, status", [({}, 401), ({"Authorization": "Bearer nonsense"}, 401)])
def test_the_body_of_others_is_not_read(room: Room, headers: dict[str, str], status: int) -> None:
    answer = room.client.post(PATH, environ_overrides=UNTOUCHED, headers={**CSV, **headers})
    assert answer.status_code == status


def test_accounts_are_refused_before_the_body(room: Room) -> None:
    room.backend.collections.create({"name": "users", "type": "accounts", "rules": {"create": ""}}, actor=SYSTEM)
    person = {"email": "bea@example.org", "password": "correct horse battery"}
    room.client.post("/api/v1/collections/users/records", json=person)
    signed = room.client.post("/api/v1/auth/users/sign-in", json={"identity": person["email"], "password": person["password"]}).get_json()
    headers = {**CSV, "Authorization": f"Bearer {signed['access_token']}"}
    for collection in ("herbs", "nowhere", "users"):
        answer = room.client.post(f"/api/v1/collections/{collection}/import", environ_overrides=UNTOUCHED, headers=headers)
        assert answer.status_code == 403, collection


JSON, GZIP = {"Content-Type": "application/json"}, {**CSV, "Content-Encoding": "gzip"}
WRONG: list[tuple[Any, dict[str, str], str, int, str]] = [
    ("code\nrue\n", {"Content-Type": "application/xml"}, "", 415, "unsupported_media_type"),
    ("code\nrue\n", {**CSV, "Content-Encoding": "br"}, "", 415, "unsupported_media_type"),
    ("code\nrue\n", CSV, "?skipbad=true", 400, "unknown_parameter"),
    ("code\nrue\n", CSV, "?skip_bad=yes", 400, "invalid_parameter"),
    ("code\nrue\n", CSV, "?key=price", 400, "invalid_columns"),
    ("code\nrue\n", CSV, "?match=garden", 400, "invalid_parameter"),
    ("code\nrue\n", CSV, "?match=garden=plto", 400, "invalid_match"),
    ("code\nrue\n", CSV, "?encoding=klingon", 400, "unknown_encoding"),
    ("code\nrue\n", CSV, "?encoding=hex", 400, "unknown_encoding"),
    ("code\nrue\n", NDJSON, "?delimiter=;", 400, "invalid_parameter"),
    ("cod\nrue\n", CSV, "", 400, "invalid_columns"),
    ("code,code\nrue,sage\n", CSV, "", 400, "invalid_columns"),
    ("", CSV, "", 400, "no_header"),
    ("\ufeff", CSV, "", 400, "no_header"),
    ("code\n\u00e9\n".encode("latin-1"), CSV, "", 400, "not_utf8"),
    ("code\nrue\n".encode("utf-16"), CSV, "", 400, "not_utf8"),
    ('code\n"rue\n', CSV, "", 400, "rows_refused"),
    ("nonsense", JSON, "", 400, "invalid_json"),
    ('[{"code": "rue"}', JSON, "", 400, "invalid_json"),
    ('[{"code": "rue"}] x', JSON, "", 400, "invalid_json"),
    ('[{"code": "rue", "code": "bay"}]', JSON, "", 400, "rows_refused"),
    ("[" * 100_000, JSON, "", 400, "invalid_json"),
    ('{"code": NaN}\n', NDJSON, "", 400, "rows_refused"),
    ("code\nrue\n", GZIP, "", 400, "invalid_gzip"),
    (gzip.compress(b"code\n" + b"rue\n" * 100)[:-9], GZIP, "", 400, "invalid_gzip"),
    (gzip.compress(b"code\n" + b"rue\n" * 100_000), GZIP, "", 413, "import_too_large"),
    ("x" * 200_001, CSV, "", 413, "too_large"),
]


def test_what_is_wrong_is_told_and_nothing_is_kept(room: Room) -> None:
    for body, headers, query, status, code in WRONG:
        answer = room.send(body, headers, query)
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), (body[:30], answer.get_data(as_text=True))
    assert room.herbs() == []


def test_formulas_are_read_as_exports_write_them(room: Room) -> None:
    room.send(json.dumps({"code": "=1+1"}) + "\n", NDJSON)
    exported = room.client.get("/api/v1/collections/herbs/export?fields=id,code&format=csv", headers=room.admin).get_data()
    assert b"'=1+1" in exported
    assert counts(room.send(exported, query="?key=id")) == (0, 0, 1, 0)
