"""Nobody floods a mailbox, and asking about an address that has no account is counted like any other."""

import pytest

from app import testing
from app.settings import Settings
from domain.actor import SYSTEM
from domain.limits.addresses import read_networks
from tests.usecases.test_accounts import ANN, USERS, sign_up

CODE = "/api/v1/auth/users/code"


@pytest.fixture
def asked():
    """`asked(email, address)`: the status of asking for a code from there."""
    with testing.backend(limits="mail=2/hour, mail-address=4/hour, mail-mailbox=3/hour") as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        web = testing.client(room, Settings(trusted_proxies=read_networks("127.0.0.1")))
        yield lambda email, address="203.0.113.7": web.post(CODE, json={"email": email}, headers={"X-Forwarded-For": address}).status_code


@pytest.mark.parametrize("email", [ANN, "nobody@example.org"])
def test_one_asker_gets_so_many_for_one_mailbox_however_it_is_written(asked, email):
    assert [asked(each) for each in (email, email.upper(), email)] == [200, 200, 429]
    assert asked("bea@example.org") == 200


@pytest.mark.parametrize("email", [ANN, "nobody@example.org"])
def test_all_askers_together_get_so_many_for_one_mailbox(asked, email):
    assert [asked(email, f"203.0.113.{at}") for at in range(4)] == [200, 200, 200, 429]


def test_one_asker_gets_so_many_for_all_mailboxes(asked):
    assert [asked(f"someone{at}@example.org") for at in range(5)] == [200] * 4 + [429]
