"""The option by which the accounts of a collection may make keys for themselves."""

import pytest

from domain.errors import Invalid
from domain.schema.account_keys import AccountKeys, read_account_keys
from domain.schema.collection import change_collection, define_collection
from domain.schema.fields import TRUSTING

NOW = "2026-11-22T13:00:00.000Z"


def defined(**definition):
    return define_collection({"name": "users", "type": "accounts", **definition}, id="c1", now=NOW, tools=TRUSTING)


def test_it_is_off_until_it_is_said_and_off_again_by_null():
    assert defined().api_keys is None
    assert "api_keys" not in defined().definition()
    users = defined(api_keys={"max": 3})
    assert (users.api_keys, users.definition()["api_keys"]) == (AccountKeys(3), {"max": 3})
    changed = [change_collection(users, body, now=NOW, tools=TRUSTING).api_keys for body in ({}, {"api_keys": None})]
    assert changed == [AccountKeys(3), None]


@pytest.mark.parametrize("value, pointer", [
    (True, "/api_keys"), ([], "/api_keys"), ({}, "/api_keys/max"), ({"max": 0}, "/api_keys/max"), ({"max": 101}, "/api_keys/max"),
    ({"max": True}, "/api_keys/max"), ({"max": 2.0}, "/api_keys/max"), ({"max": 3, "maxx": 3}, "/api_keys/maxx"),
])  # fmt: skip
def test_what_it_cannot_be_is_refused_with_its_place(value, pointer):
    with pytest.raises(Invalid) as refused:
        read_account_keys(value)
    assert refused.value.faults[0].pointer == pointer


@pytest.mark.parametrize("definition", [{"type": "base"}, {"type": "view", "query": {"from": "users"}}])
def test_only_accounts_make_keys(definition):
    with pytest.raises(Invalid) as refused:
        defined(**definition, api_keys={"max": 3})
    assert refused.value.faults[0].pointer == "/api_keys"
