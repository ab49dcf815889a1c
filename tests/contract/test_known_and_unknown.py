"""Asking for a letter is the same work for an address with an account and for one without, on every database; measured with --long."""

import statistics
import time

import pytest

from adapters.outbound.sql.session import Session
from app.testing import backend as make_backend
from domain.accounts.one_time import PASSWORD_RESET, VERIFICATION
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.usecases.test_accounts import ANN, USERS, sign_up

FACTS = RequestFacts("POST")
NOBODY = "Bob.Lee@Example.org"  # as long as the other
ASKING = {
    "verification": lambda room, email: room.proofs.ask(VERIFICATION, "users", email, facts=FACTS),
    "password-reset": lambda room, email: room.proofs.ask(PASSWORD_RESET, "users", email, facts=FACTS),
    "code": lambda room, email: len(room.proofs.ask_code("users", email, facts=FACTS)),
}


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        made.collections.create(USERS, actor=SYSTEM)
        sign_up(made)
        yield made


@pytest.mark.parametrize("way", ASKING)
def test_the_same_statements_with_values_of_the_same_length_and_the_same_answer(room, monkeypatch, way):
    seen = []
    run = Session._run

    def noted(self, text, arguments):
        values = arguments.values() if isinstance(arguments, dict) else arguments or ()
        seen.append((text, [len(each) if isinstance(each, str | bytes) else each for each in values]))
        return run(self, text, arguments)

    monkeypatch.setattr(Session, "_run", noted)
    told = []
    for email in (ANN, NOBODY):
        seen.clear()
        answer = ASKING[way](room, email)
        told.append((answer, list(seen)))
    assert any("_letters" in text for text, _ in told[0][1])
    assert told[0] == told[1]


@pytest.mark.long
@pytest.mark.parametrize("way", ASKING)
def test_the_same_time(room, way):
    """Welch's t over 500 of each, taken in turns: below 4.5, and medians within 5 %."""
    ask = ASKING[way]
    taken = {ANN: [], NOBODY: []}
    for at in range(1_100):
        email = (ANN, NOBODY)[at % 2]
        began = time.perf_counter()
        ask(room, email)
        taken[email].append(time.perf_counter() - began)
    known, unknown = (sorted(each[50:])[: int(500 * 0.95)] for each in taken.values())
    spread = (statistics.variance(known) / len(known) + statistics.variance(unknown) / len(unknown)) ** 0.5
    t = (statistics.mean(known) - statistics.mean(unknown)) / spread
    medians = statistics.median(known) / statistics.median(unknown)
    print(f"{way}: t = {t:.2f}, ratio of medians {medians:.3f}")
    assert abs(t) < 4.5
    assert 0.95 < medians < 1.05
