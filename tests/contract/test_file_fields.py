"""Files of records over HTTP on every database: sent, shown, served, replaced, deleted, and none left behind."""

import io
import threading
from contextlib import contextmanager
from hashlib import sha256

import pytest

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.errors import Problem, Unavailable
from domain.rules.values import RequestFacts
from tests.api.doors import problem

FACTS = RequestFacts("POST")
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 4
FIELDS = [
    {"name": "title", "type": "text"}, {"name": "n", "type": "integer"},
    {"name": "cover", "type": "file", "types": ["image/*"], "max_size": 50_000},
    {"name": "papers", "type": "file", "many": True, "max": 3},
    {"name": "secret", "type": "file", "hidden": True},
]  # fmt: skip
RECORDS = "/api/v1/collections/posts/records"


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as made:
        made.collections.create({"name": "posts", "rules": OPEN, "fields": FIELDS}, actor=SYSTEM)
        made.collections.create({"name": "kept", "rules": OPEN, "trash": {"days": 1}, "fields": FIELDS[3:4]}, actor=SYSTEM)
        yield made


@pytest.fixture
def door(room):
    return client(room)


def upload(data: bytes, name: str = "a.png"):
    return io.BytesIO(data), name


def sent(door, path=RECORDS, method="POST", **parts):
    return door.open(path, method=method, data={key.replace("_plus", "+").replace("_minus", "-"): each for key, each in parts.items()},
                     content_type="multipart/form-data")  # fmt: skip


def served(door, record, file, c="posts", **headers):
    return door.get(f"/api/v1/files/{c}/{record['id']}/{file['name']}", headers=headers)


def stored(room) -> list[str]:
    """The names of all files that are kept."""
    return sorted(each.key.rpartition("/")[2] for each in room.files._files.stored())


def names(record, *fields):
    held = [record[field] for field in fields]
    return sorted(file["name"] for each in held for file in (each if isinstance(each, list) else [each]))


def test_what_is_sent_is_told_and_served(room, door):
    answer = sent(door, title="5", n="5", cover=upload(PNG, "../../Ein Bild.png"), papers=[upload(b"one", "1.txt"), upload(b"two", "2.md")])
    assert answer.status_code == 201, answer.json
    made = answer.json
    assert (made["title"], made["n"]) == ("5", 5)
    cover = {**made["cover"], "name": made["cover"]["name"][-4:]}
    assert cover == {"name": ".png", "original": "Ein Bild.png", "size": len(PNG), "type": "image/png", "sha256": sha256(PNG).hexdigest()}
    assert [(each["original"], each["type"]) for each in made["papers"]] == [("1.txt", "text/plain"), ("2.md", "text/markdown")]
    assert door.get(f"{RECORDS}/{made['id']}").json == made
    assert served(door, made, made["cover"]).data == PNG
    assert [served(door, made, each).data for each in made["papers"]] == [b"one", b"two"]
    assert stored(room) == names(made, "cover", "papers")


def test_headers_are_those_of_a_file(door):
    made = sent(door, cover=upload(PNG, 'a"b\r\nX: y é.png'), papers=upload(b"<svg onload=alert(1)>", "c.png")).json
    whole = served(door, made, made["cover"])
    etag = f'"{sha256(PNG).hexdigest()}"'
    told = {name: whole.headers[name] for name in ("ETag", "Content-Type", "Cache-Control", "X-Content-Type-Options")}
    assert told == {"ETag": etag, "Content-Type": "image/png", "Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    assert whole.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    assert whole.headers["Content-Disposition"].startswith("inline; filename=")
    head = door.head(f"/api/v1/files/posts/{made['id']}/{made['cover']['name']}")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(PNG)))
    again = served(door, made, made["cover"], **{"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    running = served(door, made, made["papers"][0])
    assert running.headers["Content-Type"] == "application/octet-stream"
    assert running.headers["Content-Disposition"].startswith("attachment;")


RANGES = [
    ("bytes=0-3", 206, PNG[:4]), ("bytes=10-", 206, PNG[10:]), ("bytes=-5", 206, PNG[-5:]), ("bytes=5-99999", 206, PNG[5:]),
    ("bytes=0-1,4-5", 200, PNG), ("lines=1-2", 200, PNG), ("bytes=9-3", 200, PNG), (f"bytes={len(PNG)}-", 416, None),
    ("bytes=-0", 416, None),
]  # fmt: skip


def test_ranges(door):
    made = sent(door, cover=upload(PNG)).json
    for asked, status, told in RANGES:
        answer = served(door, made, made["cover"], Range=asked)
        assert answer.status_code == status, asked
        if told is None:
            assert (problem(answer)["code"], answer.headers["Content-Range"]) == ("range_not_satisfiable", f"bytes */{len(PNG)}")
        else:
            assert (answer.data, answer.headers["Content-Length"]) == (told, str(len(told))), asked


def test_changes_add_take_away_replace_and_clear(room, door):
    made = sent(door, cover=upload(PNG), papers=[upload(b"one"), upload(b"two")]).json
    path = f"{RECORDS}/{made['id']}"
    first, second = (each["name"] for each in made["papers"])
    changed = sent(door, path, "PATCH", papers_plus=upload(b"three"), papers_minus=first, cover=upload(PNG + b"!")).json
    assert [served(door, made, each).data for each in (*changed["papers"], changed["cover"])] == [b"two", b"three", PNG + b"!"]
    assert served(door, made, made["cover"]).status_code == served(door, made, made["papers"][0]).status_code == 404
    room.files.sweep()
    assert stored(room) == names(changed, "cover", "papers")
    assert door.patch(path, json={"cover": None, "papers-": second}).json["cover"] is None
    assert len(sent(door, path, "PATCH", papers=[upload(b"4"), upload(b"5"), upload(b"6")]).json["papers"]) == 3
    assert door.patch(path, json={"papers": []}).json["papers"] == []
    room.files.sweep()
    assert stored(room) == []


REFUSED = [
    ({"cover": upload(b"MZ\x00\x01")}, 400, "type_not_taken", "/cover"),
    ({"cover": upload(b"<html>", "a.png")}, 400, "type_not_taken", "/cover"),
    ({"cover": upload(PNG * 100)}, 413, "file_too_large", None),
    ({"cover": [upload(PNG), upload(PNG)]}, 400, "too_many", "/cover"),
    ({"papers": [upload(b"x")] * 4}, 400, "too_many", "/papers"),
    ({"covr": upload(PNG)}, 400, "unknown_field", "/covr"),
    ({"title": upload(PNG)}, 400, "not_a_file_field", "/title"),
    ({"papers": upload(b"x"), "n": "five"}, 400, "not_a_value", "/n"),
    ({"papers": upload(b"x"), "nn": "5"}, 400, "invalid_record", "/nn"),
    ({"papers": upload(b"x"), "cover": "text"}, 400, "invalid_record", "/cover"),
    ({"secret": upload(b"x")}, 400, "invalid_record", "/secret"),
]  # fmt: skip


def test_what_is_refused_leaves_no_file(room, door):
    for parts, status, code, pointer in REFUSED:
        fresh = {name: [upload(each[0].getvalue(), each[1]) if isinstance(each, tuple) else each for each in
                        (held if isinstance(held, list) else [held])] for name, held in parts.items()}  # fmt: skip
        refused = sent(door, **fresh)
        told = problem(refused)
        assert (refused.status_code, told["code"]) == (status, code)
        assert pointer is None or told["errors"][0]["pointer"] == pointer
        assert stored(room) == []


def test_files_that_are_added_at_the_same_time_are_all_kept(room, door):
    id = sent(door, title="x").json["id"]
    asked = [threading.Thread(target=sent, args=(client(room), f"{RECORDS}/{id}", "PATCH"), kwargs={"papers_plus": upload(b"%d" % at)})
             for at in range(5)]  # fmt: skip
    for each in asked:
        each.start()
    for each in asked:
        each.join()
    kept = door.get(f"{RECORDS}/{id}").json
    assert (len(kept["papers"]), kept["version"]) == (3, 4)
    assert stored(room) == names(kept, "papers")


def test_a_body_of_json_names_no_files(door):
    file = {"name": "a" * 24, "original": "a", "size": 1, "type": "image/png", "sha256": "0" * 64}
    told = problem(door.post(RECORDS, json={"cover": file}))
    assert [(each["pointer"], each["code"]) for each in told["errors"]] == [("/cover", "not_a_file")]


def test_the_view_rule_decides(room, door):
    rules = {**OPEN, "view": "title = 'shown'"}
    room.collections.change("posts", {"rules": rules}, actor=SYSTEM)
    answer = sent(door, title="shown", cover=upload(PNG))
    record = answer.json
    assert served(door, record, record["cover"]).headers["Cache-Control"] == "private, no-store"
    door.patch(f"{RECORDS}/{record['id']}", json={"title": "hidden"})
    hidden, missing = served(door, record, record["cover"]), door.get(f"/api/v1/files/posts/{record['id']}/nothing")
    assert (hidden.status_code, missing.status_code) == (404, 404)
    other = sent(door, title="shown", cover=upload(PNG)).json
    assert served(door, other, record["cover"]).status_code == 404


def test_a_link_is_for_one_file_one_person_and_two_minutes(room, door):
    users = {"name": "users", "type": "accounts", "rules": OPEN}
    room.collections.create(users, actor=SYSTEM)
    room.collections.change("posts", {"rules": {**OPEN, "view": "@request.auth.id != '' && title = 'shown'"}}, actor=SYSTEM)
    ann = {"identity": "ann@example.org", "password": "correct horse battery"}
    door.post("/api/v1/collections/users/records", json={"email": ann["identity"], "password": ann["password"]})
    tokens = door.post("/api/v1/auth/users/sign-in", json=ann).json
    signed = {"Authorization": f"Bearer {tokens['access_token']}"}
    made = door.post(RECORDS, data={"title": "shown", "cover": upload(PNG), "papers": upload(b"x")}, headers=signed).json
    path = f"/api/v1/files/posts/{made['id']}/{made['cover']['name']}"
    assert door.post(f"{path}/link").status_code == 404
    url = door.post(f"{path}/link", headers=signed).json["url"]
    answer = door.get(url)
    assert (answer.data, answer.headers["Cache-Control"]) == (PNG, "private, no-store")
    token = url.partition("?")[2]
    other = f"/api/v1/files/posts/{made['id']}/{made['papers'][0]['name']}"
    assert [door.get(each).status_code for each in (f"{other}?{token}", f"{path}?token=x", f"{url[:-2]}AA", path)] == [404] * 4
    door.patch(f"{RECORDS}/{made['id']}", json={"title": "hidden"}, headers=signed)
    assert door.get(url).status_code == 404
    door.patch(f"{RECORDS}/{made['id']}", json={"title": "shown"}, headers=signed)
    assert door.get(url).status_code == 200
    room.clock.advance(seconds=121)
    assert door.get(url).status_code == 404
    fresh = door.post(f"{path}/link", headers=signed).json["url"]
    assert door.post("/api/v1/auth/users/sign-out", json={"refresh_token": tokens["refresh_token"]}).status_code == 204
    assert door.get(fresh).status_code == 401


def test_the_trash_keeps_files_until_it_is_emptied(room, door):
    path = "/api/v1/collections/kept/records"
    made = sent(door, path, papers=[upload(b"one"), upload(b"two")]).json
    door.delete(f"{path}/{made['id']}")
    room.files.sweep()
    assert served(door, made, made["papers"][0], "kept").status_code == 404
    assert stored(room) == names(made, "papers")
    room.trash.restore("kept", made["id"], clear=(), actor=SYSTEM, request="")
    room.files.sweep()
    assert served(door, made, made["papers"][0], "kept").data == b"one"
    door.delete(f"{path}/{made['id']}")
    room.trash.empty("kept", actor=SYSTEM)
    room.files.sweep()
    assert stored(room) == []


def test_a_deleted_record_takes_its_files_along(room, door):
    made = sent(door, cover=upload(PNG), papers=[upload(b"one"), upload(b"two")]).json
    door.delete(f"{RECORDS}/{made['id']}")
    room.files.sweep()
    assert stored(room) == []


def test_an_erased_person_takes_its_files_along_from_the_trash_too(room, door):
    avatar = {"name": "avatar", "type": "file"}
    room.collections.create({"name": "users", "type": "accounts", "rules": OPEN, "fields": [avatar]}, actor=SYSTEM)
    owner = {"name": "owner", "type": "relation", "collection": "users", "on_delete": "cascade"}
    room.collections.change("kept", {"fields": [FIELDS[3], owner]}, actor=SYSTEM)
    given = {"email": "ann@example.org", "password": "correct horse battery", "avatar": upload(PNG)}
    ann = sent(door, "/api/v1/collections/users/records", **given).json
    path = "/api/v1/collections/kept/records"
    deleted, _ = (sent(door, path, owner=ann["id"], papers=upload(b"hers")).json for _ in range(2))
    door.delete(f"{path}/{deleted['id']}")
    room.files.sweep()
    assert len(stored(room)) == 3
    room.erasure.erase("users", ann["id"], actor=SYSTEM, facts=FACTS)
    room.files.sweep()
    assert stored(room) == []


def test_files_go_with_their_field_and_their_collection(room, door):
    made = sent(door, cover=upload(PNG), papers=[upload(b"one"), upload(b"two")]).json
    kept = sent(door, "/api/v1/collections/kept/records", papers=upload(b"kept")).json
    room.collections.change("posts", {"fields": [each for each in FIELDS if each["name"] != "cover"], "drop": ["cover"]}, actor=SYSTEM)
    room.files.sweep()
    assert stored(room) == sorted(names(made, "papers") + names(kept, "papers"))
    room.collections.delete("posts", actor=SYSTEM)
    room.files.sweep()
    assert stored(room) == names(kept, "papers")


def test_what_no_record_came_to_hold_is_swept_after_an_hour(room, door, monkeypatch):
    """As when the process dies between the file and its record: nobody is there to give it up."""
    monkeypatch.setattr(room.uploads, "give_up", lambda keys: None)
    assert sent(door, cover=upload(PNG), nn="5").status_code == 400
    assert (room.files.sweep(), len(stored(room))) == (0, 1)
    room.clock.advance(minutes=61)
    assert (room.files.sweep(), stored(room)) == (1, [])


def test_a_record_never_holds_a_file_that_was_swept(room, door, monkeypatch):
    """Its upload took longer than an hour: the sweep was faster, and the record is refused."""
    real = room.uploads.received.__func__

    def late(self, intake, parts, **options):
        with real(self, intake, parts, **options) as received:
            room.clock.advance(minutes=61)
            room.files.sweep()
            yield received

    monkeypatch.setattr(type(room.uploads), "received", contextmanager(late))
    told = problem(sent(door, cover=upload(PNG)))
    assert told["code"] == "upload_expired"
    assert (door.get(RECORDS).json["items"], stored(room)) == ([], [])


def test_a_store_that_fails_leaves_no_record(room, door, monkeypatch):
    def fail(*_, **__):
        raise Unavailable("files cannot be kept now")

    monkeypatch.setattr(room.files._files, "write", fail)
    assert sent(door, cover=upload(PNG)).status_code == 503
    assert door.get(RECORDS).json["items"] == []


def test_a_dry_run_keeps_neither(room, door):
    tried = sent(door, f"{RECORDS}?dry_run=true", cover=upload(PNG))
    assert (tried.status_code, tried.json["cover"]["type"]) == (200, "image/png")
    assert (door.get(RECORDS).json["items"], stored(room)) == ([], [])


def test_an_idempotency_key_keeps_one(room, door):
    asked = {"method": "POST", "headers": {"Idempotency-Key": "k1"}, "content_type": "multipart/form-data; boundary=x",
             "data": b'--x\r\nContent-Disposition: form-data; name="cover"; filename="a"\r\n\r\n' + PNG + b"\r\n--x--\r\n"}  # fmt: skip
    first, again = (door.open(RECORDS, **asked) for _ in range(2))
    # Keys belong to accounts: a guest's is refused, with nothing kept.
    assert {first.status_code, again.status_code} <= {201, 400, 401}
    room.files.sweep()
    assert len(stored(room)) == len(door.get(RECORDS).json["items"])


def test_rules_and_filters_look_into_files(door):
    made = sent(door, cover=upload(PNG), papers=[upload(b"12345")]).json
    sent(door, title="none")
    for filter in ("cover.size > 100", "papers:length = 1", "papers.0.size = 5", "cover.type = 'image/png'"):
        items = door.get(RECORDS, query_string={"filter": filter}).json["items"]
        assert [each["id"] for each in items] == [made["id"]], filter


def test_the_type_of_a_file_field_cannot_change(room, door):
    for before, after in (("file", "text"), ("file", "json"), ("text", "file"), ("json", "file")):
        name = f"t_{before}_{after}"
        room.collections.create({"name": name, "fields": [{"name": "x", "type": before}]}, actor=SYSTEM)
        with pytest.raises(Problem) as refused:
            room.collections.change(name, {"fields": [{"name": "x", "type": after}]}, actor=SYSTEM)
        assert refused.value.code == "unchangeable"


def test_multipart_without_file_fields_is_no_body(room, door):
    room.collections.create({"name": "plain", "rules": OPEN, "fields": FIELDS[:1]}, actor=SYSTEM)
    refused = sent(door, "/api/v1/collections/plain/records", title="x")
    assert (refused.status_code, problem(refused)["code"]) == (415, "unsupported_media_type")
