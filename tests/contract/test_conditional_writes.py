"""Writes under a client's condition, over the whole backend, on every database alike."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Invalid, NotFound, PreconditionFailed, Unauthenticated
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="PATCH")
USERS = {"name": "users", "type": "accounts", "fields": [{"name": "name", "type": "text"}],
         "rules": {"list": "id = @request.auth.id", "view": "id = @request.auth.id", "create": ""}}  # fmt: skip
ITEMS = {
    "name": "items",
    "fields": [
        {"name": "stock", "type": "integer", "default": 1},
        {"name": "secret", "type": "text", "hidden": True},
        {"name": "owner", "type": "relation", "collection": "users"},
        {"name": "note", "type": "text", "rules": {"view": "owner = @request.auth.id"}},
        {"name": "cost", "type": "integer", "rules": {"view": None}},
        {"name": "live", "type": "bool", "default": True},
        {"name": "tags", "type": "relation", "collection": "tags", "many": True},
        {"name": "kinds", "type": "select", "values": ["old", "new"], "many": True},
    ],
    # Whoever sends `{"live": …}` or any other body sees no more than a GET would show.
    "rules": {"list": "live = true", "view": "live = true || @request.body.stock = 7", "create": None, "update": "", "delete": ""},
}
TAGS = {"name": "tags", "fields": [{"name": "name", "type": "text"}], "rules": {"list": "", "view": ""}}


@pytest.fixture
def backend(database_url):
    with make_backend(database=database_url) as made:
        for each in (USERS, TAGS, ITEMS):
            made.collections.create(each, actor=SYSTEM)
        yield made


@pytest.fixture
def ann(backend):
    body = {"email": "ann@example.org", "password": "correct horse", "name": "ann"}
    return Actor("account", backend.records.create("users", body, actor=GUEST, facts=FACTS).id, "users", 1)


def make(backend, **values):
    return backend.records.create("items", values, actor=SYSTEM, facts=FACTS).id


def change(backend, id, only_if, body=None, actor=GUEST):
    return backend.records.update("items", id, {"stock-": 1} if body is None else body, actor=actor, facts=FACTS, only_if=only_if)


def delete(backend, id, only_if, actor=GUEST):
    return backend.records.delete("items", id, actor=actor, facts=FACTS, only_if=only_if)


def stock(backend, id):
    return backend.records.get("items", id, actor=SYSTEM, facts=FACTS, fields="stock,version").as_object()


def test_a_change_is_made_where_the_condition_holds_and_else_told_the_present_version(backend):
    id = make(backend, stock=1)
    assert change(backend, id, "stock > 0").as_object()["stock"] == 0
    with pytest.raises(PreconditionFailed) as refused:
        change(backend, id, "stock > 0")
    assert (refused.value.code, "version 2" in refused.value.detail) == ("condition_failed", True)
    assert stock(backend, id) == {"stock": 0, "version": 2}


def test_a_body_that_changes_nothing_is_asked_the_condition_too(backend):
    id = make(backend, stock=1)
    assert change(backend, id, "stock = 1", {}).version == 1
    with pytest.raises(PreconditionFailed):
        change(backend, id, "stock = 2", {})


def test_a_deletion_asks_it_too(backend):
    id = make(backend, stock=1)
    with pytest.raises(PreconditionFailed) as refused:
        delete(backend, id, "stock = 0")
    assert refused.value.code == "condition_failed"
    assert stock(backend, id)["version"] == 1
    delete(backend, id, "stock = 1")
    with pytest.raises(NotFound):
        delete(backend, id, "stock = 1")


@pytest.mark.parametrize(("text", "holds"), [
    ("tags.name ?= 'red'", True), ("tags.name ?= 'blue'", False), ("owner.name = 'ann'", True), ("owner.name = 'bob'", False),
    ("kinds ?= 'old'", True), ("kinds ?= 'new'", False), ("stock + 1d > @now", None),
])  # fmt: skip
def test_it_speaks_the_language_of_filters(backend, ann, text, holds):
    tag = backend.records.create("tags", {"name": "red"}, actor=SYSTEM, facts=FACTS).id
    id = make(backend, owner=ann.id, tags=[tag], kinds=["old"])
    if holds is None:
        with pytest.raises(Invalid) as refused:
            change(backend, id, text, actor=ann)
        assert refused.value.faults[0].pointer == "if"
    elif holds:
        assert change(backend, id, text, actor=ann).version == 2
    else:
        with pytest.raises(PreconditionFailed):
            change(backend, id, text, actor=ann)


@pytest.mark.parametrize("text", ["secret = 's3'", "cost > 1", "stock = 1 || secret ~ 's'", "!(cost = 1)", "@request.auth.id = ''"])
def test_what_a_filter_may_not_name_no_condition_may(backend, text):
    """The refusal is the one of a name that is not there, whatever the record holds."""
    id = make(backend, secret="s3", cost=5)
    for write in (change, delete):
        with pytest.raises(Invalid) as refused:
            write(backend, id, text)
        assert refused.value.faults[0].pointer == "if"
    with pytest.raises(Invalid) as absent:
        change(backend, id, text.replace("secret", "sekret").replace("cost", "kost"))
    if "@" not in text:
        told = refused.value.detail.replace("secret", "x").replace("cost", "x")
        assert told == absent.value.detail.replace("sekret", "x").replace("kost", "x")
    assert stock(backend, id)["version"] == 1


def test_a_masked_value_reads_as_absent(backend, ann):
    """`note` is shown to the owner alone: for anybody else no guess about it is right."""
    id = make(backend, owner=ann.id, note="mine", stock=5)
    bob = Actor("account", backend.records.create(
        "users", {"email": "bob@example.org", "password": "correct horse"}, actor=GUEST, facts=FACTS).id, "users", 1)  # fmt: skip
    with pytest.raises(PreconditionFailed):
        change(backend, id, "note = 'mine'", actor=bob)
    assert change(backend, id, "note = null", actor=bob).version == 2
    assert change(backend, id, "note = 'mine'", actor=ann).version == 3
    with pytest.raises(PreconditionFailed):
        change(backend, id, "owner.name = 'ann'", actor=bob)  # nobody lists another's account


@pytest.mark.parametrize("text", ["stock = 1", "stock = 2", "tags.name = 'x'", "tags.name != 'x'"])
def test_of_a_record_that_one_may_not_view_it_tells_nothing(backend, text):
    """The update rule lets anybody in; the view rule does not, also not by what the body says."""
    id = make(backend, stock=1, live=False)
    for body in ({"stock-": 1}, {"stock": 7}, {}):
        with pytest.raises(NotFound):
            change(backend, id, text, body)
    with pytest.raises(NotFound):
        delete(backend, id, text)
    assert stock(backend, id) == {"stock": 1, "version": 1}


def test_where_nobody_may_view_nobody_asks(backend):
    backend.collections.change("items", {"rules": {**ITEMS["rules"], "view": None}}, actor=SYSTEM)
    id = make(backend)
    with pytest.raises(Unauthenticated):
        change(backend, id, "stock = 1")
    assert change(backend, id, "").version == 2


@pytest.mark.parametrize("text", [
    "stock > 0", pytest.param("kinds ?= 'old'", marks=pytest.mark.long), "tags.name ?= 'red'",
    pytest.param("tags.id ?= 'red'", marks=pytest.mark.long),
])  # fmt: skip
def test_of_twelve_at_once_one_succeeds(backend, database_url, text):
    """Each takes away what the condition asks for; lists of relations are rows of their own, which a statement that waited for the
    record would see as they were before its wait."""
    if ":memory:" in database_url:
        pytest.skip("one connection: writers take turns")
    tag = backend.records.create("tags", {"id": "red", "name": "red"}, actor=SYSTEM, facts=FACTS).id
    taking = {"stock": {"stock-": 1}, "kinds": {"kinds-": "old"}}.get(text.split()[0], {"tags-": tag})
    for _ in range(3):
        id, gate = make(backend, stock=1, tags=[tag], kinds=["old"]), Barrier(12)

        def buy(_: int, id=id, gate=gate) -> int:
            gate.wait()
            try:
                return change(backend, id, text, taking).version
            except PreconditionFailed:
                return 0

        with ThreadPoolExecutor(12) as pool:
            assert sorted(pool.map(buy, range(12))) == [0] * 11 + [2]
