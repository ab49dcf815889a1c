"""What accounts do by a letter, over the whole backend in memory."""

import re
from dataclasses import replace
from datetime import timedelta
from time import sleep

import pytest

from app import testing
from domain.accounts.one_time import PASSWORD_RESET, VERIFICATION
from domain.actor import GUEST, SYSTEM
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from domain.jobs.retrying import wait_after
from domain.mail import SEND
from domain.rules.values import RequestFacts
from domain.schema.fields.text import email_key
from ports.mail import NotSent
from tests.usecases.test_accounts import ANN, PASSWORD, USERS, sign_up
from tests.usecases.test_sessions import actor, sign_in, stands

FACTS = RequestFacts("POST", headers={"accept_language": "en"})
NEW, NEW_PASSWORD = "ann@elsewhere.example", "quiet river at dawn"


@pytest.fixture
def room():
    with testing.backend() as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        yield room


def letters(room):
    """What went out since they were read last."""
    room.mail.deliver()
    sent, room.post.letters = room.post.letters, []
    return sent


def token(letter):
    return re.search(r"token=(\S+)", letter.text)[1]


def link(room, purpose, email=ANN):
    room.proofs.ask(purpose, "users", email, facts=FACTS)
    (letter,) = letters(room)
    return token(letter)


def code(room, email=ANN):
    ticket = room.proofs.ask_code("users", email, facts=FACTS)
    (letter,) = letters(room)
    return ticket, re.search(r"^\d{8}$", letter.text, re.M)[0]


def verified(room, email=ANN):
    return room.work.read(lambda stores: _record(stores, email)["verified"])


def _record(stores, email):
    users = stores.schema.collection("users")
    return stores.records.load(users, stores.accounts.credentials(users, email_key(email)).id)


# --- proving an address


def test_a_link_proves_an_address_once(room):
    text = link(room, VERIFICATION)
    room.proofs.verify("users", text)
    assert verified(room)
    with pytest.raises(Unauthenticated):
        room.proofs.verify("users", text)


def test_the_link_leads_to_the_public_address_of_the_settings(room):
    hostile = RequestFacts("POST", headers={"host": "evil.example", "x_forwarded_host": "evil.example"})
    room.proofs.ask(VERIFICATION, "users", ANN, facts=hostile)
    (letter,) = letters(room)
    assert letter.to == ANN
    assert f"\n\n{testing.PUBLIC_URL}/auth/users/verification?token=sot_" in letter.text
    assert f'href="{testing.PUBLIC_URL}/auth/users/verification?token=sot_' in letter.html
    assert "evil" not in letter.text + letter.html


def test_who_has_no_account_gets_no_letter_and_neither_does_who_is_verified(room):
    room.proofs.verify("users", link(room, VERIFICATION))
    for email in (ANN, "nobody@example.org"):
        room.proofs.ask(VERIFICATION, "users", email, facts=FACTS)
    assert letters(room) == []


def test_a_letter_is_written_in_a_language_that_its_reader_knows(room):
    room.proofs.ask(VERIFICATION, "users", ANN, facts=RequestFacts("POST", headers={"accept_language": "fr, de-CH;q=0.8, en;q=0.5"}))
    assert "Adresse bestätigen" in letters(room)[0].subject


def test_a_link_is_good_for_its_own_purpose_only_and_in_its_own_collection(room):
    room.collections.create({**USERS, "name": "others"}, actor=SYSTEM)
    text = link(room, VERIFICATION)
    uses = [lambda: room.proofs.set_password("users", text, NEW_PASSWORD), lambda: room.proofs.change_email("users", text, facts=FACTS),
            lambda: room.proofs.sign_in_by_code("users", text, "12345678", facts=FACTS), lambda: room.proofs.verify("others", text)]
    for use in uses:
        with pytest.raises(Unauthenticated):
            use()
    room.proofs.verify("users", text)


@pytest.mark.parametrize("purpose, hours", [(VERIFICATION, 72), (PASSWORD_RESET, 1)])
def test_a_link_is_good_for_its_time(room, purpose, hours):
    text = link(room, purpose)
    room.clock.advance(hours=hours)
    with pytest.raises(Unauthenticated):
        room.proofs.verify("users", text) if purpose == VERIFICATION else room.proofs.set_password("users", text, NEW_PASSWORD)


@pytest.mark.parametrize("text", ["", "x", "sot_" + "A" * 43, "é" * 300, "\ud800", "' OR 1=1 --", "%", "\0"])
def test_what_is_no_token_is_refused_alike(room, text):
    with pytest.raises(Unauthenticated) as refused:
        room.proofs.verify("users", text)
    assert refused.value.code == "invalid_one_time"


NO_ADDRESSES = ["", "ann", "a\r\nBcc: x@example.org", f"{ANN}\nBcc: x@example.org", "ann@example.org,bob@example.org", f"Ann <{ANN}>",
                "a" * 300 + "@b.example"]  # fmt: skip


@pytest.mark.parametrize("email", NO_ADDRESSES)
def test_what_is_no_address_is_refused(room, email):
    with pytest.raises(Invalid):
        room.proofs.ask(VERIFICATION, "users", email, facts=FACTS)
    assert letters(room) == []


def test_there_is_no_such_collection(room):
    for use in (lambda: room.proofs.ask(VERIFICATION, "nothing", ANN, facts=FACTS), lambda: room.proofs.verify("nothing", "sot_x")):
        with pytest.raises(NotFound):
            use()


# --- a new password


def test_a_reset_sets_the_password_ends_every_session_and_proves_the_address(room):
    before = sign_in(room)
    room.proofs.set_password("users", link(room, PASSWORD_RESET), NEW_PASSWORD)
    assert not stands(room, before)
    assert verified(room)
    with pytest.raises(Unauthenticated):
        sign_in(room)
    assert stands(room, sign_in(room, password=NEW_PASSWORD))


def test_a_reset_ends_every_other_link_and_code(room):
    ticket, typed = code(room)
    one, other, verification = link(room, PASSWORD_RESET), link(room, PASSWORD_RESET), link(room, VERIFICATION)
    room.proofs.set_password("users", one, NEW_PASSWORD)
    uses = [lambda: room.proofs.set_password("users", other, "another river"), lambda: room.proofs.verify("users", verification),
            lambda: room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS)]
    for use in uses:
        with pytest.raises(Unauthenticated):
            use()


def test_a_change_of_password_ends_links_too(room):
    text = link(room, PASSWORD_RESET)
    signed = sign_in(room)
    body = {"password": NEW_PASSWORD, "old_password": PASSWORD}
    room.records.update("users", actor(room, signed).id, body, actor=actor(room, signed), facts=FACTS)
    with pytest.raises(Unauthenticated):
        room.proofs.set_password("users", text, "another river")


@pytest.mark.parametrize("password", ["short", "password1", ANN])
def test_a_password_that_the_policy_refuses_leaves_the_link_good(room, password):
    text = link(room, PASSWORD_RESET)
    with pytest.raises(Invalid):
        room.proofs.set_password("users", text, password)
    room.proofs.set_password("users", text, NEW_PASSWORD)


# --- signing in by a code


def test_a_code_signs_in_once_and_proves_the_address(room):
    ticket, typed = code(room)
    signed = room.proofs.sign_in_by_code("users", ticket, f" {typed[:4]}-{typed[4:]} ", facts=FACTS, device="Ann's phone")
    assert stands(room, signed)
    assert verified(room)
    assert [(each.method, each.device) for each in room.sessions.list("users", actor=actor(room, signed))] == [("otp", "Ann's phone")]
    with pytest.raises(Unauthenticated):
        room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS)


def test_after_five_tries_the_right_code_is_wrong_too(room):
    ticket, typed = code(room)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            room.proofs.sign_in_by_code("users", ticket, "00000000" if typed != "00000000" else "00000001", facts=FACTS)
    with pytest.raises(Unauthenticated):
        room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS)


def test_whoever_guesses_without_the_ticket_uses_up_nothing(room):
    ticket, typed = code(room)
    for _ in range(9):
        with pytest.raises(Unauthenticated):
            room.proofs.sign_in_by_code("users", "sot_guess", typed, facts=FACTS)
    assert stands(room, room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS))


def test_who_signed_up_with_the_address_of_another_is_out_when_its_owner_comes(room):
    planted = sign_in(room)
    ticket, typed = code(room)
    signed = room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS)
    assert not stands(room, planted)
    with pytest.raises(Unauthenticated):
        sign_in(room)
    room.proofs.set_password("users", link(room, PASSWORD_RESET), NEW_PASSWORD)
    assert not stands(room, signed)


def test_an_admin_keeps_the_password_since_nobody_signs_up_as_one(room):
    room.accounts.create_admin("boss@example.org", NEW_PASSWORD)
    ticket = room.proofs.ask_code("_admins", "boss@example.org", facts=FACTS)
    typed = re.search(r"^\d{8}$", letters(room)[0].text, re.M)[0]
    assert room.accounts.identify(room.proofs.sign_in_by_code("_admins", ticket, typed, facts=FACTS).access_token).passes_rules
    assert room.accounts.sign_in("_admins", "boss@example.org", NEW_PASSWORD, facts=FACTS)


def test_a_proved_account_keeps_its_password_and_sessions(room):
    room.proofs.verify("users", link(room, VERIFICATION))
    before = sign_in(room)
    ticket, typed = code(room)
    room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS)
    assert stands(room, before)
    assert stands(room, sign_in(room))


def test_the_auth_rule_binds_codes_and_leaves_them_unspent(room):
    room.collections.change("users", {"rules": {"auth": None}}, actor=SYSTEM)
    ticket, typed = code(room)
    with pytest.raises(Forbidden):
        room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS)
    room.collections.change("users", {"rules": {"auth": ""}}, actor=SYSTEM)
    assert stands(room, room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS))


# --- signing in by a link


def with_page(room):
    room.collections.change("users", {"mail": {"pages": {"link": "https://planes.example/in"}}}, actor=SYSTEM)


def sign_in_link(room):
    with_page(room)
    room.proofs.ask_link("users", ANN, facts=FACTS)
    (letter,) = letters(room)
    return re.search(r"https://planes.example/in#token=(\S+)", letter.text)[1]


def test_a_link_signs_in_once_and_proves_the_address(room):
    planted, text = sign_in(room), sign_in_link(room)
    signed = room.proofs.sign_in_by_link("users", text, facts=FACTS)
    assert (stands(room, signed), verified(room), stands(room, planted)) == (True, True, False)
    with pytest.raises(Unauthenticated):
        room.proofs.sign_in_by_link("users", text, facts=FACTS)


def test_a_link_to_sign_in_is_good_for_nothing_else(room):
    text = sign_in_link(room)
    for use in (lambda: room.proofs.verify("users", text), lambda: room.proofs.set_password("users", text, NEW_PASSWORD)):
        with pytest.raises(Unauthenticated):
            use()
    other = link(room, PASSWORD_RESET)
    with pytest.raises(Unauthenticated):
        room.proofs.sign_in_by_link("users", other, facts=FACTS)


def test_without_a_page_of_the_app_there_are_no_links_to_sign_in(room):
    with pytest.raises(Unavailable) as refused:
        room.proofs.ask_link("users", ANN, facts=FACTS)
    assert refused.value.code == "links_not_configured"
    assert letters(room) == []


# --- another address


def ask_change(room, signed, email=NEW, password=PASSWORD):
    room.proofs.ask_email_change("users", email, password, actor=actor(room, signed), facts=FACTS)
    return letters(room)


def test_both_addresses_confirm_the_change_of_one_that_was_proved(room):
    room.proofs.verify("users", link(room, VERIFICATION))
    signed = sign_in(room)
    (to_old,) = ask_change(room, signed)
    assert (to_old.to, NEW in to_old.text) == (ANN, True)
    assert room.proofs.change_email("users", token(to_old), facts=FACTS) is False
    assert stands(room, signed)
    (to_new,) = letters(room)
    assert to_new.to == NEW
    assert room.proofs.change_email("users", token(to_new), facts=FACTS) is True
    assert (verified(room, NEW), stands(room, signed)) == (True, False)
    assert stands(room, sign_in(room, email=NEW))


def test_an_address_that_was_never_proved_is_not_asked(room):
    (to_new,) = ask_change(room, sign_in(room))
    assert to_new.to == NEW
    assert room.proofs.change_email("users", token(to_new), facts=FACTS) is True


def test_a_change_wants_the_present_password_and_an_account(room):
    with pytest.raises(Invalid) as refused:
        ask_change(room, sign_in(room), password="not this one")
    assert refused.value.code == "wrong_password"
    with pytest.raises(Unauthenticated):
        room.proofs.ask_email_change("users", NEW, PASSWORD, actor=GUEST, facts=FACTS)


def test_an_address_that_is_taken_is_told_to_nobody_and_to_its_owner_only(room):
    sign_up(room, email=NEW)
    assert ask_change(room, sign_in(room)) == []


def test_an_address_that_is_taken_meanwhile_stays_its_owners(room):
    (to_new,) = ask_change(room, sign_in(room))
    sign_up(room, email=NEW)
    with pytest.raises(Conflict):
        room.proofs.change_email("users", token(to_new), facts=FACTS)


# --- how letters go


def test_a_letter_that_does_not_go_out_is_tried_again_and_is_the_same(room):
    room.post.failing = NotSent("the server sleeps")
    room.proofs.ask(VERIFICATION, "users", ANN, facts=FACTS)
    assert letters(room) == []
    (first,) = posted(room)
    room.post.failing = None
    assert letters(room) == [], "it is not its time yet"
    again(room)
    (letter,) = letters(room)
    assert letter.id == first.id
    room.proofs.verify("users", token(letter))
    assert (first.state, first.tries, first.reason) == ("waiting", 1, "Unavailable: the server sleeps")
    assert [(each.state, each.result) for each in posted(room)] == [("done", "sent")]
    assert kept(room) == []


def posted(room):
    return room.jobs.list({"name": SEND}, actor=SYSTEM)


def kept(room):
    return room.work.read(lambda stores: stores.mailbox.all("", 9))


def again(room):
    """As an admin who does not want to wait."""
    for each in posted(room):
        if each.state == "waiting":
            room.jobs.cancel(each.id, actor=SYSTEM)
        room.jobs.retry(each.id, actor=SYSTEM)


def test_a_letter_that_cannot_go_out_is_given_up_at_once_and_goes_out_when_an_admin_says_so(room):
    room.post.failing = NotSent("no such mailbox", permanent=True)
    room.proofs.ask(VERIFICATION, "users", ANN, facts=FACTS)
    letters(room)
    room.post.failing = None
    (dead,) = posted(room)
    assert (dead.state, dead.tries, dead.reason) == ("dead", 1, "no such mailbox")
    assert letters(room) == []
    again(room)
    assert len(letters(room)) == 1


def test_a_letter_is_tried_for_hours_and_given_up_in_the_end(room):
    task = room.jobs.tasks[SEND]
    waits = [wait_after(tries, task.wait, 0.5) for tries in range(1, task.tries)]
    assert timedelta(hours=3) < sum(waits, timedelta()) < timedelta(hours=5)
    room.jobs._tasks[SEND] = replace(task, wait=timedelta(milliseconds=1), tries=3)
    room.post.failing = NotSent("the server sleeps")
    room.proofs.ask(VERIFICATION, "users", ANN, facts=FACTS)
    for _ in range(3):
        letters(room)
        sleep(0.01)
    assert [(each.state, each.tries) for each in posted(room)] == [("dead", 3)]


def test_what_nobody_can_use_any_more_is_not_sent_and_not_kept(room):
    room.post.failing = NotSent("the server sleeps")
    room.proofs.ask_code("users", ANN, facts=FACTS)
    letters(room)
    room.post.failing = None
    room.clock.advance(minutes=11)
    again(room)
    assert letters(room) == []
    (dead,) = posted(room)
    assert (dead.state, "good no more" in dead.reason) == ("dead", True)
    room.housekeeping.run()
    assert kept(room) == []


def test_housekeeping_leaves_what_is_still_to_go_out(room):
    room.proofs.ask_code("users", ANN, facts=FACTS)
    room.clock.advance(minutes=11)
    room.housekeeping.run()
    assert len(kept(room)) == 1


def test_a_letter_goes_with_its_job(room):
    room.proofs.ask(VERIFICATION, "users", ANN, facts=FACTS)
    room.jobs.drop(posted(room)[0].id, actor=SYSTEM)
    assert kept(room) == letters(room) == []


def test_the_job_of_a_letter_tells_nothing_of_it(room):
    sign_up(room, email="bea@example.org")
    for email in (ANN, "nobody@example.org"):
        room.proofs.ask(VERIFICATION, "users", email, facts=FACTS)
    (letter,) = letters(room)
    told = [repr(each) for each in posted(room)]
    assert [each.result for each in posted(room)] == ["nobody is to get it", "sent"]
    for part in (ANN, "example.org", "users", VERIFICATION, token(letter)):
        assert not any(part in each for each in told)


def test_codes_go_before_what_can_wait(room):
    sign_up(room, email="bea@example.org")
    room.mail.send("bea@example.org", "News", "Nothing new.")
    room.proofs.ask_code("users", ANN, facts=FACTS)
    assert [each.to for each in letters(room)] == [ANN, "bea@example.org"]


def test_a_letter_that_was_refused_keeps_no_other_waiting(room):
    class Picky:
        sent = []

        def send(self, letter):
            if letter.to == ANN:
                raise ValueError("a bug")
            self.sent.append(letter.to)

    sign_up(room, email="bea@example.org")
    room.mail._mailer = Picky()
    for email in (ANN, "bea@example.org"):
        room.proofs.ask(VERIFICATION, "users", email, facts=FACTS)
    room.mail.deliver()
    assert Picky.sent == ["bea@example.org"]


def test_nothing_that_waits_can_be_read(room):
    ticket = room.proofs.ask_code("users", ANN, facts=FACTS)
    room.post.failing = NotSent("the server sleeps")
    room.mail.deliver()
    rows = kept(room)
    assert [each.is_written for each in rows] == [True]
    for part in (ticket, ANN, "users", "Subject", "sot_"):
        assert part.encode() not in rows[0].sealed


def test_where_no_mail_goes_out_it_is_said(room):
    room.mail._mailer = None
    for use in (lambda: room.proofs.ask_code("users", ANN, facts=FACTS), lambda: room.proofs.ask(VERIFICATION, "users", ANN, facts=FACTS)):
        with pytest.raises(Unavailable) as refused:
            use()
        assert refused.value.code == "mail_not_configured"


def test_where_links_lead_nowhere_codes_go_out_and_links_do_not(room):
    room.mail._writer.public_url = ""
    with pytest.raises(Unavailable) as refused:
        room.proofs.ask(VERIFICATION, "users", ANN, facts=FACTS)
    assert refused.value.code == "links_not_configured"
    assert stands(room, room.proofs.sign_in_by_code("users", *code(room), facts=replace(FACTS)))


# --- what letters say


def test_the_owners_texts_stand_in_place_of_ours(room):
    texts = {"fr": {"subject": "{app} : bonjour", "text": "Cliquez {link}"}}
    mail = {"app": "Planes", "pages": {"verification": "https://planes.example/verify"}, "templates": {"verification": texts}}
    room.collections.change("users", {"mail": mail}, actor=SYSTEM)
    room.proofs.ask(VERIFICATION, "users", ANN, facts=FACTS)
    (letter,) = letters(room)
    assert (letter.subject, letter.html) == ("Planes : bonjour", "")
    assert letter.text.startswith("Cliquez https://planes.example/verify#token=sot_")
    room.proofs.verify("users", token(letter))


def test_whoever_puts_a_placeholder_into_an_address_sees_it_as_it_is(room):
    sign_up(room, email="{link}@example.org")
    room.proofs.ask(VERIFICATION, "users", "{link}@example.org", facts=FACTS)
    assert "that {link}@example.org is your address" in letters(room)[0].text
