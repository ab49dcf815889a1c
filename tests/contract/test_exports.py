"""Exports on every database: the records and fields of a list, all of one moment, read back by an import as they were (Z23, I14)."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from adapters.inbound.rows.formats import open_rows
from adapters.inbound.web.tables import FileTable
from app.testing import CountedIds, TestBackend, backend, client
from domain.actor import SYSTEM
from domain.errors import Invalid, Unavailable
from domain.records.exports import ExportForm, ExportLimits, ExportQuery
from domain.records.imports import Options
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
USERS = {
    "name": "users", "type": "accounts", "fields": [{"name": "name", "type": "text"}],
    "rules": {"list": "", "view": "", "create": ""},
}  # fmt: skip
THINGS = {
    "name": "things",
    "fields": [
        {"name": "title", "type": "text"}, {"name": "count", "type": "integer"}, {"name": "size", "type": "number"},
        {"name": "price", "type": "decimal", "scale": 2}, {"name": "live", "type": "bool"}, {"name": "at", "type": "date"},
        {"name": "more", "type": "json"}, {"name": "marks", "type": "select", "values": ["-a", "b"], "many": True},
        {"name": "place", "type": "geo"}, {"name": "owner", "type": "relation", "collection": "users"},
        {"name": "friends", "type": "relation", "collection": "users", "many": True},
        {"name": "secret", "type": "text", "hidden": True},
        {"name": "phone", "type": "text", "rules": {"view": "owner = @request.auth.id"}},
        {"name": "margin", "type": "integer", "rules": {"view": "@request.auth.name = 'Ann'"}},
    ],
    "rules": {"list": "title != 'unseen'", "view": ""},
}  # fmt: skip
TEXTS = ("=1+1", "'=1+1", "'tis", '+1,"x"', "-5", "@a\r\nb", "a;b", "\t", "é漢\U0001f600", " x ", "＝1", "null", "unseen", None)
PATH = "/api/v1/collections/things"
PASSWORD = "correct horse battery"


@pytest.fixture
def room(database_url: str) -> Iterator[TestBackend]:
    with backend(database=database_url, ids=CountedIds()) as made:
        for definition in (USERS, THINGS):
            made.collections.create(definition, actor=SYSTEM)
        ann, bob = (_account(made, name) for name in ("Ann", "Bob"))
        for at, title in enumerate(TEXTS):
            made.records.create("things", _thing(at, title, ann, bob), actor=SYSTEM, facts=FACTS)
        yield made


def _account(room: TestBackend, name: str) -> str:
    body = {"email": f"{name.lower()}@example.org", "password": PASSWORD, "name": name}
    return room.records.create("users", body, actor=SYSTEM, facts=FACTS).id


def _thing(at: int, title: Any, ann: str, bob: str) -> dict[str, Any]:
    if at % 3 == 2:
        return {"id": f"-t{at}", "title": title}
    return {
        "id": f"t{at}", "title": title, "count": -at, "size": -1.5e22 * at, "price": f"-{at}.50", "live": at % 2 == 0,
        "at": "2026-11-22T13:00:00.000Z", "more": {"=x": [1, "-2"]} if at % 2 else "=text", "marks": ["-a", "b"],
        "place": {"lon": -1.5, "lat": 2}, "owner": ann if at % 2 else bob, "friends": [bob, ann], "secret": "s", "phone": f"+{at}",
        "margin": at,
    }  # fmt: skip


def sign_in(door: FlaskClient, name: str) -> dict[str, str]:
    body = {"identity": f"{name}@example.org", "password": PASSWORD}
    return {"Authorization": f"Bearer {door.post('/api/v1/auth/users/sign-in', json=body).get_json()['access_token']}"}


@pytest.mark.parametrize("who", [None, "ann", "bob"])
def test_an_export_holds_what_a_list_holds(room: TestBackend, who: str | None) -> None:
    door = client(room)
    headers = sign_in(door, who) if who else {}
    items = door.get(f"{PATH}/records?limit=500", headers=headers).get_json()["items"]
    assert len(items) == len(TEXTS) - 1
    assert ("margin" in items[0]) == (who == "ann")
    lines = door.get(f"{PATH}/export?format=jsonl", headers=headers).get_data(as_text=True).splitlines()
    assert [json.loads(line) for line in lines] == items
    assert door.get(f"{PATH}/export?format=json", headers=headers).get_json() == items
    rows = list(csv.DictReader(io.StringIO(door.get(f"{PATH}/export", headers=headers).get_data(as_text=True), newline="")))
    assert [list(row) for row in rows] == [list(item) for item in items]
    assert [bool(row.get("phone")) for row in rows] == [item.get("phone") is not None for item in items]


def test_what_a_list_refuses_is_refused(room: TestBackend) -> None:
    door = client(room)
    for query in ("filter=secret='s'", "sort=secret", "fields=secret", "filter=margin>1", "fields=margin", "filter=titel='x'", "filter=("):
        one, other = door.get(f"{PATH}/export?{query}"), door.get(f"{PATH}/records?{query}")
        assert one.status_code == 400
        assert (one.get_json()["code"], one.get_json()["detail"]) == (other.get_json()["code"], other.get_json()["detail"])
    for query in ("limit=1", "cursor=x", "expand=owner", "format=xml", "gzip=yes", "bom=true&format=json", "format=csv&format=csv"):
        assert door.get(f"{PATH}/export?{query}").status_code == 400, query
    assert door.get("/api/v1/collections/nothing/export").status_code == 404
    assert door.get("/api/v1/collections/_admins/export").status_code == 404


def test_filter_sort_and_fields_choose_and_no_cell_begins_a_formula(room: TestBackend) -> None:
    answer = client(room).get(f"{PATH}/export", query_string={"filter": "count<0", "sort": "-count", "fields": "id,count,price"})
    assert answer.get_data(as_text=True).splitlines()[:3] == ["id,count,price", "t1,-1,-1.50", "t3,-3,-3.50"]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="things.csv"'
    rows = list(csv.DictReader(io.StringIO(client(room).get(f"{PATH}/export").get_data(as_text=True), newline="")))
    numbers = {"count", "size", "price"}
    assert {row["count"] for row in rows} >= {"-1", "-3"}
    assert [cell for row in rows for name, cell in row.items() if name not in numbers and cell[:1] in tuple("=+-@\t\r\n＝")] == []


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_an_import_reads_back_what_an_export_wrote(room: TestBackend, format: str, tmp_path: Path) -> None:
    before = _everything(room)
    path = tmp_path / f"things.{format}"
    with path.open("w+b") as file:
        assert room.exports.write("things", ExportQuery(), FileTable(file, ExportForm(format)), actor=SYSTEM, facts=FACTS) == len(TEXTS)
    for record in before:
        room.records.delete("things", record["id"], actor=SYSTEM, facts=FACTS)
    options = Options(ignore=frozenset({"version", "created", "updated"}))
    with open_rows(path) as rows, room.imports.begin("things", rows.header, options, actor=SYSTEM) as judged:
        room.imports.judge(judged, rows)
        assert room.imports.keep(judged).created == len(TEXTS)
    assert _everything(room) == before


def _everything(room: TestBackend) -> list[dict[str, Any]]:
    """As an admin sees it. Time stands still here, so the stamps are the same too."""
    items = room.records.list("things", ListQuery(limit=500), actor=SYSTEM, facts=FACTS).as_object()["items"]
    found: list[dict[str, Any]] = orjson.loads(orjson.dumps(items))
    return found


def test_compressed_by_wish_or_by_agreement(room: TestBackend) -> None:
    door = client(room)
    plain = door.get(f"{PATH}/export").data
    agreed = door.get(f"{PATH}/export", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert (agreed.headers["Content-Encoding"], agreed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(agreed.data) == plain
    assert "Content-Encoding" not in door.get(f"{PATH}/export", headers={"Accept-Encoding": "gzip;q=0, identity"}).headers
    wished = door.get(f"{PATH}/export?gzip=true", headers={"Accept-Encoding": "gzip"})
    assert (wished.content_type, wished.headers["Content-Disposition"]) == ("application/gzip", 'attachment; filename="things.csv.gz"')
    assert "Content-Encoding" not in wished.headers
    assert gzip.decompress(wished.data) == plain
    assert door.get(f"{PATH}/export?bom=true").data == b"\xef\xbb\xbf" + plain


def test_all_records_are_of_one_moment(room: TestBackend, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed while it is read, between two pages: by another backend, as another process would."""
    if ":memory:" in database_url:
        pytest.skip("one connection has no one beside it")
    room.collections.create({"name": "many", "fields": [{"name": "n", "type": "integer"}]}, actor=SYSTEM)
    monkeypatch.setattr("app.usecases.exports._PAGE", 10)
    for at in range(15):
        room.records.create("many", {"id": f"m{at:02}", "n": at}, actor=SYSTEM, facts=FACTS)
    with backend(database=database_url) as other:
        pages: list[int] = []

        def meddle(rows: int) -> None:
            pages.append(rows)
            if len(pages) == 1:
                other.records.update("many", "m12", {"n": -1}, actor=SYSTEM, facts=FACTS)
                other.records.delete("many", "m13", actor=SYSTEM, facts=FACTS)
                other.records.create("many", {"id": "m14x", "n": 0}, actor=SYSTEM, facts=FACTS)

        file = io.BytesIO()
        table = FileTable(file, ExportForm("jsonl"))
        room.exports.write("many", ExportQuery(sort="n"), table, actor=SYSTEM, facts=FACTS, progress=meddle)
    assert pages == [10, 5]
    assert [json.loads(line)["n"] for line in file.getvalue().splitlines()] == list(range(15))


def test_limits_refuse_and_do_not_shorten(room: TestBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    for limits in (ExportLimits(rows=3), ExportLimits(size=50)):
        with pytest.raises(Invalid, match="beyond the limit"):
            room.exports.write("things", ExportQuery(), FileTable(file, ExportForm()), actor=SYSTEM, facts=FACTS, limits=limits)

    def slow(rows: int) -> None:
        room.clock.advance(seconds=61)

    monkeypatch.setattr("app.usecases.exports._PAGE", 5)
    with pytest.raises(Invalid, match="export_seconds"):
        room.exports.write("things", ExportQuery(), FileTable(file, ExportForm()), actor=SYSTEM, facts=FACTS, progress=slow)


def test_a_third_export_waits_for_its_turn(room: TestBackend) -> None:
    def another(rows: int) -> None:
        table = FileTable(io.BytesIO(), ExportForm())
        beside(lambda: room.exports.write("users", ExportQuery(), table, actor=SYSTEM, facts=FACTS, progress=third))

    def third(rows: int) -> None:
        beside(refuses)

    def refuses() -> None:
        with pytest.raises(Unavailable) as caught:
            room.exports.write("users", ExportQuery(), FileTable(io.BytesIO(), ExportForm()), actor=SYSTEM, facts=FACTS)
        refused.append(caught.value.code)

    def beside(asked: Callable[[], object]) -> None:
        other = Thread(target=asked)
        other.start()
        other.join()

    refused: list[str] = []
    room.exports.write("things", ExportQuery(), FileTable(io.BytesIO(), ExportForm()), actor=SYSTEM, facts=FACTS, progress=another)
    assert refused == ["busy"]
    room.exports.write("things", ExportQuery(), FileTable(io.BytesIO(), ExportForm()), actor=SYSTEM, facts=FACTS)
