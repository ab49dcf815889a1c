import unicodedata

import pytest

from domain.accounts.passwords import LONGEST, check_new_password, read_password
from domain.errors import Invalid

ANN = "Ann.Lee@Example.org"


def accepted(value, email=ANN):
    password = read_password(value, "/password")
    check_new_password(password, "/password", email=email)
    return password


@pytest.mark.parametrize("value", [
    "a quiet room at the back", "pässwörd sehr lang", "密码密码密", "x" * 1023 + "y", "abcdefgh\0zzz", "        ab ", "ann.lee@example.com",
])  # fmt: skip
def test_what_is_neither_short_nor_common_is_accepted(value):
    assert accepted(value) == unicodedata.normalize("NFKC", value)


@pytest.mark.parametrize("value, code", [
    ("", "too_short"),
    ("1234567", "too_short"),
    ("密码", "too_short"),
    ("12345678", "too_common"),
    ("Password1", "too_common"),
    ("password1", "too_common"),
    ("PASSWORD", "too_common"),
    ("１２３４５６７８", "too_common"),
    ("zzzzzzzzzzzzzz", "too_common"),
    ("ann.lee@example.org", "same_as_email"),
    (ANN, "same_as_email"),
    ("ANN.LEE@EXAMPLE.ORG", "same_as_email"),
    ("x" * (LONGEST + 1), "too_long"),
    ("é" * 513, "too_long"),
    ("x" * 1_000_000, "too_long"),
    ("lone \ud800 surrogate", "invalid_text"),
    (None, "wrong_type"),
    (True, "wrong_type"),
    (12345678, "wrong_type"),
    (["a quiet room"], "wrong_type"),
    ({"$ne": ""}, "wrong_type"),
])  # fmt: skip
def test_what_is_refused_says_why_and_where(value, code):
    with pytest.raises(Invalid) as refused:
        accepted(value)
    assert refused.value.code == code
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/password", code)]


def test_the_name_before_the_at_sign_is_not_a_password_either():
    with pytest.raises(Invalid, match="own e-mail"):
        accepted("Annabella", email="annabella@example.org")


def test_no_refusal_repeats_the_password():
    with pytest.raises(Invalid) as refused:
        accepted("passw0rd")
    assert "passw0rd" not in f"{refused.value.detail} {refused.value.hint} {refused.value.faults}"


@pytest.mark.parametrize("one, other", [
    ("caf\u00e9 au lait", "cafe\u0301 au lait"), ("ﬁsh and chips", "fish and chips"), ("１２ monkeys", "12 monkeys"),
])  # fmt: skip
def test_forms_that_look_alike_are_one_password(one, other):
    assert read_password(one, "") == read_password(other, "")


def test_a_nul_and_what_follows_belong_to_the_password():
    assert read_password("abcdefgh\0zzz", "") != read_password("abcdefgh", "")
