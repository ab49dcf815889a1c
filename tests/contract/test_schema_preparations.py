"""Values of a change are made aside while others write: what they write counts, and nothing is left where a preparation comes to no end."""

import random
from threading import Event, Thread, Timer

import pytest

from adapters.outbound.sql import asides
from app.testing import backend as make_backend
from app.usecases import schema_preparations
from app.usecases.schema_preparations import SchemaPreparations
from domain.actor import SYSTEM
from domain.errors import Conflict, NotFound
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from tests.postgres import connect

FACTS = RequestFacts(method="GET")
TAGS = {"name": "tags", "fields": [{"name": "label", "type": "text"}]}
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "unique": True},
        {"name": "views", "type": "text"},
        {"name": "tags", "type": "relation", "collection": "tags", "many": True},
    ],
    "indexes": [{"fields": ["views"]}],
}
# What each change makes of the fields.
CHANGES = {
    "to integer": {"views": {"type": "integer"}},
    "to e-mail": {"title": {"type": "email"}},
    "fold": {"title": {"fold": True}},
    "searchable": {"title": {"searchable": True}},
    "both at once": {"title": {"searchable": True, "fold": True}, "views": {"type": "integer"}},
    "to one": {"tags": {"many": False}},
}


@pytest.fixture(autouse=True)
def few_are_worth_it(monkeypatch):
    monkeypatch.setattr(schema_preparations, "MOST_UNPREPARED", 3)


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        made.collections.create(TAGS, actor=SYSTEM)
        made.collections.create(POSTS, actor=SYSTEM)
        for id in ("t1", "t2"):
            made.records.create("tags", {"id": id, "label": id}, actor=SYSTEM, facts=FACTS)
        for number in range(20):
            add(made, number)
        made.clock.advance(minutes=1)
        yield made


def mail(number):
    return f"Ann{number}@example.org"


def add(room, number, **more):
    values = {"id": f"r{number:03}", "title": mail(number), "views": str(number), "tags": ["t1"], **more}
    room.records.create("posts", values, actor=SYSTEM, facts=FACTS)


def edit(room, number, **values):
    room.records.update("posts", f"r{number:03}", values, actor=SYSTEM, facts=FACTS)


def remove(room, number):
    room.records.delete("posts", f"r{number:03}", actor=SYSTEM, facts=FACTS)


def rows(room, **query):
    found = room.records.list("posts", ListQuery(limit=500, **query), actor=SYSTEM, facts=FACTS).as_object()["items"]
    return {each["id"]: each for each in found}


def change(room, edits):
    fields = [{**each, **edits.get(each["name"], {})} for each in POSTS["fields"]]
    return room.collections.change("posts", {"fields": fields}, actor=SYSTEM)


def left_over(room):
    return room.collections._work.read(lambda stores: asides.leftovers(stores.collections._session, "posts"))


@pytest.fixture
def between(monkeypatch):
    """Acts that are done once, after the first records were read to be prepared and before that is written."""
    acts = []
    read = SchemaPreparations._next

    def meddled(self, preparation, after):
        batch = read(self, preparation, after)
        while batch and acts:
            acts.pop()()
        return batch

    monkeypatch.setattr(SchemaPreparations, "_next", meddled)
    return acts


def meddle(room):
    edit(room, 3, title="Zoe@Example.org", views="333", tags=["t2"])
    edit(room, 6, title=None, views=None, tags=[])
    remove(room, 4)
    remove(room, 5)
    add(room, 5, title="Eve@Example.org", views="555", tags=["t2"])
    add(room, 99, title="Pia@Example.org", views="999", tags=["t2"])


# What a record holds: by its number, or what was written meanwhile.
WRITTEN = {3: ("Zoe@Example.org", 333, "t2"), 5: ("Eve@Example.org", 555, "t2"), 6: (None, None, None), 99: ("Pia@Example.org", 999, "t2")}
EXPECTED = {number: WRITTEN.get(number, (mail(number), number, "t1")) for number in (*range(4), *range(5, 20), 99)}


def seen(record):
    views, tags = record["views"], record["tags"]
    tag = tags if not isinstance(tags, list) else tags[0] if tags else None
    return record["title"] or None, None if views in (None, "") else int(views), tag


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_written_meanwhile_counts(room, between, name, database_url):
    if name == "to one" and database_url.startswith("sqlite"):
        meddle(room)  # there a foreign key cannot be given to a column later, so nothing is made aside
    else:
        between.append(lambda: meddle(room))
    change(room, CHANGES[name])
    assert between == []
    assert left_over(room) == []
    told = rows(room)
    assert {int(id[1:]): seen(each) for id, each in told.items()} == EXPECTED
    if "fold" in str(CHANGES[name]) or name == "to e-mail":
        assert [[*rows(room, filter=f"title = '{who}@EXAMPLE.org'")] for who in ("zoe", "eve", "ann4", "ann7", "ann3")] == [
            ["r003"], ["r005"], [], ["r007"], [],
        ]  # fmt: skip
        with pytest.raises(Conflict):
            add(room, 50, title="ZOE@example.org", views=None, tags=None)
    if "searchable" in str(CHANGES[name]):
        assert [[*rows(room, search=who)] for who in ("zoe", "eve", "ann4", "ann7", "ann3")] == [["r003"], ["r005"], [], ["r007"], []]
        edit(room, 7, title="Kim@example.org")
        assert [[*rows(room, search=who)] for who in ("ann7", "kim")] == [[], ["r007"]]
        edit(room, 7, title=mail(7))
    room.collections.undo(actor=SYSTEM)
    assert left_over(room) == []
    assert {int(id[1:]): seen(each) for id, each in rows(room).items()} == EXPECTED


def test_what_stands_against_it_by_then_is_told(room, between):
    between.append(lambda: edit(room, 3, views="many"))
    with pytest.raises(Conflict) as refused:
        change(room, CHANGES["to integer"])
    assert refused.value.code == "not_convertible"
    assert "r003" in refused.value.faults[0].detail
    assert left_over(room) == []
    edit(room, 3, views="3")
    change(room, CHANGES["to integer"])
    assert rows(room)["r003"]["views"] == 3


def test_another_change_ends_the_preparation_and_both_are_done(room, between):
    between.append(lambda: room.collections.change("posts", {"indexes": [{"fields": ["title"]}]}, actor=SYSTEM))
    made = change(room, CHANGES["both at once"])
    assert [each["fields"] for each in made.definition()["indexes"]] == [["title"]]
    assert left_over(room) == []
    assert [*rows(room, search="ann7")] == ["r007"]


def test_a_collection_that_goes_meanwhile_is_not_there(room, between):
    between.append(lambda: room.collections.delete("posts", actor=SYSTEM))
    with pytest.raises(NotFound):
        change(room, CHANGES["to integer"])


def test_what_a_dead_process_left_goes_with_the_next_change(room, monkeypatch):
    class Killed(BaseException):
        pass

    def die(self, preparation, after):
        raise Killed

    with monkeypatch.context() as deadly:
        deadly.setattr(SchemaPreparations, "_next", die)
        deadly.setattr("adapters.outbound.sql.schema.SqlSchemaStore.put_away", lambda self, preparation: None)
        with pytest.raises(Killed):
            change(room, CHANGES["fold"])
    assert left_over(room) != []
    edit(room, 3, views="333")
    add(room, 50)
    change(room, CHANGES["to integer"])
    assert left_over(room) == []
    assert rows(room)["r003"]["views"] == 333


class Writer(Thread):
    """Creates, updates and deletes records of its own, and knows what they must be."""

    def __init__(self, room, first, stop):
        super().__init__()
        self._room, self._stop_at, self._first, self._chance = room, stop, first, random.Random(first)
        self.truth, self.failed = {}, []

    def run(self):
        try:
            while not self._stop_at.is_set():
                self._act(self._chance.randrange(self._first, self._first + 30))
        except Exception as error:
            self.failed.append(error)

    def _act(self, number):
        n = self._chance.randrange(10**6)
        tags = [self._chance.choice(("t1", "t2"))]
        values = {"title": f"Title {number} {n}", "tags": tags}
        if number not in self.truth:
            add(self._room, number, views=None, **values)
        elif self._chance.random() < 0.3:
            remove(self._room, number)
            del self.truth[number]
            return
        else:
            edit(self._room, number, **values)
        self.truth[number] = (values["title"], tags[0])


def test_no_value_of_writers_is_lost_or_wrong(database_url, monkeypatch):
    """Titles get a key and words while three threads write the same records all the time. The numbers of other records are converted
    too; the threads name none, since their type is another one from one moment to the next."""
    monkeypatch.setattr(asides, "_STATED", 20)
    monkeypatch.setattr(asides, "_MADE", 20)
    with make_backend(database=database_url) as room:
        room.collections.create(TAGS, actor=SYSTEM)
        room.collections.create(POSTS, actor=SYSTEM)
        for id in ("t1", "t2"):
            room.records.create("tags", {"id": id, "label": id}, actor=SYSTEM, facts=FACTS)
        for number in range(300):
            add(room, 500 + number)
        stop = Event()
        writers = [Writer(room, first, stop) for first in (0, 100, 200)]
        for each in writers:
            each.start()
        try:
            for edits in ({"title": {"fold": True, "searchable": True}}, {"views": {"type": "integer"}}):
                change(room, edits)
                room.collections.undo(actor=SYSTEM)
            change(room, CHANGES["both at once"])
        finally:
            stop.set()
            for each in writers:
                each.join()
        assert [each.failed for each in writers] == [[], [], []]
        assert all(each["views"] == int(id[1:]) for id, each in rows(room, filter="views > 0").items())
        truth = {number: told for each in writers for number, told in each.truth.items()}
        there = {int(id[1:]): each for id, each in rows(room).items() if int(id[1:]) < 500}
        assert {number: (each["title"], each["tags"][0]) for number, each in there.items()} == truth
        for number, (title, _) in truth.items():
            assert [*rows(room, filter=f"title = '{title.upper()}'")] == [f"r{number:03}"]
            assert [*rows(room, search=title.rpartition(" ")[2], filter=f"id = 'r{number:03}'")] == [f"r{number:03}"]


def test_a_snapshot_that_waits_for_a_change_begins_again(postgres_url):
    """On PostgreSQL a statement gives up after a second, and its transaction with it; only then is the lock given back."""
    with make_backend(database=postgres_url) as room, connect(postgres_url) as other:
        room.collections.create(TAGS, actor=SYSTEM)
        room.collections.create(POSTS, actor=SYSTEM)
        room.records.create("tags", {"id": "t1", "label": "one"}, actor=SYSTEM, facts=FACTS)
        add(room, 1)
        other.execute("LOCK TABLE tags IN ACCESS EXCLUSIVE MODE")
        ending = Timer(1.5, other.rollback)
        ending.start()
        found = rows(room, expand="tags")
        ending.join()
    assert found["r001"]["expand"]["tags"][0]["label"] == "one"
