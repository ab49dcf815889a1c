"""Whose pages are let in: exactly those that are named."""

import pytest

from domain.origins import NOBODY, Origins, read_origins

APP = "https://app.example.org"
READ = [
    ("", NOBODY),
    ("*", Origins(anyone=True)),
    (APP, Origins(frozenset({APP}))),
    (f" {APP} ,, http://localhost:5173", Origins(frozenset({APP, "http://localhost:5173"}))),
    ("capacitor://localhost, http://[::1]:8080", Origins(frozenset({"capacitor://localhost", "http://[::1]:8080"}))),
]
REFUSED = [
    (f"*, {APP}", "either"),
    ("null", "sandbox"),
    ("app.example.org", "scheme"),
    ("//app.example.org", "scheme"),
    ("https://", "scheme"),
    (f"{APP}/", "host and port"),
    (f"{APP}/login", "host and port"),
    (f"{APP}?x", "host and port"),
    ("https://*.example.org", "pattern"),
    (f"{APP}:443", "leave out"),
    ("http://example.org:80", "leave out"),
    ("https://App.example.org", "lower case"),
    ("HTTPS://app.example.org", "lower case"),
    ("https://ünï.example", "xn--"),
    ("https://ann@example.org", "no origin"),
    ("https://a b.example", "no origin"),
    ("https://example.org:0", "no origin"),
    ("https://example.org:123456", "no origin"),
]
STRANGERS = [
    "", "null", "*", "https://evil.example", f"{APP}.evil.example", "https://evil-app.example.org", "https://appxexample.org",
    f"{APP}:8443", "http://app.example.org", "https://APP.example.org", f"{APP}/", f" {APP}", f"{APP},https://evil.example",
]  # fmt: skip


@pytest.mark.parametrize("text, read", READ)
def test_a_list_of_origins_is_read(text, read):
    assert read_origins(text) == read
    assert read_origins(str(read)) == read


@pytest.mark.parametrize("text, reason", REFUSED)
def test_what_no_browser_sends_is_refused_with_a_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        read_origins(text)


@pytest.mark.parametrize("origin", STRANGERS)
def test_whoever_is_not_named_is_a_stranger(origin):
    named = read_origins(APP)
    assert named.may_read(APP)
    assert named.trusts(APP)
    assert not named.may_read(origin)
    assert not named.trusts(origin)


def test_anyone_may_read_and_nobody_is_trusted_by_it():
    assert read_origins("*").may_read("https://evil.example")
    assert not read_origins("*").trusts("https://evil.example")
    assert not NOBODY.trusts(None)
