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
    "name": "posts", "rules": {"list": "", "view": "shown = true", "create": ""},
    "fields": [{"name": "shown", "type": "bool"}, {"name": "cover", "type": "file"}],
}  # fmt: skip


@pytest.fixture
def opened():
    """Opens a backend whose files are in this store and go this way, with one file in it: its client, and where that is."""
    rooms = []

    def open_(files, way, shown="true"):
        rooms.append(backend(files=files, files_served=way))
        rooms[-1].collections.create(POSTS, actor=SYSTEM)
        door = client(rooms[-1])
        form = {"shown": shown, "cover": (io.BytesIO(PNG), "a plane.png")}
        made = door.post("/api/v1/collections/posts/records", data=form, content_type="multipart/form-data").json
        name = made["cover"]["name"] if made.get("cover") else rooms[-1].files._files.stored().__next__().key.rpartition("/")[2]
        return door, f"/api/v1/files/posts/{made['id']}/{name}"

    yield open_
    for room in rooms:
        room.close()


def test_the_store_hands_it_out_by_a_link_that_nobody_keeps(opened, bucket):
    door, path = opened(ObjectFiles(bucket, KEYS), REDIRECT)
    answer = door.get(path)
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (302, b"", "private, no-store")
    assert "X-Amz-Expires=60&" in answer.headers["Location"]
    with urllib.request.urlopen(answer.headers["Location"], timeout=10) as followed:
        assert followed.read() == PNG


def test_what_is_to_be_saved_and_not_shown_we_send_ourselves(opened, bucket):
    door, path = opened(ObjectFiles(bucket, KEYS), REDIRECT)
    answer = door.get(f"{path}?download=true")
    assert (answer.status_code, answer.data) == (200, PNG)
    assert answer.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize("way, header", [(ACCEL, "X-Accel-Redirect"), (SENDFILE, "X-Sendfile")])
def test_a_proxy_is_told_where_it_lies(opened, tmp_path, way, header):
    door, path = opened(DiskFiles(tmp_path), way)
    answer = door.get(path, headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.data) == (200, b"")
    told = answer.headers[header]
    place = told.replace("/stillroom-files", str(tmp_path)) if way == ACCEL else told
    assert Path(place).read_bytes() == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("inline;")


@pytest.mark.parametrize("way", [ACCEL, SENDFILE, REDIRECT])
def test_who_may_not_see_the_record_is_told_of_no_place(opened, tmp_path, bucket, way):
    door, path = opened(ObjectFiles(bucket, KEYS) if way == REDIRECT else DiskFiles(tmp_path), way, shown="false")
    answer = door.get(path)
    assert answer.status_code == 404
    assert not {"Location", "X-Accel-Redirect", "X-Sendfile"} & set(answer.headers.keys())


@pytest.mark.parametrize("way", [ACCEL, SENDFILE])
def test_what_has_no_bytes_is_answered_by_us(opened, tmp_path, way):
    door, path = opened(DiskFiles(tmp_path), way)
    head = door.head(path)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(PNG)))
    assert "X-Accel-Redirect" not in head.headers
    assert door.get(path, headers={"If-None-Match": head.headers["ETag"]}).status_code == 304
