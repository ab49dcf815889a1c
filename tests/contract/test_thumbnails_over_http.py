"""Thumbnails as clients ask for them: what comes, what it says about itself, and that they go with their file. The store and its
databases are tested elsewhere."""

import io
import urllib.request

import pytest
from PIL import Image

from adapters.outbound.disk_files import DiskFiles
from adapters.outbound.object_files import ObjectFiles
from app.testing import backend, client
from domain.actor import SYSTEM
from domain.errors import Unavailable
from domain.files.ways import REDIRECT, SENDFILE
from tests.api.doors import problem
from tests.contract.pictures import SECRET, bomb, flag, saved, talkative
from tests.s3_server import KEYS

OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
FIELDS = [
    {"name": "cover", "type": "file", "thumbs": ["100x100", "40x0"]}, {"name": "plain", "type": "file"},
    {"name": "own", "type": "file", "private": True, "thumbs": ["100x100"]}, {"name": "secret", "type": "file", "hidden": True},
]  # fmt: skip
RECORDS = "/api/v1/collections/posts/records"


@pytest.fixture(scope="module")
def room():
    with backend() as made:
        made.collections.create({"name": "posts", "rules": OPEN, "fields": FIELDS}, actor=SYSTEM)
        made.collections.create({"name": "locked", "rules": {**OPEN, "view": "id = 'nobody'"}, "fields": FIELDS[:1]}, actor=SYSTEM)
        yield made


@pytest.fixture(scope="module")
def door(room):
    return client(room)


@pytest.fixture(scope="module")
def post(door):
    return sent(door, cover=saved(flag(), "JPEG"), plain=saved(flag(), "PNG"), own=saved(flag(), "PNG"))


def sent(door, c="posts", **files):
    data = {field: (io.BytesIO(content), f"Am Gollenberg.{field}") for field, content in files.items()}
    answer = door.post(f"/api/v1/collections/{c}/records", data=data, content_type="multipart/form-data")
    assert answer.status_code == 201, answer.json
    return answer.json


def thumb(door, record, size="100x100", field="cover", c="posts", method="GET", **headers):
    path = f"/api/v1/files/{c}/{record['id']}/{record[field]['name']}"
    return door.open(path, method=method, query_string={"thumb": size}, headers=headers)


def picture(answer):
    assert answer.status_code == 200, answer.json
    return Image.open(io.BytesIO(answer.data))


@pytest.mark.parametrize("accept, type, ending", [
    ("image/avif,image/webp,image/*,*/*;q=0.8", "image/avif", "avif"), ("image/webp", "image/webp", "webp"), ("*/*", "image/jpeg", "jpg"),
])  # fmt: skip
def test_a_thumbnail_comes_in_a_format_that_the_client_names(door, post, accept, type, ending):
    answer = thumb(door, post, Accept=accept)
    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == (type, "Accept, Authorization, Cookie")
    assert answer.headers["Content-Disposition"].startswith(f'inline; filename="Am Gollenberg.{ending}"')
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert picture(answer).size == (100, 100)
    assert picture(thumb(door, post, "40x0", Accept=accept)).size == (40, 20)


def test_it_is_protected_and_kept_by_caches_as_its_file_is(door, post):
    for field in ("cover", "own"):
        whole, small = (door.get(f"/api/v1/files/posts/{post['id']}/{post[field]['name']}", query_string=query)
                        for query in ({}, {"thumb": "100x100"}))  # fmt: skip
        told = "Cache-Control", "Content-Security-Policy", "X-Content-Type-Options", "Cross-Origin-Resource-Policy", "Accept-Ranges"
        assert [small.headers[each] for each in told] == [whole.headers[each] for each in told]
        assert small.headers["Cache-Control"] == ("private, no-store" if field == "own" else "public, max-age=3600")


def test_each_has_a_tag_of_its_own(door, post):
    sizes, formats = ("100x100", "40x0"), ("image/avif", "image/webp", "")
    tags = [thumb(door, post, size, Accept=accept).headers["ETag"] for size in sizes for accept in formats]
    assert len({*tags, f'"{post["cover"]["sha256"]}"'}) == 7
    assert thumb(door, post, **{"If-None-Match": tags[2]}).status_code == 304
    assert thumb(door, post, "40x0", **{"If-None-Match": tags[2]}).status_code == 200


def test_parts_and_heads_are_those_of_the_thumbnail(door, post):
    whole = thumb(door, post)
    part = thumb(door, post, Range="bytes=10-19")
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, whole.data[10:20], f"bytes 10-19/{len(whole.data)}")
    head = thumb(door, post, method="HEAD")
    assert (head.data, head.headers["Content-Length"], head.headers["ETag"]) == (b"", str(len(whole.data)), whole.headers["ETag"])


def test_nothing_tells_where_it_was_taken(door):
    """F18."""
    made = sent(door, cover=talkative("JPEG"))
    assert SECRET.encode() in door.get(f"/api/v1/files/posts/{made['id']}/{made['cover']['name']}").data
    assert SECRET[:8].encode() not in thumb(door, made).data


def test_sizes_that_are_not_declared_are_refused_and_leave_nothing(room, door, post):
    """F07."""
    before = kept(room)
    swept = [f"{side}x{side}" for side in range(200, 300)]
    for size in ("99999x99999", "0x0", "-1", "", "100x101", "100x100f", "%00", "../100x100", *swept):
        told = problem(thumb(door, post, size))
        assert (told["code"], told["status"], told["errors"][0]["pointer"]) == ("unknown_thumb", 400, "thumb")
    assert problem(thumb(door, post, "100x10"))["hint"] == "did you mean `100x100`?"
    assert problem(thumb(door, post, field="plain"))["code"] == "unknown_thumb"
    assert problem(door.get(f"/api/v1/files/posts/{post['id']}/{post['cover']['name']}?thumbs=100x100"))["code"] == "unknown_parameter"
    assert kept(room) == before


@pytest.mark.parametrize("make, type", [
    (bomb, "image/png"), (lambda: b"GIF89a, it says", None), (lambda: b"a text", "text/plain; charset=utf-8"),
    (lambda: b"<svg onload=alert(1)>", "application/octet-stream"),
], ids=["bomb", "GIF", "text", "SVG"])  # fmt: skip
def test_what_cannot_be_drawn_is_answered_itself_as_ever(door, make, type):
    """F06, and what is no picture."""
    content = make()
    made = sent(door, cover=content)
    answer, plain = thumb(door, made), door.get(f"/api/v1/files/posts/{made['id']}/{made['cover']['name']}")
    assert (answer.status_code, answer.data) == (200, content)
    if type:
        assert answer.headers["Content-Type"] == type
    told = ("Content-Type", "ETag", "Content-Disposition", "Cache-Control", "Content-Security-Policy")
    assert [answer.headers[each] for each in told] == [plain.headers[each] for each in told]


def test_of_files_that_may_not_be_seen_there_is_no_thumbnail(room, door, post):
    """Nor is any size told."""
    locked = sent(door, "locked", cover=saved(flag(), "PNG"))
    # A guest is told only that there is one.
    [key] = [each.key for each in room.files._files.stored() if each.key.split("/")[1] == locked["id"]]
    locked["cover"] = {"name": key.rpartition("/")[2]}
    for size in ("100x100", "7x7"):
        assert thumb(door, locked, size, c="locked").status_code == 404
        assert thumb(door, {**post, "cover": {"name": "x.png"}}, size).status_code == 404
        assert thumb(door, {**post, "id": "nobody"}, size).status_code == 404


def test_thumbnails_go_with_their_file(room, door):
    made = sent(door, cover=saved(flag(), "PNG"))
    for accept in ("", "image/webp", "image/avif"):
        picture(thumb(door, made, Accept=accept))
    assert len(of(room, made)) == 4
    assert door.delete(f"{RECORDS}/{made['id']}").status_code == 204
    assert thumb(door, made).status_code == 404
    room.files.sweep()
    assert of(room, made) == []


def test_a_crowd_is_shown_the_file_for_the_moment(room, door, monkeypatch):
    made, content = sent(door, cover=saved(flag(), "PNG")), saved(flag(), "PNG")

    def busy(*_, **__):
        raise Unavailable("too many thumbnails are being made at once", code="busy")

    monkeypatch.setattr(room.files._thumbnails._images, "thumbnail", busy)
    answer = thumb(door, made)
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (200, content, "no-store")
    monkeypatch.undo()
    assert picture(thumb(door, made)).size == (100, 100)


def test_a_store_of_objects_keeps_and_hands_out_thumbnails(bucket):
    with backend(files=ObjectFiles(bucket, KEYS), files_served=REDIRECT) as room:
        room.collections.create({"name": "posts", "rules": OPEN, "fields": FIELDS}, actor=SYSTEM)
        door = client(room)
        answer = thumb(door, sent(door, cover=saved(flag(), "PNG")), Accept="image/webp")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "private, no-store")
        with urllib.request.urlopen(answer.headers["Location"], timeout=10) as followed:
            # Some stores leave `inline` away, which is what no word means.
            assert (followed.headers["Content-Type"], followed.headers.get("Content-Disposition", "inline")) == ("image/webp", "inline")
            assert Image.open(io.BytesIO(followed.read())).size == (100, 100)


def test_a_proxy_sends_thumbnails_too(tmp_path):
    with backend(files=DiskFiles(tmp_path), files_served=SENDFILE) as room:
        room.collections.create({"name": "posts", "rules": OPEN, "fields": FIELDS}, actor=SYSTEM)
        door = client(room)
        answer = thumb(door, sent(door, cover=saved(flag(), "PNG")))
        assert (answer.status_code, answer.data, answer.headers["Content-Type"]) == (200, b"", "image/png")
        assert Image.open(answer.headers["X-Sendfile"]).size == (100, 100)


def kept(room):
    return sorted(each.key for each in room.files._files.stored())


def of(room, record):
    return [key for key in kept(room) if record["id"] in key]
