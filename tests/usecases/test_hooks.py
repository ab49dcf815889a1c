"""Before hooks change and refuse, inside of the transaction and after the rules; after hooks hear what is committed."""

import time
from decimal import Decimal

import pytest

from app.testing import backend
from app.usecases.bulk import Chosen
from domain.errors import Conflict, Forbidden, HookMistake, Invalid, NotFound, PreconditionFailed, Unavailable
from domain.hooks.chain import Undeclarable
from domain.records.batches import Operation
from domain.records.changes import IfMatch
from stillroom import GUEST, SYSTEM, Extension, ListQuery, RequestFacts

FACTS = RequestFacts("POST", request_id="r-1")
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "required": True, "max": 40},
        {"name": "slug", "type": "text", "required": True, "max": 10},
        {"name": "price", "type": "decimal", "scale": 2},
        {"name": "views", "type": "integer", "default": 0},
        {"name": "tags", "type": "select", "values": ["a", "b"], "many": True},
        {"name": "about", "type": "json"},
        {"name": "secret", "type": "text", "hidden": True},
    ],
    "rules": {"list": "", "view": "", "create": "title != 'forbidden'", "update": "title != 'locked'", "delete": ""},
    "checks": [{"name": "apart", "rule": "title != slug", "message": "title and slug differ"}],
}
NOTES = {
    "name": "notes", "rules": {"list": "", "create": ""},
    "fields": [{"name": "text", "type": "text"}, {"name": "post", "type": "relation", "collection": "posts", "on_delete": "cascade"}],
}  # fmt: skip


@pytest.fixture
def blog():
    return Extension("blog")


@pytest.fixture
def opened(blog):
    """A room with the collections, once the test has declared its hooks."""
    rooms = []

    def open_room(*more):
        room = backend(extensions=[blog, *more])
        rooms.append(room)
        for each in (POSTS, NOTES):
            room.collections.create(each, actor=SYSTEM)
        return room

    yield open_room
    for room in rooms:
        room.close()


def slugged(blog):
    @blog.before("records.create", collection="posts")
    def add_slug(change, backend):
        change.values.setdefault("slug", change.values["title"].lower())

    return blog


def create(room, actor=GUEST, collection="posts", **values):
    return room.records.create(collection, values, actor=actor, facts=FACTS)


def update(room, id, actor=GUEST, **values):
    return room.records.update("posts", id, values, actor=actor, facts=FACTS)


def records(room, name="posts"):
    page = room.records.list(name, ListQuery(), actor=SYSTEM, facts=FACTS)
    return [dict(zip(page.names, row)) for row in page.rows]


# --- what a hook may change


def test_a_hook_fills_what_is_required(blog, opened):
    slugged(blog)
    room = opened()
    assert create(room, title="Hello").as_object()["slug"] == "hello"
    assert create(room, title="Hello", slug="mine").as_object()["slug"] == "mine"


def test_what_is_required_is_still_asked_for_where_no_hook_fills_it(blog, opened):
    blog.before("records.create", "posts")(lambda change, backend: None)
    with pytest.raises(Invalid) as refused:
        create(opened(), title="Hello")
    assert [(each.pointer, each.code) for each in refused.value.faults] == [("/slug", "required")]


def test_a_hook_sees_values_as_the_api_has_them_and_may_write_what_is_natural(blog, opened):
    seen = {}

    @blog.before("records.create", "posts")
    def look(change, backend):
        seen.update(change.values)
        change.values["price"] = Decimal("2.50")
        change.values["tags"].append("b")
        change.values["about"]["by"] = "hook"
        change.values["secret"] = "kept"  # the guest could not

    room = opened()
    made = create(room, title="T", slug="s", price="1.50", tags=["a"], about={"x": [1]})
    assert seen == {"title": "T", "slug": "s", "price": "1.50", "views": 0, "tags": ["a", "b"], "about": {"x": [1], "by": "hook"}}
    kept = room.work.read(lambda stores: stores.records.load(stores.schema.collection("posts"), made.id))
    assert (kept["price"], kept["tags"], kept["about"]) == (Decimal("2.50"), ("a", "b"), {"x": [1], "by": "hook"})
    assert kept["secret"] == "kept"


def test_what_a_hook_writes_is_validated_and_checked(blog, opened):
    @blog.before("records.create", "posts")
    def copy(change, backend):
        change.values["slug"] = change.values["title"]

    room = opened()
    with pytest.raises(Invalid) as refused:
        create(room, title="far too long for a slug")
    assert refused.value.faults[0].pointer == "/slug"
    with pytest.raises(Invalid, match="title and slug differ"):
        create(room, title="same")
    assert records(room) == []


def test_a_hook_changes_what_an_update_asks_for(blog, opened):
    seen = []

    @blog.before("records.update", "posts")
    def look(change, backend):
        seen.append((change.record["title"], dict(change.values), change.actor, change.request))
        change.values.pop("price", None)
        if "title" in change.values:
            change.values["slug"] = change.values["title"].lower()
        change.values["views"] = 10  # in place of the body's views+

    room = opened()
    made = create(room, title="Old", slug="old")
    after = update(room, made.id, **{"title": "New", "price": "9.00", "views+": 1, "tags+": ["a"]}).as_object()
    assert (after["slug"], after["price"], after["views"], after["tags"], after["version"]) == ("new", None, 10, ("a",), 2)
    assert seen == [("Old", {"title": "New", "price": "9.00", "views+": 1, "tags+": ["a"]}, GUEST, "r-1")]


@pytest.mark.parametrize("name", ["slgu", "id", "version", "password"])
def test_what_a_hook_may_not_write_is_its_own_mistake(blog, opened, name):
    @blog.before("records.create", "posts")
    def wrong(change, backend):
        change.values[name] = "x"

    with pytest.raises(HookMistake, match=name):
        create(opened(), title="T", slug="s")


# --- when it is asked


def test_hooks_run_only_for_whom_the_rules_let_in(blog, opened):
    asked = []
    for event in ("records.create", "records.update", "records.delete"):
        blog.before(event, name=event.replace(".", "_"))(lambda change, backend: asked.append(change.event))
    room = opened()
    with pytest.raises(Forbidden):
        create(room, title="forbidden", slug="s")
    made = create(room, SYSTEM, title="locked", slug="s")
    asked.clear()
    with pytest.raises(NotFound):
        update(room, made.id, views=2)
    with pytest.raises(Invalid):
        update(room, made.id, SYSTEM, views="many")
    with pytest.raises(PreconditionFailed):
        room.records.update("posts", made.id, {"views": 2}, actor=SYSTEM, facts=FACTS, if_match=(IfMatch(7),))
    with pytest.raises(NotFound):
        room.records.delete("posts", "nobody", actor=GUEST, facts=FACTS)
    assert asked == []


def test_a_refusal_leaves_nothing(blog, opened):
    @blog.before("records.create", "posts")
    def refuse(change, backend):
        create(backend, SYSTEM, "notes", text="written before the refusal")
        raise Conflict("no more posts", code="quota")

    room = opened()
    with pytest.raises(Conflict, match="no more posts"):
        create(room, title="T", slug="s")
    assert (records(room), records(room, "notes")) == ([], [])


def test_calls_of_a_hook_join_the_transaction_in_their_own_name(blog, opened):
    origins = []

    @blog.before("records.create", "posts")
    def note(change, backend):
        create(backend, SYSTEM, "notes", text=change.values["title"])

    blog.after("records.create")(lambda event, backend: origins.append((event.collection, event.actor.kind)))
    room = opened()
    create(room, id="p1", title="T", slug="s")
    with pytest.raises(Conflict):  # the id is taken, so the second note goes too
        create(room, id="p1", title="T", slug="s")
    assert len(records(room, "notes")) == 1
    room.events.drain()
    assert origins == [("notes", "system"), ("posts", "guest")]


def test_every_way_of_writing_records_asks(blog, opened):
    asked = []
    for event in ("records.create", "records.update", "records.delete"):
        blog.before(event, name=event.replace(".", "_"))(lambda change, backend: asked.append((change.event, change.collection)))
    room = opened()
    operations = [Operation("create", "posts", values={"id": f"p{at}", "title": str(at), "slug": "s"}) for at in range(5)]
    room.records.batch(operations, actor=SYSTEM, facts=FACTS)
    assert asked == [("records.create", "posts")] * 5
    asked.clear()
    operations = [Operation("upsert", "posts", by=("id",), values={"id": id, "title": "U", "slug": "s"}) for id in ("p1", "p9")]
    room.records.batch(operations, actor=SYSTEM, facts=FACTS)
    assert asked == [("records.update", "posts"), ("records.create", "posts")]
    asked.clear()
    create(room, collection="notes", text="n", post="p1")
    room.records.update_all("posts", Chosen("title = 'U'", 2), {"views": 1}, actor=SYSTEM, facts=FACTS)
    room.records.delete_all("posts", Chosen("title = 'U'", 2), actor=SYSTEM, facts=FACTS)
    assert asked == [
        ("records.create", "notes"), *[("records.update", "posts")] * 2, *[("records.delete", "posts")] * 2, ("records.delete", "notes"),
    ]  # fmt: skip


def test_a_hook_of_a_deletion_may_keep_what_would_go_by_a_cascade(blog, opened):
    @blog.before("records.delete", "notes")
    def keep(change, backend):
        if change.record["text"] == "keep me":
            raise Conflict("this note stays")

    room = opened()
    create(room, SYSTEM, id="p1", title="T", slug="s")
    create(room, collection="notes", text="keep me", post="p1")
    with pytest.raises(Conflict, match="this note stays"):
        room.records.delete("posts", "p1", actor=SYSTEM, facts=FACTS)
    assert len(records(room)) == 1


def test_what_a_hook_makes_while_its_record_is_deleted_goes_too(blog, opened):
    @blog.before("records.delete", "posts")
    def last_words(change, backend):
        create(backend, SYSTEM, "notes", text="bye", post=change.id)

    room = opened()
    create(room, SYSTEM, id="p1", title="T", slug="s")
    room.records.delete("posts", "p1", actor=SYSTEM, facts=FACTS)
    assert (records(room), records(room, "notes")) == ([], [])


def test_a_dry_run_asks_and_keeps_nothing(blog, opened):
    slugged(blog)
    room = opened()
    shown = room.records.create("posts", {"title": "Hello"}, actor=SYSTEM, facts=FACTS, dry_run=True)
    assert shown.as_object()["slug"] == "hello"
    assert records(room) == []


# --- their bounds


def test_hooks_that_cause_each_other_end(blog, opened):
    @blog.before("records.create", "notes")
    def again(change, backend):
        create(backend, SYSTEM, "notes", text="more")

    room = opened()
    with pytest.raises(HookMistake, match=r"8 deep, `blog\.again`"):
        create(room, collection="notes", text="first")
    assert records(room, "notes") == []


def test_a_hook_that_takes_too_long_is_given_up(blog, opened, monkeypatch):
    blog.before("records.create", "notes")(lambda change, backend: time.sleep(0.03))
    room = opened()
    room.work._limits = type(room.work._limits)(body=0.02)
    with pytest.raises(Unavailable) as refused:
        create(room, collection="notes", text="late")
    assert refused.value.code == "too_slow"


# --- their order


def test_hooks_run_by_priority_and_then_as_declared(blog, opened):
    asked, more = [], Extension("more")
    for extension, name, priority in ((blog, "c", 0), (blog, "a", -1), (more, "d", 0), (more, "e", 5), (more, "b", -1)):
        hook = lambda change, backend, name=name: asked.append(name)
        extension.before("records.create", "notes", name=name, priority=priority)(hook)
    create(opened(more), collection="notes")
    assert asked == ["a", "b", "c", "d", "e"]


def test_a_named_hook_is_replaced_in_its_place(blog, opened):
    asked, more = [], Extension("more")
    for name in ("first", "second"):
        blog.before("records.create", "notes", name=name)(lambda change, backend, name=name: asked.append(name))
    more.before("records.create", name="blog.first")(lambda change, backend: asked.append("another first"))
    room = opened(more)
    create(room, collection="notes")
    assert asked == ["another first", "second"]
    create(room, title="T", slug="s")
    assert len(asked) == 2, "it hears of what it replaces, and of nothing else"


@pytest.mark.parametrize(
    "name, told",
    [("blog.slgu", "did you mean `blog.slug`"), ("nobody.x", "that of another extension's hook")],
)
def test_what_is_not_there_is_not_replaced(blog, name, told):
    more = Extension("more")
    blog.before("records.create", name="slug")(lambda change, backend: None)
    more.before("records.create", name=name)(lambda change, backend: None)
    with pytest.raises(Undeclarable, match=told):
        backend(extensions=[blog, more])


def test_two_hooks_have_two_names(blog):
    for _ in range(2):
        blog.before("records.create", name="slug")(lambda change, backend: None)
    with pytest.raises(Undeclarable, match=r"two hooks `blog\.slug`"):
        backend(extensions=[blog])


@pytest.mark.parametrize("event, meant", [("records.crate", "records.create"), ("account.sign_in", "accounts.sign_in")])
def test_an_unknown_event_is_refused_with_what_was_meant(blog, event, meant):
    for declare in (blog.before, blog.after):
        with pytest.raises(ValueError, match=f"did you mean `{meant}`"):
            declare(event)


def test_an_extension_has_a_plain_name():
    for name in ("", "Blog", "my blog", "x" * 41):
        with pytest.raises(ValueError, match="1 to 40 characters"):
            Extension(name)


# --- after


def test_an_after_hook_that_fails_is_told_again_and_holds_nobody_up(blog, opened):
    heard, tries = [], []

    @blog.after("records.create", "posts")
    def fails(event, backend):
        tries.append(event.id)
        if len(tries) < 3:
            raise RuntimeError("not yet")

    @blog.after("records.create", "posts")
    def hears(event, backend):
        heard.append((event.record, event.after["title"], event.actor, event.moment))
        create(backend, SYSTEM, "notes", text="from after")

    room = opened()
    made = create(room, title="T", slug="s")
    room.events.drain()
    assert heard == [(made.id, "T", GUEST, made.created)]
    assert len(records(room, "notes")) == 1
    for _ in range(3):
        room.clock.advance(minutes=1)
        room.events.drain()
    assert (len(tries), len(set(tries)), len(heard)) == (3, 1, 1)
    failures = [each for each in room.observer.observations if type(each).__name__ == "SubscriberFailed"]
    assert [each.subscriber for each in failures] == ["hook records.create blog.fails"] * 2


def test_without_hooks_nothing_is_asked():
    with backend() as room:
        assert not room.work.run(lambda stores: stores.hooks.any_of("records.create", "posts"))
        assert room.events.drain() == 0
