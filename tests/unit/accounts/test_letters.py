"""What letters say: placeholders are filled in once, and nothing else in a text means anything."""

import pytest

from domain.accounts.languages import preferred
from domain.accounts.letters import OURS, Template, placeholders, unknown_placeholder, write
from domain.accounts.one_time import LIFETIMES, SIGN_IN_CODE, VERIFICATION
from domain.accounts.wishes import Wish, pause_after, read_wish

HOSTILE = ["{{7*7}}", "{% raw %}", "${x}", "%(link)s", "{app.__class__}", "{0}", "{link!r}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_other_template_languages_run_is_text_here(text):
    written = write(Template(text, text, text), {"link": "L", "app": "A"})
    assert (written.subject, written.text, written.html) == (text, text, text)


@pytest.mark.parametrize("value", [*HOSTILE, "{link}", "{code}"])
def test_what_is_filled_in_is_not_looked_at_again(value):
    assert write(Template("{app}", "{app}"), {"app": value, "link": "L", "code": "C"}).text == value


def test_what_is_filled_into_html_is_text():
    assert write(Template("", "", "<b>{app}</b>"), {"app": '<script>"&'}).html == "<b>&lt;script&gt;&quot;&amp;</b>"


@pytest.mark.parametrize("value", ["a\r\nBcc: x@example.org", "a\x00b", "a\u2028b", "a\x1bb"])
def test_a_subject_is_one_line(value):
    subject = write(Template("Hello {app}", ""), {"app": value}).subject
    assert subject.isprintable()


@pytest.mark.parametrize("language", OURS)
@pytest.mark.parametrize("purpose", LIFETIMES)
def test_our_own_letters_name_what_there_is_and_what_they_are_for(language, purpose):
    if purpose not in OURS[language]:
        pytest.skip("not sent yet")
    template = OURS[language][purpose]
    assert [unknown_placeholder(text, purpose) for text in (template.subject, template.text, template.html)] == [None] * 3
    needed = "{code}" if purpose == SIGN_IN_CODE else "{link}"
    assert needed in template.text
    assert needed in template.html


def test_a_placeholder_that_is_not_there_is_found():
    assert unknown_placeholder("{link} {password}", VERIFICATION) == "password"
    assert unknown_placeholder("{LINK}", VERIFICATION) == "LINK"
    assert unknown_placeholder("p { color: red } {link}", VERIFICATION) is None
    assert "code" not in placeholders(VERIFICATION)


@pytest.mark.parametrize("header, languages", [
    ("", ()), ("de", ("de",)), ("fr;q=0.5, de-CH, en;q=0.8", ("de", "en", "fr")), ("*", ()), ("de;q=0", ()), ("x" * 9000, ()),
    ("en-GB, en;q=0.9", ("en",)), ("de;q=abc, en", ("en",)), (",,;", ()),
])  # fmt: skip
def test_languages_are_read_best_first(header, languages):
    assert preferred(header) == languages


def test_a_wish_is_read_as_it_was_written():
    wish = Wish("code", "c1", "ann@example.org", ("de", "en"), "sot_x", "a1", "b")
    assert read_wish(wish.as_text()) == Wish("code", "c1", "ann@example.org", ["de", "en"], "sot_x", "a1", "b")


def test_pauses_grow_and_end():
    pauses = [pause_after(attempt) for attempt in range(1, 9)]
    assert pauses[-1] is None
    assert pauses[:-1] == sorted(pauses[:-1])
