"""What only somebody who looks for it sends, and what only an unlucky order of events brings about, on every database alike."""

import base64
import json

import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, account
from domain.errors import Conflict, Invalid, Unauthenticated
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


# --- what a refusal may name


THINGS = (
    {"name": "title", "type": "text"},
    {"name": "secret", "type": "text", "hidden": True, "default": "s"},
    {"name": "watcher", "type": "relation", "collection": "people", "hidden": True},
)


@pytest.fixture
def things(backend):
    """Records whose hidden fields stand in the way of a guest's writes."""
    define(backend, "people")
    open_to_all = {"view": "", "create": "", "update": "", "delete": ""}
    define(backend, "things", *THINGS, rules=open_to_all, indexes=[{"fields": ["title", "secret"], "unique": True}])
    create(backend, "things", id="a", title="lamp")
    create(backend, "things", id="b", title="rug")
    return backend


def refused(ask):
    with pytest.raises((Invalid, Conflict)) as found:
        ask()
    told = found.value
    return told.code, " ".join([told.detail, told.hint or "", *(f"{each.pointer} {each.detail}" for each in told.faults)])


def test_a_value_that_is_taken_together_with_a_hidden_one_is_named_alone(things):
    for ask in (lambda: create(things, "things", GUEST, title="lamp"), lambda: change(things, "things", "b", title="lamp")):
        code, words = refused(ask)
        assert code == "not_unique"
        assert "/title" in words
        assert "secret" not in words
    assert "/secret" in refused(lambda: create(things, "things", title="lamp"))[1], "an admin is told all of it"


def test_a_guest_is_not_told_which_hidden_field_is_required_or_points_nowhere(things):
    missing = {"name": "score", "type": "integer", "required": True}
    for field in (missing, {"name": "score", "type": "relation", "collection": "people", "default": "x"}):
        define(things, "notes", {**field, "hidden": True}, rules={"create": ""})
        code, words = refused(lambda: create(things, "notes", GUEST))
        assert code in ("invalid_record", "no_such_record")
        assert not any(word in words for word in ("score", "people"))
        assert "/score" in refused(lambda: create(things, "notes"))[1]
        things.collections.delete("notes", actor=SYSTEM)


@pytest.mark.parametrize("hidden, rules, told", [(False, {"list": ""}, True), (True, {"list": ""}, False), (False, {}, False)])
def test_what_refers_to_a_record_is_named_to_those_who_may_know_of_it(things, hidden, rules, told):
    thing = {"name": "thing", "type": "relation", "collection": "things", "hidden": hidden}
    define(things, "flags", thing, rules=rules)
    for _ in range(2):
        create(things, "flags", thing="a")
    code, words = refused(lambda: things.records.delete("things", "a", actor=GUEST, facts=FACTS))
    assert code == "restricted"
    assert ("flags" in words, "2" in words) == (told, False)
    code, words = refused(lambda: things.records.delete("things", "a", actor=SYSTEM, facts=FACTS))
    assert "2 records of `flags` refer to it by `thing`" in words
