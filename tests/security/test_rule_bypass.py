"""What an actor may not see: no filter, sort, expand, total, tag, cursor or refusal tells of it."""

import json

import pytest

from tests.security.target import API, COLLECTIONS, PLAIN, Target

RECORDS_OF = {"alice": ("draft-alice", "vault-alice", "key-alice"), "bob": ("draft-bob", "vault-bob", "key-bob")}
# Conditions on `NAME`, to be asked once with a name that is hidden and once with one that is not there.
ON_HIDDEN = (
    "NAME ~ 's3'", "NAME = 's3cret of alice'", "NAME != ''", "NAME = null", "NAME ?= 'x'", "NAME ?!~ 'x'", "title != '' || NAME ~ 's'",
    "title != '' && NAME ~ 's'", "!(NAME ~ 's')", "((NAME ~ 's'))", "NAME in ('a', 's3cret')",
    "NAME not in ('a')", "NAME:lower = 'x'", "NAME:length > 1", "NAME:each = 'x'", "lower(NAME) = 'x'", "length(NAME) > 1",
    "startsWith(NAME, 's')", "contains(NAME, 's')", "coalesce(NAME, 'x') = 'x'", "title = NAME", "NAME = NAME",
    "'s' = NAME", "title ~ NAME", "coalesce('', NAME) != ''", "strftime('%Y', NAME) = '2026'", "NAME.x = 1",
)  # fmt: skip


@pytest.mark.parametrize(
    "collection, name",
    [("posts", "secret"), ("posts", "locker"), ("posts", "locker.body"), ("posts", "owner.role"), ("posts", "owner.balance"),
        ("users", "balance"), ("users", "role"), ("posts", "cost"), ("posts", "source"),
        ("posts", "source.body"), ("posts", "owner.rating"),
     ("posts", "owner._password"), ("posts", "owner.password"), ("users", "password"), ("users", "_epoch")],
)  # fmt: skip
def test_a_hidden_field_is_told_as_a_missing_one(target: Target, collection: str, name: str) -> None:
    """Byte for byte as by a collection that has no such field."""
    for by in ("", "bob"):
        for parameter, forms in (("filter", ON_HIDDEN), ("sort", ("NAME", "-NAME", "title,NAME")), ("fields", ("NAME", "id,NAME")),
                ("expand", ("NAME", "owner,NAME"))):
            for form in forms:
                asked = {parameter: form.replace("NAME", name)}
                hidden, missing = (target.listed(each, by, **asked) for each in (collection, PLAIN[collection]))
                assert (hidden.status, missing.status) == (400, 400), (asked, hidden, missing)
                assert _spoken(hidden.content) == _spoken(missing.content), asked


def _spoken(content: bytes) -> bytes:
    """Without the request's id, and with one name for both collections."""
    text = content[: content.rindex(b'"request_id"')]
    for name, twin in PLAIN.items():
        text = text.replace(twin.encode(), name.encode())
    return text


def test_hidden_fields_are_in_no_answer(target: Target) -> None:
    for by in ("", "bob"):
        for content in (
            target.listed("posts", by, limit="500").content, target.listed("users", by, limit="500").content,
            target.listed("posts", by, expand="owner").content,
            target.records("GET", "posts", "live-alice", by=by).content,
            target.ask("GET", f"{COLLECTIONS}/posts/records/live-alice?expand=owner,vault", by=by).content,
        ):  # fmt: skip
            own = content.replace(b"s3cret line of bob", b"") if by == "bob" else content
            assert b"s3cret" not in own, content[:500]
            for secret in (b"secret", b"locker", b"balance", b"role", b"_password", b"argon2", b"_epoch", b"alice@example.org",
                    b"_key", b"cost", b"source", b"rating"):
                assert secret not in content, (secret, content[:500])
    # What a write answers with, and what the account itself sees.
    changed = target.records("PATCH", "posts", "live-bob", {"n": 1}, by="bob")
    own = target.ask("GET", f"{API}/auth/users/me", by="bob")
    for content in (changed.content, own.content):
        for secret in (b"s3cret of", b"s3cret cost", b"secret", b"balance", b"role", b"argon2", b"_password",
                b"cost", b"source", b"rating"):
            assert secret not in content
    assert own.body["email"] == "bob@example.org"


# --- values that the record keeps from others


def test_a_masked_value_is_absent_wherever_it_is_named(target: Target) -> None:
    """bob sees the lines of his own two posts; a condition tells nothing of the others', and they sort as equal."""
    for condition in ("phone ~ 's3cret'", "phone != ''", "phone ~ 'alice' || phone ~ 'bob'", "length(phone) > 0", "phone:lower ~ 'bob'",
            "phone in ('s3cret line of alice', 's3cret line of bob')", "phone >= 's3cret line of a'",
            "!(phone = '')", "phone not in ('')"):  # fmt: skip
        seen = target.listed("posts", "bob", filter=condition, fields="id", sort="id", count="exact").body
        assert [item["id"] for item in seen["items"]] == ["draft-bob", "live-bob"], condition
        assert target.listed("posts", "", filter=condition).status == 400, condition
    for guess in ("s3cret line of alice", "nothing"):
        seen = target.listed("posts", "bob", filter=f"id = 'live-alice' && phone != '{guess}'", count="exact").body
        assert (seen["total"], seen["items"][0]["phone"]) == (1, None)
    for key in ("phone", "-phone"):
        seen = target.listed("posts", "bob", sort=f"{key},id", fields="id,phone").body["items"]
        others = [item["id"] for item in seen if not item["id"].endswith("bob")]
        assert others == sorted(others), key
        assert [item["phone"] for item in seen if item["phone"]] == ["s3cret line of bob"] * 2
    groups = target.ask("GET", f"{COLLECTIONS}/posts/records/aggregate?group=phone&measures=count,max:phone", by="bob").body["items"]
    assert {(each["phone"], each["count"]) for each in groups} == {(None, 2), ("s3cret line of bob", 2)}


def test_a_walk_by_a_masked_key_comes_by_everything_once(target: Target) -> None:
    for sort in ("phone", "-phone", "-phone,n"):
        walked, cursor = [], ""
        while cursor is not None:
            page = target.listed("posts", "bob", limit="1", sort=sort, **({"cursor": cursor} if cursor else {})).body
            walked += [item["id"] for item in page["items"]]
            cursor = page["next"]
        assert len(walked) == len(set(walked)) == 4, sort


# --- relations


def test_a_relation_is_no_oracle_for_its_target(target: Target) -> None:
    """Through a relation a filter sees a target only where its list rule shows it: for bob, alice's vault is as if it were not there."""
    for condition in ("vault.body ~ 'gold'", "vault.body != ''", "vault.rank >= 0", "vault.body ~ 'alice' || vault.body ~ 'bob'",
            "vault.owner != ''", "vault.id ~ 'vault'", "vault.owner.name != ''", "vault.created > '2000-01-01'", "vault.version > 0"):
        seen = target.listed("posts", "bob", filter=condition, fields="id", sort="id", count="exact").body
        assert [item["id"] for item in seen["items"]] == ["draft-bob", "live-bob"], condition
        assert seen["total"] == 2
        assert target.listed("posts", "", filter=condition, count="exact").body["total"] == 0, condition
    for condition in ("vault.body = ''", "vault.body = null", "vault.body != 'the gold of alice'", "!(vault.body ~ 'gold')",
            "vault.owner = ''", "vault.rank = null", "vault.id = null"):
        found = {item["id"] for item in target.listed("posts", "bob", filter=condition, fields="id").body["items"]}
        assert {"live-alice", "live-carol"} <= found, condition
        # The same however alice's vault looks: a guess that holds and one that does not find the same.
    right, wrong = (target.listed("posts", "bob",
            filter=f"id = 'live-alice' && vault.body = '{guess}'").told for guess in ("the gold of alice", "no gold"))
    assert right == wrong


def test_records_of_unseen_targets_sort_as_equal(target: Target) -> None:
    for key in ("vault.body", "-vault.body", "vault.rank", "-vault.rank", "vault.created", "-vault.owner.name", "-vault.id"):
        seen = target.listed("posts", "bob", sort=f"{key},id", fields="id", filter="owner.name != 'bob'").body
        ids = [item["id"] for item in seen["items"]]
        assert ids == sorted(ids), key


def test_expand_follows_the_targets_own_rule(target: Target) -> None:
    for by, seen in (("bob", {"vault-bob"}), ("alice", {"vault-alice"}), ("", set())):
        page = target.listed("posts", by, expand="vault,owner").body
        assert {item["expand"]["vault"]["id"] for item in page["items"] if "vault" in item["expand"]} == seen
        assert all("balance" not in item["expand"]["owner"] for item in page["items"])
        assert all(item["expand"]["owner"]["email"] is None or item["owner"] == target.ids.get(by) for item in page["items"])
    deep = target.listed("posts", "bob", expand="vault.owner", filter="id = 'live-alice'").body
    assert deep["items"][0]["expand"] == {}
    # Back relations: of those that point here, whom the actor may list and view.
    page = target.listed("posts", "bob", expand="owner.vaults_via_owner,owner.posts_via_owner", filter="owner.name = 'alice'").body
    owner = page["items"][0]["expand"]["owner"]
    assert [each["id"] for each in owner.get("expand", {}).get("posts_via_owner", [])] == ["live-alice"]
    assert owner["expand"].get("vaults_via_owner", []) == []
    for expand in ("locker", "locker.owner", "vault.locker", "secret", "posts_via_owner", "vaults_via_owner", "vault.posts_via_locker",
            "vault.posts_via_source", "owner.locked_via_owner", "source", "nothing",
            "owner.password", "owner." * 6 + "owner", "vault,,owner", ",", "."):
        assert target.listed("posts", "bob", expand=expand).status == 400, expand


def test_a_back_relation_is_no_oracle(target: Target) -> None:
    """Z06: only what the actor may list points anywhere, and only by relations that it may see."""
    for right, wrong in (("owner.vaults_via_owner.body ?~ 'gold of {}'", "owner.vaults_via_owner.body ?~ 'lead'"),
            ("owner.posts_via_owner.title ?= '{} thinks'", "owner.posts_via_owner.title ?= 'nothing'"),
            ("owner.guarded_via_owner.key ?= 'key of {}'", "owner.guarded_via_owner.key ?= 'none'"),
            ("owner.posts_via_owner.phone ?= 's3cret line of {}'", "owner.posts_via_owner.phone ?= 'none'")):  # fmt: skip
        asked = [f"owner.name = 'alice' && {condition.format('alice')}" for condition in (right, wrong)]
        told = [target.listed("posts", "bob", filter=filter, count="exact").told for filter in asked]
        assert told[0] == told[1], right
        assert target.listed("posts", "bob", filter=f"owner.name = 'bob' && {right.format('bob')}", count="exact").body["total"] == 2, right


def test_back_relations_and_other_collections_are_not_asked(target: Target) -> None:
    for filter in (
        "posts_via_vault.secret ~ 'x'", "vaults_via_owner.body ~ 'gold'", "owner.locked_via_owner.id != ''",
        "vault.posts_via_locker.title ~ 'x'", "vault.posts_via_source.title ~ 'x'", "vault.posts_via_vault.cost ~ 's'",
        "locked_via_owner.id != ''", "@collection.users.email ~ 'a'", "@collection._admins.email ~ 'a'",
        "@collection.vaults.body ~ 'gold'", "@collection.vaults:x.body ?~ 'gold'", "@request.auth.id != ''", "@request.auth.email ~ 'b'",
        "@request.headers.authorization ~ 'e'", "@request.body.x = 'x'", "@request.query.x = ''",
        "@request.method = 'GET'", "@request.context = 'default'", "owner = @request.auth.id", "hasRole('admin')",
    ):  # fmt: skip
        for by in ("", "bob"):
            seen = target.listed("posts", by, filter=filter)
            assert seen.status == 400, (filter, seen)


def test_private_addresses_are_no_oracle(target: Target) -> None:
    for by in ("", "bob"):
        for query in ({"filter": "email ~ 'alice'"}, {"filter": "email = 'alice@example.org'"}, {"filter": "email != ''"},
                {"sort": "email"}, {"sort": "-email"}):
            assert target.listed("users", by, **query).status == 400, query
        for query in ({"filter": "owner.email ~ 'alice'"}, {"sort": "owner.email"}, {"sort": "-owner.email"}):
            assert target.listed("posts", by, **query).status == 400, query
        page = target.listed("users", by, fields="id,email").body["items"]
        assert {item["id"]: item["email"] for item in page if item["email"]} == ({target.ids["bob"]: "bob@example.org"} if by else {})


# --- totals, pages, cursors (Z15)


def test_totals_count_what_may_be_seen(target: Target) -> None:
    for by, total in (("", 3), ("bob", 4), ("alice", 4)):
        for query in ({"limit": "1"}, {"limit": "1", "page": "2"}, {"page": "1000000"}, {"limit": "500", "sort": "-n"}, {"fields": "id"}):
            seen = target.listed("posts", by, count="exact", **query)
            assert seen.body["total"] == total, (by, query)
        walked, cursor = [], ""
        while cursor is not None:
            page = target.listed("posts", by, limit="1", sort="-n,title", **({"cursor": cursor} if cursor else {})).body
            walked += [item["id"] for item in page["items"]]
            cursor = page["next"]
        assert len(walked) == len(set(walked)) == total
        assert not any(id.startswith("draft") and not id.endswith(by or "nobody") for id in walked)


def test_a_cursor_is_no_pass(target: Target) -> None:
    """One that somebody else was given shows what its user may see, from there on."""
    given = target.listed("posts", "alice", limit="1", sort="id").body["next"]
    seen = target.listed("posts", "", limit="500", sort="id", cursor=given).body["items"]
    assert {item["status"] for item in seen} == {"live"}
    for query in ({"sort": "n"}, {"sort": "-id"}, {"filter": "n = 1"}, {"filter": "n=1", "sort": "id"}):
        assert target.listed("posts", "alice", cursor=given, **query).status == 400, query
    assert target.listed("users", "alice", cursor=given).status == 400


# --- records of others (Z25, E06)


def test_records_of_others_are_as_if_they_were_not_there(target: Target) -> None:
    with target.unchanged():
        for collection, id in (("posts", "draft-alice"), ("vaults", "vault-alice"), ("guarded", "key-alice")):
            for by in ("", "bob"):
                for method, body in (("GET", None), ("PATCH", b'{"n": 1}'), ("PATCH", b"{}"), ("DELETE", None), ("HEAD", None)):
                    for headers in ({}, {"If-Match": '"v1-20200101000000000"'}, {"If-None-Match": "*"}, {"If-Match": "*"}):
                        told = []
                        for each in (id, "no-such-id"):
                            if body == b'{"n": 1}' and collection != "posts":
                                continue
                            seen = target.ask(method, f"{COLLECTIONS}/{collection}/records/{each}", raw=body, by=by, headers=dict(headers))
                            told.append((seen.told, {k: v for k, v in seen.headers.items() if k not in ("x-request-id", "date")}))
                            assert seen.status in (400, 401, 403, 404), (method, each, seen)
                        assert told[:1] == told[1:], (collection, by, method, headers)


def test_one_answer_for_what_is_closed_and_what_is_not_there(target: Target) -> None:
    for by in ("", "bob"):
        for method, rest, body in (("GET", "", None), ("GET", "/locked-1", None), ("POST", "", b'{"body": "x"}'),
            ("POST", "", b'{"nothing": 1}'), ("PATCH", "/locked-1", b'{"body": "x"}'), ("DELETE", "/locked-1", None),
            ("GET", "?filter=body='x'", None),
                                   ("GET", "?filter=nothing='x'", None), ("GET", "?sort=body", None), ("GET", "?expand=x", None),
                                   ("GET", "?limit=1&count=exact", None), ("GET", "?body=1", None),
                                   ("GET", "?cursor=x", None)):  # fmt: skip
            told = [target.ask(method, f"{COLLECTIONS}/{name}/records{rest}", raw=body, by=by).told for name in ("locked", "lickid")]
            assert told[0] == told[1], (by, method, rest)
        told = [target.ask("GET", f"{COLLECTIONS}/{name}", by=by).told for name in ("locked", "lickid", "_admins", "posts")]
        assert told[0] == told[1] == told[2] == told[3]
        told = [target.ask("POST", f"{API}/auth/{name}/sign-in", {"identity": "a@example.org",
                    "password": "x" * 12}).told for name in ("locked", "lickid", "posts", "_keys")]
        assert told[0] == told[1] == told[2] == told[3]


def test_what_only_admins_may_do_is_told_by_who_asks(target: Target) -> None:
    """Where one rule of a collection is open, its name is known: 401 for guests, 403 for others, whether the record is there or not."""
    with target.unchanged():
        for method, rest, body in (("GET", "", None), ("POST", "", b'{"body": "x"}'), ("PATCH", "/half-1", b'{"body": "x"}'),
                ("PATCH", "/no-such", b'{"body": "x"}'), ("DELETE", "/half-1", None), ("DELETE", "/no-such", None)):
            assert target.ask(method, f"{COLLECTIONS}/halfopen/records{rest}", raw=body).status == 401
            assert target.ask(method, f"{COLLECTIONS}/halfopen/records{rest}", raw=body, by="bob").status == 403


# --- rules themselves (Z14, Z27)

RULES = {
    # rule of a list, and who finds a record with an owner, and one without
    "owner = @request.auth.id": {"bob": "owned", "": ""},
    "owner = ''": {"bob": "free", "": "free"},
    "owner != @request.auth.id": {"bob": "free", "": "owned free"},
    "@request.auth.id != ''": {"bob": "owned free", "": ""},
    "@request.auth.id = ''": {"bob": "", "": "owned free"},
    "@request.auth.id != '' && owner = @request.auth.id": {"bob": "owned", "": ""},
    "@request.auth.name = owner.name": {"bob": "owned", "": ""},
    "@request.auth.role = 'member'": {"bob": "owned free", "": ""},
    "@request.auth.nothing_here = note": {},
    "@request.query.key = note": {"bob": "", "": ""},
    "@request.headers.x_key = note": {"bob": "", "": ""},
    "note = ''": {"bob": "owned free", "": "owned free"},
    "'' = ''": {"bob": "owned free", "": "owned free"},
    "@request.auth.collectionName = 'users'": {"bob": "owned free", "": ""},
    "!(owner = @request.auth.id)": {"bob": "free", "": "owned free"},
    "owner in (@request.auth.id)": {"bob": "owned", "": ""},
    "@request.auth.balance > 0": {"bob": "", "": ""},
    "note ~ @request.query.key": {},
}


def test_rules_let_in_whom_they_name_and_nobody_else(target: Target) -> None:
    body = {"name": "ruled", "fields": [{"name": "owner", "type": "relation", "collection": "users", "on_delete": "clear"},
            {"name": "note", "type": "text"}]}
    assert target.ask("POST", COLLECTIONS, body, by="admin").status == 201
    try:
        target.make("ruled", id="owned", owner=target.ids["bob"])
        target.make("ruled", id="free")
        for rule, expected in RULES.items():
            set_ = target.ask("PATCH", f"{COLLECTIONS}/ruled", {"rules": {"list": rule, "view": rule, "update": rule, "delete": None}},
                by="admin")
            if set_.status == 400:
                assert not expected, (rule, set_.body)
                continue
            assert set_.status == 200, (rule, set_)
            for by, found in expected.items():
                seen = target.listed("ruled", by, sort="-id", fields="id").body["items"]
                assert " ".join(item["id"] for item in seen) == found, (rule, by)
                for id in ("owned", "free"):
                    allowed = id in found.split()
                    assert (target.records("GET", "ruled", id, by=by).status == 200) is allowed, (rule, by, id)
                    assert (target.records("PATCH", "ruled", id, {"note": None}, by=by).status == 200) is allowed, (rule, by, id)
        # An empty rule and none are opposites.
        assert target.ask("PATCH", f"{COLLECTIONS}/ruled", {"rules": {"list": ""}}, by="admin").status == 200
        assert len(target.listed("ruled").body["items"]) == 2
        assert target.ask("PATCH", f"{COLLECTIONS}/ruled", {"rules": {"list": None, "view": None, "update": None}},
            by="admin").status == 200
        assert target.listed("ruled").status == target.listed("ruled", "bob").status == 404
    finally:
        assert target.ask("DELETE", f"{COLLECTIONS}/ruled", by="admin").status == 204


def test_internal_doors_are_closed(target: Target) -> None:
    """Z13, Z24, X03: nothing answers that this backend does not have, and what exists for admins is for admins."""
    for path in (
        "/console", "/debug", "/__debug__", "/.git/config", "/.env", "/metrics", "/rq", "/admin", "/_", "/api/", "/api/v1", "/api/v1/",
        "/api/v2/collections", "/api/v1/settings", "/api/v1/logs", "/api/v1/backups",
        "/api/v1/auth/users/login-as", "/api/v1/collections/posts/truncate",
        "/api/v1/collections/posts/records/live-bob/history", "/server-status", "/debug/pprof", "/wsgi.py", "/static/x",
        "/data/stillroom.db", "//api/v1/collections",
        "/api//v1/collections", "/api/v1/collections/", "/api/v1/docs/../../../etc/passwd", "/api/v1/docs/%2e%2e%2f%2e%2e%2fsetup.cfg",
        "/api/v1/docs/swagger-ui.css.map", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/openapi.json/", "/API/V1/collections",
    ):  # fmt: skip
        for by in ("", "bob"):
            assert target.ask("GET", path, by=by).status == 404, path
    for by in ("", "bob"):
        for path in ("jobs", "outbox", "audit"):
            assert target.ask("GET", f"{API}/{path}", by=by).status == (403 if by else 401), path
        for method in ("GET", "POST"):
            assert target.ask(method, COLLECTIONS, raw=b"{}" if method == "POST" else None, by=by).status == (403 if by else 401)


# What only admins know of: a collection without rules, hidden fields, fields whose view rule holds for no such actor.
UNTOLD = ("locked", "_Admins", "role", "balance", "secret", "locker", "list_collections", "erase_record", "@request", "owner = ")
UNTOLD_TO_MEMBERS = (*UNTOLD, "rating", "cost")


def test_the_document_tells_nobody_of_what_is_closed_to_them(target: Target) -> None:
    """X12: names stand in it as members, enum values, parts of addresses and operation ids, or in backticks."""
    for by, untold in (("", UNTOLD_TO_MEMBERS), ("bob", UNTOLD_TO_MEMBERS), ("admin", ())):
        told = target.ask("GET", f"{API}/openapi.json", by=by)
        document = told.body
        for way in ("factors", "factors/enrolment"):
            del document["paths"][f"/api/v1/auth/{{c}}/{way}/totp"]  # what an app is told is called `secret` too
        text = json.dumps(document, separators=(",", ":"))
        assert told.headers["vary"] == "Authorization, Cookie"
        assert [name for name in untold if any(f"{mark}{name}" in text for mark in ('"', "`", "/", "list_"))] == [], by
        assert ("list_posts" in text, "list_vaults" in text, "list_locked" in text) == (True, True, by == "admin")
    assert target.ask("GET", f"{API}/openapi.json", headers={"Authorization": "Bearer no.good.token"}).status == 401
