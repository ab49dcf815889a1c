"""The pages that links in letters lead to: opening one does nothing, its button does."""

import re

import pytest

from app import testing
from domain.accounts.one_time import PASSWORD_RESET, VERIFICATION
from domain.actor import SYSTEM
from tests.usecases.test_accounts import ANN, USERS, sign_up
from tests.usecases.test_proofs import FACTS, NEW_PASSWORD, ask_change, link, token, verified
from tests.usecases.test_sessions import sign_in, stands

FORM = {"content_type": "application/x-www-form-urlencoded"}


@pytest.fixture
def room():
    with testing.backend() as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        yield room


@pytest.fixture
def web(room):
    return testing.client(room)


def path(room, purpose):
    """Where a letter's link leads, below the public address."""
    room.proofs.ask(purpose, "users", ANN, facts=FACTS)
    room.mail.deliver()
    found = re.search(r"^(\S+://[^/]+)(/\S+)$", room.post.letters.pop().text, re.M)
    assert found[1] == testing.PUBLIC_URL
    return found[2]


def pressed(web, at, **fields):
    """The form of the page as a browser sends it."""
    page = web.get(at).get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    return web.post(at, data={**hidden, **fields})


def test_looking_at_a_link_uses_nothing_up(room, web):
    at = path(room, VERIFICATION)
    for method in (web.get, web.head, web.get):
        assert method(at).status_code == 200
    assert not verified(room)
    assert pressed(web, at).status_code == 200
    assert verified(room)


def test_a_page_is_kept_by_nobody_and_framed_by_nobody(room, web):
    answer = web.get(path(room, VERIFICATION))
    told = {name: answer.headers[name] for name in ("Cache-Control", "Referrer-Policy", "Content-Security-Policy", "X-Frame-Options")}
    assert told == {
        "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
        "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    }  # fmt: skip
    assert "<script" not in answer.get_data(as_text=True)


def test_a_password_is_set_on_the_page_and_a_bad_one_can_be_mended(room, web):
    at = path(room, PASSWORD_RESET)
    bad = pressed(web, at, password="short")
    assert (bad.status_code, "at least 8 bytes" in bad.get_data(as_text=True), "<form" in bad.get_data(as_text=True)) == (400, True, True)
    assert pressed(web, at, password=NEW_PASSWORD).status_code == 200
    assert stands(room, sign_in(room, password=NEW_PASSWORD))
    again = pressed(web, at, password=NEW_PASSWORD)
    assert (again.status_code, "<form" in again.get_data(as_text=True)) == (401, False)


def test_an_address_is_changed_on_the_page(room, web):
    (letter,) = ask_change(room, sign_in(room))
    assert pressed(web, f"/auth/users/email-change?token={token(letter)}").status_code == 200


def test_whatever_comes_as_a_token_is_shown_as_text(web):
    answer = web.get("/auth/users/verification", query_string={"token": '"><script>alert(1)</script>'})
    assert "<script" not in answer.get_data(as_text=True)


def test_a_page_speaks_the_language_of_its_reader(web):
    answer = web.get("/auth/users/verification", headers={"Accept-Language": "de-AT, en;q=0.5"})
    assert '<html lang="de">' in answer.get_data(as_text=True)


REFUSED = [
    ({"data": "token=x", "content_type": "application/json"}, 415), ({"data": "token=x&token=y", **FORM}, 400),
    ({"data": "", **FORM}, 400), ({"data": "token=x&password=y", **FORM}, 400), ({"data": "token=x", **FORM}, 401),
]  # fmt: skip


@pytest.mark.parametrize("sent, status", REFUSED)
def test_what_no_form_of_ours_sends_is_refused(web, sent, status):
    assert web.post("/auth/users/verification", **sent).status_code == status


def test_there_is_no_other_page(web):
    assert web.get("/auth/users/anything").status_code == 404


def test_a_link_may_be_used_by_an_app_of_ones_own(room, web):
    text = link(room, VERIFICATION)
    assert web.post("/api/v1/auth/users/verification/confirm", json={"token": text}).status_code == 204
    assert verified(room)
