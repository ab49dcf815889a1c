"""What only somebody who looks for it sends, and what only an unlucky order of events brings about, on every database alike."""

import base64
import json

import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, account
from domain.errors import Invalid, Unauthenticated
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
USERS = {"name": "users", "type": "accounts", "rules": {"list": "", "view": "", "create": "", "update": "id = @request.auth.id"}}


@pytest.fixture
def backend(database_url):
    with make_backend(database=database_url) as made:
        yield made


def define(backend, name, *fields, rules=None, **parts):
    backend.collections.create({"name": name, "fields": list(fields), "rules": rules or {}, **parts}, actor=SYSTEM)


def sign_up(backend):
    body = {"email": "ann@example.org", "password": "correct horse"}
    return account(backend.records.create("users", body, actor=GUEST, facts=FACTS).id, "users")


def create(backend, name, actor=SYSTEM, **values):
    return backend.records.create(name, values, actor=actor, facts=FACTS).as_object()


def change(backend, name, id, actor=GUEST, **values):
    return backend.records.update(name, id, values, actor=actor, facts=FACTS).as_object()


def page(backend, name, actor=GUEST, **query):
    return backend.records.list(name, ListQuery(**query), actor=actor, facts=FACTS).as_object()


def test_a_token_is_good_for_nothing_where_its_collection_gave_its_name_to_another(backend):
    backend.collections.create(USERS, actor=SYSTEM)
    ann = sign_up(backend)
    backend.collections.delete("users", actor=SYSTEM)
    define(backend, "users", rules={"list": "", "create": ""})
    create(backend, "users", id=ann.id)
    for ask in (lambda: page(backend, "users", ann), lambda: create(backend, "users", ann)):
        with pytest.raises(Unauthenticated):
            ask()


@pytest.mark.parametrize("number", [10**400, 3, True, "3"])
def test_a_cursor_that_holds_no_double_where_one_belongs_is_refused(backend, number):
    define(backend, "measures", {"name": "size", "type": "number"}, rules={"list": ""})
    for size in (1e19, 2.5):
        create(backend, "measures", size=size)
    order = {"sort": "-size", "limit": 1}
    cursor = page(backend, "measures", **order)["next"]
    assert page(backend, "measures", cursor=cursor, **order)["items"][0]["size"] == 2.5
    digest, _, id = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    forged = base64.urlsafe_b64encode(json.dumps([digest, number, id]).encode()).decode().rstrip("=")
    with pytest.raises(Invalid) as refused:
        page(backend, "measures", cursor=forged, **order)
    assert refused.value.code == "invalid_cursor"


def test_increments_of_doubles_keep_limits_beyond_64_bits(backend):
    fields = {"name": "low", "type": "number", "max": 2**70}, {"name": "high", "type": "number", "min": 2**70}
    define(backend, "measures", *fields, rules={"update": "", "view": ""})
    made = create(backend, "measures", low=1e20, high=1e25)
    after = change(backend, "measures", made["id"], **{"low+": 1e20, "high-": 1e24})
    assert (after["low"], after["high"]) == (2e20, 1e25 - 1e24)
    for body in ({"low+": 2e21}, {"high-": 8.9999e24}):
        with pytest.raises(Invalid) as refused:
            change(backend, "measures", made["id"], **body)
        assert refused.value.code == "out_of_range"
