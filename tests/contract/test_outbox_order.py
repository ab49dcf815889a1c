"""The order of events while writers race: for each record by its versions, nothing missed, and nobody waited for.

On PostgreSQL numbers are given before the commit, so reading them up to a high-water mark misses what commits late. The control
reads so, and misses it.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest

from app.testing import backend as make_backend
from domain.actor import SYSTEM
from domain.errors import Unavailable
from domain.rules.values import RequestFacts
from tests.postgres import connect

FACTS = RequestFacts("POST")
THINGS = {"name": "things", "fields": [{"name": "n", "type": "integer"}]}
RECORDS, WRITERS, EACH = 3, 4, 40
_LATE = (
    "INSERT INTO _outbox "
    "(kind, moment, collection, collection_id, record, version, actor_kind, actor_collection, actor_id, request, payload) "
    "VALUES ('records.created', '2026-11-22T13:00:00.000Z', 'things', '', 'late', 1, 'system', '', '', '', '{}')"
)


def forget_all(room):
    """That a collection was made is an event too."""
    while room.work.run(lambda stores: stores.outbox.arrange(1000)):
        pass
    room.work.run(lambda stores: stores.outbox.forget("2100-01-01T00:00:00.000Z", 0, 1000))


@pytest.fixture(params=["sqlite", "postgresql"])
def room(request, tmp_path):
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path}/data.db"
    with make_backend(database=url) as made:
        made.collections.create(THINGS, actor=SYSTEM)
        forget_all(made)
        yield made


@pytest.fixture
def on_postgres(postgres_url):
    with make_backend(database=postgres_url) as made:
        made.collections.create(THINGS, actor=SYSTEM)
        forget_all(made)
        yield made, postgres_url


class ByPlace:
    """As the drain reads."""

    def __init__(self, room):
        self._work, self._behind, self.seen = room.work, 0, []

    def read(self):
        while self._work.read(lambda stores: stores.deliveries.outlook().is_unplaced):
            self._work.run(lambda stores: stores.outbox.arrange(100))
        found = self._work.read(lambda stores: stores.outbox.after(self._behind, 1000))
        self._behind = max([self._behind, *(each.position for each in found)])
        self.seen += [(each.event.record, each.event.version) for each in found]


class ByNumber:
    """The control: what is above the highest number that was seen."""

    def __init__(self, url):
        self._url, self._behind, self.seen = url, 0, []

    def read(self):
        with connect(self._url) as connection:
            found = connection.execute("SELECT seq, record, version FROM _outbox WHERE seq > %s ORDER BY seq", (self._behind,)).fetchall()
        self._behind = max([self._behind, *(row[0] for row in found)])
        self.seen += [(record, version) for _, record, version in found]


@contextmanager
def reading(reader):
    """All the while, and once more in the end."""
    over = Event()

    def go():
        while not over.is_set():
            reader.read()
        reader.read()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(go)
        try:
            yield
        finally:
            over.set()
            done.result(60)


def race(room, ids):
    """Writers of one record at a time, and of two in whichever order."""

    def once(chance):
        def body(stores):
            for id in chance.sample(ids, chance.choice([1, 1, 2])):
                room.records.update("things", id, {"n+": 1}, actor=SYSTEM, facts=FACTS)

        try:
            room.work.run(body)
        except Unavailable:
            pass  # deadlocks too often in a row: nothing of it is kept

    def writer(seed):
        chance = random.Random(seed)
        for _ in range(EACH):
            once(chance)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(writer, range(WRITERS)))


def in_order(seen, ids):
    return {id: [version for record, version in seen if record == id] for id in ids}


def test_events_of_a_record_come_in_the_order_of_its_versions(room):
    ids = [room.records.create("things", {"n": 0}, actor=SYSTEM, facts=FACTS).id for _ in range(RECORDS)]
    reader = ByPlace(room)
    with reading(reader):
        race(room, ids)
    versions = {id: room.records.get("things", id, actor=SYSTEM, facts=FACTS).version for id in ids}
    assert in_order(reader.seen, ids) == {id: list(range(1, versions[id] + 1)) for id in ids}
    assert sum(versions.values()) > WRITERS * EACH


def test_what_commits_late_is_told_late_and_nobody_waits_for_it(on_postgres):
    room, url = on_postgres
    reader, control = ByPlace(room), ByNumber(url)
    with connect(url) as late:
        late.execute(_LATE)  # has its number, and is not committed
        early = room.records.create("things", {"n": 0}, actor=SYSTEM, facts=FACTS).id
        reader.read()
        control.read()
        assert reader.seen == control.seen == [(early, 1)]
        late.commit()
    reader.read()
    control.read()
    assert reader.seen == [(early, 1), ("late", 1)]
    assert control.seen == [(early, 1)], "the control misses what commits late, or this test shows nothing"
