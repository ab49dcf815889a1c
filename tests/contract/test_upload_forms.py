"""Files that go straight to the store by a signed form, on every database, with a real S3 server behind what takes forms (F13)."""

import hashlib
import json
import urllib.request
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError

import pytest
from werkzeug.test import encode_multipart

from adapters.outbound.object_files import ObjectFiles
from adapters.outbound.s3_forms import Signer
from app.testing import backend, client
from app.usecases import pieces
from domain.actor import SYSTEM
from domain.files.stores import Bucket
from tests.contract.test_resumable import FIELDS, OPEN, PNG, RECORDS, SPOKEN, refused
from tests.contract.test_resumable import begun as tus_begun
from tests.contract.test_resumable import sent as tus_sent
from tests.s3_forms import Refused, form_server, judged
from tests.s3_server import KEYS

FORMS = "/api/v1/upload-forms"
COVER = {"collection": "posts", "field": "cover", "filename": "Lüfte.png", "size": len(PNG), "type": "image/png"}


@pytest.fixture
def public(s3_server):
    with form_server(s3_server.url, {KEYS.access: KEYS.secret}) as address:
        yield address


@pytest.fixture
def room(database_url, bucket, public):
    with backend(database=database_url, files=ObjectFiles(replace(bucket, public=public), KEYS)) as made:
        made.collections.create({"name": "posts", "rules": OPEN, "fields": FIELDS}, actor=SYSTEM)
        yield made


@pytest.fixture
def door(room):
    return client(room)


def begun(door, **more):
    answer = door.post(FORMS, json={**COVER, **more})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()


def sent(form, data: bytes, url: str = "", **changed) -> int:
    """As a browser does: the fields, and the file last."""
    fields = {name: value for name, value in {**form["fields"], **changed}.items() if value is not None}
    boundary, head = encode_multipart(fields)
    last = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.encode() + data
    body = head.removesuffix(f"--{boundary}--\r\n".encode()) + last + f"\r\n--{boundary}--\r\n".encode()
    asked = urllib.request.Request(url or form["url"], body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status
    except HTTPError as error:
        error.close()
        return error.code


def completed(door, form):
    return door.post(f"/api/v1/uploads/{form['id']}/complete")


def test_a_file_goes_straight_to_the_store_and_a_record_holds_it(room, door):
    form = begun(door)
    assert sent(form, PNG) == 204
    whole = completed(door, form).get_json()
    assert (whole["type"], whole["sha256"], whole["offset"]) == ("image/png", hashlib.sha256(PNG).hexdigest(), len(PNG))
    assert completed(door, form).get_json() == whole
    record = door.post(RECORDS, json={"cover": {"upload": form["id"]}}).get_json()
    assert record["cover"]["original"] == "Lüfte.png"
    assert door.get(f"/api/v1/files/posts/{record['id']}/{record['cover']['name']}").data == PNG


def test_a_form_that_is_sent_again_changes_nothing_that_was_looked_at(room, door):
    form, evil = begun(door), b"\x89PNG\r\n\x1a\n" + b"e" * (len(PNG) - 8)
    assert sent(form, PNG) == 204
    assert completed(door, form).status_code == 200
    assert sent(form, evil) == 204
    record = door.post(RECORDS, json={"cover": {"upload": form["id"]}}).get_json()
    assert sent(form, evil) == 204
    assert door.get(f"/api/v1/files/posts/{record['id']}/{record['cover']['name']}").data == PNG
    # It is swept once the form is over, and so is what was never complete.
    assert sent(begun(door), PNG) == 204
    room.clock.advance(hours=30)
    room.housekeeping.run()
    assert [each.key.rpartition("/")[2] for each in room.files._files.stored()] == [record["cover"]["name"]]


def test_the_form_takes_this_one_file_alone(room, door):
    form = begun(door)
    elsewhere = form["fields"]["key"]
    policy = json.loads(b64decode(form["fields"]["policy"]))
    assert {"key": elsewhere} in policy["conditions"]
    attacks = [
        (PNG, {"key": elsewhere.replace("form", "other")}), (PNG, {"key": f"{elsewhere}/../../x"}), (PNG, {"Content-Type": "text/html"}),
        (PNG, {"Content-Disposition": "inline"}), (PNG, {"acl": "public-read"}), (PNG, {"success_action_redirect": "https://evil.example"}),
        (PNG, {"x-amz-meta-a": "b"}), (PNG[:-1], {}), (PNG + b"x", {}), (b"", {}), (PNG, {"x-amz-signature": "0" * 64}),
        (PNG, {"x-amz-credential": form["fields"]["x-amz-credential"].replace("us-east-1", "eu-west-1")}), (PNG, {"Content-Type": None}),
    ]  # fmt: skip
    for data, changed in attacks:
        assert sent(form, data, **changed) == 403, changed
    assert sent(form, PNG, url=form["url"] + "-other") == 403
    assert refused(completed(door, form), 400, "upload_unfinished")


def test_a_form_ends(bucket):
    made = Signer(KEYS.access, KEYS.secret, "us-east-1").fields("b", {"key": "k"}, 3, datetime.now(UTC) - timedelta(seconds=61), 60)
    with pytest.raises(Refused, match="expired"):
        judged("b", made, 3, {KEYS.access: KEYS.secret}, datetime.now(UTC))


def test_what_came_is_looked_at(room, door):
    lie = begun(door, size=20_000)
    page = b"<html>".ljust(20_000, b" ")
    assert sent(lie, page) == 204
    assert refused(completed(door, lie), 400, "type_not_taken")
    other = begun(door, field="papers", type="image/png", size=9, filename="a.txt")
    assert sent(other, b"some text") == 204
    assert refused(completed(door, other), 400, "upload_differs")
    assert refused(door.post(RECORDS, json={"cover": {"upload": lie["id"]}}), 400, "upload_unfinished")


@pytest.mark.parametrize("more, status, code", [
    ({"size": 50_001}, 413, "file_too_large"), ({"size": 6_000_000_000}, 413, "too_large"), ({"type": "text/html"}, 400, "type_not_taken"),
    ({"size": "9"}, 400, "not_integer"), ({"size": -1}, 400, "not_integer"), ({"field": "title"}, 400, "not_a_file_field"),
    ({"key": "x"}, 400, "unknown_field"), ({"collection": "nowhere"}, 404, "not_found"), ({"record": "nowhere"}, 404, "not_found"),
])  # fmt: skip
@pytest.mark.sqlite_suffices
def test_what_the_field_does_not_take_gets_no_form(door, more, status, code):
    assert refused(door.post(FORMS, json={**COVER, **more}), status, code)


@pytest.mark.sqlite_suffices
def test_the_two_ways_are_kept_apart(door):
    form = begun(door)
    place = f"/api/v1/uploads/{form['id']}"
    bytes_of = {**SPOKEN, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert refused(door.patch(place, data=PNG, headers=bytes_of), 409, "upload_elsewhere")
    assert refused(completed(door, {"id": "a" * 24}), 404, "upload_ended")
    assert door.delete(place, headers=SPOKEN).status_code == 204
    assert refused(completed(door, form), 404, "upload_ended")


def test_a_store_without_forms_says_which_way_there_is():
    with backend() as room:
        room.collections.create({"name": "posts", "rules": OPEN, "fields": FIELDS}, actor=SYSTEM)
        told = refused(client(room).post(FORMS, json=COVER), 400, "no_upload_forms")
        assert "/api/v1/uploads" in told["hint"]
    for scheme in ("gs", "az"):
        store = ObjectFiles(Bucket(scheme, "b", account="a"), KEYS)
        assert store.form("uploads/a/form", size=1, type="a/b", disposition="attachment", seconds=60) is None


def test_pieces_in_a_bucket_become_one_file(room, door, monkeypatch):
    monkeypatch.setattr(pieces, "_PIECE", 3_000)
    place = tus_begun(door, len(PNG), "cover", "a.png").headers["Location"]
    assert tus_sent(door, place, 0, PNG[:7_000]).status_code == 204
    assert tus_sent(door, place, 7_000, PNG[7_000:]).status_code == 204
    record = door.post(RECORDS, json={"cover": {"upload": place.rpartition("/")[2]}}).get_json()
    assert door.get(f"/api/v1/files/posts/{record['id']}/{record['cover']['name']}").data == PNG
    room.housekeeping.run()
    assert len(list(room.files._files.stored())) == 1
