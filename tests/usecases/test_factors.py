"""Second factors over the whole backend in memory: set up, asked for at every way to sign in, used once, and what they need first."""

from datetime import timedelta

import pyotp
import pytest

from app import testing
from app.usecases.factor_proofs import Given
from app.usecases.sessions import SignedIn
from domain.accounts.audit import Wanted
from domain.accounts.factors import FactorAsked
from domain.actor import GUEST, SYSTEM
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Problem, TooMany, Unauthenticated
from domain.rules.values import RequestFacts
from tests.usecases.test_accounts import ANN, PASSWORD, USERS, sign_up
from tests.usecases.test_proofs import code, letters, token

FACTS = RequestFacts("POST")


@pytest.fixture
def room():
    with testing.backend() as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        yield room


def sign_in(room, **how):
    return room.accounts.sign_in("users", ANN, PASSWORD, facts=FACTS, **how)


def who(room, signed):
    return room.accounts.identify(signed.access_token)


def stands(room, signed):
    try:
        return bool(room.accounts.me("users", actor=who(room, signed)))
    except Unauthenticated:
        return False


class App:
    """Ann's phone."""

    def __init__(self, room, signed):
        self._room = room
        self.proposal = room.factors.propose_totp("users", actor=who(room, signed))
        self.recovery = room.factors.confirm_totp("users", self.code(), actor=who(room, signed), facts=FACTS)

    def code(self, steps=0):
        return pyotp.TOTP(self.proposal.secret).at(self._room.clock.now() + timedelta(seconds=30 * steps))

    def next(self):
        """The code of a step that was not used yet."""
        self._room.clock.advance(seconds=30)
        return self.code()


@pytest.fixture
def signed(room):
    return sign_in(room)


@pytest.fixture
def app(room, signed):
    return App(room, signed)


def confirm(room, asked, facts=FACTS, **given):
    return room.second_factors.confirm("users", asked.ticket, Given(**given), facts=facts)


def refusal(ask):
    with pytest.raises(Problem) as refused:
        ask()
    return type(refused.value), refused.value.code


BAD_FACTOR = (Unauthenticated, "invalid_factor")
BAD_TICKET = (Unauthenticated, "invalid_one_time")
STALE = (Forbidden, "step_up_required")


# --- setting up


def test_a_proposed_app_counts_for_nothing_until_its_first_code(room, signed):
    room.factors.propose_totp("users", actor=who(room, signed))
    assert isinstance(sign_in(room), SignedIn)
    assert room.factors.list("users", actor=who(room, signed)).totp is None


def test_the_proposal_says_the_same_in_three_ways(room, signed):
    made = room.factors.propose_totp("users", actor=who(room, signed))
    read = pyotp.parse_uri(made.uri)
    assert (read.secret, read.name, read.issuer) == (made.secret, ANN, "planes.example")
    assert made.qr.startswith("<svg")


def test_a_wrong_first_code_confirms_nothing(room, signed):
    room.factors.propose_totp("users", actor=who(room, signed))
    for typed in ("000000", "", "12345", "abcdef", "１２３４５６", "0" * 5000):
        ask = lambda: room.factors.confirm_totp("users", typed, actor=who(room, signed), facts=FACTS)  # noqa: B023
        assert refusal(ask) == (Invalid, "invalid_factor_code")
    assert isinstance(sign_in(room), SignedIn)


def test_confirming_tells_ten_recovery_codes_and_ends_other_sessions(room, signed):
    other = sign_in(room)
    app = App(room, signed)
    assert len(set(app.recovery)) == 10
    assert (stands(room, signed), stands(room, other)) == (True, False)
    listed = room.factors.list("users", actor=who(room, signed))
    assert (listed.totp is not None, listed.recovery_codes) == (True, 10)


def test_an_app_is_not_set_up_over_another(room, signed, app):
    assert refusal(lambda: room.factors.propose_totp("users", actor=who(room, signed))) == (Conflict, "factor_exists")


def test_the_seed_is_sealed_at_rest(room, app):
    users = room.work.read(lambda stores: stores.schema.collection("users"))
    kept = room.work.read(lambda stores: stores.factors.totp(users, sign_in_id(room)))
    assert app.proposal.secret.encode() not in kept.sealed


def sign_in_id(room):
    users = room.work.read(lambda stores: stores.schema.collection("users"))
    return room.work.read(lambda stores: stores.accounts.credentials(users, ANN.lower())).id


# --- signing in


def test_the_password_alone_opens_no_session(room, signed, app):
    asked = sign_in(room)
    assert isinstance(asked, FactorAsked)
    assert asked.factors == ("totp", "recovery_code")
    assert len(room.sessions.list("users", actor=who(room, signed))) == 1


def test_a_code_ends_the_sign_in(room, app):
    asked = sign_in(room, device="Ann's phone")
    opened = confirm(room, asked, code=app.next())
    session, *_ = room.sessions.list("users", actor=who(room, opened))
    assert (stands(room, opened), session.method, session.device) == (True, "password", "Ann's phone")


def test_the_code_of_a_letter_opens_no_session_either(room, app):
    ticket, typed = code(room)
    room.records.update("users", sign_in_id(room), {"verified": True}, actor=SYSTEM, facts=FACTS)
    asked = room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS)
    assert isinstance(asked, FactorAsked)
    assert stands(room, confirm(room, asked, code=app.next()))


def test_a_code_is_good_once(room, app):
    """A15"""
    first, second, code = sign_in(room), sign_in(room), app.next()
    confirm(room, first, code=code)
    assert refusal(lambda: confirm(room, second, code=code)) == BAD_FACTOR


@pytest.mark.parametrize("steps, good", [(-3, False), (-2, False), (-1, True), (0, True), (1, True), (2, False), (3, False)])
def test_a_clock_may_be_half_a_minute_wrong(room, app, steps, good):
    """A15"""
    room.clock.advance(minutes=5)
    asked = sign_in(room)
    if good:
        assert stands(room, confirm(room, asked, code=app.code(steps)))
    else:
        assert refusal(lambda: confirm(room, asked, code=app.code(steps))) == BAD_FACTOR


def test_a_ticket_is_good_once_and_for_five_minutes(room, app):
    asked = sign_in(room)
    confirm(room, asked, code=app.next())
    assert refusal(lambda: confirm(room, asked, code=app.next())) == BAD_TICKET
    late = sign_in(room)
    room.clock.advance(minutes=5)
    assert refusal(lambda: confirm(room, late, code=app.code())) == BAD_TICKET


def test_a_ticket_has_five_tries(room, app):
    asked = sign_in(room)
    for _ in range(5):
        assert refusal(lambda: confirm(room, asked, code="000000")) == BAD_FACTOR
    assert refusal(lambda: confirm(room, asked, code=app.next())) == BAD_TICKET


def test_tries_are_counted_over_all_tickets_of_an_account(tmp_path):
    from domain.limits.visits import Visit

    with testing.backend(limits="sign-in=off, sign-in-address=off, sign-in-identity=off") as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        app, answers = App(room, sign_in(room)), []
        for at in range(31):
            asked = sign_in(room) if at % 5 == 0 else asked  # noqa: F821
            facts = RequestFacts("POST", visit=Visit(f"192.0.2.{at}"))
            answers.append(refusal(lambda: confirm(room, asked, facts=facts, code="000000")))  # noqa: B023
        assert answers == [BAD_FACTOR] * 30 + [(TooMany, "too_many_requests")]
        assert app


def test_a_new_password_ends_the_tickets_of_before(room, signed, app):
    asked = sign_in(room)
    body = {"password": "another quiet room", "old_password": PASSWORD}
    room.records.update("users", who(room, signed).id, body, actor=who(room, signed), facts=FACTS)
    assert refusal(lambda: confirm(room, asked, code=app.next())) == BAD_TICKET


def test_a_ticket_is_no_token(room, app):
    """A14"""
    asked = sign_in(room)
    assert refusal(lambda: room.accounts.identify(asked.ticket))[0] is Unauthenticated
    assert refusal(lambda: room.sessions.refresh("users", asked.ticket, facts=FACTS))[0] is Unauthenticated
    assert refusal(lambda: room.proofs.verify("users", asked.ticket)) == BAD_TICKET
    assert refusal(lambda: room.proofs.set_password("users", asked.ticket, "a new quiet room")) == BAD_TICKET
    assert refusal(lambda: room.second_factors.confirm("_admins", asked.ticket, Given(code=app.next()), facts=FACTS)) == BAD_TICKET


def test_a_password_reset_goes_around_no_second_factor(room, app):
    """A14. The address is proved: of one that is not, the reset takes away what others may have planted."""
    room.records.update("users", sign_in_id(room), {"verified": True}, actor=SYSTEM, facts=FACTS)
    room.proofs.ask("password_reset", "users", ANN, facts=FACTS)
    (letter,) = letters(room)
    room.proofs.set_password("users", token(letter), "a third quiet room")
    assert isinstance(room.accounts.sign_in("users", ANN, "a third quiet room", facts=FACTS), FactorAsked)


def test_who_proves_an_address_is_rid_of_factors_that_another_planted(room, app):
    """O02"""
    assert isinstance(room.proofs.sign_in_by_code("users", *code(room), facts=FACTS), SignedIn)


# --- recovery codes


def test_a_recovery_code_stands_in_once_however_it_is_typed(room, app):
    opened = confirm(room, sign_in(room), recovery_code=app.recovery[3].upper().replace("-", " "))
    assert stands(room, opened)
    assert refusal(lambda: confirm(room, sign_in(room), recovery_code=app.recovery[3])) == BAD_FACTOR
    assert room.factors.list("users", actor=who(room, opened)).recovery_codes == 9


def test_new_recovery_codes_end_the_old_ones(room, signed, app):
    fresh = room.factors.renew_recovery("users", actor=who(room, signed))
    assert len(set(fresh) | set(app.recovery)) == 20
    assert refusal(lambda: confirm(room, sign_in(room), recovery_code=app.recovery[0])) == BAD_FACTOR
    assert stands(room, confirm(room, sign_in(room), recovery_code=fresh[0]))


def test_without_a_factor_there_are_no_recovery_codes(room, signed):
    assert refusal(lambda: room.factors.renew_recovery("users", actor=who(room, signed))) == (Conflict, "no_factor")


# --- step-up


def test_ten_minutes_after_the_sign_in_nothing_changes_without_a_step_up(room, signed, app):
    """A16"""
    room.clock.advance(minutes=10)
    actor = who(room, signed)
    for change in (room.factors.remove_totp, room.factors.renew_recovery, room.factors.propose_totp):
        assert refusal(lambda: change("users", actor=actor)) == STALE  # noqa: B023
    assert refusal(lambda: room.factors.reset("users", None, actor=actor, facts=FACTS)) == STALE
    room.second_factors.step_up("users", Given(code=app.code()), None, actor=actor, facts=FACTS)
    assert len(room.factors.renew_recovery("users", actor=actor)) == 10
    room.clock.advance(minutes=10)
    assert refusal(lambda: room.factors.remove_totp("users", actor=actor)) == STALE


def test_an_account_without_a_factor_steps_up_by_its_password(room, signed):
    room.clock.advance(minutes=10)
    actor = who(room, signed)
    assert refusal(lambda: room.factors.propose_totp("users", actor=actor)) == STALE
    wrong = lambda: room.second_factors.step_up("users", Given(), "not hers at all", actor=actor, facts=FACTS)
    assert refusal(wrong) == (Invalid, "wrong_password")
    room.second_factors.step_up("users", Given(), PASSWORD, actor=actor, facts=FACTS)
    assert room.factors.propose_totp("users", actor=actor)


def test_the_password_is_not_enough_to_step_up_where_there_is_a_factor(room, signed, app):
    step_up = lambda: room.second_factors.step_up("users", Given(), PASSWORD, actor=who(room, signed), facts=FACTS)
    assert refusal(step_up) == (Forbidden, "step_up_refused")


def test_guests_and_others_have_no_business_with_factors(room, signed):
    assert refusal(lambda: room.factors.list("users", actor=GUEST))[0] is Unauthenticated
    assert refusal(lambda: room.factors.propose_totp("_admins", actor=who(room, signed)))[0] is Forbidden
    assert refusal(lambda: room.factors.reset("users", "somebody", actor=who(room, signed), facts=FACTS))[0] is NotFound


def test_a_stolen_admin_token_makes_no_key_later(room):
    """A16"""
    room.accounts.create_admin("root@example.org", PASSWORD)
    root = who(room, room.accounts.sign_in("_admins", "root@example.org", PASSWORD, facts=FACTS))
    wish = {"name": "reader", "scopes": {"users": ["list"]}}
    assert room.api_keys.create(wish, actor=root)
    room.clock.advance(minutes=10)
    assert refusal(lambda: room.api_keys.create(wish, actor=root)) == STALE


# --- taking away


def test_without_the_app_the_password_is_enough_again_and_recovery_codes_are_gone(room, signed, app):
    room.factors.remove_totp("users", actor=who(room, signed))
    assert isinstance(sign_in(room), SignedIn)
    assert room.factors.list("users", actor=who(room, signed)).recovery_codes == 0


def test_an_admin_takes_the_factors_of_an_account_away(room, app):
    room.accounts.create_admin("root@example.org", PASSWORD)
    root = who(room, room.accounts.sign_in("_admins", "root@example.org", PASSWORD, facts=FACTS))
    room.clock.advance(minutes=10)
    assert refusal(lambda: room.factors.reset("users", sign_in_id(room), actor=root, facts=FACTS)) == STALE
    room.second_factors.step_up("_admins", Given(), PASSWORD, actor=root, facts=FACTS)
    room.factors.reset("users", sign_in_id(room), actor=root, facts=FACTS)
    assert isinstance(sign_in(room), SignedIn)
    assert [each.target for each in room.audit.list(limit=9, wanted=Wanted(action="factors.reset"), actor=root)] == [sign_in_id(room)]


def test_factors_go_with_their_account(room, signed, app):
    actor = who(room, signed)
    room.records.delete("users", actor.id, actor=actor, facts=FACTS)
    users = room.work.read(lambda stores: stores.schema.collection("users"))
    assert room.work.read(lambda stores: stores.factors.totp(users, actor.id)) is None


def test_whoever_runs_the_machine_takes_the_factors_of_an_admin_away(room):
    room.accounts.create_admin("owner@example.org", PASSWORD)
    enter = lambda: room.accounts.sign_in("_admins", "owner@example.org", PASSWORD, facts=FACTS)
    owner = who(room, enter())
    seed = room.factors.propose_totp("_admins", actor=owner).secret
    room.factors.confirm_totp("_admins", pyotp.TOTP(seed).at(room.clock.now()), actor=owner, facts=FACTS)
    assert isinstance(enter(), FactorAsked)
    with pytest.raises(NotFound, match="nobody@example"):
        room.factors.reset_admin("nobody@example.org")
    room.factors.reset_admin("Owner@example.org")
    again = enter()
    assert isinstance(again, SignedIn)
    (noted,) = room.audit.list(limit=1, wanted=Wanted(action="factors.reset"), actor=who(room, again))
    assert (noted.kind, noted.target) == ("system", owner.id)


def test_who_has_no_password_changes_sign_in_data_in_a_fresh_session():
    clock = testing.ToldClock()
    with testing.backend(clock=clock) as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        # Nobody had proved the address, so the password of whoever signed up is gone.
        ticket, typed = code(room)
        ann = room.accounts.identify(room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS).access_token)
        room.proofs.ask_email_change("users", "new@example.org", None, actor=ann, facts=FACTS)
        assert [letter.to for letter in letters(room)] == [ANN]
        clock.advance(minutes=11)
        change = lambda **values: room.records.update("users", ann.id, values, actor=ann, facts=FACTS)
        for attempt in (
            lambda: change(password="another room of herbs"),
            lambda: change(email="new@example.org"),
            lambda: room.proofs.ask_email_change("users", "new@example.org", None, actor=ann, facts=FACTS),
        ):
            with pytest.raises(Forbidden) as told:
                attempt()
            assert told.value.code == "step_up_required"
        with pytest.raises(Invalid):
            change(password="another room of herbs", old_password=PASSWORD)
        ticket, typed = code(room)
        fresh = room.accounts.identify(room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS).access_token)
        room.records.update("users", fresh.id, {"password": "another room of herbs"}, actor=fresh, facts=FACTS)
        assert room.accounts.sign_in("users", ANN, "another room of herbs", facts=FACTS)
