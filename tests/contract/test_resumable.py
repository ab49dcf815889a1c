"""Uploads that go on where they broke off, over HTTP on every database: begun, interrupted, resumed, held by a record, and none left."""

import base64
import hashlib
import threading

import pytest

from app.testing import backend, client
from app.usecases import pieces, resumable
from domain.actor import GUEST, SYSTEM
from domain.errors import Unavailable
from domain.files.resumable import CONTENT_TYPE
from domain.rules.values import RequestFacts

FACTS = RequestFacts("POST")
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 40
FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "cover", "type": "file", "types": ["image/*"], "max_size": 50_000},
    {"name": "papers", "type": "file", "many": True, "max": 3},
    {"name": "more", "type": "json"},
]  # fmt: skip
RECORDS = "/api/v1/collections/posts/records"
PLACE = "/api/v1/uploads"
SPOKEN = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as made:
        made.collections.create({"name": "posts", "rules": OPEN, "fields": FIELDS}, actor=SYSTEM)
        rules = {"list": "", "view": "", "create": "@request.auth.id != ''", "update": "@request.auth.id != ''"}
        made.collections.create({"name": "guarded", "rules": rules, "fields": FIELDS}, actor=SYSTEM)
        yield made


@pytest.fixture
def door(room):
    return client(room)


def told(**metadata: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())


def begun(door, length: int, field: str = "papers", filename: str = "a.txt", headers=None, **metadata: str):
    said = {"Upload-Length": str(length), "Upload-Metadata": told(collection="posts", field=field, filename=filename) + more(metadata)}
    return door.post(PLACE, headers={**SPOKEN, **said, **(headers or {})})


def more(metadata) -> str:
    return f",{told(**metadata)}" if metadata else ""


def sent(door, place: str, offset: int, data: bytes, **headers: str):
    said = {"Upload-Offset": str(offset), "Content-Type": CONTENT_TYPE, **{key.replace("_", "-"): each for key, each in headers.items()}}
    return door.patch(place, headers={**SPOKEN, **said}, data=data)


def uploaded(door, data: bytes, field: str = "papers", filename: str = "a.txt", headers=None, **metadata) -> str:
    """The id of an upload that is whole."""
    place = begun(door, len(data), field, filename, headers, **metadata).headers["Location"]
    assert sent(door, place, 0, data, **(headers or {})).status_code == 204
    return place.rpartition("/")[2]


def refused(answer, status: int, code: str):
    assert (answer.status_code, answer.get_json()["code"]) == (status, code), answer.get_json()
    return answer.get_json()


def offset(door, place: str) -> int:
    return int(door.head(place, headers=SPOKEN).headers["Upload-Offset"])


def stored(room) -> list[str]:
    return sorted(each.key for each in room.files._files.stored())


def fetched(door, record, file) -> bytes:
    return door.get(f"/api/v1/files/posts/{record['id']}/{file['name']}").data


def test_an_interrupted_upload_goes_on_and_a_record_holds_it(room, door, monkeypatch):
    monkeypatch.setattr(pieces, "_PIECE", 1_000)
    answer = begun(door, len(PNG), "cover", "../Lüfte.png")
    place = answer.headers["Location"]
    assert (answer.status_code, answer.headers["Tus-Resumable"], answer.headers["Upload-Offset"]) == (201, "1.0.0", "0")
    first = sent(door, place, 0, PNG[:4_321])
    assert (first.status_code, first.headers["Upload-Offset"], "Upload-Expires" in first.headers) == (204, "4321", True)
    seen = door.head(place, headers=SPOKEN)
    assert (seen.headers["Upload-Offset"], seen.headers["Upload-Length"]) == ("4321", str(len(PNG)))
    assert seen.headers["Cache-Control"] == "no-store"
    unfinished = door.post(RECORDS, json={"cover": {"upload": place.rpartition("/")[2]}})
    assert refused(unfinished, 400, "upload_unfinished")
    assert sent(door, place, 4_321, PNG[4_321:]).headers["Upload-Offset"] == str(len(PNG))
    known = door.get(place).get_json()
    assert (known["type"], known["sha256"], known["original"]) == ("image/png", hashlib.sha256(PNG).hexdigest(), "Lüfte.png")

    made = door.post(RECORDS, json={"title": "Birds", "cover": {"upload": known["id"]}})
    assert made.status_code == 201
    record = made.get_json()
    assert {key: record["cover"][key] for key in ("original", "size", "type", "sha256")} == {
        "original": "Lüfte.png", "size": len(PNG), "type": "image/png", "sha256": hashlib.sha256(PNG).hexdigest()
    }  # fmt: skip
    assert fetched(door, record, record["cover"]) == PNG
    assert door.head(place, headers=SPOKEN).status_code == 404
    room.files.sweep()
    assert [each.rpartition("/")[2] for each in stored(room)] == [record["cover"]["name"]]


def test_a_list_takes_uploads_beside_each_other_and_behind_what_is_there(room, door):
    record = door.post(RECORDS, json={"papers": [{"upload": uploaded(door, b"one")}, {"upload": uploaded(door, b"two")}]}).get_json()
    place = f"{RECORDS}/{record['id']}"
    again = door.patch(place, json={"papers+": {"upload": uploaded(door, b"three", record=record["id"])}}).get_json()
    assert [fetched(door, again, each) for each in again["papers"]] == [b"one", b"two", b"three"]
    last = uploaded(door, b"four")
    assert refused(door.patch(place, json={"papers+": [{"upload": last}]}), 400, "invalid_record")
    swapped = door.patch(place, json={"papers": [{"upload": last}]}).get_json()
    assert [fetched(door, swapped, each) for each in swapped["papers"]] == [b"four"]
    room.files.sweep()
    assert len(stored(room)) == 1


def test_the_operations_of_a_batch_take_uploads(room, door):
    record = door.post(RECORDS, json={"title": "old"}).get_json()
    operations = [
        {"method": "create", "collection": "posts", "values": {"title": "new", "cover": {"upload": uploaded(door, PNG, "cover")}}},
        {"method": "update", "collection": "posts", "id": record["id"], "values": {"papers+": {"upload": uploaded(door, b"one")}}},
        *({"method": "create", "collection": "posts", "values": {"papers": [{"upload": uploaded(door, b"n")}]}} for _ in range(4)),
    ]
    results = door.post("/api/v1/batch", json={"operations": operations}).get_json()["results"]
    records = [each["record"] for each in results]
    assert fetched(door, records[0], records[0]["cover"]) == PNG
    assert [fetched(door, each, each["papers"][0]) for each in records[1:]] == [b"one", *[b"n"] * 4]
    room.files.sweep()
    assert len(stored(room)) == 6


def test_a_batch_that_is_refused_keeps_its_uploads_for_the_next_one(room, door):
    id = uploaded(door, PNG, "cover")
    create = {"method": "create", "collection": "posts", "values": {"cover": {"upload": id}}}
    gone = {"method": "update", "collection": "posts", "id": "nowhere", "values": {"title": "x"}}
    assert refused(door.post("/api/v1/batch", json={"operations": [create, gone]}), 404, "not_found")
    assert door.post("/api/v1/batch", json={"operations": [create]}).status_code == 200
    room.files.sweep()
    assert len(stored(room)) == 1


@pytest.mark.parametrize("operation", [
    {"method": "upsert", "collection": "posts", "by": ["id"], "values": {"id": "a"}},
    {"method": "update", "collection": "posts", "id": {"$ref": "first.id"}, "values": {}},
])  # fmt: skip
def test_where_a_batch_cannot_know_the_record_it_says_so(room, door, operation):
    values = {**operation["values"], "cover": {"upload": uploaded(door, PNG, "cover")}}
    first = {"method": "create", "collection": "posts", "values": {"title": "first"}, "as": "first"}
    answer = door.post("/api/v1/batch", json={"operations": [first, {**operation, "values": values}]})
    assert refused(answer, 400, "upload_elsewhere")["errors"][0]["pointer"].startswith("/operations/1")
    room.files.sweep()
    assert len(stored(room)) == 1


def test_a_refused_write_leaves_the_upload_as_it_was(room, door):
    id = uploaded(door, PNG, "cover")
    assert refused(door.post(RECORDS, json={"title": 5, "cover": {"upload": id}}), 400, "invalid_record")
    tried = door.post(f"{RECORDS}?dry_run=true", json={"cover": {"upload": id}})
    assert (tried.status_code, tried.get_json()["cover"]["size"]) == (200, len(PNG))
    assert door.post(RECORDS, json={"cover": {"upload": id}}).status_code == 201
    assert refused(door.post(RECORDS, json={"cover": {"upload": id}}), 404, "upload_ended")
    room.files.sweep()
    assert len(stored(room)) == 1


@pytest.mark.parametrize("value, status, code", [
    ({"upload": "a" * 24}, 404, "upload_ended"), ({"upload": 5}, 400, "invalid_upload"), ({"upload": "../x"}, 400, "invalid_upload"),
    ({"upload": "a" * 24, "name": "b"}, 400, "invalid_record"), ("name.png", 400, "invalid_record"),
    ([{"upload": "a" * 24}], 404, "upload_ended"),
])  # fmt: skip
def test_what_names_no_upload_is_refused(door, value, status, code):
    assert refused(door.post(RECORDS, json={"cover": value}), status, code)


def test_a_document_that_looks_like_one_is_a_document(door):
    assert door.post(RECORDS, json={"more": {"upload": "x"}}).get_json()["more"] == {"upload": "x"}


def test_an_upload_is_for_the_field_and_record_that_it_was_sent_for(room, door):
    record, other = (door.post(RECORDS, json={}).get_json()["id"] for _ in range(2))
    elsewhere = door.post(RECORDS, json={"cover": {"upload": uploaded(door, PNG, "papers")}})
    assert refused(elsewhere, 400, "upload_elsewhere")
    bound = uploaded(door, b"one", record=record)
    assert refused(door.patch(f"{RECORDS}/{other}", json={"papers+": {"upload": bound}}), 400, "upload_elsewhere")
    assert refused(door.post(RECORDS, json={"papers": [{"upload": bound}]}), 400, "upload_elsewhere")
    twice = uploaded(door, b"one")
    assert refused(door.post(RECORDS, json={"papers": [{"upload": twice}, {"upload": twice}]}), 400, "named_twice")
    assert door.patch(f"{RECORDS}/{record}", json={"papers+": {"upload": bound}}).status_code == 200


def account(room, name: str) -> dict[str, str]:
    room.records.create("people", {"email": f"{name}@example.org", "password": "correct horse battery"}, actor=SYSTEM, facts=FACTS)
    answer = client(room).post("/api/v1/auth/people/sign-in", json={"identity": f"{name}@example.org", "password": "correct horse battery"})
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def test_nobody_but_its_sender_finds_an_upload(room, door):
    room.collections.create({"name": "people", "type": "accounts", "rules": OPEN}, actor=SYSTEM)
    ann, bob = account(room, "ann"), account(room, "bob")
    said = {"Upload-Metadata": told(collection="guarded", field="papers"), "Upload-Length": "3"}
    assert refused(door.post(PLACE, headers={**SPOKEN, **said}), 403, "forbidden")
    place = door.post(PLACE, headers={**SPOKEN, **said, **ann}).headers["Location"]
    bytes_of = {**SPOKEN, "Upload-Offset": "0", "Content-Type": CONTENT_TYPE}
    for other in (bob, {}):
        for method in ("HEAD", "GET", "PATCH", "DELETE"):
            assert door.open(place, method=method, headers={**bytes_of, **other}, data=b"abc").status_code == 404
    assert door.patch(place, headers={**bytes_of, **ann}, data=b"abc").status_code == 204
    named = {"papers": [{"upload": place.rpartition("/")[2]}]}
    assert refused(door.post("/api/v1/collections/guarded/records", json=named, headers=bob), 404, "upload_ended")
    assert door.post("/api/v1/collections/guarded/records", json=named, headers=ann).status_code == 201


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("metadata, status, code", [
    ({"collection": "posts"}, 400, "required"), ({"field": "papers"}, 400, "required"),
    ({"collection": "nowhere", "field": "papers"}, 404, "not_found"), ({"collection": "posts", "field": "title"}, 400, "not_a_file_field"),
    ({"collection": "posts", "field": "paper"}, 400, "unknown_field"),
    ({"collection": "posts", "field": "papers", "size": "1"}, 400, "unknown_field"),
    ({"collection": "posts", "field": "papers", "record": "nowhere"}, 404, "not_found"),
])  # fmt: skip
def test_an_upload_says_what_it_is_for(door, metadata, status, code):
    answer = door.post(PLACE, headers={**SPOKEN, "Upload-Length": "3", "Upload-Metadata": told(**metadata)})
    assert refused(answer, status, code)
    assert answer.headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.sqlite_suffices
def test_what_the_field_does_not_take_is_refused_as_soon_as_that_is_seen(room, door):
    assert refused(begun(door, 50_001, "cover"), 413, "too_large")
    place = begun(door, 20_000, "cover", "a.png").headers["Location"]
    assert refused(sent(door, place, 0, b"<html>" * 2_000), 400, "type_not_taken")
    assert door.head(place, headers=SPOKEN).status_code == 404
    room.files.sweep()
    assert stored(room) == []


@pytest.mark.sqlite_suffices
def test_other_versions_methods_and_types_are_refused(door):
    place = begun(door, 3).headers["Location"]
    answer = door.patch(place, headers={"Upload-Offset": "0", "Content-Type": CONTENT_TYPE}, data=b"abc")
    assert refused(answer, 412, "tus_version")
    assert (answer.headers["Tus-Version"], offset(door, place)) == ("1.0.0", 0)
    assert refused(sent(door, place, 0, b"abc", Content_Type="application/octet-stream"), 415, "unsupported_media_type")
    assert refused(sent(door, place, 1, b"bc"), 409, "offset_differs")
    assert refused(sent(door, place, 0, b"abcd"), 413, "upload_too_long")
    deferred = {"Upload-Defer-Length": "1", "Upload-Metadata": told(collection="posts", field="papers")}
    assert refused(door.post(PLACE, headers={**SPOKEN, **deferred}), 400, "not_supported")
    described = door.options(PLACE)
    assert (described.status_code, described.headers["Tus-Extension"]) == (204, "creation,termination,checksum,expiration")


def test_a_request_with_a_checksum_is_kept_as_a_whole_or_not_at_all(room, door):
    place = begun(door, 6).headers["Location"]
    promised = "sha1 " + base64.b64encode(hashlib.sha1(b"abc").digest()).decode()
    wrong = sent(door, place, 0, b"abd", Upload_Checksum=promised)
    assert (wrong.status_code, wrong.get_json()["code"], offset(door, place)) == (460, "checksum_differs", 0)
    assert sent(door, place, 0, b"abc", Upload_Checksum=promised).status_code == 204
    assert offset(door, place) == 3
    assert refused(sent(door, place, 3, b"def", Upload_Checksum="md5 YQ=="), 400, "unknown_algorithm")


def test_an_empty_file_is_whole_at_once(door):
    place = begun(door, 0).headers["Location"]
    record = door.post(RECORDS, json={"papers": [{"upload": place.rpartition("/")[2]}]}).get_json()
    assert (record["papers"][0]["size"], fetched(door, record, record["papers"][0])) == (0, b"")


def test_what_is_ended_or_over_leaves_nothing(room, door):
    kept, ended, over = begun(door, 6).headers["Location"], begun(door, 6).headers["Location"], uploaded(door, b"over")
    assert sent(door, ended, 0, b"abc").status_code == 204
    assert door.delete(ended, headers=SPOKEN).status_code == 204
    assert door.head(ended, headers=SPOKEN).status_code == 404
    room.clock.advance(hours=23)
    assert sent(door, kept, 0, b"abc").status_code == 204
    room.clock.advance(hours=2)
    assert refused(door.post(RECORDS, json={"papers": [{"upload": over}]}), 404, "upload_ended")
    room.housekeeping.run()
    assert [each.split("/")[1] for each in stored(room)] == [kept.rpartition("/")[2]]
    assert offset(door, kept) == 3


def test_guests_together_have_so_many_at_most(room, door, monkeypatch):
    monkeypatch.setattr("domain.files.pending.MOST_OF_GUESTS", 3)
    places = [begun(door, 6).headers["Location"] for _ in range(3)]
    assert refused(begun(door, 6), 409, "too_many_uploads")
    door.delete(places[0], headers=SPOKEN)
    assert begun(door, 6).status_code == 201
    door.delete(places[1], headers=SPOKEN)
    monkeypatch.setattr("domain.files.pending.MOST_BYTES_OF_GUESTS", 17)
    assert refused(begun(door, 6), 409, "too_many_uploads")
    assert begun(door, 5).status_code == 201


def test_of_two_requests_the_later_one_goes_on(room, door, monkeypatch):
    """The first one hangs in the middle, as one does whose client has gone without a word."""
    monkeypatch.setattr(pieces, "_PIECE", 4)
    place, id = (made := begun(door, 12).headers["Location"]), made.rpartition("/")[2]
    there, on = threading.Event(), threading.Event()
    told = []

    def hanging():
        yield b"aaaa"
        there.set()
        on.wait(20)
        yield b"AAAA"

    def first():
        try:
            who = {"actor": GUEST, "facts": FACTS}
            room.resumable.receive(id, resumable.Sent("0", None, None, hanging()), **who)
        except Exception as refused:
            told.append(refused)

    thread = threading.Thread(target=first)
    thread.start()
    assert there.wait(20)
    assert offset(door, place) == 4
    assert sent(door, place, 4, b"bbbb").status_code == 204
    on.set()
    thread.join(20)
    assert [each.code for each in told] == ["upload_overtaken"]
    assert sent(door, place, 8, b"cccc").status_code == 204
    record = door.post(RECORDS, json={"papers": [{"upload": id}]}).get_json()
    assert fetched(door, record, record["papers"][0]) == b"aaaabbbbcccc"
    room.files.sweep()
    assert len(stored(room)) == 1


def test_a_line_that_breaks_costs_nothing_that_came(room, door):
    place, id = (made := begun(door, 10).headers["Location"]), made.rpartition("/")[2]
    room.resumable.receive(id, resumable.Sent("0", None, 10, iter([b"abc", b"d"])), actor=GUEST, facts=FACTS)
    assert offset(door, place) == 4


def test_a_store_that_fails_costs_no_more_than_the_piece_on_its_way(room, door, monkeypatch):
    monkeypatch.setattr(pieces, "_PIECE", 4)
    files, place = room.files._files, begun(door, 12).headers["Location"]
    write = type(files).write

    def failing(self, key, chunks, **about):
        if "/4-" in key:
            next(iter(chunks))
            raise Unavailable("files cannot be reached at the moment")
        write(self, key, chunks, **about)

    with monkeypatch.context() as broken:
        broken.setattr(type(files), "write", failing)
        assert refused(sent(door, place, 0, b"aaaabbbbcccc"), 503, "unavailable")
    assert offset(door, place) == 4
    with monkeypatch.context() as broken:  # it comes back, and fails at the end
        broken.setattr(type(files), "write", lambda self, key, chunks, **about: (_ for _ in ()).throw(Unavailable("gone"))
                       if "-" not in key else write(self, key, chunks, **about))  # fmt: skip
        assert refused(sent(door, place, 4, b"bbbbcccc"), 503, "unavailable")
    assert offset(door, place) == 12
    record = door.post(RECORDS, json={"papers": [{"upload": place.rpartition("/")[2]}]}).get_json()
    assert fetched(door, record, record["papers"][0]) == b"aaaabbbbcccc"
    room.clock.advance(hours=2)
    room.files.sweep()
    assert len(stored(room)) == 1


def test_one_upload_is_held_by_one_record(room, door):
    """Of twenty that name it at once."""
    id, answers = uploaded(door, b"once"), []
    start = threading.Barrier(10)

    def name(mine):
        start.wait()
        answers.extend(mine.post(RECORDS, json={"papers": [{"upload": id}]}).status_code for _ in range(2))

    threads = [threading.Thread(target=name, args=(client(room),)) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (answers.count(201), set(answers) <= {201, 404, 409}) == (1, True)
    room.clock.advance(hours=2)
    room.files.sweep()
    assert len(stored(room)) == 1
