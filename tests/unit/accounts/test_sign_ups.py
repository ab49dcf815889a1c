"""What an account begins with that is made for somebody from elsewhere."""

import pytest

from domain.accounts.identities import Identity
from domain.accounts.sign_ups import values_of
from domain.schema.collection import define_collection
from domain.schema.fields import TRUSTING

ANN = Identity("https://id.example.org", "s-1", "ann@example.org", "Ann Ames")


def users(*fields):
    definition = {"name": "users", "type": "accounts", "fields": list(fields)}
    return define_collection(definition, id="c1", now="2026-11-23T12:00:00.000Z", tools=TRUSTING)


def test_an_account_begins_with_address_and_name():
    assert values_of(ANN, users({"name": "name", "type": "text"}), {}) == {"email": "ann@example.org", "name": "Ann Ames"}


def test_what_the_app_says_goes_before_but_for_the_address():
    said = {"name": "Bea", "email": "bea@example.org", "age": 3}
    made = values_of(ANN, users({"name": "name", "type": "text"}), said)
    assert made == {"name": "Bea", "email": "ann@example.org", "age": 3}
    nameless = Identity("https://id.example.org", "s-1")
    assert values_of(nameless, users({"name": "name", "type": "text"}), said) == said


@pytest.mark.parametrize("field", [
    None, {"type": "integer"}, {"type": "text", "hidden": True}, {"type": "text", "unique": True}, {"type": "text", "max": 3},
    {"type": "text", "pattern": "[a-z]+"}, {"type": "text", "rules": {"write": None}}, {"type": "email"},
    {"type": "text", "rules": {"view": "id = @request.auth.id"}},
])  # fmt: skip
def test_no_sign_up_fails_for_a_name(field):
    fields = [{"name": "name", **field}] if field else []
    assert values_of(ANN, users(*fields), {}) == {"email": "ann@example.org"}
