"""Before hooks in transactions of both databases: what they write and refuse goes with the change, also where the body is run again."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.testing import backend
from domain.errors import Conflict, Unavailable
from stillroom import SYSTEM, Extension, ListQuery, RequestFacts

FACTS = RequestFacts("POST")
POSTS = {"name": "posts", "fields": [{"name": "title", "type": "text", "unique": True}, {"name": "likes", "type": "integer", "default": 0}]}
LOG = {"name": "log", "fields": [{"name": "text", "type": "text"}]}


@pytest.fixture
def opened(database_url):
    rooms = []

    def open_room(*extensions):
        room = backend(database=database_url, extensions=extensions)
        rooms.append(room)
        for each in (POSTS, LOG):
            room.collections.create(each, actor=SYSTEM)
        return room

    yield open_room
    for room in rooms:
        room.close()


def create(room, collection, **values):
    return room.records.create(collection, values, actor=SYSTEM, facts=FACTS)


def texts(room, collection="log", name="text"):
    page = room.records.list(collection, ListQuery(), actor=SYSTEM, facts=FACTS)
    return sorted(row[page.names.index(name)] for row in page.rows)


def test_what_a_hook_writes_is_kept_or_undone_with_the_change(opened):
    blog = Extension("blog")

    @blog.before("records.create", "posts")
    def log(change, room):
        create(room, "log", text=change.values["title"])
        if change.values["title"] == "no":
            raise Conflict("no", code="said_no")

    room = opened(blog)
    create(room, "posts", title="one")
    for title in ("one", "no"):  # the first is refused by the index, after the hook
        with pytest.raises(Conflict):
            create(room, "posts", title=title)
    assert texts(room) == ["one"]


def test_a_hook_goes_on_after_a_refusal_that_it_caught(opened):
    blog = Extension("blog")

    @blog.before("records.create", "log")
    def copy(change, room):
        try:
            create(room, "posts", title="taken")
        except Conflict:
            change.values["text"] += " again"

    room = opened(blog)
    for _ in range(2):
        create(room, "log", text="a")
    assert (texts(room), texts(room, "posts", "title")) == (["a", "a again"], ["taken"])


def test_the_time_of_hooks_counts(opened):
    blog = Extension("blog")
    blog.before("records.create", "log")(lambda change, room: (create(room, "posts", title="t"), time.sleep(0.3)))
    room = opened(blog)
    room.work._limits = type(room.work._limits)(body=0.2)
    with pytest.raises(Unavailable) as refused:
        create(room, "log", text="late")
    assert refused.value.code == "too_slow"
    assert (texts(room), texts(room, "posts", "title")) == ([], [])


def test_hooks_of_updates_see_what_they_change_and_lose_nothing(opened):
    """The record is held while its hook decides by what it reads: without that, writers would overwrite each other."""
    blog = Extension("blog")

    @blog.before("records.update", "posts")
    def count(change, room):
        change.values["likes"] = change.record["likes"] + 1

    room = opened(blog)
    id = create(room, "posts", title="t").id
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: room.records.update("posts", id, {"title": f"t{at}"}, actor=SYSTEM, facts=FACTS), range(40)))
    assert room.records.get("posts", id, actor=SYSTEM, facts=FACTS).as_object()["likes"] == 40


def test_a_body_that_is_run_again_asks_again_with_what_was_sent(opened):
    """The schema moves between two attempts: what the first attempt's hook made of the values is gone."""
    blog, seen, moved = Extension("blog"), [], threading.Event()
    @blog.before("records.create", "log")
    def once_more(change, room):
        seen.append(change.values["text"])
        change.values["text"] += "!"

    room = opened(blog)
    body = room.work.run

    def twice(run, **how):
        if not moved.is_set():
            moved.set()
            with pytest.raises(ZeroDivisionError):
                body(lambda stores: (run(stores), 1 / 0))
        return body(run, **how)

    room.work.run = twice
    create(room, "log", text="a")
    assert (seen, texts(room)) == (["a", "a"], ["a!"])
