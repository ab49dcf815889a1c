"""docs/mail.md: what it tells of lifetimes, tries and placeholders is what holds, and its example is a definition that works."""

import re
from datetime import timedelta
from typing import Any

from app.testing import backend, client
from domain import mail
from domain.accounts.one_time import (
    DIGITS,
    ENROLMENT,
    LIFETIMES,
    NEW_PASSKEY,
    PASSKEY_SIGN_IN,
    SECOND_FACTOR,
    TRIES,
)
from domain.actor import SYSTEM
from domain.schema.letters import PAGES, PLACEHOLDERS
from tests.docs.blocks import blocks, definitions
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "mail.md").read_text(encoding="utf-8")
_UNITS = {"minutes": 60, "hour": 3600, "hours": 3600, "days": 86_400}


def test_lifetimes_are_those_in_force() -> None:
    told = {}
    for names, count, unit in re.findall(r"^\| (`[a-z_`, ]+`) \| (\d+) ([a-z]+) \|$", PAGE, re.M):
        told |= {name: timedelta(seconds=int(count) * _UNITS[unit]) for name in re.findall(r"[a-z_]+", names)}
    without_letter = {SECOND_FACTOR, ENROLMENT, NEW_PASSKEY, PASSKEY_SIGN_IN}
    assert told == {purpose: lasts for purpose, lasts in LIFETIMES.items() if purpose not in without_letter}


def test_codes_placeholders_and_pages_are_told() -> None:
    assert (DIGITS, TRIES) == (8, 5)
    assert "eight digits and five tries" in PAGE
    assert {name for names in PLACEHOLDERS.values() for name in names} <= set(re.findall(r"`\{([a-z_]+)\}`", PAGE))
    assert set(PAGES) <= set(re.findall(r"`([a-z_]+)`", PAGE))


def test_the_example_sends_its_letter() -> None:
    with backend() as room:
        room.collections.create(definitions("mail.md")[0], actor=SYSTEM)
        web = client(room)
        web.post("/api/v1/collections/pilots/records", json={"email": "bea@example.org", "password": "Bea counts the planes"})
        ticket = web.post("/api/v1/auth/pilots/code", json={"email": "bea@example.org"}).get_json()
        room.mail.deliver()
        (letter,) = room.post.letters
        typed = letter.subject.removeprefix("Planes: ")
        assert letter.text == f"Your code for Planes is {typed}."
        signed = web.post("/api/v1/auth/pilots/code/confirm", json={"ticket": ticket["ticket"], "code": typed})
        assert (ticket["expires_in"], signed.status_code) == (600, 200)


def test_the_extension_sends_its_letter_once() -> None:
    [block] = [each for each in blocks("mail.md", "python") if "extensions/welcome.py" in each]
    module: dict[str, Any] = {}
    exec(compile(block, "docs/mail.md", "exec"), module)
    with backend(extensions=[module["welcome"]]) as room:
        pilots = definitions("mail.md")[0]
        room.collections.create({**pilots, "fields": [{"name": "name", "type": "text"}]}, actor=SYSTEM)
        body = {"email": "bea@example.org", "password": "Bea counts the planes", "name": "Bea <i>"}
        client(room).post("/api/v1/collections/pilots/records", json=body)
        room.events.drain()
        room.mail.deliver()
        (letter,) = room.post.letters
        assert (letter.to, letter.subject, letter.text) == ("bea@example.org", "Welcome, Bea <i>", "Hello Bea <i>, the hangar is open.")
        assert letter.html == "<p>Hello <b>Bea &lt;i&gt;</b>, the hangar is open.</p>"


def test_what_it_says_of_tries_and_sizes_is_so() -> None:
    assert (mail.FIRST_WAIT.seconds, mail.TRIES, mail.QUEUE, mail.SEND) == (15, 12, "mail", "mail.send")
    for told in ("after 15 seconds", "eleven times", "about four hours", "at most 200 characters", "at most 100,000", "at most 500,000"):
        assert told in PAGE, told
