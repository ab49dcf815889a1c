"""One-time secrets and letters that wait: what is decided by one statement, on every database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from domain.accounts.one_time import (
    LIFETIMES,
    PASSWORD_RESET,
    SIGN_IN_CODE,
    TRIES,
    VERIFICATION,
    kept,
    presented,
)
from domain.mail import SEND
from domain.records.changes import Changes
from domain.rules.shape import ANYTHING
from domain.schema.changes import steps
from domain.schema.collection import define_collection
from domain.schema.fields import TRUSTING
from domain.schema.fields.times import write_instant
from ports.jobs import Asked
from ports.mailbox import Waiting
from tests.contract.test_account_store import LATER, USERS, add

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
NOW = write_instant(AT)
CODE, WRONG = "12345678", "87654321"


@pytest.fixture
def users(work):
    """With the account `a1`, at its third epoch."""
    made = define_collection(USERS, id="c1", now=NOW, tools=TRUSTING)
    work.change_schema(lambda stores: stores.collections.apply(None, made, steps(None, made)))
    add(work, made, "a1", "ann@example.org", epoch=3)
    return made


def put(work, text="sot_a", purpose=PASSWORD_RESET, typed="", account="a1", epoch=3, collection="c1"):
    secret = kept(purpose, text, account, collection=collection, epoch=epoch, at=AT, typed=typed, bound="ann@new.example")
    work.run(lambda stores: stores.one_time.put(secret))
    return secret


def take(work, users, text="sot_a", purpose=PASSWORD_RESET, now=NOW):
    return work.run(lambda stores: stores.one_time.take(users, presented(purpose, text), now))


def attempt(work, users, typed, now=NOW):
    return work.run(lambda stores: stores.one_time.attempt(users, presented(SIGN_IN_CODE, "sot_a", typed), now))


def test_a_link_is_taken_once_with_what_it_is_about(work, users):
    secret = put(work)
    assert work.read(lambda stores: stores.one_time.find(users, presented(PASSWORD_RESET, "sot_a"), NOW)) == secret
    assert take(work, users) == secret
    assert take(work, users) is None


def test_nothing_that_could_be_presented_is_kept():
    secret = kept(SIGN_IN_CODE, "sot_a", "a1", collection="c1", epoch=3, at=AT, typed=CODE)
    assert not any(part in str(secret) for part in ("sot_a", CODE))
    assert presented(SIGN_IN_CODE, "sot_b", CODE).code != secret.code, "the same code with another ticket is another secret"


@pytest.mark.parametrize("how", [{"epoch": 2}, {"epoch": 4}, {"account": "nobody"}, {"collection": "c2"}, {"purpose": VERIFICATION}])
def test_a_link_of_another_account_epoch_collection_or_purpose_is_not_taken(work, users, how):
    put(work, **how)
    assert take(work, users) is None


def test_a_link_ends_with_its_time(work, users):
    put(work)
    assert take(work, users, now=write_instant(AT + LIFETIMES[PASSWORD_RESET])) is None
    assert take(work, users, now=write_instant(AT + LIFETIMES[PASSWORD_RESET] - timedelta(milliseconds=1))) is not None


def test_what_ends_sessions_ends_links(work, users):
    put(work)
    work.run(lambda stores: stores.records.update(users, "a1", Changes({"updated": LATER}, end_sessions=True), ANYTHING))
    assert take(work, users) is None


def test_a_code_is_not_taken_without_being_typed(work, users):
    put(work, purpose=SIGN_IN_CODE, typed=CODE)
    assert take(work, users, purpose=SIGN_IN_CODE) is None
    assert attempt(work, users, "") is None
    assert attempt(work, users, CODE).account == "a1"
    assert attempt(work, users, CODE) is None


def test_a_code_has_five_tries(work, users):
    put(work, purpose=SIGN_IN_CODE, typed=CODE)
    assert [attempt(work, users, WRONG) for _ in range(TRIES)] == [None] * TRIES
    assert attempt(work, users, CODE) is None


def test_the_fifth_try_may_be_the_right_one(work, users):
    put(work, purpose=SIGN_IN_CODE, typed=CODE)
    assert [attempt(work, users, WRONG) for _ in range(TRIES - 1)] == [None] * (TRIES - 1)
    assert attempt(work, users, CODE) is not None


def test_of_many_that_take_one_link_one_has_it(work, users):
    put(work)
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda _: take(work, users), range(50)))
    assert sum(each is not None for each in taken) == 1


def test_of_many_that_type_one_code_one_is_let_in_and_no_more_are_tried_than_may_be(work, users):
    put(work, purpose=SIGN_IN_CODE, typed=CODE)
    with ThreadPoolExecutor(16) as pool:
        let_in = list(pool.map(lambda _: attempt(work, users, CODE), range(50)))
    assert sum(each is not None for each in let_in) == 1


def test_of_many_wrong_codes_at_once_five_are_tried(work, users):
    put(work, purpose=SIGN_IN_CODE, typed=CODE)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: attempt(work, users, WRONG), range(TRIES - 1)))
    assert attempt(work, users, CODE) is not None, "four wrong ones leave one"


def test_an_account_that_is_deleted_leaves_none(work, users):
    put(work)
    put(work, "sot_b", account="b1")
    work.run(lambda stores: stores.one_time.forget(users, ["a1"]))
    add(work, users, "b1", "bob@example.org", epoch=3)
    assert take(work, users) is None
    assert take(work, users, "sot_b") is not None


def test_what_has_expired_is_swept(work, users):
    put(work)
    put(work, "sot_b", purpose=VERIFICATION)
    later = write_instant(AT + LIFETIMES[PASSWORD_RESET])
    assert work.run(lambda stores: stores.one_time.sweep(later, 10)) == 1
    assert take(work, users, "sot_b", VERIFICATION) is not None


# --- letters that wait


def waiting(work):
    return work.read(lambda stores: stores.mailbox.all("", 10))


def post(stores, mail):
    stores.jobs.add(Asked(mail.id, SEND, "mail", "{}", 0, "kept"))
    stores.mailbox.post(mail)


def test_a_letter_waits_until_it_is_done(work):
    mail = Waiting("m1", b"\x00sealed\xff", NOW)
    work.run(lambda stores: post(stores, mail))
    assert waiting(work) == [mail]
    work.run(lambda stores: stores.mailbox.written("m1", b"letter"))
    assert waiting(work) == [replace(mail, sealed=b"letter", is_written=True)]
    assert work.read(lambda stores: stores.mailbox.find("m1")).sealed == b"letter"
    work.run(lambda stores: stores.mailbox.done("m1"))
    assert (waiting(work), work.read(lambda stores: stores.mailbox.find("m1"))) == ([], None)


def test_a_letter_goes_with_its_job_and_not_before_the_job_is_over(work):
    for id in ("m1", "m2", "m3"):
        work.run(partial(post, mail=Waiting(id, b"sealed", NOW)))
    work.run(lambda stores: stores.jobs.drop("m1"))
    work.run(lambda stores: stores.jobs.cancel("m2", timedelta(days=1)))
    assert [each.id for each in waiting(work)] == ["m2", "m3"]
    assert work.run(lambda stores: stores.mailbox.sweep(write_instant(AT - timedelta(seconds=1)), 10)) == 0
    assert work.run(lambda stores: stores.mailbox.sweep(NOW, 10)) == 1
    assert [each.id for each in waiting(work)] == ["m3"]


def test_a_wish_of_a_body_that_is_undone_is_gone(work):
    def body(stores):
        post(stores, Waiting("m1", b"sealed", NOW))
        raise LookupError

    with pytest.raises(LookupError):
        work.run(body)
    assert waiting(work) == []
