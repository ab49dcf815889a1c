"""Batches on every database alike: all or nothing, under the rules of each operation."""

from threading import Barrier, Event, Thread
from time import monotonic

import orjson
import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, TooMany
from domain.limits.visits import Visit
from domain.records.batches import read_operations
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts("POST")
DOCS = {
    "name": "docs",
    "fields": [
        {"name": "title", "type": "text", "required": True, "max": 50},
        {"name": "key", "type": "text", "unique": True},
        {"name": "part", "type": "integer"},
        {"name": "of", "type": "text"},
        {"name": "count", "type": "integer", "default": 0, "min": 0},
        {"name": "owner", "type": "relation", "collection": "users", "default": "@request.auth.id"},
        {"name": "parent", "type": "relation", "collection": "docs"},
        {"name": "near", "type": "relation", "collection": "docs", "many": True, "on_delete": "clear"},
        {"name": "more", "type": "json"},
    ],
    "indexes": [{"fields": ["of", "part"], "unique": True}],
    "checks": [{"name": "fair", "rule": "count <= 100", "message": "`count` is at most 100"}],
    "rules": {
        "list": "owner = @request.auth.id", "view": "owner = @request.auth.id", "create": "@request.auth.id != ''",
        "update": "owner = @request.auth.id", "delete": "owner = @request.auth.id",
    },
}
USERS = {"name": "users", "type": "accounts", "rules": {"list": "", "view": "", "create": "", "update": "id = @request.auth.id"}}


@pytest.fixture
def backend(database_url):
    with make_backend(database=database_url) as made:
        made.collections.create(USERS, actor=SYSTEM)
        made.collections.create(DOCS, actor=SYSTEM)
        yield made


@pytest.fixture
def ann(backend):
    return sign_up(backend, "ann")


def sign_up(backend, name):
    body = {"email": f"{name}@example.org", "password": "correct horse"}
    return Actor("account", backend.records.create("users", body, actor=GUEST, facts=FACTS).id, "users", 1)


def run(backend, actor, *operations, **options):
    read = read_operations({"operations": list(operations)})
    return backend.records.batch(read, actor=actor, facts=FACTS, **options)


def records(backend, actor=SYSTEM, **query):
    return backend.records.list("docs", ListQuery(sort="title", **query), actor=actor, facts=FACTS).as_object()["items"]


def titles(backend):
    return [each["title"] for each in records(backend)]


def create(title, **values):
    return {"method": "create", "collection": "docs", "values": {"title": title, **values}}


def update(id, values, **more):
    return {"method": "update", "collection": "docs", "id": id, "values": values, **more}


def test_operations_see_what_those_before_them_did(backend, ann):
    first, second, third, fourth = run(
        backend, ann,
        {**create("a"), "as": "d"},
        {**create("b", parent={"$ref": "d.id"}, near=[{"$ref": "d.id"}]), "as": "e"},
        update({"$ref": "d.id"}, {"count+": 2, "near+": {"$ref": "e.id"}}, if_version=1),
        {"method": "delete", "collection": "docs", "id": {"$ref": "e.id"}},
    )  # fmt: skip
    assert second.shown.as_object()["parent"] == first.shown.id
    assert list(second.shown.as_object()["near"]) == [first.shown.id]
    assert (third.shown.version, third.shown.as_object()["count"]) == (2, 2)
    assert fourth.shown is None
    [left] = records(backend)
    assert (left["title"], left["count"], list(left["near"]), left["version"]) == ("a", 2, [], 3)


def test_a_document_keeps_its_own_references(backend, ann):
    document = {"$ref": "#/components/x", "in": [{"$ref": "d.id"}]}
    [made] = run(backend, ann, create("a", more=document))
    assert orjson.loads(orjson.dumps(records(backend)[0]["more"])) == document
    assert made.shown.version == 1


REFUSED = [
    (update("{a}", {"title": ""}), Invalid, "/operations/1/values/title", "required"),
    (update("{a}", {"titel": "x"}), Invalid, "/operations/1/values/titel", "unknown_field"),
    (update("{a}", {"count": 101}), Invalid, "/operations/1", "fair"),
    (update("{a}", {"count-": 1}), Invalid, "/operations/1/values/count-", "out_of_range"),
    (update("{a}", {"count": 1}, if_version=7), PreconditionFailed, "/operations/1",
     "precondition_failed"),
    (update("{bobs}", {"count": 1}), NotFound, "/operations/1", "not_found"),
    ({"method": "delete", "collection": "docs", "id": "{bobs}"}, NotFound, "/operations/1", "not_found"),
    ({"method": "delete", "collection": "docs", "id": "../x"}, NotFound, "/operations/1", "not_found"),
    ({"method": "delete", "collection": "docs", "id": "{a}", "if_version": 7}, PreconditionFailed, "/operations/1", "precondition_failed"),
    (update("{a}", {"count": 1}, **{"if": "count > 0"}), PreconditionFailed, "/operations/1", "condition_failed"),
    (update("{a}", {"count": 1}, **{"if": "kount > 0"}), Invalid, "/operations/1/if", "unknown_field"),
    ({"method": "delete", "collection": "docs", "id": "{a}", "if": "count > 0"}, PreconditionFailed, "/operations/1", "condition_failed"),
    (create("x", key="taken"), Conflict, "/operations/1/values/key", "not_unique"),
    (create("x", parent="nowhere"), Invalid, "/operations/1/values/parent", "no_such_record"),
    (create("x", parent={"$ref": "later.id"}), Invalid, "/operations/1/values/parent", "unknown_reference"),
    (create("x", near=["{a}", {"$ref": "d.title"}]), Invalid, "/operations/1/values/near/1", "invalid_reference"),
    ({"method": "create", "collection": "nowhere", "values": {}}, NotFound, "/operations/1", "not_found"),
    ({"method": "create", "collection": "_admins", "values": {"email": "m@example.org", "password": "correct horse"}}, NotFound,
     "/operations/1", "not_found"),
    ({"method": "upsert", "collection": "docs", "by": "title", "values": {"title": "x"}}, Invalid, "/operations/1/by", "invalid_key"),
    ({"method": "upsert", "collection": "docs", "by": "key", "values": {"title": "x"}}, Invalid, "/operations/1/values/key", "required"),
    ({"method": "upsert", "collection": "docs", "by": "key", "values": {"title": "x", "key": "taken"}}, NotFound, "/operations/1",
     "not_found"),
    ({"method": "upsert", "collection": "users", "by": "email", "values": {"email": "x@example.org"}}, Invalid, "/operations/1/by",
     "not_supported"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "kind", "pointer", "code"), REFUSED)
def test_the_refusal_of_one_is_the_refusal_of_all(backend, ann, operation, kind, pointer, code):
    bob = sign_up(backend, "bob")
    [bobs] = run(backend, bob, create("bob's", key="taken"))
    [mine] = run(backend, ann, create("mine"))
    named = eval(repr(operation).replace("{a}", mine.shown.id).replace("{bobs}", bobs.shown.id))
    with pytest.raises(kind) as refused:
        run(backend, ann, create("first"), named, create("last"))
    assert (refused.value.faults[0].pointer, refused.value.faults[0].code) == (pointer, code)
    assert refused.value.detail.startswith("operation 1 (")
    assert titles(backend) == ["bob's", "mine"]
    assert [each["version"] for each in records(backend)] == [1, 1]


def test_a_refused_operation_of_many_alike_is_named(backend, ann):
    """They go into the database together, so that it does not say which one it was."""
    operations = [create(f"t{at}", key=f"k{at}") for at in range(200)]
    operations[150] = create("twice", key="k3")
    with pytest.raises(Conflict) as refused:
        run(backend, ann, *operations)
    assert refused.value.faults[0].pointer == "/operations/150/values/key"
    assert titles(backend) == []


def test_a_guest_is_refused_by_the_rule_of_each(backend):
    with pytest.raises(Forbidden) as refused:
        run(backend, GUEST, create("a"))
    assert refused.value.faults[0].pointer == "/operations/0"
    assert titles(backend) == []


def test_an_account_signs_up_in_a_batch(backend):
    made, doc = run(
        backend, SYSTEM,
        {"method": "create", "collection": "users", "values": {"email": "eve@example.org", "password": "correct horse"}, "as": "eve"},
        create("hers", owner={"$ref": "eve.id"}),
    )  # fmt: skip
    assert doc.shown.as_object()["owner"] == made.shown.id
    assert backend.accounts.sign_in("users", "eve@example.org", "correct horse", facts=FACTS).account.id == made.shown.id


def test_passwords_of_a_batch_are_few(backend):
    people = [{"email": f"u{at}@example.org", "password": "correct horse"} for at in range(11)]
    with pytest.raises(Invalid) as refused:
        run(backend, SYSTEM, *({"method": "create", "collection": "users", "values": each} for each in people))
    assert refused.value.code == "too_many_passwords"


@pytest.mark.parametrize("by", ["key", ["of", "part"], ["part", "of"], "id"])
def test_an_upsert_makes_and_then_changes(backend, ann, by):
    values = {"id": "one", "title": "a", "key": "k", "of": "x", "part": 1}
    body = {"method": "upsert", "collection": "docs", "by": by, "values": values}
    [made] = run(backend, ann, body)
    changed = {"title": "b", **{name: values[name] for name in ([by] if isinstance(by, str) else by)}}
    [again] = run(backend, ann, {**body, "values": changed})
    assert (made.method, again.method) == ("create", "update")
    assert (again.shown.id, again.shown.version) == ("one", 2)
    assert titles(backend) == ["b"]


def test_upserts_of_one_key_at_once_make_one_record(backend, ann):
    gate, methods, errors = Barrier(8), [], []

    def upsert():
        gate.wait()
        try:
            body = {"method": "upsert", "collection": "docs", "by": "key", "values": {"title": "a", "key": "k"}}
            methods.append(run(backend, ann, create("beside"), body)[1].method)
        except Exception as error:
            errors.append(error)

    threads = [Thread(target=upsert) for _ in range(8)]
    [each.start() for each in threads]
    [each.join() for each in threads]
    assert errors == []
    assert sorted(methods) == ["create"] + ["update"] * 7
    assert [each["version"] for each in records(backend, filter="key = 'k'")] == [8]


def test_opposite_orders_end_well(backend, ann):
    """On PostgreSQL they deadlock, and whoever was given up is run again."""
    [left], [right] = run(backend, ann, create("l", count=50)), run(backend, ann, create("r", count=50))
    gate, errors = Barrier(6), []

    def move(source, target):
        gate.wait()
        for _ in range(5):
            try:
                run(
                    backend, ann,
                    update(source, {"count-": 1}),
                    update(target, {"count+": 1}),
                )  # fmt: skip
            except Exception as error:
                errors.append(error)

    pairs = [(left.shown.id, right.shown.id), (right.shown.id, left.shown.id)] * 3
    threads = [Thread(target=move, args=pair) for pair in pairs]
    [each.start() for each in threads]
    [each.join() for each in threads]
    assert errors == []
    assert [each["count"] for each in records(backend)] == [50, 50]
    assert [each["version"] for each in records(backend)] == [31, 31]


def test_a_batch_does_not_wait_for_records_that_its_actor_may_not_see(backend, ann, database_url):
    """Else a guest could keep others from their records, or tell by the wait that there are such records."""
    if not database_url.startswith("postgresql"):
        pytest.skip("writers of SQLite take turns, whatever they write")
    [one], [other] = run(backend, ann, create("a")), run(backend, ann, create("b"))
    bob, held, refused = sign_up(backend, "bob"), Barrier(2, timeout=5), Event()

    def hold(stores):
        stores.records.hold(stores.schema.collections["docs"], sorted([one.shown.id, other.shown.id]))
        held.wait()
        assert refused.wait(10)

    holder = Thread(target=lambda: backend.work.run(hold))
    holder.start()
    held.wait()
    began = monotonic()
    with pytest.raises(NotFound):
        run(backend, bob, update(one.shown.id, {"count": 1}), update(other.shown.id, {"count": 1}))
    took = monotonic() - began
    refused.set()
    holder.join()
    assert took < 1


def test_a_dry_run_says_what_would_be_and_keeps_nothing(backend, ann):
    [kept] = run(backend, ann, create("kept"))
    made, changed = run(
        backend, ann, create("new"),
        update(kept.shown.id, {"title": "other"}), dry_run=True,
    )  # fmt: skip
    assert (made.method, changed.shown.version, changed.shown.as_object()["title"]) == ("create", 2, "other")
    assert titles(backend) == ["kept"]
    with pytest.raises(Invalid):
        run(backend, ann, create(""), dry_run=True)


def test_what_goes_in_together_is_judged_as_what_goes_alone(backend, ann, monkeypatch):
    operations = [
        create("a", key="1", owner=None), create("b", key="2", count=7), create("c", more={"$ref": "d.id"}), create("d", of="x", part=1),
    ]  # fmt: skip
    together = run(backend, ann, *operations, dry_run=True)
    monkeypatch.setattr("app.usecases.batch._WORTH_IT", 1_000)
    alone = run(backend, ann, *operations, dry_run=True)
    assert [_told(each) for each in together] == [_told(each) for each in alone]


def _told(result):
    stamps = ("id", "created", "updated")
    return {name: value for name, value in orjson.loads(orjson.dumps(result.shown.as_object())).items() if name not in stamps}


def test_a_rule_that_asks_the_database_sees_what_came_before(backend, ann):
    rule = "@request.auth.id != '' && (parent = '' || parent.title = 'open')"
    backend.collections.change("docs", {"rules": {"create": rule}}, actor=SYSTEM)
    made = [{**create("open"), "as": "d"}, *(create(f"child {at}", parent={"$ref": "d.id"}) for at in range(3))]
    run(backend, ann, *made)
    assert titles(backend) == ["child 0", "child 1", "child 2", "open"]
    with pytest.raises(Forbidden) as refused:
        run(backend, ann, {**create("shut"), "as": "d"}, *(create(f"x {at}", parent={"$ref": "d.id"}) for at in range(3)))
    assert refused.value.faults[0].pointer == "/operations/1"


def test_the_first_that_is_refused_is_told(backend, ann):
    """One that only the database refuses comes before one that is wrong by itself."""
    operations = [create("a", key="1"), create("b", key="1"), create("")]
    with pytest.raises(Conflict) as refused:
        run(backend, ann, *operations)
    assert refused.value.faults[0].pointer == "/operations/1/values/key"


def test_each_operation_counts_towards_the_limits_of_its_collection(backend, ann):
    backend.collections.change("docs", {"limits": {"create": "5/minute"}}, actor=SYSTEM)
    facts = RequestFacts("POST", visit=Visit("192.0.2.1"))
    operations = read_operations({"operations": [create(str(at)) for at in range(6)]})
    with pytest.raises(TooMany):
        backend.records.batch(operations, actor=ann, facts=facts)
    assert titles(backend) == []
