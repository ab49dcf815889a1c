"""Messages for other servers: what is told to whom, and what becomes of it, with servers that take them for real."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from app.testing import backend
from domain.actor import SYSTEM, account
from domain.errors import Conflict, Invalid, NotFound
from domain.rules.values import RequestFacts
from tests.receiver import receiving

FACTS = RequestFacts("POST")
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "secret", "type": "text", "rules": {"view": "author = @request.auth.id"}},
        {"name": "author", "type": "relation", "collection": "users"},
        {"name": "price", "type": "decimal", "scale": 2},
        {"name": "tags", "type": "select", "values": ["a", "b"], "many": True},
        {"name": "live", "type": "bool"},
    ],
    "rules": {"list": "live = true", "view": "live = true || author = @request.auth.id", "create": ""},
}


class Ahead:
    """The time that it is, for the official package goes by that; or so much later."""

    def __init__(self):
        self.by = timedelta()

    def now(self):
        return datetime.now(UTC) + self.by


@pytest.fixture
def room(database_url):
    with backend(database=database_url, loopback_webhooks=True, clock=Ahead()) as room:
        room.collections.create({"name": "users", "type": "accounts", "fields": [], "rules": {"view": ""}}, actor=SYSTEM)
        room.collections.create(POSTS, actor=SYSTEM)
        yield room


def ann(room):
    return room.records.create(
        "users", {"email": "ann@example.org", "password": "a good long word"}, actor=SYSTEM, facts=FACTS
    ).as_object()["id"]


def hook(room, url, /, **said):
    wanted = {"url": url, "as": "guest", "subscriptions": [{"collection": "posts"}]}
    return room.webhooks.create(wanted | said, actor=SYSTEM)


def post(room, **values):
    return room.records.create("posts", values, actor=SYSTEM, facts=FACTS).as_object()


def told(room):
    """Everything that is to be told by now."""
    room.events.drain()
    return room.webhook_sending.deliver()


def test_a_message_is_what_its_reader_sees_and_is_signed(room):
    with receiving() as receiver:
        made = hook(room, receiver.url("/a?b=c"))
        record = post(room, title="Plum", secret="hidden", live=True, price="1.50", tags=["a", "b"])
        assert told(room) == 1
    (message,) = receiver.got
    assert message.path == "/a?b=c"
    said = message.verified(made["secret"])
    assert said["type"] == "records.created"
    assert said["timestamp"] == record["created"]
    data = said["data"]
    assert (data["collection"], data["id"], data["version"]) == ("posts", record["id"], 1)
    assert data["record"] == {name: value for name, value in record.items() if name != "secret"} | {"tags": ["a", "b"]}
    assert "changed" not in data
    assert message.headers["User-Agent"] == "Stillroom"


def test_nobody_is_told_what_they_may_not_see(room):
    id = ann(room)
    with receiving() as guests, receiving() as anns, receiving() as admins:
        hook(room, guests.url())
        hook(room, anns.url(), **{"as": f"users/{id}"})
        hook(room, admins.url(), **{"as": "admin"})
        hidden = post(room, title="draft", secret="s", author=id, live=False)
        post(room, title="nobody's", live=False)
        shown = post(room, title="live", secret="s", live=True)
        told(room)
        assert [each.said["data"]["id"] for each in guests.got] == [shown["id"]]
        secrets = {each.said["data"]["id"]: each.said["data"]["record"]["secret"] for each in anns.got}
        assert secrets == {hidden["id"]: "s", shown["id"]: None}
        assert len(admins.got) == 3
        assert {each.said["data"]["record"]["secret"] for each in admins.got} == {"s", None}


def test_an_account_that_is_disabled_sees_nothing(room):
    id = ann(room)
    with receiving() as receiver:
        hook(room, receiver.url(), **{"as": f"users/{id}"})
        room.records.update("users", id, {"disabled": True}, actor=SYSTEM, facts=FACTS)
        post(room, live=True)
        told(room)
        assert receiver.got == []


def test_a_webhook_of_an_account_that_is_gone_can_be_switched_off(room):
    id = ann(room)
    made = hook(room, "http://127.0.0.1:9/", **{"as": f"users/{id}"})
    room.records.delete("users", id, actor=SYSTEM, facts=FACTS)
    assert room.webhooks.change(made["id"], {"enabled": False}, actor=SYSTEM)["disabled_by"] == "admin"
    with pytest.raises(Invalid, match="no such account"):
        room.webhooks.change(made["id"], {"enabled": True}, actor=SYSTEM)


def test_changes_and_deletions_are_told_as_they_were_asked_for(room):
    with receiving() as receiver:
        hook(room, receiver.url(), subscriptions=[{"collection": "posts", "events": ["updated", "deleted"], "filter": "title != 'no'"}])
        one, other = post(room, title="yes", secret="s", live=True), post(room, title="no", live=True)
        for each in (one, other):
            room.records.update("posts", each["id"], {"price": "2.00", "secret": "t"}, actor=SYSTEM, facts=FACTS)
            room.records.delete("posts", each["id"], actor=SYSTEM, facts=FACTS)
        told(room)
    changed, deleted = (each.said for each in receiver.got)
    assert changed["type"] == "records.updated"
    # That the secret was changed is not theirs to know.
    assert changed["data"]["changed"] == ["price"]
    assert changed["data"]["record"]["price"] == "2.00"
    assert deleted["type"] == "records.deleted"
    assert deleted["data"]["record"]["title"] == "yes"


def test_who_joins_later_hears_nothing_from_before(room):
    post(room, live=True)
    with receiving() as receiver:
        made = hook(room, receiver.url())
        first = post(room, live=True)
        told(room)
        room.webhooks.remove(made["id"], actor=SYSTEM)
        post(room, live=True)
        room.events.drain()
        hook(room, receiver.url())
        last = post(room, live=True)
        told(room)
        assert [each.said["data"]["id"] for each in receiver.got] == [first["id"], last["id"]]


def test_told_again_of_an_event_it_makes_no_second_message(room):
    with receiving() as receiver:
        hook(room, receiver.url())
        post(room, live=True)
        room.work.run(lambda stores: stores.outbox.arrange(10))
        events = room.work.read(lambda stores: stores.outbox.after(0, 10))
        for event in [*events, *events]:
            room.webhook_fanout.hear(event)
        room.webhook_sending.deliver()
        assert len(receiver.got) == 1


def soon(room, made):
    """What waits for later attempts is due at once."""
    waiting = [each.id for each in room.webhooks.deliveries(made["id"], state="waiting", actor=SYSTEM)]
    room.work.run(lambda stores: stores.webhooks.again(made["id"], waiting))


def test_a_receiver_that_fails_gets_the_same_message_again(room):
    answers = iter([(500, {}, b"not \x00today"), (302, {"Location": "http://127.0.0.1:1/"}, b""), (204, {}, b"")])
    with receiving(lambda _: next(answers)) as receiver:
        made = hook(room, receiver.url())
        post(room, live=True)
        assert told(room) == 1
        assert room.webhook_sending.deliver() == 0
        for _ in range(2):
            soon(room, made)
            assert room.webhook_sending.deliver() == 1
        assert len({each.id for each in receiver.got}) == 1
        assert len({each.body for each in receiver.got}) == 1
        for each in receiver.got:
            each.verified(made["secret"])
    (delivery,) = room.webhooks.deliveries(made["id"], actor=SYSTEM)
    assert (delivery.state, delivery.tries) == ("delivered", 3)
    assert [(each.status, each.excerpt) for each in delivery.attempts] == [(500, "not  today"), (302, ""), (204, "")]


def test_messages_about_one_record_wait_for_each_other(room):
    refusing = {"a"}

    def manner(message):
        return (500 if message.said["data"]["record"]["title"][0] in refusing else 200), {}, b""

    with receiving(manner) as receiver:
        made = hook(room, receiver.url())
        first, second = post(room, title="a1", live=True), post(room, title="b1", live=True)
        for each, title in ((first, "a2"), (second, "b2"), (first, "a3")):
            room.records.update("posts", each["id"], {"title": title}, actor=SYSTEM, facts=FACTS)
        told(room)
        assert sorted(each.said["data"]["record"]["title"] for each in receiver.got) == ["a1", "b1", "b2"]
        refusing.clear()
        receiver.got.clear()
        soon(room, made)
        room.webhook_sending.deliver()
        assert [each.said["data"]["record"]["title"] for each in receiver.got] == ["a1", "a2", "a3"]


def test_one_that_is_gone_is_sent_nothing_more_until_it_is_enabled(room):
    with receiving(lambda _: (410, {}, b"")) as receiver:
        made = hook(room, receiver.url())
        post(room, live=True)
        told(room)
        found = room.webhooks.get(made["id"], actor=SYSTEM)
        assert (found["enabled"], found["disabled_by"]) == (False, "gone")
        post(room, live=True)
        assert told(room) == 0
        with pytest.raises(Conflict, match="disabled"):
            room.webhooks.test(made["id"], actor=SYSTEM)
        receiver.manner = lambda _: (200, {}, b"")
        assert room.webhooks.change(made["id"], {"enabled": True}, actor=SYSTEM)["disabled_by"] is None
        last = post(room, live=True)
        told(room)
        assert receiver.got[-1].said["data"]["id"] == last["id"]
        assert len(receiver.got) == 2


def test_one_that_fails_again_and_again_is_left_alone_and_asked_with_one(room):
    with receiving(lambda _: (503, {}, b"")) as receiver:
        made = hook(room, receiver.url())
        for _ in range(20):
            post(room, live=True)
        assert told(room) == 8
        found = room.webhooks.get(made["id"], actor=SYSTEM)
        assert found["failures"] == 8
        assert found["resting_until"]
        assert room.webhook_sending.due() == []
        rested(room, made)
        assert room.webhook_sending.deliver() == 1
        receiver.manner = lambda _: (200, {}, b"")
        rested(room, made)
        # The one that finds out; then all the others at once, also those that had failed.
        assert room.webhook_sending.deliver() == 20
        assert {each.state for each in room.webhooks.deliveries(made["id"], actor=SYSTEM)} == {"delivered"}


def rested(room, made):
    def body(stores):
        from dataclasses import replace

        found = stores.webhooks.hold(made["id"])
        stores.webhooks.put(replace(found, breaker=replace(found.breaker, again=1)))

    room.work.run(body)


def test_retry_after_is_heeded(room):
    with receiving(lambda _: (429, {"Retry-After": "120"}, b"")) as receiver:
        made = hook(room, receiver.url())
        post(room, live=True)
        told(room)
        (delivery,) = room.webhooks.deliveries(made["id"], actor=SYSTEM)
        now = room.work.read(lambda stores: stores.webhooks.now())
        assert 115_000 < delivery.due - now <= 120_000
        # Others wait as well: it speaks of itself.
        post(room, live=True)
        assert told(room) == 0
        assert len(receiver.got) == 1


def test_a_secret_is_renewed_without_a_message_being_lost(room):
    with receiving() as receiver:
        made = hook(room, receiver.url())
        renewed = room.webhooks.renew(made["id"], actor=SYSTEM)
        post(room, live=True)
        told(room)
        for secret in (made["secret"], renewed["secret"]):
            receiver.got[0].verified(secret)
        room.clock.by = timedelta(hours=25)
        post(room, live=True)
        told(room)
        assert len(receiver.got[1].headers["webhook-signature"].split(" ")) == 1


def test_a_message_is_sent_again_by_its_id(room):
    with receiving() as receiver:
        made = hook(room, receiver.url())
        post(room, live=True)
        told(room)
        (delivery,) = room.webhooks.deliveries(made["id"], actor=SYSTEM)
        room.webhooks.replay(made["id"], delivery.id, actor=SYSTEM)
        assert room.webhook_sending.deliver() == 1
        assert [each.id for each in receiver.got] == [delivery.id] * 2
        with pytest.raises(NotFound):
            room.webhooks.replay(made["id"], "nothing", actor=SYSTEM)


def test_what_was_given_up_is_sent_again_together(room):
    with receiving() as receiver:
        made = hook(room, receiver.url())
        for _ in range(3):
            post(room, live=True)
        room.events.drain()
        given_up(room, made)
        assert room.webhook_sending.deliver() == 0
        assert room.webhooks.replay_dead(made["id"], {"since": "2020-01-01"}, actor=SYSTEM) == 3
        assert room.webhook_sending.deliver() == 3
        assert len(receiver.got) == 3


def given_up(room, made):
    def body(stores):
        from dataclasses import replace

        from domain.webhooks.deliveries import Settled

        lease = stores.webhooks.claim(made["id"], "me", 10_000)
        ended = stores.webhooks.now()
        those = tuple(replace(each, state="dead", ended=ended) for each in stores.webhooks.next(made["id"], 100))
        assert stores.webhooks.settle(lease, Settled(those), 10_000)
        stores.webhooks.release(lease)

    room.work.run(body)


def test_a_test_tells_of_nothing(room):
    with receiving() as receiver:
        made = hook(room, receiver.url(), subscriptions=[])
        id = room.webhooks.test(made["id"], actor=SYSTEM)
        room.webhook_sending.deliver()
        assert receiver.got[0].verified(made["secret"])["type"] == "webhooks.test"
        assert room.webhooks.delivery(made["id"], id, actor=SYSTEM).state == "delivered"


def test_an_endpoint_is_sent_to_by_one_at_a_time_and_taken_over(room):
    with receiving() as receiver:
        made = hook(room, receiver.url())
        post(room, live=True)
        room.events.drain()
        claim = lambda holder, lease: room.work.run(lambda stores: stores.webhooks.claim(made["id"], holder, lease))
        dead = claim("dead", 200)
        assert dead is not None
        assert claim("other", 200) is None
        assert room.webhook_sending.send(made["id"]) == 0
        time.sleep(0.25)
        assert room.webhook_sending.send(made["id"]) == 1

        from domain.webhooks.deliveries import Settled

        assert not room.work.run(lambda stores: stores.webhooks.settle(dead, Settled(), 1000))
        assert len(receiver.got) == 1


def test_nothing_of_who_is_erased_is_left_to_be_sent(room):
    id = ann(room)
    with receiving() as receiver:
        hook(room, receiver.url(), **{"as": "admin"}, subscriptions=[{"collection": "users"}])
        room.records.update("users", id, {"email_visible": True}, actor=SYSTEM, facts=FACTS)
        room.events.drain()
        room.erasure.erase("users", id, actor=SYSTEM, facts=FACTS)
        told(room)
        (message,) = receiver.got
        assert message.said["type"] == "records.deleted"
        assert message.said["data"] == {"collection": "users", "id": id, "version": message.said["data"]["version"], "record": None}


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("said, pointer", [
    ({"url": "https://127.0.0.1.example:70000/"}, "/url"), ({"url": "ftp://x.example"}, "/url"), ({"url": None}, "/url"),
    ({"as": "nobody"}, "/as"), ({"as": "posts/x"}, "/as"), ({"as": "users/none"}, "/as"),
    ({"as": None}, "/as"), ({"as": "_admins/x"}, "/as"),
    ({"subscriptions": [{"collection": "none"}]}, "/subscriptions/0/collection"), ({"subscriptions": {}}, "/subscriptions"),
    ({"subscriptions": [{"collection": "posts", "events": ["made"]}]}, "/subscriptions/0/events"),
    ({"subscriptions": [{"collection": "posts", "filter": "nothing = 1"}]}, "/subscriptions/0/filter"),
    ({"subscriptions": [{"collection": "posts", "what": 1}]}, "/subscriptions/0/what"),
    ({"subscriptions": [{"collection": "posts"}, {"collection": "posts"}]}, "/subscriptions/1/collection"),
    ({"colour": "blue"}, "/colour"), ({"enabled": "yes"}, "/enabled"), ({"name": "a\nb"}, "/name"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(room, said, pointer):
    with pytest.raises(Invalid) as refused:
        hook(room, "http://127.0.0.1:9/", **said)
    assert refused.value.faults[0].pointer == pointer


def test_only_what_is_named_is_changed(room):
    made = hook(room, "http://127.0.0.1:9/", name="mine")
    changed = room.webhooks.change(made["id"], {"as": "admin"}, actor=SYSTEM)
    assert changed == {**{name: value for name, value in made.items() if name != "secret"}, "as": "admin"}
    assert "secret" not in room.webhooks.list(actor=SYSTEM)[0]


def test_a_collection_that_is_renamed_stays_the_same(room):
    with receiving() as receiver:
        made = hook(room, receiver.url())
        room.collections.change("posts", {"name": "essays"}, actor=SYSTEM)
        assert room.webhooks.get(made["id"], actor=SYSTEM)["subscriptions"][0]["collection"] == "essays"
        room.records.create("essays", {"live": True}, actor=SYSTEM, facts=FACTS)
        told(room)
        assert receiver.got[0].said["data"]["collection"] == "essays"


def test_a_filter_follows_names_and_keeps_what_it_needs(room):
    made = hook(room, "http://127.0.0.1:9/", subscriptions=[{"collection": "posts", "filter": "title = 'x'"}])
    others = POSTS["fields"][1:]
    room.collections.change("posts", {"fields": [{"name": "heading", "was": "title", "type": "text"}, *others]}, actor=SYSTEM)
    assert room.webhooks.get(made["id"], actor=SYSTEM)["subscriptions"][0]["filter"] == "heading = 'x'"
    with pytest.raises(Conflict, match="filters of webhooks"):
        room.collections.change("posts", {"fields": others}, actor=SYSTEM)
    room.collections.delete("posts", actor=SYSTEM)
    assert room.webhooks.get(made["id"], actor=SYSTEM)["subscriptions"] == []


def test_an_account_is_no_admin(room):
    from domain.errors import Forbidden

    with pytest.raises(Forbidden):
        room.webhooks.list(actor=account(ann(room), "users"))


def test_one_that_has_to_wait_for_another_is_not_looked_for_meanwhile(room):
    """Sent again by hand, it is due and cannot be sent yet: whoever looked for it would do nothing else."""
    with receiving(lambda _: (500, {}, b"")) as receiver:
        made = hook(room, receiver.url())
        first = post(room, title="1", live=True)
        told(room)
        room.records.update("posts", first["id"], {"title": "2"}, actor=SYSTEM, facts=FACTS)
        room.events.drain()
        (last, _) = room.webhooks.deliveries(made["id"], actor=SYSTEM)
        room.webhooks.replay(made["id"], last.id, actor=SYSTEM)
        assert room.webhook_sending.due() == []
        soon(room, made)
        assert room.webhook_sending.due() == [made["id"]]


def test_what_it_fails_at_holds_up_no_others_for_long(room):
    """Guests who write what a receiver cannot take do not have it left alone for hours."""
    with receiving(lambda message: (500 if message.said["data"]["record"]["title"] == "bad" else 200, {}, b"")) as receiver:
        made = hook(room, receiver.url())
        for at in range(16):
            post(room, title="bad" if at < 12 else "good", live=True)
        assert told(room) == 8
        for _ in range(12):
            rested(room, made)
            room.webhook_sending.deliver()
        assert sum(each.said["data"]["record"]["title"] == "good" for each in receiver.got) == 4


def test_what_is_erased_while_it_is_heard_is_not_told(room):
    with receiving() as receiver:
        made = hook(room, receiver.url(), subscriptions=[{"collection": "users"}])
        id = ann(room)
        room.work.run(lambda stores: stores.outbox.arrange(10))
        events = room.work.read(lambda stores: stores.outbox.after(0, 10))
        heard = [each for each in events if each.record == id]
        assert heard
        room.erasure.erase("users", id, actor=SYSTEM, facts=FACTS)
        for event in heard:
            room.webhook_fanout.hear(event)
        assert room.webhooks.deliveries(made["id"], actor=SYSTEM) == []
        told(room)
        assert receiver.got
        assert all(each.said["data"]["record"] is None for each in receiver.got)


def test_an_endpoint_that_comes_and_goes_uses_up_no_attempts(room):
    """Of three days: what it fails at alone would be given up within minutes."""
    down = []

    def manner(message):
        return (500 if down or message.said["data"]["record"]["title"] == "bad" else 200), {}, b""

    with receiving(manner) as receiver:
        made = hook(room, receiver.url())
        bad = post(room, title="bad", live=True)["id"]
        for _ in range(6):
            down.append(1)
            for _ in range(6):
                post(room, title="good", live=True)
            told(room)
            assert room.webhooks.get(made["id"], actor=SYSTEM)["resting_until"]
            down.clear()
            for _ in range(3):
                rested(room, made)
                room.webhook_sending.deliver()
        (waiting,) = room.webhooks.deliveries(made["id"], state="waiting", actor=SYSTEM)
        assert (waiting.record, waiting.tries) == (bad, 3)
