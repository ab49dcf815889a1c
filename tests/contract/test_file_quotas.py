"""How many bytes files may have, on every database: of a collection and of an account, whatever becomes of the records that hold them."""

import io
import random

import pytest

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.errors import Invalid
from domain.files.quotas import Tally
from domain.records.reading import Reading, Window
from domain.rules.shape import ANYTHING
from domain.rules.values import RequestFacts
from tests.contract.test_resumable import RECORDS, begun, refused, sent, uploaded

FACTS = RequestFacts("POST")
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
PAPERS = {"name": "papers", "type": "file", "many": True, "max": 5}
PEOPLE = {"name": "people", "type": "accounts", "rules": OPEN, "file_quota": {"account": 100}}
PASSWORD = "correct horse battery"


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as made:
        made.collections.create(PEOPLE, actor=SYSTEM)
        made.collections.create({"name": "posts", "rules": OPEN, "fields": [PAPERS], "file_quota": {"total": 150}}, actor=SYSTEM)
        made.collections.create({"name": "kept", "rules": OPEN, "fields": [PAPERS], "trash": {"days": 1}}, actor=SYSTEM)
        yield made


@pytest.fixture
def door(room):
    return client(room)


def person(room, name: str) -> tuple[str, dict[str, str]]:
    """The subject for which files of a new account count, and what it signs its requests with."""
    email = f"{name}@example.org"
    made = room.records.create("people", {"email": email, "password": PASSWORD}, actor=SYSTEM, facts=FACTS)
    answer = client(room).post("/api/v1/auth/people/sign-in", json={"identity": email, "password": PASSWORD})
    return f"{collection(room, 'people').id}/{made.id}", {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def collection(room, name):
    return next(each for each in room.collections.list(actor=SYSTEM) if each.name == name)


def posted(door, *sizes: int, c="posts", id="", **headers):
    files = [(io.BytesIO(b"x" * size), f"{at}.txt") for at, size in enumerate(sizes)]
    path = f"/api/v1/collections/{c}/records" + (f"/{id}" if id else "")
    how = {"data": {"papers+" if id else "papers": files}, "content_type": "multipart/form-data", "headers": headers}
    return door.patch(path, **how) if id else door.post(path, **how)


def tally(room, subject) -> tuple[int, int]:
    found: Tally = room.work.read(lambda stores: stores.files.tallies([subject]))[subject]
    return found.bytes, found.files


def test_a_collection_holds_so_many_bytes_and_no_more(room, door):
    posts = collection(room, "posts").id
    record = posted(door, 60, 60).get_json()
    assert refused(posted(door, 31), 413, "quota_exceeded")
    assert refused(posted(door, 31, id=record["id"]), 413, "quota_exceeded")
    assert posted(door, 30).status_code == 201
    assert tally(room, posts) == (150, 3)
    full = posted(door, 1)
    assert "150" not in refused(full, 413, "quota_exceeded")["detail"]  # how full it is, is nobody's business
    # What goes makes room for what comes, in one change too.
    swapped = door.patch(f"{RECORDS}/{record['id']}", json={"papers-": [record["papers"][0]["name"]]})
    assert (swapped.status_code, tally(room, posts)) == (200, (90, 2))
    assert posted(door, 60, id=record["id"]).status_code == 200
    door.delete(f"{RECORDS}/{record['id']}")
    assert tally(room, posts) == (30, 1)


def test_an_account_has_so_many_bytes_wherever_they_are(room, door):
    (ann, as_ann), (bea, as_bea) = person(room, "ann"), person(room, "bea")
    record = posted(door, 60, **as_ann).get_json()
    assert posted(door, 40, c="kept", **as_ann).status_code == 201
    over = refused(posted(door, 1, c="kept", **as_ann), 413, "quota_exceeded")
    assert over["detail"] == "your files would have 101 of 100 bytes"
    assert posted(door, 1, c="kept", **as_bea).status_code == 201
    assert [tally(room, each) for each in (ann, bea)] == [(100, 2), (1, 1)]
    # Whoever deletes it gives the room back to whoever sent it.
    assert door.delete(f"{RECORDS}/{record['id']}", headers=as_bea).status_code == 204
    assert [tally(room, each) for each in (ann, bea)] == [(40, 1), (1, 1)]


def test_uploads_that_are_not_over_take_room_from_their_beginning(room, door):
    _, as_ann = person(room, "ann")
    places = [begun(door, 50, headers=as_ann).headers["Location"] for _ in range(2)]
    assert refused(begun(door, 1, headers=as_ann), 413, "quota_exceeded")
    assert door.delete(places[0], headers={"Tus-Resumable": "1.0.0", **as_ann}).status_code == 204
    id = uploaded(door, b"x" * 50, headers=as_ann)
    assert door.post(RECORDS, json={"papers": [{"upload": id}]}, headers=as_ann).status_code == 201
    assert refused(begun(door, 200), 413, "quota_exceeded")


def test_an_account_sees_what_it_has_under_way_and_used(room, door):
    (_, as_ann), (_, as_bea) = person(room, "ann"), person(room, "bea")
    assert posted(door, 30, 10, **as_ann).status_code == 201
    place = begun(door, 50, headers=as_ann).headers["Location"]
    sent(door, place, 0, b"abc", **as_ann)
    own = door.get("/api/v1/uploads", headers=as_ann).get_json()
    assert [(each["id"], each["offset"], each["length"]) for each in own["items"]] == [(place.rpartition("/")[2], 3, 50)]
    assert own["used"] == {"bytes": 40, "files": 2, "most": 100}
    assert door.get("/api/v1/uploads", headers=as_bea).get_json() == {"items": [], "used": {"bytes": 0, "files": 0, "most": 100}}
    assert refused(door.get("/api/v1/uploads"), 401, "unauthenticated")


def test_what_is_whole_and_finds_no_room_waits_for_it(room, door):
    id = uploaded(door, b"x" * 100)
    record = posted(door, 60).get_json()
    assert refused(door.post(RECORDS, json={"papers": [{"upload": id}]}), 413, "quota_exceeded")
    door.delete(f"{RECORDS}/{record['id']}")
    assert door.post(RECORDS, json={"papers": [{"upload": id}]}).status_code == 201


def there(room) -> tuple[int, int]:
    """What the records of `kept` hold, and the copies in its trash."""
    holding = room.work.read(lambda stores: _holding(stores, stores.schema.collection("kept")))
    sizes = [each["size"] for record in holding for each in record["papers"] or ()]
    return sum(sizes), len(sizes)


def _holding(stores, kept):
    ids = [row[0] for row in stores.records.list(Reading(kept, ("id",), ANYTHING), Window((), 1000), None).rows]
    trashed = [document for _, _, document in stores.trash.documents(kept.id, "", 1000)]
    return [*stores.records.load_many(kept, ids), *trashed]


def test_tallies_are_what_records_hold_whatever_happens_to_them(room, door):
    """A walk by chance through all that records may go through; what is counted is compared with what is there."""
    chance, (ann, as_ann) = random.Random(7), person(room, "ann")
    room.collections.change("people", {"file_quota": {"account": 10**9}}, actor=SYSTEM)
    kept, admin = collection(room, "kept").id, "/api/v1/collections/kept"
    live: list[str] = []
    room.accounts.create_admin("root@example.org", PASSWORD)
    signed = door.post("/api/v1/auth/_admins/sign-in", json={"identity": "root@example.org", "password": PASSWORD}).get_json()
    owner = {"Authorization": f"Bearer {signed['access_token']}"}
    for _ in range(60):
        step = chance.random()
        if step < 0.4 or not live:
            live.append(posted(door, *(chance.randint(0, 9) for _ in range(2)), c="kept", **as_ann).get_json()["id"])
        elif step < 0.55:
            posted(door, chance.randint(0, 9), c="kept", id=chance.choice(live), **as_ann)
        elif step < 0.7:
            door.patch(f"{admin}/records/{chance.choice(live)}", json={"papers": []})
        elif step < 0.9:
            door.delete(f"{admin}/records/{live.pop(chance.randrange(len(live)))}")
        elif step < 0.95:
            refused(door.post("/api/v1/batch", json={"operations": [
                {"method": "update", "collection": "kept", "id": live[0], "values": {"papers": []}},
                {"method": "delete", "collection": "kept", "id": "nowhere"},
            ]}), 404, "not_found")  # fmt: skip
        else:
            trashed = door.get(f"{admin}/trash", headers=owner).get_json()["items"]
            for each in trashed[:1]:
                back = door.post(f"{admin}/trash/{each['id']}/restore", headers=owner)
                live.append(back.get_json()["record"]["id"] if "record" in back.get_json() else each["record"]["id"])
        assert tally(room, kept) == tally(room, ann) == there(room)
    room.clock.advance(hours=25)
    room.housekeeping.run()
    assert tally(room, kept) == tally(room, ann) == there(room)
    assert there(room)[1] == len(list(room.files._files.stored(kept)))
    room.collections.delete("kept", actor=SYSTEM)
    room.housekeeping.run()
    assert tally(room, kept) == tally(room, ann) == (0, 0)


def test_a_field_that_is_dropped_gives_its_room_back(room, door):
    posted(door, 60)
    room.collections.change("posts", {"fields": [], "drop": ["papers"]}, actor=SYSTEM)
    room.housekeeping.run()
    assert tally(room, collection(room, "posts").id) == (0, 0)


def test_whoever_is_erased_leaves_no_tally(room, door):
    ann, as_ann = person(room, "ann")
    posted(door, 60, **as_ann)
    place = begun(door, 6, headers=as_ann).headers["Location"]
    assert sent(door, place, 0, b"abc", **as_ann).status_code == 204
    room.erasure.erase("people", ann.partition("/")[2], actor=SYSTEM, facts=FACTS)
    assert (tally(room, ann), tally(room, collection(room, "posts").id)) == ((0, 0), (60, 1))
    assert room.work.read(lambda stores: stores.uploads.of(f"people/{ann.partition('/')[2]}")) == []


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("name, quota, code", [
    ("posts", {"account": 5}, "unknown_option"), ("posts", {"totl": 5}, "unknown_option"), ("posts", {"total": -1}, "invalid_option"),
    ("posts", {"total": True}, "invalid_option"), ("posts", 5, "not_an_object"), ("people", {"account": "5"}, "invalid_option"),
])  # fmt: skip
def test_what_is_no_quota_is_refused(room, name, quota, code):
    with pytest.raises(Invalid) as told:
        room.collections.change(name, {"file_quota": quota}, actor=SYSTEM)
    assert told.value.code == code


def test_a_quota_is_taken_away(room, door):
    room.collections.change("posts", {"file_quota": None}, actor=SYSTEM)
    assert posted(door, 500).status_code == 201
