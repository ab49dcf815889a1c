"""What only somebody who looks for it sends, and what only an unlucky order of events brings about, on every database alike."""

import base64
import json
import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from adapters.outbound import sql
from app.testing import backend as make_backend
from app.usecases.passwords import NOTHING
from domain.actor import GUEST, SYSTEM, account
from domain.errors import Conflict, Forbidden, Invalid, Unauthenticated, Unavailable
from domain.records.page import ListQuery
from domain.rules.shape import _KEPT, shape
from domain.rules.values import RequestFacts, Values

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


def test_increments_of_decimals_stay_within_18_digits_whatever_the_owner_allows(backend):
    most = "9" * 18
    field = {"name": "sum", "type": "decimal", "scale": 0, "min": "-" + "9" * 30, "max": "9" * 30}
    define(backend, "sums", field, rules={"update": "", "view": ""})
    made = create(backend, "sums", sum=most)
    with pytest.raises(Invalid) as refused:
        change(backend, "sums", made["id"], **{"sum+": 1})
    assert refused.value.code == "out_of_range"
    assert change(backend, "sums", made["id"], **{"sum-": most})["sum"] == "0"
    assert change(backend, "sums", made["id"], **{"sum-": most})["sum"] == "-" + most
    with pytest.raises(Invalid):
        change(backend, "sums", made["id"], **{"sum-": 1})


def test_an_increment_beyond_its_limits_is_pointed_at_as_it_was_written(backend):
    define(backend, "sums", {"name": "sum", "type": "integer", "min": 0, "max": 9}, rules={"update": "", "view": ""})
    made = create(backend, "sums", sum=5)
    for key, step in (("sum+", 5), ("sum+", -6), ("sum-", 6), ("sum-", -5)):
        with pytest.raises(Invalid) as refused:
            change(backend, "sums", made["id"], **{key: step})
        assert [each.pointer for each in refused.value.faults] == [f"/{key}"]


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
        named, unknown = (refused(partial(create, things, "notes", GUEST, **{name: 1}))[1] for name in ("score", "scora"))
        assert named == unknown.replace("scora", "score")
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


# --- accounts


def test_a_new_address_is_not_verified_because_the_old_one_was(backend):
    backend.collections.create(USERS, actor=SYSTEM)
    ann = sign_up(backend)
    change(backend, "users", ann.id, SYSTEM, verified=True)
    moved = change(backend, "users", ann.id, ann, email="other@example.org", old_password="correct horse")
    assert (moved["email"], moved["verified"]) == ("other@example.org", False)
    told = change(backend, "users", ann.id, SYSTEM, email="third@example.org", verified=True)
    assert told["verified"] is True, "an admin may say that the new one is proved too"


def test_a_refusal_before_the_write_does_not_rest_on_an_old_schema(database_url):
    """Both ways: a password that is no longer asked for, and one that is from now on."""
    if "memory" in database_url:
        pytest.skip("a database in memory has one process")
    with make_backend(database=database_url) as one, make_backend(database=database_url) as other:
        one.collections.create(USERS, actor=SYSTEM)
        sign_up(other)
        one.collections.delete("users", actor=SYSTEM)
        define(one, "users", {"name": "title", "type": "text"}, rules={"create": "", "view": ""})
        assert create(other, "users", GUEST, title="a base collection now")["title"] == "a base collection now"
        one.collections.delete("users", actor=SYSTEM)
        one.collections.create(USERS, actor=SYSTEM)
        assert refused(lambda: create(other, "users", GUEST, email="bob@example.org")) == refused(
            lambda: create(one, "users", GUEST, email="bob@example.org")
        )


def test_a_write_that_finds_another_schema_each_time_gives_up(backend, monkeypatch):
    define(backend, "things", rules={"create": ""})
    runs = []
    monkeypatch.setattr("app.usecases.record_writes.owed_for_new", lambda collection: runs.append(collection.name) or "another")
    monkeypatch.setattr(backend.records._preparations, "_of_new", lambda name, request: NOTHING)
    with pytest.raises(Unavailable) as given_up:
        create(backend, "things", GUEST)
    assert (given_up.value.code, len(runs)) == ("schema_moving", 3)


# --- conditions


def test_what_a_write_answers_in_part_is_no_validator_of_the_whole(backend):
    define(backend, "things", *THINGS[:1], rules={"create": "", "update": "", "view": "@request.query.key = 'open'"})
    shown = backend.records.create("things", {"title": "lamp"}, actor=GUEST, facts=FACTS)
    assert set(shown.as_object()) == {"id", "version"}
    whole = backend.records.get("things", shown.id, actor=GUEST, facts=RequestFacts("GET", query={"key": "open"}))
    assert whole.as_object()["title"] == "lamp"
    assert whole.etag_extra != shown.etag_extra
    known = backend.records.create("things", {"title": "rug"}, actor=SYSTEM, facts=FACTS)
    assert known.etag_extra == backend.records.get("things", known.id, actor=SYSTEM, facts=FACTS).etag_extra


def test_a_name_said_a_thousand_times_makes_no_validator_of_its_own(backend):
    """Validators are kept by what they are made of, so that must not grow with what clients send."""
    define(backend, "things", *THINGS[:1], rules={"view": ""})
    made = create(backend, "things", title="lamp")
    shown = [backend.records.get("things", made["id"], actor=GUEST, facts=FACTS, fields=",".join(["title"] * times)) for times in (1, 1000)]
    assert shown[0].etag_extra == shown[1].etag_extra


def test_a_change_that_came_in_between_is_told_as_one(backend, monkeypatch):
    """On PostgreSQL the row may fulfil everything again when we look why nothing was changed."""
    define(backend, "things", *THINGS[:1], rules={"update": "", "view": ""})
    made = create(backend, "things", title="lamp")
    with monkeypatch.context() as patched:
        patched.setattr("adapters.outbound.sql.records.SqlRecordStore.update", lambda *_: None)
        with pytest.raises(Conflict) as between:
            change(backend, "things", made["id"], title="rug")
    assert (between.value.code, between.value.faults) == ("conflict", ())
    assert change(backend, "things", made["id"], title="rug")["version"] == 2


# --- memory


@pytest.mark.sqlite_suffices
def test_long_filters_that_never_come_again_do_not_fill_the_memory(backend):
    """Sixteen hundred thousand characters of filters, of which no more is kept than would be of a few hundred short ones."""
    define(backend, "measures", *({"name": f"f{at}", "type": "integer"} for at in range(3)), rules={"list": ""})
    rulebook = backend.records._rulebook
    schema = backend.records._work.read(lambda stores: stores.schema)
    for at in range(1000):
        text = " || ".join(f"f{(at + n) % 3} = {at}{n:04}" for n in range(110))
        ruling = rulebook.readable(schema, schema.collection("measures"), "list", GUEST, text)
        shape(ruling.condition, Values(datetime(2026, 11, 22, tzinfo=UTC)))
    assert sum(len(key[-1]) for key in rulebook._kept) <= 500_000
    assert rulebook._length == sum(len(key[-1]) for key in rulebook._kept)
    assert not any(kept.condition == ruling.condition for kept in _KEPT.values())


# --- names


def _names_in_statements():
    """What our statements call parts of themselves, as found in their source: none of it may be a collection's name."""
    sources = [path.read_text() for path in Path(sql.__path__[0]).glob("*.py")]
    return sorted({name for source in sources for name in re.findall(r'\.(?:alias|subquery|cte)\(f?"([^"{]+)', source)})


def test_statements_call_their_parts_as_no_collection_is_called():
    assert len(_names_in_statements()) > 4
    assert all(name.startswith("_") for name in _names_in_statements())


@pytest.mark.parametrize("name", ["actor", "draft", "page", "shown", "ranges", "range0", "value", "mark", "r1", "excluded", "text"])
def test_a_collection_of_any_name_is_read_and_written_under_its_rules(backend, name):
    backend.collections.create(USERS, actor=SYSTEM)
    ann = sign_up(backend)
    up, owner = ({"name": each, "type": "relation", "collection": at} for each, at in (("up", name), ("owner", "users")))
    rules = {"list": "", "view": "up.n > 0 || n > 0", "create": "up.owner = @request.auth.id", "delete": ""}
    define(backend, name, {"name": "n", "type": "integer"}, up, owner, rules=rules)
    create(backend, name, id="mine", n=1, owner=ann.id)
    create(backend, name, id="other", n=2)
    assert create(backend, name, ann, id="child", n=3, up="mine")["id"] == "child"
    for up in ("other", "itself"):
        with pytest.raises(Forbidden):
            create(backend, name, ann, id="itself", n=4, up=up, owner=ann.id)
    assert backend.records.get(name, "child", actor=ann, facts=FACTS, expand="up").as_object()["expand"]["up"]["id"] == "mine"
    seen, cursor = [], None
    for _ in range(3):
        found = page(backend, name, ann, sort="-up.n,n", limit=1, cursor=cursor, count=True, filter="up.n > 0 || n > 0")
        seen, cursor = [*seen, found["items"][0]["id"]], found["next"]
    assert (seen, cursor, found["total"]) == (["child", "mine", "other"], None, 3)
    backend.records.delete(name, "child", actor=ann, facts=FACTS)


def test_a_collection_cannot_take_the_name_of_a_function_that_statements_read_from(backend):
    with pytest.raises(Invalid) as reserved:
        define(backend, "json_each")
    assert reserved.value.code == "reserved_name"
