"""Sessions over the whole backend in memory: refreshed, seen, ended, and what ends them."""

import pytest

from app import testing
from app.usecases.sessions import RefreshRefused
from domain.actor import GUEST, SYSTEM
from domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from domain.rules.values import RequestFacts
from domain.schema.fields.times import write_instant
from tests.usecases.test_accounts import ANN, PASSWORD, USERS, sign_up

FACTS = RequestFacts("POST", headers={"user_agent": "Browser/1 (\u0000evil)\n"})
BOB = "bob@example.org"


@pytest.fixture
def room():
    with testing.backend() as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        yield room


def sign_in(room, email=ANN, password=PASSWORD, **how):
    return room.accounts.sign_in("users", email, password, facts=FACTS, **how)


def refresh(room, signed, name="users"):
    return room.sessions.refresh(name, signed.refresh_token, facts=FACTS)


def actor(room, signed):
    return room.accounts.identify(signed.access_token)


def stands(room, signed):
    """Whether a request with the access token is served."""
    try:
        room.accounts.me("users", actor=actor(room, signed))
    except Unauthenticated:
        return False
    return True


def refreshed(room, signed):
    try:
        return bool(refresh(room, signed))
    except Unauthenticated:
        return False


def change(room, who, **body):
    id = actor(room, who).id
    room.records.update("users", id, body, actor=actor(room, who), facts=FACTS)


# --- refreshing


def test_a_refresh_token_gets_new_tokens_of_the_same_session(room):
    signed = sign_in(room)
    before = actor(room, signed)
    room.clock.advance(minutes=16)
    again = refresh(room, signed)
    assert again.account.as_object() == signed.account.as_object()
    assert (actor(room, again), stands(room, again), again.expires_in) == (before, True, 900)
    assert again.refresh_token != signed.refresh_token


def test_an_identical_retry_is_answered_with_the_same_token_for_ten_seconds(room):
    signed = sign_in(room)
    first = refresh(room, signed)
    room.clock.advance(seconds=9)
    assert refresh(room, signed).refresh_token == first.refresh_token
    assert refresh(room, first).refresh_token not in (first.refresh_token, signed.refresh_token)


def test_a_spent_token_ends_its_session_and_nobody_elses(room):
    signed, other = sign_in(room), sign_in(room)
    first = refresh(room, signed)
    room.clock.advance(seconds=60)
    assert not refreshed(room, signed)
    assert (stands(room, first), refreshed(room, first)) == (False, False)
    assert (stands(room, other), refreshed(room, other)) == (True, True)
    assert [each.ended for each in room.observer.observations if isinstance(each, RefreshRefused)] == [True, False]


def test_a_token_from_long_before_ends_the_session_too(room):
    signed = now = sign_in(room)
    for _ in range(3):
        now = refresh(room, now)
    assert not refreshed(room, signed)
    assert not refreshed(room, now)


@pytest.mark.parametrize("text", [
    "", "srt_", "x", "srt_" + "A" * 65, "srt_" + "A" * 64, "srt_" + "é" * 65, "A" * 10_000, "srt_" + "A" * 65 + "\n",
])  # fmt: skip
def test_what_was_never_a_token_is_refused_and_ends_nothing(room, text):
    signed = sign_in(room)
    with pytest.raises(Unauthenticated) as refused:
        room.sessions.refresh("users", text, facts=FACTS)
    assert refused.value.code == "invalid_refresh_token"
    assert stands(room, signed)


def test_a_guess_at_the_spent_part_needs_the_family(room):
    signed = sign_in(room)
    guessed = signed.refresh_token[:4] + "B" * 22 + signed.refresh_token[26:]
    with pytest.raises(Unauthenticated):
        room.sessions.refresh("users", guessed, facts=FACTS)
    assert refreshed(room, signed)


def test_a_token_is_good_in_its_own_collection_only(room):
    signed = sign_in(room)
    for name, problem in (("_admins", Unauthenticated), ("posts", NotFound)):
        with pytest.raises(problem):
            refresh(room, signed, name)
    assert refreshed(room, signed)


def test_a_renamed_collection_keeps_its_sessions(room):
    signed = sign_in(room)
    room.collections.change("users", {"name": "people"}, actor=SYSTEM)
    again = refresh(room, signed, "people")
    assert room.accounts.me("people", actor=room.accounts.identify(again.access_token)).id == signed.account.id


def test_who_may_sign_in_no_more_is_refused_and_loses_nothing(room):
    signed = sign_in(room)
    room.collections.change("users", {"rules": {**USERS["rules"], "auth": "name = 'Ann'"}}, actor=SYSTEM)
    with pytest.raises(Forbidden) as refused:
        refresh(room, signed)
    assert refused.value.code == "sign_in_refused"
    room.records.update("users", signed.account.id, {"name": "Ann"}, actor=SYSTEM, facts=FACTS)
    assert refreshed(room, signed)


def test_the_rule_sees_how_the_session_was_opened(room):
    signed = sign_in(room)
    room.collections.change("users", {"rules": {**USERS["rules"], "auth": "@request.context = 'password'"}}, actor=SYSTEM)
    assert refreshed(room, signed)


def test_an_unused_session_is_over_after_thirty_days(room):
    signed, kept = sign_in(room), sign_in(room)
    room.clock.advance(days=29)
    kept = refresh(room, kept)
    room.clock.advance(days=2)
    assert (refreshed(room, signed), refreshed(room, kept)) == (False, True)


# --- seeing and ending


def test_an_account_sees_its_sessions_and_which_one_asks(room):
    phone, laptop = sign_in(room, device="Ann's phone"), sign_in(room)
    sign_up(room, BOB)
    sign_in(room, BOB)
    asker = actor(room, phone)
    found = [each.as_object(current=each.id == asker.session) for each in room.sessions.list("users", actor=asker)]
    assert [(each["device"], each["agent"], each["method"], each["current"]) for each in found] == [
        (None, "Browser/1 (evil)", "password", False), ("Ann's phone", "Browser/1 (evil)", "password", True),
    ]  # fmt: skip
    assert found[0]["id"] == actor(room, laptop).session


@pytest.mark.parametrize("device", ["two\nlines", "x" * 101])
def test_a_device_has_a_name_of_one_line(room, device):
    with pytest.raises(Invalid) as refused:
        sign_in(room, device=device)
    assert refused.value.code == "invalid_device"


def test_one_session_is_ended_at_once(room):
    lost, here = sign_in(room), sign_in(room)
    room.sessions.end("users", actor(room, lost).session, actor=actor(room, here))
    assert (stands(room, lost), refreshed(room, lost), stands(room, here)) == (False, False, True)


def test_all_others_are_ended(room):
    others, here = [sign_in(room) for _ in range(3)], sign_in(room)
    assert room.sessions.end_others("users", actor=actor(room, here)) == 3
    assert [stands(room, each) for each in (*others, here)] == [False] * 3 + [True]


def test_signing_out_ends_this_session(room):
    signed, other = sign_in(room), sign_in(room)
    room.sessions.sign_out("users", actor=actor(room, signed))
    assert (stands(room, signed), refreshed(room, signed), stands(room, other)) == (False, False, True)
    with pytest.raises(Unauthenticated):
        room.sessions.sign_out("users", actor=actor(room, signed))
    with pytest.raises(Unauthenticated):
        room.sessions.sign_out("users", actor=GUEST)


def test_signing_out_by_a_refresh_token_needs_no_access_token(room):
    signed = sign_in(room)
    moved = refresh(room, signed)
    room.sessions.sign_out_by("users", signed.refresh_token)
    room.sessions.sign_out_by("users", signed.refresh_token)
    assert (stands(room, moved), refreshed(room, moved)) == (False, False)


def test_nobody_sees_or_ends_the_sessions_of_another(room):
    sign_up(room, BOB)
    ann, bob = sign_in(room), sign_in(room, BOB)
    refusals = []
    for ask in (
        lambda: room.sessions.list("users", actor(room, ann).id, actor=actor(room, bob)),
        lambda: room.sessions.end("users", actor(room, ann).session, actor=actor(room, bob)),
        lambda: room.sessions.end("users", actor(room, ann).session, actor(room, ann).id, actor=actor(room, bob)),
        lambda: room.sessions.end_others("users", actor(room, ann).id, actor=actor(room, bob)),
        lambda: room.sessions.list("users", "no such account", actor=actor(room, bob)),
        lambda: room.sessions.end("users", "nothing", actor=actor(room, bob)),
    ):
        with pytest.raises(NotFound) as refused:
            ask()
        refusals.append(str(refused.value))
    assert len(set(refusals)) == 2, "one for accounts, one for sessions, there or not"
    for problem, who, name in ((Unauthenticated, GUEST, "users"), (Forbidden, actor(room, bob), "_admins")):
        with pytest.raises(problem):
            room.sessions.list(name, actor=who)
    assert stands(room, ann)


def test_admins_see_and_end_those_of_any_account(room):
    ann, more = sign_in(room), sign_in(room)
    admin = room.accounts.create_admin("root@example.org", PASSWORD)
    boss = room.accounts.identify(room.accounts.sign_in("_admins", "root@example.org", PASSWORD, facts=FACTS).access_token)
    assert [each.account for each in room.sessions.list("users", ann.account.id, actor=boss)] == [ann.account.id] * 2
    room.sessions.end("users", actor(room, ann).session, ann.account.id, actor=boss)
    assert (stands(room, ann), stands(room, more)) == (False, True)
    assert room.sessions.end_others("users", ann.account.id, actor=boss) == 1
    assert [each.account for each in room.sessions.list("_admins", actor=boss)] == [admin.id]
    with pytest.raises(Forbidden):
        room.sessions.list("users", actor=boss)


# --- what ends them


def test_a_new_password_ends_every_other_session_and_this_one_goes_on(room):
    here, other = sign_in(room), sign_in(room)
    change(room, here, password="another quiet room", old_password=PASSWORD)
    assert (stands(room, here), stands(room, other), refreshed(room, other)) == (False, False, False)
    assert stands(room, refresh(room, here))


def test_a_password_set_by_an_admin_ends_all(room):
    signed = sign_in(room)
    room.records.update("users", signed.account.id, {"password": "another quiet room"}, actor=SYSTEM, facts=FACTS)
    assert (stands(room, signed), refreshed(room, signed)) == (False, False)


def test_a_deleted_account_has_no_sessions(room):
    signed = sign_in(room)
    room.records.delete("users", signed.account.id, actor=SYSTEM, facts=FACTS)
    assert (stands(room, signed), refreshed(room, signed)) == (False, False)


def test_a_refused_change_ends_nothing(room):
    signed = sign_in(room)
    with pytest.raises(Invalid):
        change(room, signed, password="another quiet room", old_password="wrong password")
    assert (stands(room, signed), refreshed(room, signed)) == (True, True)


def with_auth_rule(room, rule):
    room.collections.change("users", {"rules": {**USERS["rules"], "auth": rule}}, actor=SYSTEM)


def set_by_an_admin(room, signed, **body):
    room.records.update("users", signed.account.id, body, actor=SYSTEM, facts=FACTS)


def test_a_state_that_the_auth_rule_reads_is_asked_for_again_at_once(room):
    with_auth_rule(room, "note != 'banned'")
    signed = sign_in(room)
    set_by_an_admin(room, signed, note="banned")
    assert not stands(room, signed)
    with pytest.raises(Forbidden):
        refresh(room, signed)
    set_by_an_admin(room, signed, note="forgiven")
    assert stands(room, refresh(room, signed))


def test_every_session_goes_on_by_a_refresh_where_the_rule_still_holds(room):
    with_auth_rule(room, "note != 'banned'")
    first, second = sign_in(room), sign_in(room)
    set_by_an_admin(room, first, note="a good person")
    assert (stands(room, first), stands(room, second)) == (False, False)
    assert (refreshed(room, first), refreshed(room, second)) == (True, True)


def test_what_the_rule_does_not_read_ends_nothing(room):
    with_auth_rule(room, "note != 'banned'")
    signed = sign_in(room)
    set_by_an_admin(room, signed, name="Ann")
    assert stands(room, signed)


def test_a_password_ends_the_others_also_where_the_rule_reads_what_changes_with_it(room):
    with_auth_rule(room, "note != 'banned'")
    here, other = sign_in(room), sign_in(room)
    set_by_an_admin(room, here, note="x", password="another quiet room")
    assert (refreshed(room, here), refreshed(room, other)) == (False, False)


# --- what is left behind


def test_housekeeping_sweeps_sessions_that_are_over(room):
    sign_in(room)
    room.clock.advance(days=20)
    later = sign_in(room)
    room.clock.advance(days=15)
    assert overdue(room)
    assert room.housekeeping.run().failed == ()
    assert not overdue(room)
    assert refreshed(room, later)


def overdue(room):
    now = write_instant(room.clock.now())
    return room.work.read(lambda stores: stores.sessions.overdue(now))
