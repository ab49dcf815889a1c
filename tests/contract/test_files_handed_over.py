"""Files that the store or a proxy sends in our place: to the same people as ever, and to nobody else."""

import io
import urllib.request
from pathlib import Path

import pytest

from adapters.outbound.disk_files import DiskFiles
from adapters.outbound.object_files import ObjectFiles
from app.testing import backend, client
from domain.actor import SYSTEM
from domain.files.ways import ACCEL, REDIRECT, SENDFILE
from tests.s3_server import KEYS

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 4
POSTS = {
    "name": "posts", "rules": {"view": "shown = true", "create": "", "update": ""},
    "fields": [{"name": "shown", "type": "bool"}, {"name": "cover", "type": "file"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    return {way: tmp_path_factory.mktemp(way) for way in (ACCEL, SENDFILE)}


@pytest.fixture(scope="module")
def doors(shared_bucket, roots):
    """Clients of backends whose files go each of these ways."""
    rooms = {way: backend(files=DiskFiles(root), files_served=way) for way, root in roots.items()}
    rooms[REDIRECT] = backend(files=ObjectFiles(shared_bucket, KEYS), files_served=REDIRECT)
    for room in rooms.values():
        room.collections.create(POSTS, actor=SYSTEM)
    yield {way: client(room) for way, room in rooms.items()}
    for room in rooms.values():
        room.close()


def sent(door, shown="true"):
    """The path of the file of a new record."""
    form = {"shown": "true", "cover": (io.BytesIO(PNG), "a plane.png")}
    made = door.post("/api/v1/collections/posts/records", data=form, content_type="multipart/form-data").get_json()
    door.patch(f"/api/v1/collections/posts/records/{made['id']}", json={"shown": shown == "true"})
    return f"/api/v1/files/posts/{made['id']}/{made['cover']['name']}"


def test_the_store_hands_it_out_by_a_link_that_nobody_keeps(doors):
    answer = doors[REDIRECT].get(sent(doors[REDIRECT]))
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (302, b"", "private, no-store")
    assert "X-Amz-Expires=60&" in answer.headers["Location"]
    with urllib.request.urlopen(answer.headers["Location"], timeout=10) as followed:
        assert followed.read() == PNG


def test_what_is_to_be_saved_and_not_shown_we_send_ourselves(doors):
    answer = doors[REDIRECT].get(f"{sent(doors[REDIRECT])}?download=true")
    assert (answer.status_code, answer.data) == (200, PNG)
    assert answer.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize("way, header", [(ACCEL, "X-Accel-Redirect"), (SENDFILE, "X-Sendfile")])
def test_a_proxy_is_told_where_it_lies(doors, roots, way, header):
    answer = doors[way].get(sent(doors[way]), headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.data) == (200, b"")
    told = answer.headers[header]
    place = told.replace("/stillroom-files", str(roots[way])) if way == ACCEL else told
    assert Path(place).read_bytes() == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("inline;")


@pytest.mark.parametrize("way", [ACCEL, REDIRECT])
def test_who_may_not_see_the_record_is_told_of_no_place(doors, way):
    answer = doors[way].get(sent(doors[way], shown="false"))
    assert answer.status_code == 404
    assert not {"Location", "X-Accel-Redirect", "X-Sendfile"} & set(answer.headers.keys())


def test_what_has_no_bytes_is_answered_by_us(doors):
    door, path = doors[ACCEL], sent(doors[ACCEL])
    head = door.head(path)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(PNG)))
    assert "X-Accel-Redirect" not in head.headers
    assert door.get(path, headers={"If-None-Match": head.headers["ETag"]}).status_code == 304
