"""The store of files compared with what records hold, on every database, on disk and in a bucket."""

from datetime import timedelta

import pytest

from adapters.outbound.disk_files import DiskFiles
from adapters.outbound.object_files import ObjectFiles
from app.testing import backend, client
from app.usecases import file_checks
from domain.actor import SYSTEM, account
from domain.errors import Forbidden
from domain.files.names import key_of
from tests.contract.test_resumable import FIELDS, OPEN, PNG, RECORDS, begun, sent, uploaded
from tests.s3_server import KEYS


@pytest.fixture(params=["disk", "bucket"])
def files(request, tmp_path):
    if request.param == "bucket":
        return ObjectFiles(request.getfixturevalue("bucket"), KEYS)
    (tmp_path / "files").mkdir()
    return DiskFiles(tmp_path / "files")


@pytest.fixture
def room(database_url, files, monkeypatch):
    # The store goes by a clock of its own, and the room by one that stands still.
    monkeypatch.setattr(file_checks, "PATIENCE", timedelta(days=-10_000))
    with backend(database=database_url, files=files) as made:
        made.collections.create({"name": "posts", "rules": OPEN, "fields": FIELDS, "trash": {"days": 1}}, actor=SYSTEM)
        yield made


def strangers(room, **how):
    return [each.key for each in room.file_checks.strangers(actor=SYSTEM, **how)]


def test_what_nobody_knows_of_is_told_and_goes_and_nothing_else(room, files):
    door = client(room)
    kept, deleted = (door.post(RECORDS, json={"cover": {"upload": uploaded(door, PNG, "cover", "a.png")}}).get_json() for _ in range(2))
    door.delete(f"{RECORDS}/{deleted['id']}")
    half = begun(door, 9).headers["Location"]
    sent(door, half, 0, b"half")
    uploaded(door, b"whole")
    room.files.sweep()
    posts = room.collections.get("posts", actor=SYSTEM).id
    odd = [f"{posts}/nowhere/a.png", f"{posts}/{kept['id']}/b.png", "elsewhere/x/c.png", "uploads/gone/0-a"]
    for key in odd:
        files.write(key, [b"odd"], type="")
    assert sorted(strangers(room)) == sorted(odd)
    assert (sorted(strangers(room, delete=True)), strangers(room)) == (sorted(odd), [])
    before = sum(1 for _ in files.stored())
    room.clock.advance(seconds=1)
    room.files.sweep()
    assert sum(1 for _ in files.stored()) == before - len(odd)
    assert list(room.file_checks.missing(actor=SYSTEM)) == []
    assert door.get(f"/api/v1/files/posts/{kept['id']}/{kept['cover']['name']}").data == PNG


def test_what_others_put_there_by_hand_stays(room, files):
    posts = room.collections.get("posts", actor=SYSTEM).id
    odd = [f"{posts}/notes.txt", "folder/b.png", "uploads/x"]
    for key in odd:
        files.write(key, [b"theirs"], type="")
    room.collections.delete("posts", actor=SYSTEM)
    assert strangers(room, delete=True) == []
    room.files.sweep()
    assert sorted(each.key for each in files.stored()) == sorted(odd)


def test_what_is_missing_is_told(room, files, monkeypatch):
    monkeypatch.setattr(file_checks, "_AT_ONCE", 2)
    door = client(room)
    made = [door.post(RECORDS, json={"papers": [{"upload": uploaded(door, b"one")}]}).get_json() for _ in range(5)]
    posts = room.collections.get("posts", actor=SYSTEM).id
    keys = sorted(key_of(posts, each["id"], each["papers"][0]["name"]) for each in made)
    files.delete([keys[1], keys[4]])
    assert list(room.file_checks.missing(actor=SYSTEM)) == [keys[1], keys[4]]


def test_it_is_for_admins(room):
    with pytest.raises(Forbidden):
        list(room.file_checks.missing(actor=account("a", "people")))
