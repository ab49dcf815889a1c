"""Batches are no way around what single requests may not do: every operation is judged as its own request, by whoever sent the batch."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.test_races import at_once
from tests.security.nasty import UNSTORABLE
from tests.security.target import API, Seen, Target, address
from tests.security.test_mass_assignment import PRIVILEGES, SIGN_UP

BATCH = f"{API}/batch"


def batch(target: Target, *operations: Any, by: str = "bob", **options: Any) -> Seen:
    return target.ask("POST", BATCH, {"operations": list(operations)}, by=by, **options)


def create(collection: str, **values: Any) -> dict[str, Any]:
    return {"method": "create", "collection": collection, "values": values}


SMUGGLED: list[Any] = [
    {"method": "GET", "collection": "posts", "id": "x"}, {"method": "list", "collection": "posts"},
    {"method": "Create", "collection": "posts", "values": {}},
    {"method": "POST", "url": "/api/v1/collections/posts/records", "body": {}},
    {"method": "create", "collection": "posts", "values": {}, "headers": {"Authorization": "Bearer x"}},
    {"method": "create", "collection": "posts", "values": {}, "actor": "admin"},
    {"method": "create", "collection": "posts", "values": {}, "by": "id"},
    {"method": "batch", "operations": []}, {"operations": [create("posts", title="x")]},
    {"method": "create", "collection": ["posts"], "values": {}}, {"method": "create", "collection": "", "values": {}},
    {"method": "create", "collection": "posts", "values": []}, {"method": "create", "collection": "posts"},
    {"method": "update", "collection": "posts", "values": {}}, {"method": "delete", "collection": "posts", "id": ["x"]},
    {"method": "delete", "collection": "posts", "id": {"$ref": "a.id", "x": 1}},
    {"method": "delete", "collection": "posts", "id": "x", "values": {}},
    {"method": "update", "collection": "posts", "id": "x", "values": {}, "if_version": 0},
    {"method": "update", "collection": "posts", "id": "x", "values": {}, "if_version": True},
    {"method": "upsert", "collection": "posts", "by": [], "values": {}},
    {"method": "upsert", "collection": "posts", "by": ["id", "id"], "values": {}},
    create("posts", title="x") | {"as": "a.b"}, create("posts", title="x") | {"as": 1}, [], "x", None, 7,
]  # fmt: skip


@pytest.mark.parametrize("operation", SMUGGLED)
def test_what_is_no_operation_is_refused_by_its_place(target: Target, operation: Any) -> None:
    with target.unchanged():
        seen = batch(target, create("posts", title="first", owner=target.ids["bob"]), operation)
        assert (seen.status, seen.code) == (400, "invalid_batch"), seen
        assert all(each["pointer"].startswith("/operations/1") for each in seen.body["errors"]), seen.body


NOT_COLLECTIONS = ("../posts", "posts/records", "_sessions", "_outbox", "_answers", "_collections", "sqlite_master", "POSTS", "posts ",
                   "auth", "auth/users/sign-in", "keys", "x" * 5000)  # fmt: skip


@pytest.mark.parametrize("collection", NOT_COLLECTIONS)
def test_what_is_no_collection_is_as_unknown_as_any(target: Target, collection: str) -> None:
    with target.unchanged():
        seen = batch(target, create(collection, title="x"))
        assert (seen.status, seen.code) == (404, "not_found"), seen


def test_signing_in_is_no_operation(target: Target) -> None:
    """So nobody tries fifty passwords at once."""
    known = address("alice")
    tries = [{"method": "sign-in", "collection": "users", "values": {"identity": known, "password": str(at)}} for at in range(50)]
    assert batch(target, *tries, by="").status == 400
    values = [{"password": "a new one of mine", "old_password": str(at)} for at in range(50)]
    guesses = [{"method": "update", "collection": "users", "id": target.ids["bob"], "values": each} for each in values]
    with target.unchanged():
        assert batch(target, *guesses).code == "too_many_passwords"


def test_privileges_are_no_more_to_be_had_in_a_batch(target: Target) -> None:
    with target.unchanged():
        for name, value in PRIVILEGES.items():
            sign_up = {**create("users"), "values": {**SIGN_UP, name: value}}
            seen = batch(target, create("posts", title="x", owner=target.ids["bob"]), sign_up)
            assert seen.status == 400, (name, seen)
            if name != "old_password":
                changed = {"method": "update", "collection": "users", "id": target.ids["bob"], "values": {name: value}}
                assert batch(target, changed).status == 400, (name, value)


def test_other_peoples_records_are_as_missing_as_any(target: Target) -> None:
    """Named before anything of the batch was done, and by what it made itself."""
    theirs = target.make("vaults", owner=target.ids["alice"], body="gold", rank=1)
    with target.unchanged():
        for id in (theirs, "nowhere"):
            for operation in (
                {"method": "update", "collection": "vaults", "id": id, "values": {"body": "mine"}},
                {"method": "update", "collection": "vaults", "id": id, "values": {}, "if_version": 1},
                {"method": "delete", "collection": "vaults", "id": id},
                {"method": "update", "collection": "vaults", "id": id, "values": {"body": "x"}, "if": "rank = 1"},
            ):
                seen = batch(target, operation)
                assert (seen.status, seen.code) == (404, "not_found"), seen
        taken = batch(target, {"method": "upsert", "collection": "vaults", "by": "id",
                               "values": {"id": theirs, "body": "mine", "owner": target.ids["bob"]}})  # fmt: skip
        assert taken.status == 404, taken
        hidden = batch(target, {"method": "upsert", "collection": "posts", "by": "secret", "values": {"secret": "x", "title": "x"}})
        missing = batch(target, {"method": "upsert", "collection": "posts", "by": "secreth", "values": {"secreth": "x", "title": "x"}})
        assert (hidden.status, hidden.code) == (missing.status, missing.code) == (400, "invalid_key")
    _clear(target, "vaults", theirs)


def test_a_refusal_in_a_batch_is_that_of_the_request_alone(target: Target) -> None:
    bodies = [{"title": ""}, {"title": "x", "secret": "s"}, {"title": "x", "n": "1"}, {"title": "x", "n": 2**63}, {"title": ["x"]},
              {"title": {"$ne": ""}}, {"title": "x", "status": "other"}, {"title": "x", "vault": "nowhere"}, {"title": "x" * 201},
              {"title": "x", "cost": "1"}]  # fmt: skip
    with target.unchanged():
        for body in bodies:
            alone = target.records("POST", "posts", "", {"owner": target.ids["bob"], **body}, by="bob")
            for many in (1, 4):  # as one, and among those that are written together
                before = [create("posts", owner=target.ids["bob"], title="x")] * (many - 1)
                seen = batch(target, *before, create("posts", owner=target.ids["bob"], **body))
                assert (seen.status, seen.code) == (alone.status, alone.code), (body, seen)
                place = f"/operations/{many - 1}/values"
                assert [(place + each["pointer"], each["code"], each["detail"]) for each in alone.body["errors"]] == [
                    (each["pointer"], each["code"], each["detail"]) for each in seen.body["errors"]
                ], body


def test_values_that_no_database_keeps(target: Target) -> None:
    with target.unchanged():
        for value in UNSTORABLE:
            sent = b'{"operations": [{"method": "create", "collection": "values", "values": {"t": "' + value + b'"}}]}'
            assert target.ask("POST", BATCH, raw=sent, by="admin").status == 400, value


def test_sizes_and_depths(target: Target) -> None:
    with target.unchanged():
        for operations in ([], [create("posts")] * 1001, [{}] * 1001):
            assert target.ask("POST", BATCH, {"operations": operations}, by="bob").status == 400
        deep: Any = "x"
        for _ in range(80):
            deep = [deep]
        assert batch(target, create("posts", title="x", meta=deep)).status in (400, 413)
        for body in ({}, {"operations": {}}, {"operations": [], "more": 1}, {"requests": []}):
            assert target.ask("POST", BATCH, body, by="bob").status == 400


def test_rivals_for_one_unique_value(target: Target) -> None:
    """By create, by upsert and by update at once: one record has it, and nobody is told more than that."""
    others = [target.make("guarded", owner=target.ids["bob"], key=f"own-{at}-{target.engine}") for at in range(4)]
    key = f"wanted-{target.engine}"

    def rival(at: int) -> Seen:
        values = {"key": key, "owner": target.ids["bob"]}
        ways = (
            create("guarded", **values), {"method": "upsert", "collection": "guarded", "by": "key", "values": values},
            {"method": "update", "collection": "guarded", "id": others[at % 4], "values": {"key": key}},
        )  # fmt: skip
        return batch(replace(target, _kept=None), create("posts", title="beside", owner=target.ids["bob"], status="draft"), ways[at % 3])

    seen = Counter(each.status for each in at_once(24, rival))
    assert set(seen) <= {200, 409}, seen
    [winner] = target.listed("guarded", by="bob", filter=f"key = '{key}'").body["items"]
    _clear(target, "guarded", *others, winner["id"])
    _clear(target, "posts", *(each["id"] for each in target.listed("posts", by="bob", filter="title = 'beside'").body["items"]))


def test_a_batch_makes_deletes_and_makes_again(target: Target) -> None:
    mine, id = {"owner": target.ids["bob"]}, f"again-{target.engine}"
    gone = {"method": "delete", "collection": "vaults", "id": id}
    seen = batch(target, create("vaults", id=id, body="1", **mine), gone, create("vaults", id=id, body="2", **mine))
    assert [each["status"] for each in seen.body["results"]] == [201, 204, 201]
    assert batch(target, gone, {"method": "update", "collection": "vaults", "id": id, "values": {"body": "3"}}).status == 404
    assert target.records("GET", "vaults", id, by="bob").body["body"] == "2"
    _clear(target, "vaults", id)


def _clear(target: Target, collection: str, *ids: str) -> None:
    """Other tests count what there is."""
    for id in set(ids):
        assert target.records("DELETE", collection, id, by="admin").status == 204
