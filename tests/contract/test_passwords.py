"""The passwords port, on argon2id (at its least cost) and on the quick one of tests; what only argon2id promises comes after."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import bcrypt
import pytest

from adapters.outbound.argon2_passwords import Argon2Passwords
from adapters.outbound.memory.passwords import QuickPasswords
from domain.errors import Unavailable


def cheap(**options):
    return Argon2Passwords(**{"memory_kib": 64, "passes": 1, **options})


@pytest.fixture(params=["argon2", "apart", "memory"])
def passwords(request):
    if request.param != "apart":
        return {"argon2": cheap, "memory": QuickPasswords}[request.param]()
    return request.getfixturevalue("apart")


@pytest.fixture(scope="module")
def apart():
    """In a process of its own."""
    with closing(cheap(apart=True)) as passwords:
        yield passwords


def test_only_the_password_that_was_hashed_agrees(passwords):
    hashed = passwords.hash("correct horse battery")
    assert passwords.verify("correct horse battery", hashed)
    assert not passwords.verify("correct horse batterz", hashed)
    assert not passwords.verify("", hashed)


def test_one_password_is_hashed_differently_each_time_and_never_shown(passwords):
    first, second = passwords.hash("correct horse battery"), passwords.hash("correct horse battery")
    assert first != second
    assert "correct" not in first


@pytest.mark.parametrize("length", [72, 71, 99])
def test_nothing_is_cut_off_at_the_end(passwords, length):
    whole = "x" * 100
    assert not passwords.verify(whole[:length], passwords.hash(whole))


def test_nothing_is_cut_off_at_a_nul(passwords):
    assert not passwords.verify("abcdefgh", passwords.hash("abcdefgh\0zzz"))


def test_text_of_any_script_is_a_password(passwords):
    assert passwords.verify("пароль 密码 🔑", passwords.hash("пароль 密码 🔑"))


@pytest.mark.parametrize("password", ["", "anything", "nobody has this password"])
def test_an_account_that_is_not_there_agrees_with_nothing(passwords, password):
    assert passwords.verify(password, None) is False


@pytest.mark.parametrize("hashed", ["", "garbage", "$argon2id$v=19$m=64,t=1,p=1$broken", "quick$only"])
def test_a_broken_hash_lets_nobody_in(passwords, hashed):
    assert passwords.verify("garbage", hashed) is False


def test_a_hash_of_today_is_not_outdated(passwords):
    assert not passwords.is_outdated(passwords.hash("correct horse battery"))
    assert passwords.is_outdated("garbage")


def test_argon2_tells_a_hash_of_other_parameters():
    hashed = cheap().hash("correct horse battery")
    dearer = cheap(passes=2)
    assert dearer.is_outdated(hashed)
    assert dearer.verify("correct horse battery", hashed)


def test_the_parameters_are_those_that_owasp_asks_for():
    assert Argon2Passwords().hash("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_unknown_account_costs_one_hash_as_a_wrong_password_does():
    passwords, compared = cheap(), []
    passwords.verify("x", None)  # the first call also makes the dummy
    agrees = passwords._hashing.agrees
    passwords._hashing.agrees = lambda password, hashed: compared.append(hashed) or agrees(password, hashed)
    passwords.verify("x", None)
    passwords.verify("x", passwords.hash("y"))
    assert [each.rsplit("$", 2)[0] for each in compared] == ["$argon2id$v=19$m=64,t=1,p=1"] * 2


def test_a_flood_is_turned_away_and_the_places_come_back():
    passwords = cheap(places=1, waiting=1, patience=5)
    entered, leave = threading.Event(), threading.Event()
    waiting = [threading.Thread(target=passwords.hash, args=("second",))]

    def hold():
        with passwords._place():
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    waiting[0].start()
    while passwords._admitted._value:  # until the second one waits for its place
        time.sleep(0.001)
    with pytest.raises(Unavailable) as refused:
        passwords.hash("third")
    leave.set()
    holder.join(10)
    waiting[0].join(10)
    assert refused.value.retry_after >= 1
    assert passwords.hash("fourth")


def test_those_who_were_turned_away_do_not_come_back_at_once():
    passwords, told = cheap(places=1, waiting=0), set()
    with passwords._place():
        for _ in range(100):
            with pytest.raises(Unavailable) as refused:
                passwords.verify("x", "anything")
            told.add(refused.value.retry_after)
    assert told == {1, 2, 3, 4}


def test_whoever_waits_too_long_is_turned_away():
    passwords = cheap(places=1, waiting=1, patience=0.01)
    with passwords._place(), pytest.raises(Unavailable):
        passwords.hash("x")
    assert passwords.hash("x")


# --- hashes that came with accounts from PocketBase

_HASH = bcrypt.hashpw(b"correct horse battery", bcrypt.gensalt(4)).decode()
FROM_ELSEWHERE = {form: _HASH.replace("$2b$", form) for form in ("$2a$", "$2b$")}


@pytest.mark.parametrize("hashed", FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE)
def test_a_bcrypt_hash_is_checked_and_to_be_made_anew(hashed):
    passwords = cheap()
    assert passwords.verify("correct horse battery", hashed)
    assert not passwords.verify("correct horse batterz", hashed)
    assert not passwords.verify("", hashed)
    assert passwords.is_outdated(hashed)
    assert passwords.hash("correct horse battery").startswith("$argon2id$")


def test_what_bcrypt_would_cut_off_is_wrong():
    """PocketBase takes no password of more than 72 bytes (A09)."""
    whole = "x" * 72
    hashed = bcrypt.hashpw(whole.encode(), bcrypt.gensalt(4)).decode()
    assert cheap().verify(whole, hashed)
    for other in (whole + "x", whole[:71], "é" * 37):
        assert not cheap().verify(other, hashed)


@pytest.mark.parametrize("cost", ["31", "15", "03", "xx"])
def test_a_hash_of_another_cost_lets_nobody_in_and_costs_nothing(cost):
    hashed = FROM_ELSEWHERE["$2b$"].replace("$04$", f"${cost}$")
    began = time.monotonic()
    assert not cheap().verify("correct horse battery", hashed)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("hashed", ["$2b$04$short", "$2b$04$" + "é" * 53, "$2x$04$" + "a" * 53])
def test_what_only_looks_like_bcrypt_lets_nobody_in(hashed):
    assert not cheap().verify("", hashed)


def test_a_nul_cuts_nothing_off():
    hashed = bcrypt.hashpw(b"abcdefgh", bcrypt.gensalt(4)).decode()
    assert not cheap().verify("abcdefgh\0zzz", hashed)


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux's")
def test_hashing_steps_back_behind_requests_and_takes_nobody_else_along():
    passwords = Argon2Passwords(memory_kib=1024, passes=1)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    passwords.hash("a stillroom of herbs")
    hashing = next(each for each in threading.enumerate() if each.name.startswith("hashing"))
    assert os.getpriority(os.PRIO_PROCESS, hashing.native_id) == max(10, before)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


# --- in a process of its own


def process_of(passwords):
    passwords.verify("x", "anything")
    return passwords._hashing._process


def test_a_process_that_died_is_started_anew(apart):
    hashed = apart.hash("correct horse battery")
    first = process_of(apart)
    first.kill()
    first.wait()
    assert apart.verify("correct horse battery", hashed)
    assert process_of(apart).pid != first.pid


def test_many_ask_it_and_each_hears_of_its_own_password(apart):
    hashed = {word: apart.hash(word) for word in ("one", "two", "three")}
    patient = cheap(apart=True, waiting=100, patience=30)
    with closing(patient), ThreadPoolExecutor(12) as pool:
        asked = [(word, other) for word in hashed for other in hashed] * 20
        told = list(pool.map(lambda pair: patient.verify(pair[0], hashed[pair[1]]), asked))
    assert told == [word == other for word, other in asked]


def test_what_ends_a_line_or_is_no_text_is_a_password_like_others(apart):
    for password in ("two\nlines", "\r\n", "\u2028", '"]', "\0"):
        hashed = apart.hash(password)
        assert apart.verify(password, hashed)
        assert not apart.verify(password + "x", hashed)
    assert not apart.verify("\ud800", apart.hash("x"))
    assert apart.verify("x", apart.hash("x"))


@pytest.mark.skipif(sys.platform != "linux", reason="priorities are Linux's")
def test_it_steps_back_and_ends_with_whoever_asked_it():
    passwords = cheap(apart=True)
    process = process_of(passwords)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) >= 10
    assert os.getsid(process.pid) == process.pid
    assert b"STILLROOM" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    passwords.close()
    assert process.poll() == 0
    assert passwords.hash("x")
    passwords.close()
