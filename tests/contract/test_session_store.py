"""What sessions keep and what they decide by one statement, on every database."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.accounts.refresh import minted
from domain.accounts.sessions import Device, opened, within
from domain.actor import account
from domain.errors import Unauthenticated
from domain.records.changes import Changes
from domain.records.reading import guard_of
from domain.rules.shape import ANYTHING
from domain.schema.changes import steps
from domain.schema.collection import define_collection
from domain.schema.fields import TRUSTING
from domain.schema.fields.times import write_instant
from ports.sessions import Turn
from tests.contract.test_account_store import LATER, USERS, add

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
NOW = write_instant(AT)
FIRST = minted(b"family one, 16 b", bytes(32))
SALT = b"salt \x00\xff"
SECOND = FIRST.successor(SALT)


@pytest.fixture
def ann(work):
    """Her collection; she is `a1`, at her third epoch."""
    users = define_collection(USERS, id="c1", now=NOW, tools=TRUSTING)
    work.change_schema(lambda stores: stores.collections.apply(None, users, steps(None, users)))
    add(work, users, "a1", "ann@example.org", epoch=3)
    return users


def open_session(work, users, id="s1", token=FIRST, account="a1", epoch=3, at=AT):
    made = opened(id, account=account, epoch=epoch, at=at, method="otp", device=Device("Ann's phone", "Browser/1", "192.0.2.7"))
    session = within(made, users.id)
    work.run(lambda stores: stores.sessions.add(users, session, token.kept))
    return session


def turn(presented=FIRST, next=SECOND, salt=SALT, at=AT):
    return Turn(presented.kept, next.kept, salt, write_instant(at), write_instant(at - timedelta(seconds=10)),
                write_instant(at + timedelta(days=30)), "198.51.100.9")  # fmt: skip


def spend(work, users, **how):
    return work.run(lambda stores: stores.sessions.spend(users, turn(**how)))


def just_spent(work, users, **how):
    return work.run(lambda stores: stores.sessions.just_spent(users, turn(**how)))


def standing(work, users, at=AT, account="a1"):
    return [each.id for each in work.read(lambda stores: stores.sessions.of_account(users, account, write_instant(at)))]


def asks(work, session, id="a1", epoch=3):
    """One request of a token of this session."""
    work.read(lambda stores: stores.records.check_guard(guard_of(account(id, "users", epoch, session))))


def end_by_epoch(work, users):
    change = Changes({"updated": LATER}, end_sessions=True)
    work.run(lambda stores: stores.records.update(users, "a1", change, ANYTHING))


def test_a_request_of_a_session_that_stands_is_let_in(work, ann):
    open_session(work, ann)
    asks(work, "s1")


@pytest.mark.parametrize("session, id, epoch", [("s2", "a1", 3), ("s1", "b1", 3), ("s1", "a1", 2), ("s1", "a1", 4), ("s1", "nobody", 3)])
def test_no_other_session_account_or_epoch_is(work, ann, session, id, epoch):
    add(work, ann, "b1", "bob@example.org", epoch=3)
    open_session(work, ann)
    with pytest.raises(Unauthenticated):
        asks(work, session, id, epoch)


def test_a_session_that_was_ended_is_refused_in_the_next_statement(work, ann):
    open_session(work, ann)
    assert work.run(lambda stores: stores.sessions.end(ann, "a1", "s1")) is True
    with pytest.raises(Unauthenticated):
        asks(work, "s1")
    assert work.run(lambda stores: stores.sessions.end(ann, "a1", "s1")) is False


def test_nobody_ends_the_sessions_of_another(work, ann):
    open_session(work, ann)
    assert work.run(lambda stores: stores.sessions.end(ann, "b1", "s1")) is False
    assert work.run(lambda stores: stores.sessions.end_others(ann, "b1", None)) == 0
    asks(work, "s1")


def test_a_list_tells_what_stands_the_one_used_last_first(work, ann):
    one = open_session(work, ann)
    two = open_session(work, ann, "s2", minted(b"family two, 16 b", bytes(32)), at=AT + timedelta(days=1))
    open_session(work, ann, "s3", minted(b"family 3, 16 byt", bytes(32)), epoch=2)
    found = work.read(lambda stores: stores.sessions.of_account(ann, "a1", NOW))
    assert found == [two, one]
    assert standing(work, ann, AT + timedelta(days=30)) == ["s2"]


def test_a_token_is_spent_once_and_told_again_within_the_grace(work, ann):
    session = open_session(work, ann)
    at = AT + timedelta(minutes=15)
    moved = replace(session, used=write_instant(at), expires=write_instant(at + timedelta(days=30)), address="198.51.100.9")
    assert spend(work, ann, at=at) == moved
    assert spend(work, ann, at=at) is None
    assert just_spent(work, ann, at=at + timedelta(seconds=9)) == (moved, SALT)
    assert just_spent(work, ann, at=at + timedelta(seconds=11)) is None
    assert spend(work, ann, presented=SECOND, next=SECOND.successor(SALT), at=at) is not None
    assert just_spent(work, ann, at=at) is None  # the one before the last


def test_a_session_never_outlives_its_absolute_end(work, ann):
    session, at, token = open_session(work, ann), AT, FIRST
    for _ in range(18):
        at += timedelta(days=20)
        moved = spend(work, ann, presented=token, next=token.successor(SALT), at=at)
        token = token.successor(SALT)
    assert moved.expires == moved.ends == session.ends == write_instant(AT + timedelta(days=365))
    assert spend(work, ann, presented=token, at=AT + timedelta(days=365)) is None


@pytest.mark.parametrize("at", [AT + timedelta(days=30), AT + timedelta(days=31)])
def test_an_unused_session_expires(work, ann, at):
    open_session(work, ann)
    assert spend(work, ann, at=at) is None


def test_no_token_of_an_ended_epoch_is_spent(work, ann):
    open_session(work, ann)
    end_by_epoch(work, ann)
    assert (spend(work, ann), just_spent(work, ann), standing(work, ann)) == (None, None, [])


def test_one_session_may_go_on_under_the_next_epoch(work, ann):
    open_session(work, ann)
    open_session(work, ann, "s2", minted(b"family two, 16 b", bytes(32)))
    end_by_epoch(work, ann)
    work.run(lambda stores: stores.sessions.carry_over(ann, "a1", "s1"))
    assert standing(work, ann) == ["s1"]
    asks(work, "s1", epoch=4)


def test_what_ended_earlier_does_not_come_back(work, ann):
    open_session(work, ann)
    end_by_epoch(work, ann)
    end_by_epoch(work, ann)
    work.run(lambda stores: stores.sessions.carry_over(ann, "a1", "s1"))
    assert standing(work, ann) == []


def test_a_family_ends_with_its_session_in_its_own_collection(work, ann):
    session = open_session(work, ann)
    admins = work.read(lambda stores: stores.schema.collection("_admins"))
    assert work.run(lambda stores: stores.sessions.end_family(admins, FIRST.kept.family)) is None
    assert work.run(lambda stores: stores.sessions.end_family(ann, "another")) is None
    assert work.run(lambda stores: stores.sessions.end_family(ann, FIRST.kept.family)) == session
    assert standing(work, ann) == []


def test_all_but_one_are_ended(work, ann):
    for at in range(3):
        open_session(work, ann, f"s{at}", minted(b"family %d, 16 byt" % at, bytes(32)))
    assert work.run(lambda stores: stores.sessions.end_others(ann, "a1", "s1")) == 2
    assert standing(work, ann) == ["s1"]
    assert work.run(lambda stores: stores.sessions.end_others(ann, "a1", None)) == 1


def test_deleted_accounts_leave_no_sessions(work, ann):
    add(work, ann, "b1", "bob@example.org", epoch=3)
    open_session(work, ann)
    open_session(work, ann, "s2", minted(b"family two, 16 b", bytes(32)), account="b1")
    work.run(lambda stores: stores.sessions.forget(ann, ["a1", "c1"]))
    assert (standing(work, ann), standing(work, ann, account="b1")) == ([], ["s2"])


def test_expired_sessions_are_swept_so_many_at_once(work, ann):
    for at in range(3):
        open_session(work, ann, f"s{at}", minted(b"family %d, 16 byt" % at, bytes(32)), at=AT - timedelta(days=30 * at))
    later = write_instant(AT + timedelta(days=1))
    assert work.read(lambda stores: stores.sessions.overdue(later)) is True
    assert [work.run(lambda stores: stores.sessions.sweep(later, 1)) for _ in range(3)] == [1, 1, 0]
    assert standing(work, ann) == ["s0"]
    assert work.read(lambda stores: stores.sessions.overdue(later)) is False


@pytest.mark.parametrize("both", [True, False])
def test_no_session_is_opened_for_an_account_that_is_being_deleted(work, ann, both):
    """Who signs in at that moment waits for what becomes of it, and leaves nothing behind of an account that is gone."""
    deleting = threading.Event()
    made = opened("s1", account="a1", epoch=3, at=AT, method="otp", device=Device("Ann's phone", "Browser/1", "192.0.2.7"))

    def delete(stores):
        stores.records.delete(ann, ["a1"])
        stores.sessions.forget(ann, ["a1"])
        deleting.set()
        time.sleep(0.3)

    with ThreadPoolExecutor(1) as pool:
        gone = pool.submit(work.run, delete)
        deleting.wait(10)
        added = work.run(lambda stores: stores.sessions.add(ann, within(made, ann.id), FIRST.kept, both=both))
        gone.result()
    assert not added
    assert work.read(lambda stores: stores.sessions.of_account(ann, "a1", NOW)) == []
