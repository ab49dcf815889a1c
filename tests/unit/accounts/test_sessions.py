import pytest

from domain.accounts.sessions import ends_sessions
from domain.accounts.tokens import ACCESS, LIFETIMES


@pytest.mark.parametrize("changed, ends", [
    (["password"], True), (["email"], True), (["name", "email"], True), (["name"], False), ([], False), (["verified"], False),
])  # fmt: skip
def test_a_new_password_or_address_ends_sessions(changed, ends):
    assert ends_sessions(("email",), changed) is ends


def test_access_lasts_a_quarter_of_an_hour():
    assert LIFETIMES[ACCESS].total_seconds() == 900
