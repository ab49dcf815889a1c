"""Files of records in a store that fails for real: a clear answer, the record as it was, and nothing left behind after an hour."""

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from adapters.outbound.object_files import ObjectFiles
from adapters.outbound.object_stores import Patience
from app.testing import TestBackend, backend, client
from domain.actor import SYSTEM
from domain.errors import Unavailable
from domain.files.stores import Bucket
from tests.api.doors import problem
from tests.faulty_store import FaultyStore
from tests.s3_server import KEYS

HASTY = Patience(connect=0.5, answer=0.5, again=0.3, times=1)
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
POSTS = {"name": "posts", "rules": OPEN, "fields": [{"name": "title", "type": "text"}, {"name": "papers", "type": "file", "many": True}]}
RECORDS = "/api/v1/collections/posts/records"
SMALL, LARGE = b"a small paper", b"x" * 9_000_000


@dataclass
class Desk:
    room: TestBackend
    door: FlaskClient
    store: FaultyStore
    straight: ObjectFiles

    def send(self, *papers: bytes, id: str = "", **values: str) -> Any:
        form = {**values, "papers+" if id else "papers": [(io.BytesIO(each), "a.txt") for each in papers]}
        method, path = ("PATCH", f"{RECORDS}/{id}") if id else ("POST", RECORDS)
        return self.door.open(path, method=method, data=form, content_type="multipart/form-data")

    def records(self) -> Any:
        return self.door.get(RECORDS).get_json()["items"]

    def kept(self) -> list[str]:
        return sorted(each.key.rpartition("/")[2] for each in self.straight.stored())


@pytest.fixture(scope="module")
def one_desk(shared_bucket: Bucket) -> Iterator[Desk]:
    with FaultyStore(shared_bucket.endpoint) as store:
        files = ObjectFiles(replace(shared_bucket, endpoint=store.url), KEYS, patience=HASTY)
        with backend(files=files) as room:
            room.collections.create(POSTS, actor=SYSTEM)
            yield Desk(room, client(room), store, ObjectFiles(shared_bucket, KEYS))


@pytest.fixture
def desk(one_desk: Desk) -> Iterator[Desk]:
    """Without records and files, and with a store that works."""
    yield one_desk
    one_desk.store.fail(None)
    for each in one_desk.records():
        one_desk.door.delete(f"{RECORDS}/{each['id']}")
    one_desk.room.clock.advance(minutes=61)
    one_desk.room.files.sweep()
    assert one_desk.kept() == []


@pytest.mark.parametrize("fault, method, papers, status", [
    ("busy", "", [SMALL], 503), ("slow", "PUT", [SMALL], 503), ("kept half", "PUT", [SMALL], 503), ("other mark", "PUT", [SMALL], 503),
    ("full", "PUT", [SMALL], 507), ("closed", "PUT", [LARGE], 503),
])  # fmt: skip
def test_a_record_is_whole_or_as_it_was(desk, fault, method, papers, status):
    before = desk.send(b"before", title="one").get_json()
    desk.store.fail(fault, method=method)
    for answer in (desk.send(*papers, title="two"), desk.send(*papers, id=before["id"], title="three")):
        told = problem(answer)
        assert (answer.status_code, told["code"]) == (status, "out_of_space" if status == 507 else "unavailable")
        assert not any(word in answer.text for word in ("127.0.0.1", "S3", "Generic", KEYS.access))
    desk.store.fail(None)
    assert desk.records() == [before]
    desk.room.clock.advance(minutes=61)
    desk.room.files.sweep()
    assert desk.kept() == [before["papers"][0]["name"]]
    assert desk.send(*papers, id=before["id"]).status_code == 200
    assert [each["size"] for each in desk.records()[0]["papers"]] == [6, *map(len, papers)]


def test_the_second_of_two_files_takes_the_first_along(desk):
    desk.store.fail("busy", method="PUT", after=1)
    assert desk.send(SMALL, SMALL).status_code == 503
    desk.store.fail(None)
    assert desk.records() == []
    desk.room.clock.advance(minutes=61)
    desk.room.files.sweep()
    assert desk.kept() == []


def test_what_the_store_does_not_delete_is_deleted_later(desk):
    made = desk.send(SMALL).get_json()
    desk.door.delete(f"{RECORDS}/{made['id']}")
    desk.store.fail("busy", method="DELETE")
    with suppress(Unavailable):
        desk.room.files.sweep()
    assert len(desk.kept()) == 1
    desk.store.fail(None)
    desk.room.clock.advance(minutes=61)
    desk.room.files.sweep()
    assert desk.kept() == []


def test_a_store_that_is_away_keeps_nobody_from_the_record(desk):
    made = desk.send(SMALL, title="one").get_json()
    path = f"/api/v1/files/posts/{made['id']}/{made['papers'][0]['name']}"
    desk.store.fail("closed")
    assert desk.door.get(path).status_code == 503
    assert desk.records() == [made]
    assert desk.door.patch(f"{RECORDS}/{made['id']}", json={"title": "two"}).status_code == 200
    assert desk.door.delete(f"{RECORDS}/{made['id']}").status_code == 204


@pytest.mark.parametrize("fault", ["half", "cut"])
def test_half_a_file_is_never_served_as_a_whole(desk, fault):
    made = desk.send(LARGE).get_json()
    path = f"/api/v1/files/posts/{made['id']}/{made['papers'][0]['name']}"
    desk.store.fail(fault, method="GET", after=1)
    answer = desk.door.get(path, buffered=False)
    assert int(answer.headers["Content-Length"]) == len(LARGE)
    with pytest.raises(Unavailable):
        b"".join(answer.iter_encoded())


def test_a_file_that_is_not_what_was_sent_is_told_so(desk):
    """As when somebody changed it in the bucket."""
    made = desk.send(SMALL).get_json()
    (held,) = desk.straight.stored()
    desk.straight.delete([held.key])
    desk.straight.write(held.key, [SMALL * 2], type="")
    answer = desk.door.get(f"/api/v1/files/posts/{made['id']}/{made['papers'][0]['name']}")
    assert (answer.status_code, problem(answer)["code"]) == (503, "file_damaged")
