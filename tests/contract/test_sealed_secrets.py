"""Secrets at rest: what is sealed opens in its own place with its own secret, and the secret's file is its owner's alone."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.outbound.sealed_secrets import SHORTEST, BrokenSeal, Seal, WeakSecret, load_or_make_secret

SEAL = Seal(b"a secret of the tests, long enough")


@pytest.mark.parametrize("plain", [b"", b"x", os.urandom(1000)])
def test_what_was_sealed_opens(plain):
    assert SEAL.open(SEAL.close(plain, about="here"), about="here") == plain


def test_sealing_twice_gives_two_texts_and_shows_nothing():
    first, second = SEAL.close(b"the private key", about=""), SEAL.close(b"the private key", about="")
    assert first != second
    assert b"private" not in first


def test_it_opens_with_the_same_secret_in_another_process():
    assert Seal(b"a secret of the tests, long enough").open(SEAL.close(b"x", about="a"), about="a") == b"x"


def test_another_secret_another_place_and_a_changed_byte_do_not_open():
    sealed = SEAL.close(b"the private key", about="here")
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for wrong in [*changed, sealed[:-1], sealed[:5], b"", b"\x01"]:
        with pytest.raises(BrokenSeal):
            SEAL.open(wrong, about="here")
    with pytest.raises(BrokenSeal):
        SEAL.open(sealed, about="there")
    with pytest.raises(BrokenSeal):
        Seal(b"another secret, and long enough too").open(sealed, about="here")


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * (SHORTEST - 1)])
def test_a_short_secret_is_refused(secret):
    with pytest.raises(WeakSecret):
        Seal(secret)


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "secret_key"
    made = load_or_make_secret(path)
    assert len(made) >= SHORTEST
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_make_secret(path) == made
    assert [each.name for each in tmp_path.iterdir()] == ["secret_key"]


def test_two_backends_have_two_secrets(tmp_path):
    assert load_or_make_secret(tmp_path / "one") != load_or_make_secret(tmp_path / "other")


def test_all_who_start_at_once_get_one_secret(tmp_path):
    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(lambda _: load_or_make_secret(tmp_path / "secret_key"), range(16)))
    assert len(set(made)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path):
    path = tmp_path / "secret_key"
    path.write_text("a secret that was copied here, long enough\n")
    path.chmod(0o644)
    assert load_or_make_secret(path) == b"a secret that was copied here, long enough"
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "\n", "short"])
def test_an_emptied_file_is_told_and_not_replaced(tmp_path, text):
    path = tmp_path / "secret_key"
    path.write_text(text)
    with pytest.raises(WeakSecret):
        load_or_make_secret(path)
    assert path.read_text() == text
