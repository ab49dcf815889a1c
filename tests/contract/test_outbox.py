"""The outbox on every database: each way of changing records leaves its events in the same transaction, and what is undone leaves none."""

import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.outbound.sql.session import Session
from app.testing import backend as make_backend
from app.usecases.events import EventUseCases
from domain.actor import SYSTEM, account
from domain.deliveries import DEAD_FOR, LONGEST_WAIT, MOST_TRIES, revived
from domain.errors import Conflict, Invalid
from domain.records.imports import Options, Row
from domain.rules.values import RequestFacts
from ports.observer import SubscriberFailed

FACTS = RequestFacts("POST", request_id="asked-by-ann")
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
TAGS = {"name": "tags", "fields": [{"name": "label", "type": "text", "unique": True}], "trash": {"days": 7}, "rules": OPEN}
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "unique": True},
        {"name": "views", "type": "integer", "max": 10},
        {"name": "price", "type": "decimal", "scale": 2},
        {"name": "more", "type": "json"},
        {"name": "main", "type": "relation", "collection": "tags", "on_delete": "clear"},
        {"name": "tags", "type": "relation", "collection": "tags", "many": True, "on_delete": "clear"},
        {"name": "moods", "type": "select", "values": ["calm", "loud"], "many": True},
    ],
    "trash": {"days": 7},
    "rules": OPEN,
}
NOTES = {
    "name": "notes",
    "fields": [{"name": "post", "type": "relation", "collection": "posts", "on_delete": "cascade"}, {"name": "ends", "type": "date"}],
    "expires": {"field": "ends"},
    "rules": OPEN,
}  # fmt: skip


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        for definition in (TAGS, POSTS, NOTES):
            made.collections.create(definition, actor=SYSTEM)
        while made.work.run(lambda stores: stores.outbox.arrange(1000)):
            pass
        made.work.run(lambda stores: stores.outbox.forget("2100-01-01T00:00:00.000Z", 0, 1000))  # that collections were made
        yield made


def create(room, name, **values):
    return room.records.create(name, values, actor=SYSTEM, facts=FACTS).id


def update(room, name, id, **values):
    room.records.update(name, id, values, actor=SYSTEM, facts=FACTS)


def delete(room, name, id):
    room.records.delete(name, id, actor=SYSTEM, facts=FACTS)


def events(room, behind=0):
    while room.work.run(lambda stores: stores.outbox.arrange(1000)):
        pass
    found = room.work.read(lambda stores: stores.outbox.after(behind, 10_000))
    return [each for each in found if each.kind.startswith("records.")]  # collections and sessions leave some too


def told(found):
    return [(each.kind.removeprefix("records."), each.event.collection, each.event.record) for each in found]


def last(room):
    return max((each.position for each in events(room)), default=0)


def replayed(found):
    """The records that are there if all this happened. What an event says was before has to be what is known by then."""
    there = {}
    for each in found:
        key = (each.event.collection, each.event.record)
        assert there.get(key) == each.before
        there.pop(key, None)
        if each.after is not None:
            assert each.after["version"] == each.event.version
            there[key] = each.after
    return there


def stored(room):
    known = {}
    for name, id in {(each.event.collection, each.event.record) for each in events(room)}:
        record = room.work.read(lambda stores: stores.records.load(stores.schema.collection(name), id))  # noqa: B023 - called at once
        if record is not None:
            known[name, id] = {key: as_json(value) for key, value in record.items()}
    return known


def as_json(value):
    if isinstance(value, Decimal):
        return format(value, "f")
    return list(value) if isinstance(value, tuple) else value


def test_a_record_tells_its_whole_life(room):
    tag = create(room, "tags", label="blue")
    post = create(room, "posts", title="Hello", views=1, price="1.50", more={"a": [1, None, 2**60]}, tags=[tag], moods=["calm"])
    update(room, "posts", post, **{"views+": 2, "moods+": "loud", "tags-": tag, "main": tag, "price": "2.00"})
    delete(room, "posts", post)
    assert told(events(room)) == [
        ("created", "tags", tag), ("created", "posts", post), ("updated", "posts", post), ("deleted", "posts", post),
    ]  # fmt: skip
    changed = events(room)[2]
    names = ("version", "views", "price", "more", "main", "tags", "moods")
    assert [changed.before[name] for name in names] == [1, 1, "1.50", {"a": [1, None, 2**60]}, None, [tag], ["calm"]]
    assert [changed.after[name] for name in names] == [2, 3, "2.00", {"a": [1, None, 2**60]}, tag, [], ["calm", "loud"]]
    assert replayed(events(room)) == stored(room) == {("tags", tag): events(room)[0].after}


def test_it_tells_who_and_by_which_request(room):
    room.collections.create({"name": "users", "type": "accounts", "fields": [], "rules": OPEN}, actor=SYSTEM)
    user = room.records.create("users", {"email": "ann@example.org", "password": "correct horse"}, actor=SYSTEM, facts=FACTS).id
    ann = account(user, "users")
    room.records.create("tags", {"label": "hers"}, actor=ann, facts=RequestFacts("POST", request_id="r-2"))
    made, hers = events(room)
    assert (made.origin.actor.kind, made.origin.request) == ("system", "asked-by-ann")
    assert (hers.origin.actor.kind, hers.origin.actor.collection, hers.origin.actor.id) == ("account", "users", user)
    assert hers.origin.request == "r-2"


def test_a_password_leaves_an_event_and_nothing_of_itself(room):
    room.collections.create({"name": "users", "type": "accounts", "fields": [], "rules": OPEN}, actor=SYSTEM)
    user = room.records.create("users", {"email": "ann@example.org", "password": "correct horse"}, actor=SYSTEM, facts=FACTS).id
    update(room, "users", user, password="battery staple")
    made, changed = events(room)
    assert (made.kind, changed.kind, changed.event.version) == ("records.created", "records.updated", 2)
    assert "password" not in "".join(changed.after)
    assert changed.after["email"] == "ann@example.org"
    assert not any(secret in repr([made.event, changed.event]) for secret in ("horse", "staple", "hash", "epoch"))


def test_a_deletion_tells_of_all_that_it_takes_along_and_changes(room):
    gone, stays = create(room, "tags", label="gone"), create(room, "tags", label="stays")
    post = create(room, "posts", title="Held", main=gone, tags=[gone, stays])
    behind = last(room)
    delete(room, "tags", gone)
    assert told(events(room, behind)) == [("deleted", "tags", gone), ("updated", "posts", post), ("updated", "posts", post)]
    assert replayed(events(room)) == stored(room)
    note, behind = create(room, "notes", post=post), last(room)
    delete(room, "posts", post)
    assert sorted(told(events(room, behind))) == sorted([("deleted", "posts", post), ("deleted", "notes", note)])
    assert replayed(events(room)) == stored(room)


def test_rings_that_go_together_tell_of_nothing_but_that(room):
    room.collections.create({"name": "left", "fields": [{"name": "text", "type": "text"}]}, actor=SYSTEM)
    pair = lambda to: {"name": "other", "type": "relation", "collection": to, "on_delete": "cascade"}
    room.collections.create({"name": "right", "fields": [pair("left")]}, actor=SYSTEM)
    room.collections.change("left", {"fields": [{"name": "text", "type": "text"}, pair("right")]}, actor=SYSTEM)
    first = create(room, "left", text="x")
    second = create(room, "right", other=first)
    update(room, "left", first, other=second)
    behind = last(room)
    delete(room, "left", first)
    assert sorted(told(events(room, behind))) == sorted([("deleted", "left", first), ("deleted", "right", second)])
    assert replayed(events(room)) == stored(room) == {}


def test_what_comes_back_from_the_trash_is_told(room):
    tag = create(room, "tags", label="blue")
    posts = [create(room, "posts", title=f"{at}", main=tag, tags=[tag]) for at in range(2)]
    delete(room, "tags", tag)
    behind = last(room)
    room.trash.restore("tags", tag, actor=SYSTEM, request="r-3")
    found = events(room, behind)
    assert told(found)[0] == ("created", "tags", tag)
    assert set(told(found)[1:]) == {("updated", "posts", post) for post in posts}
    assert {each.origin.request for each in found} == {"r-3"}
    assert replayed(events(room)) == stored(room)


def test_what_expires_is_told_in_the_systems_name(room):
    note = create(room, "notes", ends="2020-01-01T00:00:00.000Z")
    behind = last(room)
    room.housekeeping.run()
    (gone,) = events(room, behind)
    assert (gone.kind, gone.event.record, gone.origin.actor.kind, gone.origin.request) == ("records.deleted", note, "system", "")


def test_admins_are_told_like_others(room):
    admin = room.accounts.create_admin("root@example.org", "correct horse battery").id
    (made,) = events(room)
    assert (made.kind, made.event.collection, made.event.record) == ("records.created", "_admins", admin)
    assert "horse" not in repr(made)


@pytest.mark.parametrize("refused", [
    lambda room, tag: create(room, "tags", label="blue"),
    lambda room, tag: update(room, "tags", tag, label=5),
    lambda room, tag: update(room, "posts", create(room, "posts", views=9), **{"views+": 2}),
])  # fmt: skip
def test_what_is_refused_leaves_no_event(room, refused):
    tag = create(room, "tags", label="blue")
    with pytest.raises((Conflict, Invalid)):
        refused(room, tag)
    assert replayed(events(room)) == stored(room)
    assert [each.kind for each in events(room)].count("records.updated") == 0


def test_what_is_undone_leaves_no_event_and_what_stays_keeps_its_own(room):
    class Undone(Exception):
        pass

    def nested(stores):
        create(room, "tags", label="undone")
        raise Undone

    def body(stores):
        create(room, "tags", label="kept")
        with pytest.raises(Undone):
            room.work.run(nested)
        create(room, "tags", label="kept too")

    room.work.run(body)
    assert [each.after["label"] for each in events(room)] == ["kept", "kept too"]
    assert room.undone(lambda: create(room, "tags", label="tried"))
    assert len(events(room)) == 2
    assert replayed(events(room)) == stored(room)


def test_a_body_of_many_changes_writes_its_events_at_once(room, monkeypatch):
    seen, run_many = [], Session._run_many

    def noted(self, text, rows):
        seen.append((text.split("(")[0], len(rows)))
        run_many(self, text, rows)

    monkeypatch.setattr(Session, "_run_many", noted)
    room.work.run(lambda stores: [create(room, "tags", label=str(at)) for at in range(200)])
    assert seen == [("INSERT INTO _outbox ", 200)]
    assert [each.after["label"] for each in events(room)] == [str(at) for at in range(200)]


def test_what_is_erased_is_gone_from_its_events(room):
    tag = create(room, "tags", label="secret")
    delete(room, "tags", tag)
    room.trash.remove("tags", tag, actor=SYSTEM)
    assert [(each.kind, each.event.payload) for each in events(room)] == [("records.created", {}), ("records.deleted", {})]
    other = create(room, "tags", label="secret")
    delete(room, "tags", other)
    assert room.trash.empty("tags", actor=SYSTEM) == 1
    assert "secret" not in repr(events(room))


# --- handing over


def heard_by(room, name, *kinds):
    heard = []
    room.events.subscribe(name, kinds or ("records.created", "records.updated", "records.deleted"), heard.append)
    return heard


def test_subscribers_hear_what_is_committed_once_and_in_order(room):
    heard, deletions = heard_by(room, "all"), heard_by(room, "deletions", "records.deleted")
    tag = create(room, "tags", label="blue")
    update(room, "tags", tag, label="green")
    delete(room, "tags", tag)
    room.events.drain()
    room.events.drain()
    assert told(heard) == [("created", "tags", tag), ("updated", "tags", tag), ("deleted", "tags", tag)]
    assert told(deletions) == [("deleted", "tags", tag)]
    assert [each.position for each in heard] == sorted(each.position for each in heard)


def test_a_new_subscriber_hears_nothing_of_what_was_before(room):
    create(room, "tags", label="before")
    heard_by(room, "other")
    room.events.drain()
    heard = heard_by(room, "new")
    create(room, "tags", label="after")
    room.events.drain()
    assert [each.after["label"] for each in heard] == ["after"]


def failing(room, *times, name="fails"):
    """Tells of each label and version it was told of; it fails with those that are named, as often as they are."""
    calls, left = [], list(times)

    def handle(event):
        calls.append((event.after["label"], event.event.version))
        if calls[-1][0] in left:
            left.remove(calls[-1][0])
            raise RuntimeError("not now")

    room.events.subscribe(name, ["records.created", "records.updated"], handle)
    return calls


def drained_after(room, seconds):
    room.clock.advance(seconds=seconds)
    room.events.drain()


def test_who_fails_is_told_again_later_and_others_go_on(room):
    others, calls = heard_by(room, "others"), failing(room, "second", "second")
    for label in ("first", "second", "third"):
        create(room, "tags", label=label)
    room.events.drain()
    room.events.drain()
    assert calls == [("first", 1), ("second", 1), ("third", 1)]
    assert [each.after["label"] for each in others] == ["first", "second", "third"]
    drained_after(room, 1)
    assert calls[3:] == [("second", 1)]
    drained_after(room, 1)
    assert len(calls) == 4, "the second wait is longer"
    drained_after(room, 1)
    assert calls[4:] == [("second", 1)]
    drained_after(room, 10_000)
    assert len(calls) == 5
    failures = [each for each in room.observer.observations if isinstance(each, SubscriberFailed)]
    assert [(each.subscriber, each.attempt) for each in failures] == [("fails", 1), ("fails", 2)]
    assert "not now" not in failures[0].trace


def test_what_happens_to_a_record_later_waits_for_what_failed_of_it(room):
    calls = failing(room, "one", "one")
    tag, other = create(room, "tags", label="one"), create(room, "tags", label="other")
    update(room, "tags", tag, label="two")
    update(room, "tags", other, label="another")
    room.events.drain()
    assert calls == [("one", 1), ("other", 1), ("another", 2)]
    update(room, "tags", tag, label="three")
    drained_after(room, 1)
    assert calls[3:] == [("one", 1)]
    drained_after(room, 2)
    assert calls[4:] == [("one", 1), ("two", 2), ("three", 3)]
    update(room, "tags", tag, label="four")
    room.events.drain()
    assert calls[7:] == [("four", 4)]


def test_an_event_that_always_fails_is_given_up_and_its_record_goes_on(room):
    calls = failing(room, *["one"] * (MOST_TRIES + 1))
    tag = create(room, "tags", label="one")
    update(room, "tags", tag, label="two")
    for _ in range(MOST_TRIES + 2):
        drained_after(room, LONGEST_WAIT.total_seconds())
    assert calls == [("one", 1)] * MOST_TRIES + [("two", 2)]
    [(name, dead)] = room.work.read(lambda stores: stores.deliveries.deferred(None, limit=10))
    assert (name, dead.tries, dead.reason, dead.event.event.record) == ("fails", MOST_TRIES, "RuntimeError", tag)
    assert dead.dead_since
    room.clock.advance(days=2)
    room.housekeeping.run()
    assert [each.after["label"] for each in events(room)] == ["one"], "what was given up can be looked at"
    room.work.run(lambda stores: stores.deliveries.defer("fails", revived(dead)))
    drained_after(room, 0)
    drained_after(room, 1)
    assert calls[MOST_TRIES + 1 :] == [("one", 1)] * 2
    assert room.work.read(lambda stores: stores.deliveries.deferred("fails", limit=10)) == []
    room.housekeeping.run()
    assert events(room) == []


def test_what_was_given_up_long_ago_is_forgotten(room):
    failing(room, *["one"] * MOST_TRIES)
    create(room, "tags", label="one")
    for _ in range(MOST_TRIES):
        drained_after(room, LONGEST_WAIT.total_seconds())
    room.clock.advance(days=DEAD_FOR.days + 1)
    room.housekeeping.run()
    assert room.work.read(lambda stores: stores.deliveries.deferred(None, limit=10)) == []
    assert events(room) == []


def test_a_subscriber_may_write_itself(room):
    def copies(event):
        if event.event.collection == "tags":
            create(room, "posts", title=event.after["label"])

    room.events.subscribe("copies", ["records.created"], copies)
    create(room, "tags", label="blue")
    room.events.drain()
    assert [each.after["title"] for each in events(room) if each.event.collection == "posts"] == ["blue"]


def test_events_are_forgotten_when_they_are_old_and_heard(room):
    create(room, "tags", label="old")
    room.clock.advance(hours=25)
    create(room, "tags", label="new")
    room.housekeeping.run()
    assert [each.after["label"] for each in events(room)] == ["new"]


def test_events_that_somebody_has_not_heard_are_kept(room):
    heard_by(room, "slow")
    create(room, "tags", label="old")
    room.clock.advance(hours=100)
    room.housekeeping.run()
    assert len(events(room)) == 1


def test_who_comes_no_more_keeps_no_events(room):
    heard_by(room, "gone")
    create(room, "tags", label="old")
    room.clock.advance(hours=100)
    forget = lambda lately: room.work.run(lambda stores: stores.outbox.forget("2100-01-01T00:00:00.000Z", lately, 10))
    time.sleep(0.05)
    assert [forget(60_000), forget(20)] == [0, 1]


def test_places_go_on_after_all_events_are_gone(room):
    heard = heard_by(room, "all")
    create(room, "tags", label="old")
    room.events.drain()
    room.clock.advance(hours=25)
    room.housekeeping.run()
    assert events(room) == []
    create(room, "tags", label="new")
    room.events.drain()
    assert [each.after["label"] for each in heard] == ["old", "new"]
    assert heard[0].position < heard[1].position
    assert heard[0].id < heard[1].id


def relays(room, lease):
    """Two processes' worth of use cases over one database, and what they hear."""
    heard, made = [], []
    for name in ("first", "second"):
        use_cases = EventUseCases(room.work, room.clock, room.observer, kept=timedelta(days=1), lease=timedelta(seconds=lease))
        use_cases.subscribe("shared", ["records.created"], lambda event, name=name: heard.append((name, event.after["label"])))
        made.append(use_cases)
    return *made, heard


def test_one_of_two_hands_over_until_it_gives_up(room):
    first, second, heard = relays(room, lease=60)
    create(room, "tags", label="a")
    assert [first.drain(), second.drain()] == [1, 0]
    create(room, "tags", label="b")
    assert [second.drain(), first.drain()] == [0, 1]
    first.give_up()
    create(room, "tags", label="c")
    assert [second.drain(), first.drain()] == [1, 0]
    assert heard == [("first", "a"), ("first", "b"), ("second", "c")]


def test_who_dies_is_succeeded_when_its_lease_ends(room):
    first, second, heard = relays(room, lease=0.2)
    create(room, "tags", label="a")
    first.drain()
    create(room, "tags", label="b")
    assert second.drain() == 0
    time.sleep(0.25)
    assert second.drain() == 1
    assert heard == [("first", "a"), ("second", "b")]


def test_who_was_overtaken_keeps_nothing(room):
    """A process that stood still while its lease ended: what it has handled is told again, and it moves nobody's place."""
    lease = room.work.run(lambda stores: (stores.deliveries.enter("x"), stores.deliveries.claim("x", 1))[1])
    begun = lease.position
    time.sleep(0.01)
    later = room.work.run(lambda stores: stores.deliveries.claim("x", 60_000))
    assert later.fence > lease.fence
    assert room.work.run(lambda stores: stores.deliveries.keep("x", replace(lease, position=lease.position + 7), 60_000)) is False
    room.work.run(lambda stores: stores.deliveries.release("x", lease))
    standing = room.work.read(lambda stores: stores.deliveries.standing("x"))
    assert (standing.position, standing.is_held) == (begun, True)
    assert room.work.run(lambda stores: stores.deliveries.claim("x", 1)) is None


def test_a_slow_handler_that_was_overtaken_leaves_no_trace(room):
    slow = EventUseCases(room.work, room.clock, room.observer, kept=timedelta(days=1), lease=timedelta(seconds=0.1))
    quick = EventUseCases(room.work, room.clock, room.observer, kept=timedelta(days=1), lease=timedelta(seconds=60))
    heard = []

    def sleeps(event):
        time.sleep(0.15)
        assert quick.drain() == 2
        raise RuntimeError("too late")

    slow.subscribe("shared", ["records.created"], sleeps)
    quick.subscribe("shared", ["records.created"], lambda event: heard.append(event.after["label"]))
    for label in ("a", "b"):
        create(room, "tags", label=label)
    assert slow.drain() == 0
    assert heard == ["a", "b"]
    assert room.work.read(lambda stores: stores.deliveries.deferred("shared", limit=10)) == []


def test_a_backlog_is_told(room):
    failing(room, "one")
    create(room, "tags", label="one")
    room.events.drain()
    create(room, "tags", label="two")
    [backlog] = room.work.read(lambda stores: stores.deliveries.subscribers())
    assert (backlog.subscriber, backlog.unheard, backlog.waiting, backlog.dead) == ("fails", 1, 1, 0)
    assert backlog.oldest == events(room)[-1].event.moment
    assert 0 <= backlog.seen < 60_000


# --- imports


def imported_rows(room, count, **options):
    rows = [Row(at + 2, {"label": str(at)}) for at in range(count)]
    with room.imports.begin("tags", None, Options(**options), actor=SYSTEM) as judged:
        room.imports.judge(judged, rows)
        room.imports.keep(judged)


def test_an_import_leaves_one_event(room):
    imported_rows(room, 30)
    (event,) = events(room)
    assert (event.kind, event.event.collection, event.event.payload) == ("records.imported", "tags", {"created": 30, "changed": 0})


def test_an_import_may_leave_an_event_for_each_record(room):
    imported_rows(room, 2500, events=True)
    assert len(events(room)) == 2500
    imported_rows(room, 3, events=True, key="label")
    assert replayed(events(room)) == stored(room)
