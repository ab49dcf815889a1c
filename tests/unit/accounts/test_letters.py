"""What letters say: placeholders are filled in once, and nothing else in a text means anything."""

import pytest

from domain.accounts.languages import preferred
from domain.accounts.letters import OURS, write
from domain.accounts.one_time import ENROLMENT, LIFETIMES, NEW_PASSKEY, PASSKEY_SIGN_IN, SECOND_FACTOR
from domain.accounts.wishes import Wish, read_wish
from domain.errors import Invalid
from domain.schema.letters import PLACEHOLDERS, Template, read_letters

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
@pytest.mark.parametrize("purpose", PLACEHOLDERS)
def test_our_own_letters_are_such_as_an_owner_may_write(language, purpose):
    """Every placeholder is known, and none that it is of no use without is missing."""
    told = {"templates": {purpose: {language: OURS[language][purpose].definition()}}}
    assert read_letters(told).definition() == told


def test_what_an_owner_writes_is_kept_as_it_was_written():
    told = {
        "app": "Planes", "pages": {"password_reset": "https://planes.example/reset?from=mail", "link": "http://localhost:3000/in"},
        "templates": {"code": {"fr": {"subject": "{app} : {code}", "text": "{code} p { color: red } {{7*7}}"}}},
    }  # fmt: skip
    assert read_letters(told).definition() == told
    assert read_letters({}) is read_letters(None) is read_letters({"pages": {}}) is None
    assert set(PLACEHOLDERS) == set(LIFETIMES) - {SECOND_FACTOR, ENROLMENT, NEW_PASSKEY, PASSKEY_SIGN_IN}


LINKED = {"subject": "s", "text": "{link}"}
URLS = ("javascript:alert(1)", "http://x.example", "//x.example", "https://x.example/#a", "https://u@x.example", "https://[", 7)


def wrong_text(code, part, text):
    return {"templates": {"verification": {"en": {**LINKED, part: text}}}}, code, f"/mail/templates/verification/en/{part}"


WRONG = [
    ({"apps": "x"}, "unknown_field", "/mail/apps"),
    ({"app": "a\nb"}, "invalid_template", "/mail/app"),
    ({"pages": {"reset": "https://x.example"}}, "unknown_field", "/mail/pages/reset"),
    *(({"pages": {"link": url}}, "invalid_url", "/mail/pages/link") for url in URLS),
    ({"templates": {"welcome": {}}}, "unknown_field", "/mail/templates/welcome"),
    ({"templates": {"code": {"english": LINKED}}}, "invalid_template", "/mail/templates/code/english"),
    wrong_text("unknown_placeholder", "text", "{link} {password}"),
    wrong_text("unknown_placeholder", "html", "{LINK}"),
    wrong_text("unknown_placeholder", "subject", "{code}"),
    wrong_text("invalid_template", "text", "hello"),
    wrong_text("invalid_template", "html", "hello"),
    wrong_text("invalid_template", "subject", "s\r\nBcc: x"),
    wrong_text("invalid_template", "subject", " "),
    ({"templates": []}, "not_an_object", "/mail/templates"),
    ("Planes", "not_an_object", "/mail"),
]  # fmt: skip


@pytest.mark.parametrize("told, code, pointer", WRONG)
def test_what_is_wrong_with_it_is_told_in_its_place(told, code, pointer):
    with pytest.raises(Invalid) as refused:
        read_letters(told)
    assert [(each.code, each.pointer) for each in refused.value.faults] == [(code, pointer)]


@pytest.mark.parametrize("header, languages", [
    ("", ()), ("de", ("de",)), ("fr;q=0.5, de-CH, en;q=0.8", ("de", "en", "fr")), ("*", ()), ("de;q=0", ()), ("x" * 9000, ()),
    ("en-GB, en;q=0.9", ("en",)), ("de;q=abc, en", ("en",)), (",,;", ()),
])  # fmt: skip
def test_languages_are_read_best_first(header, languages):
    assert preferred(header) == languages


def test_a_wish_is_read_as_it_was_written():
    wish = Wish("code", "c1", "ann@example.org", ("de", "en"), "sot_x", "a1", "b")
    assert read_wish(wish.as_text()) == Wish("code", "c1", "ann@example.org", ["de", "en"], "sot_x", "a1", "b")


def test_codes_go_first_and_whoever_is_invited_waits():
    ranked = sorted(PLACEHOLDERS, key=lambda purpose: -Wish(purpose, "c1", "").priority)
    assert set(ranked[:2]) == {"code", "link"}
    assert ranked[-1] == "invitation"
