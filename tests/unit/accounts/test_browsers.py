"""Whether a browser's request is one that the site's own page made, and whether it shows the session's token."""

import pytest

from domain.accounts.browsers import check_csrf_token, check_same_site, csrf_token
from domain.accounts.refresh import minted
from domain.errors import Forbidden

TOKEN, OTHER = minted(bytes(16), bytes(32)), minted(b"x" * 16, bytes(32))


def same_site(origin=None, fetch_site=None, host="app.example.org", known="https://app.example.org"):
    check_same_site(origin=origin, fetch_site=fetch_site, host=host, known=known)


@pytest.mark.parametrize("request_", [
    {},
    {"origin": "https://app.example.org"},
    {"origin": "https://app.example.org", "fetch_site": "same-origin"},
    {"origin": "https://app.example.org", "host": "inside:8000"},
    {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000", "known": ""},
    {"fetch_site": "none"},
])  # fmt: skip
def test_the_sites_own_page_may_ask(request_):
    same_site(**request_)


@pytest.mark.parametrize("request_", [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ""}, {"origin": "https://app.example.org.evil.example"},
    {"origin": "https://sub.app.example.org"}, {"origin": "https://app.example.org:8443"}, {"origin": "https://app.example.org@evil.example"},
    {"origin": "app.example.org"}, {"origin": "https://app.example.orgx"}, {"origin": "https://evil.example", "known": ""},
    {"fetch_site": "cross-site"}, {"fetch_site": "same-site"}, {"fetch_site": ""}, {"fetch_site": "Same-Origin"},
    {"origin": "https://app.example.org", "fetch_site": "cross-site"},
])  # fmt: skip
def test_no_other_may(request_):
    with pytest.raises(Forbidden) as refused:
        same_site(**request_)
    assert refused.value.code == "csrf_refused"


def test_the_token_is_the_same_through_the_life_of_a_session_and_no_other_sessions():
    assert csrf_token(TOKEN) == csrf_token(TOKEN.successor(b"salt")) != csrf_token(OTHER)
    assert TOKEN.family not in csrf_token(TOKEN)
    check_csrf_token(csrf_token(TOKEN), TOKEN)


@pytest.mark.parametrize("shown", [None, "", csrf_token(OTHER), csrf_token(TOKEN)[:-1], csrf_token(TOKEN) + "=", "é" * 43, TOKEN.family])
def test_another_token_is_refused(shown):
    with pytest.raises(Forbidden):
        check_csrf_token(shown, TOKEN)


def test_where_there_is_no_session_no_token_is_good():
    with pytest.raises(Forbidden):
        check_csrf_token(csrf_token(TOKEN), None)
