"""Records go when their date has passed, as any other deletion would take them; the trash forgets what its time is over for."""

import pytest

from app import testing
from domain.actor import SYSTEM
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from ports.observer import ExpiryHeldUp, HousekeepingFailed, RecordsExpired, TrashPurged

FACTS = RequestFacts("POST")
ENDS = {"name": "ends", "type": "date"}
BEFORE, NOW, AFTER = "2026-11-22T12:59:59.999Z", "2026-11-22T13:00:00.000Z", "2026-11-22T13:00:00.001Z"


@pytest.fixture
def room(database_url):
    with testing.backend(database=database_url) as room:
        yield room


def make(room, name, *fields, **parts):
    return room.collections.create({"name": name, "fields": list(fields), **parts}, actor=SYSTEM)


def add(room, collection, /, **values):
    return room.records.create(collection, values, actor=SYSTEM, facts=FACTS).id


def listed(room, name):
    return {row[0] for row in room.records.list(name, ListQuery(fields="id", limit=500), actor=SYSTEM, facts=FACTS).rows}


def trashed(room, name):
    return room.trash.list(name, limit=500, actor=SYSTEM).entries


def noticed(room, kind):
    return [each for each in room.observer.observations if isinstance(each, kind)]


def test_records_go_when_their_instant_is_reached(room):
    make(room, "offers", ENDS, expires={"field": "ends"})
    past, now = add(room, "offers", ends=BEFORE), add(room, "offers", ends=NOW)
    later, never = add(room, "offers", ends=AFTER), add(room, "offers")
    assert listed(room, "offers") == {past, now, later, never}
    assert room.housekeeping.run().expired == 2
    assert listed(room, "offers") == {later, never}
    assert noticed(room, RecordsExpired) == [RecordsExpired("offers", 2)]
    assert room.housekeeping.run().expired == 0


def test_a_day_has_passed_when_it_is_over(room):
    make(room, "menus", {"name": "day", "type": "day"}, expires={"field": "day"})
    add(room, "menus", day="2026-11-21")
    today = add(room, "menus", day="2026-11-22")
    room.housekeeping.run()
    assert listed(room, "menus") == {today}
    room.clock.advance(hours=11)
    room.housekeeping.run()
    assert listed(room, "menus") == set()


def test_it_is_a_deletion_like_any_other(room):
    make(room, "events", ENDS, expires={"field": "ends"}, trash={"days": 1})
    seat = {"name": "event", "type": "relation", "collection": "events"}
    make(room, "tickets", {**seat, "on_delete": "cascade"}, trash={"days": 1})
    make(room, "photos", {**seat, "on_delete": "clear"})
    event = add(room, "events", ends=BEFORE)
    add(room, "tickets", event=event)
    photo = add(room, "photos", event=event)
    room.housekeeping.run()
    assert (listed(room, "events"), listed(room, "tickets")) == (set(), set())
    kept = room.records.get("photos", photo, actor=SYSTEM, facts=FACTS).as_object()
    assert (kept["event"], kept["version"]) == (None, 2)
    (entry,) = trashed(room, "events")
    assert entry.deleted_by == SYSTEM
    assert len(trashed(room, "tickets")) == 1
    room.collections.change("events", {"expires": None}, actor=SYSTEM)
    assert room.trash.restore("events", event, actor=SYSTEM).relations == 1


def test_each_expired_record_comes_back_by_itself(room):
    make(room, "offers", ENDS, expires={"field": "ends"}, trash={"days": 1})
    first, second = add(room, "offers", ends=BEFORE), add(room, "offers", ends=BEFORE)
    room.housekeeping.run()
    room.trash.restore("offers", first, actor=SYSTEM)
    assert listed(room, "offers") == {first}
    assert [each.record for each in trashed(room, "offers")] == [second]


def test_what_others_hold_stays_and_is_told_once(room):
    make(room, "events", ENDS, expires={"field": "ends"})
    make(room, "bills", {"name": "event", "type": "relation", "collection": "events", "on_delete": "restrict"})
    held, free = add(room, "events", ends=BEFORE), add(room, "events", ends=BEFORE)
    bill = add(room, "bills", event=held)
    for _ in range(3):
        room.housekeeping.run()
    assert listed(room, "events") == {held}
    assert free not in listed(room, "events")
    assert noticed(room, ExpiryHeldUp) == [ExpiryHeldUp("events", held)]
    assert noticed(room, HousekeepingFailed) == []
    room.records.delete("bills", bill, actor=SYSTEM, facts=FACTS)
    assert room.housekeeping.run().expired == 1


def test_more_than_a_batch_goes_in_one_round_though_the_first_ones_are_held(room):
    make(room, "events", ENDS, expires={"field": "ends"})
    make(room, "bills", {"name": "event", "type": "relation", "collection": "events", "on_delete": "restrict"})
    for _ in range(120):
        add(room, "bills", event=add(room, "events", ends=BEFORE))
    for _ in range(130):
        add(room, "events", ends=NOW)
    done = room.housekeeping.run()
    assert (done.expired, done.held, done.failed) == (130, 120, ())


def test_a_round_that_is_stopped_does_nothing_more(room):
    make(room, "offers", ENDS, expires={"field": "ends"}, trash={"days": 1})
    gone = add(room, "offers", ends=BEFORE)
    assert room.housekeeping.run(stopped=lambda: True).expired == 0
    assert listed(room, "offers") == {gone}


def test_the_trash_forgets_what_its_time_is_over_for(room):
    make(room, "users", trash={"days": 2})
    make(room, "posts", {"name": "author", "type": "relation", "collection": "users", "on_delete": "clear"}, trash={"days": 1})
    ann = add(room, "users")
    post = add(room, "posts", author=ann)
    room.records.delete("users", ann, actor=SYSTEM, facts=FACTS)
    room.records.delete("posts", post, actor=SYSTEM, facts=FACTS)
    room.clock.advance(hours=23, minutes=59)
    assert room.housekeeping.run().purged == 0
    room.clock.advance(minutes=1)
    assert room.housekeeping.run().purged == 1
    assert (len(trashed(room, "users")), len(trashed(room, "posts"))) == (1, 0)
    room.clock.advance(days=1)
    assert room.housekeeping.run().purged == 1
    assert noticed(room, TrashPurged) == [TrashPurged(1), TrashPurged(1)]


def test_what_fails_is_noticed_and_keeps_nothing_else_from_being_done(room, monkeypatch):
    make(room, "offers", ENDS, expires={"field": "ends"}, trash={"days": 1})
    make(room, "offers_too", ENDS, expires={"field": "ends"})
    add(room, "offers", ends=BEFORE)
    add(room, "offers_too", ends=BEFORE)
    broken = lambda *arguments, **named: 1 / 0
    with monkeypatch.context() as patch:
        patch.setattr("adapters.outbound.sql.trash.SqlTrashStore.put", broken)
        done = room.housekeeping.run()
    assert (done.expired, done.failed) == (1, ("expiry of offers",))
    (failed,) = noticed(room, HousekeepingFailed)
    assert "ZeroDivisionError" in failed.trace
    assert len(listed(room, "offers")) == 1
    assert room.housekeeping.run().expired == 1


def test_an_expiry_field_under_another_rule_is_found_by_its_index(room):
    """Asked each half minute, it must not read the whole table."""
    made = make(room, "offers", ENDS, expires={"field": "ends"})
    assert ("ends",) in [index.fields for index in made.every_index]
