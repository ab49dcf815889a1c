"""Aggregates and views as ways around rules, as ways into the database, and as ways to stop a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.security.target import COLLECTIONS, PLAIN, Target

SEEN = {"list": "", "view": ""}


def aggregated(target: Target, collection: str, by: str = "", **query: str) -> Any:
    return target.ask("GET", f"{COLLECTIONS}/{collection}/records/aggregate", by=by, query=query)


@contextmanager
def view(target: Target, query: dict[str, Any], rules: dict[str, str | None] | None = None) -> Iterator[None]:
    """A view `peep`, for as long as it is looked at."""
    made = target.ask("POST", COLLECTIONS, {"name": "peep", "type": "view", "query": query, "rules": rules or SEEN}, by="admin")
    assert made.status == 201, made
    try:
        yield
    finally:
        assert target.ask("DELETE", f"{COLLECTIONS}/peep", by="admin").status == 204


# --- aggregates

BY_NAME = (
    {"group": "NAME"}, {"group": "status,NAME"}, {"group": "NAME:day"}, {"measures": "count:NAME"}, {"measures": "max:NAME"},
    {"measures": "min:NAME"}, {"measures": "sum:NAME"}, {"measures": "avg:NAME"}, {"measures": "count,max:NAME"}, {"sort": "NAME"},
    {"sort": "-max:NAME"}, {"filter": "NAME != ''"}, {"group": "owner.NAME"}, {"measures": "max:owner.NAME"},
)  # fmt: skip


@pytest.mark.parametrize("collection, name", [("posts", "secret"), ("posts", "locker"), ("posts", "locker.body"), ("users", "balance"),
                                              ("users", "role"), ("users", "_password"), ("users", "_epoch"), ("posts",
                                              "_key_email")])  # fmt: skip
def test_nothing_hidden_is_counted_or_grouped_by(target: Target, collection: str, name: str) -> None:
    """Byte for byte the answer of a collection that has no such field."""
    for by in ("", "bob"):
        for form in BY_NAME:
            asked = {key: value.replace("NAME", name) for key, value in form.items()}
            hidden, missing = (aggregated(target, each, by, **asked) for each in (collection, PLAIN[collection]))
            assert (hidden.status, missing.status) == (400, 400), (asked, hidden, missing)
            told, plain = hidden.told[1], missing.told[1]
            assert told == {**plain, "detail": plain["detail"].replace(PLAIN[collection], collection)}, asked


def test_totals_are_those_of_the_list(target: Target) -> None:
    for by in ("", "alice", "bob", "admin"):
        for condition in ("", "status = 'draft'", "vault.body ~ 'gold'", "vault.rank >= 0", "owner.name != ''", "n > 0"):
            asked = {"filter": condition} if condition else {}
            listed = target.listed("posts", by, count="exact", limit="1", **asked).body["total"]
            assert aggregated(target, "posts", by, **asked).body["items"] == [{"count": listed}]
            groups = aggregated(target, "posts", by, group="owner,status", **asked).body["items"]
            assert sum(each["count"] for each in groups) == listed


def test_a_relation_tells_no_group_of_what_may_not_be_listed(target: Target) -> None:
    for group in ("vault.body", "vault.rank", "vault.owner", "vault.owner.name", "vault.id", "vault.version", "vault.created:day"):
        values = {each[group] for each in aggregated(target, "posts", "bob", group=group).body["items"]}
        mine = target.ask("GET", f"{COLLECTIONS}/vaults/records/vault-bob?expand=owner", by="bob").body
        own = {"vault.owner.name": mine["expand"]["owner"]["name"], "vault.created:day": mine["created"][:10]}
        assert values == {None, own.get(group) or mine[group.partition(".")[2]]}, group
    for measure in ("max:vault.body", "min:vault.body"):
        assert aggregated(target, "posts", "bob", measures=measure).body["items"] == [{measure: "the gold of bob"}]


def test_collections_that_may_not_be_listed_are_not_aggregated(target: Target) -> None:
    for by in ("", "bob"):
        for name in ("locked", "halfopen", "_admins", "_meta", "_collections", "_trash", "sqlite_master", "pg_catalog", "nowhere"):
            refused, listed = aggregated(target, name, by, group="id"), target.listed(name, by)
            assert (refused.status, refused.code) == (listed.status, listed.code)
            assert refused.status in (401, 403, 404)
    assert aggregated(target, "_meta", "admin").status == 404


@pytest.mark.parametrize("text", [
    "n) FROM posts--", "n;DROP TABLE posts", "n'", 'n"', "n`", "n/**/", "n UNION SELECT 1", "(SELECT 1)", "n+1", "random()",
    "count(*)", "sum(n)",
    "n\x00", "ｎ", "rowid", "posts.n", "main.posts.n", "public.posts", "@@version", "pg_sleep(5)", "load_extension:n",
    "median:n", "group_concat:title", "sum:n;", "sum:n,", ",", "sum:", ":n", "::", "sum::n", "max:max:n", "count:*", "*",
    "created:hour", "created:day:day", "created:%Y",
])  # fmt: skip
def test_names_are_names(target: Target, text: str) -> None:
    for name in ("group", "measures", "sort"):
        assert aggregated(target, "posts", "alice", **{name: text}).status == 400, name


def test_limits_are_refused_by_name(target: Target) -> None:
    long = ",".join(f"owner.name{at}" for at in range(400))
    deep = "owner." * 7 + "name"
    many = "title,status,n,id,version,created:day,created:month,created:year,updated"
    for asked in ({"group": many}, {"measures": ",".join(f"{each}:n" for each in ("sum", "avg", "min", "max")) * 6}, {"group": long},
                  {"group": deep}, {"filter": "n=1 || " * 600 + "n=1"}):  # fmt: skip
        assert aggregated(target, "posts", "alice", **asked).status == 400
    for asked in ({"limit": "501"}, {"limit": "-1"}, {"page": "0"}, {"page": "1e9"}, {"page": "9" * 30}, {"cursor": "x"}, {"having": "1"}):
        assert aggregated(target, "posts", "alice", **asked).status == 400
    assert aggregated(target, "posts", "alice", group="id", page="1000000").body == {"items": [], "next": None}


# --- views

FLAT = {"source": "posts", "columns": [{"name": name, "path": path} for name, path in (
    ("title", "title"), ("status", "status"), ("secret", "secret"), ("locker", "locker"), ("hoard", "locker.body"), ("who", "owner"),
    ("post", "owner.email"), ("rich", "owner.balance"), ("most", "vault.body"))]}  # fmt: skip


def test_what_is_hidden_at_its_source_is_hidden_in_a_view(target: Target) -> None:
    with view(target, FLAT):
        for by in ("", "bob"):
            for seen in (target.listed("peep", by, limit="500", expand="who"), target.records("GET", "peep", "live-alice", by=by)):
                assert seen.status == 200
                for told in (b"s3cret", b"secret", b"locker", b"hoard", b'"post"', b"rich", b"balance", b"alice@", b"carol@", b"role"):
                    assert told not in seen.content, (told, seen.content[:400])
            for name in ("secret", "locker", "locker.body", "hoard", "post", "rich", "who.email", "who.balance"):
                for asked in ({"filter": f"{name} != ''"}, {"sort": name}, {"fields": name}, {"expand": name}):
                    assert target.listed("peep", by, **asked).status == 400, asked
                assert aggregated(target, "peep", by, group=name).status == 400


def test_a_view_has_its_own_rules_and_no_others(target: Target) -> None:
    own = {"list": "who = @request.auth.id", "view": "who = @request.auth.id"}
    with view(target, FLAT, own):
        assert {each["who"] for each in target.listed("peep", "bob", limit="500").body["items"]} == {target.ids["bob"]}
        assert target.listed("peep", "", count="exact").body["total"] == 0
        assert target.records("GET", "peep", "live-alice", by="bob").status == 404
        assert target.records("GET", "peep", "draft-bob", by="bob").status == 200
    with view(target, FLAT, {"list": None, "view": None}):
        for by, seen in ((by, target.listed("peep", by)) for by in ("", "bob")):
            assert seen.told == target.listed("nowhere", by).told


def test_nobody_writes_to_a_view(target: Target) -> None:
    with view(target, FLAT), target.unchanged():
        for by, status in (("", 403), ("bob", 403), ("admin", 403)):
            for method, id, body in (("POST", "", {"title": "x"}), ("PATCH", "live-bob", {"title": "x"}), ("DELETE", "live-bob", None)):
                seen = target.records(method, "peep", id, *([] if body is None else [body]), by=by)
                assert (seen.status, seen.code) == (status, "view_is_read_only"), (by, method)
        for id in ("live-bob", "x", "nobody"):
            assert target.records("DELETE", "peep", id, by="bob").code == "view_is_read_only"


BAD_QUERIES: tuple[Any, ...] = (
    None, [], "SELECT * FROM users", {"sql": "SELECT 1"}, {"source": "_admins", "columns": [{"name": "m", "path": "email"}]},
    {"source": "posts; DROP TABLE posts", "columns": [{"name": "t", "path": "title"}]},
    {"source": "posts", "columns": [{"name": "t", "path": "title) FROM posts; ATTACH 'x' AS y --"}]},
    {"source": "posts", "columns": [{"name": 't" FROM users--', "path": "title"}]},
    {"source": "posts", "columns": [{"name": "_t", "path": "title"}]}, {"source": "posts", "columns": [{"name": "t",
    "path": "_password"}]},
    {"source": "users", "columns": [{"name": "t", "path": "_password"}]}, {"source": "users", "columns": [{"name": "t",
    "path": "password"}]},
    {"source": "posts", "columns": [{"name": "t", "path": "owner._epoch"}]}, {"source": "posts", "columns": [{"name": "t",
    "path": "rowid"}]},
    {"source": "posts", "columns": [{"name": "t", "measure": "pg_read_file:title"}]},
    {"source": "posts", "columns": [{"name": "t", "measure": "load_extension:title"}]},
    {"source": "posts", "columns": [{"name": "t", "measure": ["count"]}]}, {"source": {"$ne": 1}, "columns": [{"name": "t",
    "path": "title"}]},
    {"source": "posts", "columns": [{"name": "t", "path": "title"}], "filter": "1 = 1; PRAGMA writable_schema = 1"},
    {"source": "posts", "columns": [{"name": "t", "path": "title"}], "filter": "title = (SELECT email FROM users)"},
    {"source": "posts", "columns": [{"name": "t", "path": "title"}], "filter": "@request.auth.id != ''"},
    {"source": "posts", "columns": [{"name": "t", "path": "title"}], "filter": "@collection._admins.email != ''"},
    {"source": "posts", "columns": [{"name": "t", "path": "title"}], "filter": "created < @now"},
    {"source": "posts", "columns": [{"name": "t", "path": "title"}], "filter": "title ~ '" + "a" * 4000 + "'"},
    {"source": "posts", "columns": [{"name": f"t{at}", "path": "title"} for at in range(101)]},
    {"source": "posts", "columns": [{"name": f"t{at}", "path": "owner.name"} for at in range(49)]},
    {"source": "posts", "columns": [{"name": "t", "path": "title"}], "group_by": ["t", "t"]},
    {"source": "posts", "columns": [{"name": "t", "path": "secret"}, {"name": "n", "measure": "count"}], "group_by": ["t"]},
    {"source": "peep", "columns": [{"name": "t", "path": "t"}]}, {"source": "sqlite_master", "columns": [{"name": "t", "path": "sql"}]},
    {"source": "pg_catalog.pg_authid", "columns": [{"name": "t", "path": "rolpassword"}]},
)  # fmt: skip


def test_a_query_is_a_description_and_no_sql(target: Target) -> None:
    with target.unchanged():
        for query in BAD_QUERIES:
            seen = target.ask("POST", COLLECTIONS, {"name": "peep", "type": "view", "query": query, "rules": SEEN}, by="admin")
            assert seen.status == 400, query
            assert all(each["pointer"].startswith("/query") for each in seen.body["errors"]), query
        for by, status in (("", 401), ("bob", 403)):
            assert target.ask("POST", COLLECTIONS, {"name": "peep", "type": "view", "query": FLAT, "rules": SEEN}, by=by).status == status


def test_both_engines_answer_alike(both: tuple[Target, Target]) -> None:
    """Values that one engine or the other would read in its own way, kept, grouped, measured and looked at through a view."""
    kept = [
        {"id": f"q{at}", "t": text, "i": whole, "n": number, "d": decimal, "b": flag, "at": date, "r": "q0" if at else None}
        for at, (text, whole, number, decimal, flag, date) in enumerate([
            ("é", 2**63 - 1, 0.1, "0.10", True, "2026-01-01T00:00:00.000Z"), ("É", 2**63 - 1, 0.2, "-0.10", False,
            "1969-12-31T23:59:59.999Z"),
            ("", -(2**63), 1e300, "9999999999999999.99", None, None), ("1", 1, -1e300, "9999999999999999.99", True,
            "9999-12-31T23:59:59.999Z"),
            ("NaN", 0, 5e-324, "0.00", None, "0001-01-01T00:00:00.000Z"), ("e\u0301", None, None, None, False, None),
        ])
    ]  # fmt: skip
    for target in both:
        for record in kept:
            target.make("values", **record)
    mine = "t != 'xx' && id ~ 'q_%' && id !~ 'q__%'"
    for asked in (
        {"group": "t", "measures": "count,sum:i,avg:i,sum:n,avg:n,sum:d,avg:d,min:t,max:at"}, {"group": "b,at:year"},
        {"group": "d", "sort": "-d"},
        {"measures": "sum:i,sum:n,sum:d,avg:i,avg:n,avg:d,min:i,max:i,min:n,max:n,min:d,max:d,min:t,max:t,min:at,max:at"},
        {"group": "r.t", "measures": "sum:r.i,avg:r.d"}, {"group": "n", "sort": "n"}, {"group": "at:day"}, {"group": "at:month",
        "sort": "-at:month"},
    ):  # fmt: skip
        first, second = (aggregated(each, "values", "alice", filter=mine, **asked) for each in both)
        assert first.content == second.content, asked
        assert first.status == 200
    query = {"source": "values", "filter": mine, "group_by": ["t", "b", "i", "n", "d", "at"], "columns": [
        *({"name": name, "path": name} for name in ("t", "b", "i", "n", "d", "at")), {"name": "of", "measure": "sum:r.i"},
        {"name": "sum_i", "measure": "sum:i"}, {"name": "mean", "measure": "avg:d"}]}  # fmt: skip
    with view(both[0], query), view(both[1], query):
        for asked in ({"sort": "t"}, {"sort": "-n,id"}, {"sort": "id", "filter": "sum_i > 0 || mean < 0"},
                      {"filter": "of != null", "count": "exact"}):  # fmt: skip
            first, second = (each.listed("peep", "bob", **asked) for each in both)
            assert first.content == second.content, asked
    for target in both:
        for record in reversed(kept):
            assert target.records("DELETE", "values", record["id"], by="admin").status == 204
