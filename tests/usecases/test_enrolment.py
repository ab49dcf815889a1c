"""Second factors that accounts have to have: nobody who needs one is signed in without, whichever way they come (A14)."""

from dataclasses import replace

import pyotp
import pytest

from app import testing
from app.usecases.enrolment import NewFactor
from app.usecases.factor_proofs import Given
from app.usecases.sessions import SignedIn
from domain.accounts.factors import FactorAsked
from domain.actor import ADMINS, SYSTEM
from domain.errors import Conflict, Forbidden, Invalid, Problem, TooMany, Unauthenticated
from domain.limits.visits import Visit
from domain.rules.values import RequestFacts
from tests.usecases.test_proofs import letters, token

FACTS = RequestFacts("POST")
PASSWORD = "a quiet room"
STAFF = {"name": "staff", "type": "accounts", "fields": [{"name": "role", "type": "text"}],
         "rules": {"create": "", "view": "", "update": "id = @request.auth.id", "second_factor": "role = 'editor'"}}  # fmt: skip
BAD_TICKET = (Unauthenticated, "invalid_one_time")


@pytest.fixture
def room():
    with testing.backend() as room:
        room.collections.create(STAFF, actor=SYSTEM)
        yield room


def make(room, name, role=""):
    values = {"email": f"{name}@example.org", "password": PASSWORD, "role": role}
    return room.records.create("staff", values, actor=SYSTEM, facts=FACTS).id


def sign_in(room, name, collection="staff"):
    return room.accounts.sign_in(collection, f"{name}@example.org", PASSWORD, facts=FACTS)


def who(room, signed):
    return room.accounts.identify(signed.access_token)


def code(room, proposal):
    return pyotp.TOTP(proposal.secret).at(room.clock.now())


def refusal(ask):
    with pytest.raises(Problem) as refused:
        ask()
    return type(refused.value), refused.value.code


def enrol(room, asked, collection="staff"):
    proposal = room.enrolment.propose_app(collection, asked.ticket, facts=FACTS)
    return proposal, room.enrolment.confirm(collection, asked.ticket, NewFactor(code=code(room, proposal)), facts=FACTS)


def test_whom_the_rule_names_sets_one_up_before_the_first_session(room):
    ann = make(room, "ann", "editor")
    asked = sign_in(room, "ann")
    assert (asked.to_set_up, asked.factors) == (True, ("totp", "passkey"))
    assert room.work.read(lambda stores: stores.sessions.of_account(stores.schema.collection("staff"), ann, "2020")) == []
    _, signed = enrol(room, asked)
    assert isinstance(signed, SignedIn)
    assert len(signed.recovery_codes) == 10
    assert who(room, signed).id == ann
    again = sign_in(room, "ann")
    assert (again.to_set_up, again.factors) == (False, ("totp", "recovery_code"))
    confirmed = room.second_factors.confirm("staff", again.ticket, Given(recovery_code=signed.recovery_codes[0]), facts=FACTS)
    assert isinstance(confirmed, SignedIn)


def test_nobody_else_has_to(room):
    make(room, "bob")
    assert isinstance(sign_in(room, "bob"), SignedIn)


def test_an_empty_rule_binds_everybody_and_none_nobody(room):
    make(room, "bob")
    room.collections.change("staff", {"rules": {"second_factor": ""}}, actor=SYSTEM)
    assert sign_in(room, "bob").to_set_up
    room.collections.change("staff", {"rules": {"second_factor": None}}, actor=SYSTEM)
    assert isinstance(sign_in(room, "bob"), SignedIn)


def test_the_rule_may_ask_by_which_way_somebody_comes(room):
    make(room, "bob")
    room.collections.change("staff", {"rules": {"second_factor": "@request.context = 'password'"}}, actor=SYSTEM)
    assert sign_in(room, "bob").to_set_up


def test_every_other_way_in_leads_to_the_same_place(room):
    room.collections.change("staff", {"mail": {"pages": {"link": "https://planes.example/in"}}}, actor=SYSTEM)
    make(room, "ann", "editor")
    room.proofs.ask_link("staff", "ann@example.org", facts=FACTS)
    assert room.proofs.sign_in_by_link("staff", token(letters(room)[0]), facts=FACTS).to_set_up
    room.proofs.ask("password_reset", "staff", "ann@example.org", facts=FACTS)
    room.proofs.set_password("staff", token(letters(room)[0]), PASSWORD)
    assert sign_in(room, "ann").to_set_up


def test_the_ticket_opens_nothing_else(room):
    """A14"""
    make(room, "ann", "editor")
    ticket = sign_in(room, "ann").ticket
    assert refusal(lambda: room.accounts.identify(ticket))[0] is Unauthenticated
    assert refusal(lambda: room.sessions.refresh("staff", ticket, facts=FACTS))[0] is Unauthenticated
    assert refusal(lambda: room.second_factors.confirm("staff", ticket, Given(code="123456"), facts=FACTS)) == BAD_TICKET
    assert refusal(lambda: room.proofs.verify("staff", ticket)) == BAD_TICKET
    assert refusal(lambda: room.proofs.set_password("staff", ticket, "a new quiet room")) == BAD_TICKET
    assert refusal(lambda: room.passkeys.ask("staff", ticket)) == BAD_TICKET
    assert refusal(lambda: room.enrolment.propose_app(ADMINS, ticket, facts=FACTS)) == BAD_TICKET


def test_a_ticket_is_good_for_one_session(room):
    make(room, "ann", "editor")
    asked = sign_in(room, "ann")
    proposal, _ = enrol(room, asked)
    room.clock.advance(seconds=30)
    again = NewFactor(code=code(room, proposal))
    assert refusal(lambda: room.enrolment.confirm("staff", asked.ticket, again, facts=FACTS)) == BAD_TICKET


def test_who_has_shown_one_factor_adds_none_to_one_that_is_there(room):
    make(room, "ann", "editor")
    early, asked = sign_in(room, "ann"), sign_in(room, "ann")
    enrol(room, asked)
    assert refusal(lambda: room.enrolment.propose_app("staff", early.ticket, facts=FACTS)) == BAD_TICKET
    assert refusal(lambda: room.enrolment.propose_passkey("staff", early.ticket, facts=FACTS)) == BAD_TICKET
    assert refusal(lambda: room.enrolment.confirm("staff", early.ticket, NewFactor(code="123456"), facts=FACTS)) == BAD_TICKET


def test_a_wrong_code_keeps_the_ticket_and_five_use_it_up(room):
    make(room, "ann", "editor")
    asked = sign_in(room, "ann")
    proposal = room.enrolment.propose_app("staff", asked.ticket, facts=FACTS)
    wrong = NewFactor(code=f"{(int(code(room, proposal)) + 500_000) % 1_000_000:06}")
    for _ in range(5):
        assert refusal(lambda: room.enrolment.confirm("staff", asked.ticket, wrong, facts=FACTS)) == (Invalid, "invalid_factor_code")
    right = NewFactor(code=code(room, proposal))
    assert refusal(lambda: room.enrolment.confirm("staff", asked.ticket, right, facts=FACTS)) == BAD_TICKET


def test_tries_are_counted_over_all_tickets_of_an_account():
    with testing.backend(limits="second-factor=3/hour") as room:
        room.collections.create(STAFF, actor=SYSTEM)
        make(room, "ann", "editor")
        visited = replace(FACTS, visit=Visit("192.0.2.7"))
        ticket = sign_in(room, "ann").ticket
        for _ in range(3):
            room.enrolment.propose_app("staff", ticket, facts=visited)
        assert refusal(lambda: room.enrolment.propose_app("staff", ticket, facts=visited))[0] is TooMany


def test_a_ticket_ends_with_its_time_and_with_a_new_password(room):
    ann = make(room, "ann", "editor")
    asked = sign_in(room, "ann")
    room.clock.advance(minutes=15)
    assert refusal(lambda: room.enrolment.propose_app("staff", asked.ticket, facts=FACTS)) == BAD_TICKET
    asked = sign_in(room, "ann")
    room.records.update("staff", ann, {"password": "another quiet room"}, actor=SYSTEM, facts=FACTS)
    assert refusal(lambda: room.enrolment.propose_app("staff", asked.ticket, facts=FACTS)) == BAD_TICKET


def test_a_session_from_before_ends_with_its_token_where_the_rule_comes_to_hold(room):
    bob = make(room, "bob")
    signed = sign_in(room, "bob")
    room.records.update("staff", bob, {"role": "editor"}, actor=SYSTEM, facts=FACTS)
    assert refusal(lambda: room.accounts.me("staff", actor=who(room, signed)))[0] is Unauthenticated
    needed = (Unauthenticated, "second_factor_to_set_up")
    assert refusal(lambda: room.sessions.refresh("staff", signed.refresh_token, facts=FACTS)) == needed
    room.records.update("staff", bob, {"role": "reader"}, actor=SYSTEM, facts=FACTS)
    assert isinstance(room.sessions.refresh("staff", signed.refresh_token, facts=FACTS), SignedIn)


def test_a_rule_that_is_written_later_is_asked_with_the_next_refresh(room):
    make(room, "bob")
    signed = sign_in(room, "bob")
    room.collections.change("staff", {"rules": {"second_factor": ""}}, actor=SYSTEM)
    assert refusal(lambda: room.sessions.refresh("staff", signed.refresh_token, facts=FACTS))[1] == "second_factor_to_set_up"


def test_the_last_factor_stays_while_it_is_needed(room):
    ann = make(room, "ann", "editor")
    _, signed = enrol(room, sign_in(room, "ann"))
    needed = (Conflict, "factor_needed")
    assert refusal(lambda: room.factors.remove_totp("staff", actor=who(room, signed))) == needed
    assert refusal(lambda: room.factors.reset("staff", None, actor=who(room, signed), facts=FACTS)) == needed
    assert room.factors.list("staff", actor=who(room, signed)).recovery_codes == 10
    room.factors.reset("staff", ann, actor=SYSTEM, facts=FACTS)
    assert sign_in(room, "ann").to_set_up


def test_admins_have_to_by_a_setting():
    with testing.backend(admins_need_factor=True) as room:
        room.accounts.create_admin("root@example.org", PASSWORD)
        asked = sign_in(room, "root", ADMINS)
        assert asked.to_set_up
        _, signed = enrol(room, asked, ADMINS)
        assert who(room, signed).kind == "admin"
        assert isinstance(sign_in(room, "root", ADMINS), FactorAsked)


def test_a_disabled_account_gets_no_ticket(room):
    ann = make(room, "ann", "editor")
    room.records.update("staff", ann, {"disabled": True}, actor=SYSTEM, facts=FACTS)
    assert refusal(lambda: sign_in(room, "ann")) == (Forbidden, "sign_in_refused")
