"""Device tokens: what is read of them, and what they hold for."""

import pytest

from domain.accounts.devices import PREFIX, Device, read_claim

ANNS = Device("users", "0198aa", 3, "0199bb")
MARK = b"m" * 32


def test_a_token_is_read_as_what_it_was_made_of():
    claim = read_claim(ANNS.token(MARK), "users")
    assert claim.device == ANNS
    assert claim.holds(MARK)
    assert not claim.holds(b"n" * 32)


def test_the_collection_is_the_one_that_is_asked_and_so_part_of_the_mark():
    claim = read_claim(ANNS.token(MARK), "_admins")
    assert claim.device.content != ANNS.content


M = "m" * 43


@pytest.mark.parametrize("text", [
    "", PREFIX, "sdt_3.a.b", f"sdt_3.a b.c.{M}", f"sdt_x.a.b.{M}", f"sdt_3.a.b.{M[1:]}", f"sdt_{'9' * 19}.a.b.{M}", f"sdt_٣.a.b.{M}",
    f"sdt_3.a.b.{M}\n", f"srt_3.a.b.{M}", f"sdt_3.{'a' * 65}.b.{M}",
])  # fmt: skip
def test_what_is_no_such_token_claims_nothing(text):
    assert read_claim(text, "users") is None


@pytest.mark.parametrize("other", [("0198aa", 4), ("0198aa", 2), ("0198ab", 3)])
def test_it_is_of_its_account_and_epoch_alone(other):
    assert ANNS.is_of("0198aa", 3)
    assert not ANNS.is_of(*other)
