"""Keys of other programs over HTTP, on every database: they do what their scopes say and nothing else, and are revoked at once."""

import pytest

from app.testing import ToldClock, backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts

PASSWORD = "a stillroom of herbs"
API = "/api/v1"
FACTS = RequestFacts("POST")


@pytest.fixture
def room(database_url):
    with backend(database=database_url, clock=ToldClock()) as room:
        room.collections.create({"name": "users", "type": "accounts", "rules": {"create": ""}}, actor=SYSTEM)
        fields = [{"name": "title", "type": "text"}, {"name": "secret", "type": "text", "hidden": True},
                  {"name": "owner", "type": "relation", "collection": "users"},
                  {"name": "mine", "type": "text", "rules": {"view": "@request.auth.id != ''"}}]  # fmt: skip
        room.collections.create({"name": "posts", "fields": fields}, actor=SYSTEM)
        room.collections.create({"name": "other", "rules": {"list": "", "view": ""}}, actor=SYSTEM)
        for role in ("owner", "editor"):
            room.accounts.create_admin(f"{role}@example.org", PASSWORD, role)
        ann = room.records.create("users", {"email": "ann@example.org", "password": PASSWORD}, actor=SYSTEM, facts=FACTS).id
        room.records.create("posts", {"id": "p1", "title": "x", "secret": "s3", "mine": "m", "owner": ann}, actor=SYSTEM, facts=FACTS)
        yield room


class Caller:
    def __init__(self, room):
        self.web = client(room)

    def __call__(self, method, path, token=None, body=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.web.open(API + path, method=method, json=body, headers=headers)

    def admin(self, role="owner"):
        body = {"identity": f"{role}@example.org", "password": PASSWORD}
        return self("POST", "/auth/_admins/sign-in", None, body).get_json()["access_token"]

    def key(self, rules=None, **scopes):
        made = self("POST", "/keys", self.admin(), {"name": "a program", "scopes": scopes, **({"rules": rules} if rules else {})})
        assert made.status_code == 201, made.get_data()
        return made.get_json()


@pytest.fixture
def ask(room):
    return Caller(room)


POST = "/collections/posts/records/p1"


def test_a_key_that_reads_reads_and_does_nothing_else(ask):
    key = ask.key(posts=["list", "view"])["key"]
    assert [each["id"] for each in ask("GET", "/collections/posts/records", key).get_json()["items"]] == ["p1"]
    refused = {
        403: [("POST", "/collections/posts/records", {"title": "y"}), ("PATCH", POST, {"title": "y"}), ("DELETE", POST, None),
              ("GET", "/collections", None), ("POST", "/collections", {"name": "more"}), ("GET", "/keys", None),
              ("POST", "/keys", {"name": "more", "scopes": {"posts": ["list"]}}), ("DELETE", "/keys/x", None),
              ("GET", "/collections/posts/trash", None), ("POST", "/auth/_admins/sign-out", None), ("GET", "/auth/_admins/me", None),
              ("GET", "/auth/users/sessions", None), ("GET", "/collections/changes", None)],
        404: [("GET", "/collections/other/records", None), ("GET", "/collections/users/records", None),
              ("GET", "/collections/_admins/records", None), ("GET", "/collections/_api_keys/records", None)],
    }  # fmt: skip
    for status, requests in refused.items():
        for method, path, body in requests:
            assert (ask(method, path, key, body).status_code, method, path) == (status, method, path)
    batch = {"operations": [{"method": "delete", "collection": "posts", "id": "p1"}]}
    assert ask("POST", "/batch", key, batch).status_code == 403
    assert ask("GET", POST, ask.admin()).get_json()["title"] == "x"


def test_a_key_sees_nothing_that_is_hidden_or_of_others(ask):
    key = ask.key(posts=["list", "view"])["key"]
    told = ask("GET", f"{POST}?expand=owner", key).get_json()
    assert ("secret" in told, told["expand"]) == (False, {})
    assert told.get("mine") is None, "to rules a key is a guest"
    for text in ("secret='s3'", "owner.email~'ann'", "@request.auth.id=''"):
        assert ask("GET", f"/collections/posts/records?filter={text}", key).status_code == 400


def test_what_one_key_may_name_is_not_what_another_may(ask):
    """Filters are kept once they are checked: by what the actor may see."""
    both, one = ask.key(posts=["list", "view"], users=["list", "view"])["key"], ask.key(posts=["list", "view"])["key"]
    path = "/collections/posts/records?filter=owner.verified=false"
    for key, status in ((both, 200), (one, 400), (both, 200), (ask.admin(), 200), (one, 400)):
        assert ask("GET", path, key).status_code == status


def test_a_key_writes_where_it_may(ask):
    key = ask.key(posts=["create", "update", "view"])["key"]
    assert ask("PATCH", POST, key, {"title": "y"}).get_json()["title"] == "y"
    assert ask("POST", "/collections/posts/records", key, {"title": "z"}).status_code == 201
    assert ask("DELETE", POST, key).status_code == 403


def test_a_key_changes_no_sign_in_data(ask, room):
    key = ask.key(users=["list", "view", "create", "update"])["key"]
    ann = ask("GET", "/collections/users/records", key).get_json()["items"][0]
    assert "email" not in ann or ann["email"] is None
    for body in ({"password": "another long password"}, {"email": "eve@example.org"}, {"verified": True}):
        assert ask("PATCH", f"/collections/users/records/{ann['id']}", key, body).status_code in (400, 403)


def test_a_revoked_key_is_refused_at_once(ask, room):
    made, elsewhere = ask.key(posts=["list"]), Caller(room)
    assert elsewhere("GET", "/collections/posts/records", made["key"]).status_code == 200
    assert ask("DELETE", f"/keys/{made['id']}", ask.admin()).status_code == 204
    for each in (ask, elsewhere):
        assert each("GET", "/collections/posts/records", made["key"]).status_code == 401
    assert ask("DELETE", f"/keys/{made['id']}", ask.admin()).status_code == 404


def test_a_key_expires(ask, room):
    body = {"name": "short", "scopes": {"posts": ["list"]}, "expires": "2999-01-01T00:00:00Z"}
    key = ask("POST", "/keys", ask.admin(), body).get_json()["key"]
    assert ask("GET", "/collections/posts/records", key).status_code == 200
    room.clock.advance(days=366 * 1000)
    assert ask("GET", "/collections/posts/records", key).status_code == 401


def test_a_key_is_shown_once_and_kept_as_a_digest(ask, room):
    made = ask.key(posts=["list"])
    assert made["key"].startswith("srk_")
    ask("GET", "/collections/posts/records", made["key"])
    listed = ask("GET", "/keys", ask.admin()).get_json()["items"]
    assert (listed[0]["scopes"], "key" in listed[0]) == ({"posts": ["list"]}, False)
    assert listed[0]["used"]
    secret = made["key"].removeprefix("srk_")[:64]
    kept = room.work.read(lambda stores: stores.api_keys._session.execute(stores.api_keys._session.prepared("all of it", _everything), {}))
    assert secret not in str(kept)


def _everything():
    from sqlalchemy import select

    from adapters.outbound.sql.api_keys import TABLE

    return select(TABLE)


def test_keys_are_for_owners(ask):
    for token, status in ((ask.admin("editor"), 403), (None, 401)):
        assert ask("GET", "/keys", token).status_code == status
        assert ask("POST", "/keys", token, {"name": "x", "scopes": {"posts": ["list"]}}).status_code == status


@pytest.mark.parametrize("text", ["srk_", "srk_" + "0" * 72, "srk_x", "srk_" + "f" * 200])
def test_what_is_no_key_is_refused(ask, text):
    assert ask("GET", "/collections/other/records", text).status_code == 401


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("body, pointer", [
    ({}, "/name"), ({"name": "x"}, "/scopes"), ({"name": "x", "scopes": {}}, "/scopes"),
    ({"name": "x", "scopes": {"nowhere": ["list"]}}, "/scopes/nowhere"),
    ({"name": "x", "scopes": {"_admins": ["list"]}}, "/scopes/_admins"),
    ({"name": "x", "scopes": {"posts": ["manage"]}}, "/scopes/posts"), ({"name": "x", "scopes": {"posts": []}}, "/scopes/posts"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "scope": 1}, "/scope"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "rules": []}, "/rules"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "rules": {"other": "id = 'x'"}}, "/rules/other"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "rules": {"posts": ""}}, "/rules/posts"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "rules": {"posts": None}}, "/rules/posts"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "rules": {"posts": "titel = 'x'"}}, "/rules/posts"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "rules": {"posts": "owner = @request.auth.id"}}, "/rules/posts"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "rules": {"posts": "title = @request.query.t"}}, "/rules/posts"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "rules": {"posts": "hasRole('editor')"}}, "/rules/posts"),
    ({"name": "x", "scopes": {"posts": ["list"]}, "expires": "2001-01-01T00:00:00Z"}, "/expires"),
])  # fmt: skip
def test_a_wrong_key_is_refused_with_its_place(ask, body, pointer):
    answer = ask("POST", "/keys", ask.admin(), body)
    assert (answer.status_code, answer.get_json()["errors"][0]["pointer"]) == (400, pointer)


def test_a_collection_that_takes_the_name_is_another(ask, room):
    key = ask.key(posts=["list"])["key"]
    room.collections.change("posts", {"name": "texts"}, actor=SYSTEM)
    room.collections.create({"name": "posts"}, actor=SYSTEM)
    assert ask("GET", "/collections/posts/records", key).status_code == 404
    assert ask("GET", "/collections/texts/records", key).status_code == 200


RECORDS = "/collections/posts/records"
EVERYTHING = ["list", "view", "create", "update", "delete"]


@pytest.fixture
def ruled(ask, room):
    """A key for posts titled x; p1 is one, p2 is not."""
    room.records.create("posts", {"id": "p2", "title": "y"}, actor=SYSTEM, facts=FACTS)
    return ask.key(posts=EVERYTHING, rules={"posts": "title = 'x'"})


def test_a_key_with_a_rule_reads_the_records_of_its_rule(ask, ruled):
    key = ruled["key"]
    assert [each["id"] for each in ask("GET", RECORDS, key).get_json()["items"]] == ["p1"]
    assert ask("GET", f"{RECORDS}?count=exact&filter=id!='p9'", key).get_json()["total"] == 1
    assert ask("GET", f"{RECORDS}/aggregate?measures=count", key).get_json()["items"] == [{"count": 1}]
    assert [ask("GET", f"{RECORDS}/{id}", key).status_code for id in ("p1", "p2", "p3")] == [200, 404, 404]
    assert ask("GET", "/keys", ask.admin()).get_json()["items"][0]["rules"] == {"posts": "title = 'x'"}


def test_a_key_with_a_rule_writes_the_records_of_its_rule(ask, ruled):
    key = ruled["key"]
    assert ask("PATCH", f"{RECORDS}/p2", key, {"mine": "z"}).status_code == 404
    assert ask("DELETE", f"{RECORDS}/p2", key).status_code == 404
    assert ask("POST", RECORDS, key, {"id": "p3", "title": "z"}).status_code == 403
    batch = {"operations": [{"method": "delete", "collection": "posts", "id": each} for each in ("p1", "p2")]}
    assert ask("POST", "/batch", key, batch).status_code == 404
    left = [each["id"] for each in ask("GET", f"{RECORDS}?sort=id", ask.admin()).get_json()["items"]]
    assert left == ["p1", "p2"], "nothing was kept, and nothing went"
    assert ask("POST", RECORDS, key, {"id": "p3", "title": "x"}).status_code == 201
    assert ask("DELETE", f"{RECORDS}/p1", key).status_code == 204


def test_a_rule_of_one_key_is_not_that_of_another(ask, ruled):
    """Filters and expansions are kept once they are checked."""
    other, free = ask.key(posts=EVERYTHING, rules={"posts": "title = 'y'"})["key"], ask.key(posts=EVERYTHING)["key"]
    path = f"{RECORDS}?filter=id!='p9'&sort=id"
    for key, ids in ((ruled["key"], ["p1"]), (other, ["p2"]), (free, ["p1", "p2"]), (ruled["key"], ["p1"])):
        assert [each["id"] for each in ask("GET", path, key).get_json()["items"]] == ids


def test_a_rule_binds_what_is_reached_from_elsewhere(ask, ruled, room):
    ann = ask("GET", POST, ask.admin()).get_json()["owner"]
    ask("PATCH", f"{RECORDS}/p2", ask.admin(), {"owner": ann})
    key = ask.key(posts=EVERYTHING, users=["list", "view"], rules={"posts": "title = 'x'"})["key"]
    told = ask("GET", f"/collections/users/records/{ann}?expand=posts_via_owner", key).get_json()
    assert [each["id"] for each in told["expand"]["posts_via_owner"]] == ["p1"]
    found = ask("GET", "/collections/users/records?filter=posts_via_owner.title ?= 'y'", key).get_json()
    assert found["items"] == []


@pytest.mark.parametrize("way", ["rename", "drop"])
def test_what_a_key_rule_names_stays(ask, ruled, way):
    fields = [each for each in ask("GET", "/collections/posts", ask.admin()).get_json()["fields"] if each["name"] != "title"]
    renamed = {"fields": [{"name": "headline", "type": "text", "was": "title"}, *fields]}
    body = renamed if way == "rename" else {"fields": fields, "drop": ["title"]}
    answer = ask("PATCH", "/collections/posts", ask.admin(), body)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "collection_in_use"), answer.get_json()
    assert "a program" in answer.get_json()["errors"][0]["detail"]
    assert ask("PATCH", "/collections/posts", ask.admin(), {"name": "texts"}).status_code == 200, "the scope stays with the collection"
    assert [each["id"] for each in ask("GET", "/collections/texts/records", ruled["key"]).get_json()["items"]] == ["p1"]
    assert ask("DELETE", f"/keys/{ruled['id']}", ask.admin()).status_code == 204
    assert ask("PATCH", "/collections/texts", ask.admin(), body).status_code == 200


def test_a_read_only_key_does_nothing_else_at_any_endpoint(ask, room):
    """Whatever the document names, with a body or without: nothing of it happens for a key, but what is open to guests."""
    key, before = ask.key(posts=["list", "view"])["key"], _state(ask)
    document = ask("GET", "/openapi.json", ask.admin()).get_json()
    asked = 0
    for path, ways in document["paths"].items():
        for method in {"post", "put", "patch", "delete"} & set(ways):
            place = path.removeprefix(API).replace("{collection}", "posts").replace("{id}", "p1").replace("{", "").replace("}", "")
            answer = ask(method.upper(), place, key, None if method == "delete" else {})
            assert answer.status_code in (400, 401, 403, 404, 405, 409, 412, 415, 429), (method, place, answer.get_data(as_text=True)[:300])
            asked += 1
    assert (asked > 50, _state(ask)) == (True, before)


def _state(ask):
    records = [f"/collections/{name}/records" for name in ("posts", "users", "_admins")]
    admin = ask.admin()
    told = [ask("GET", place, admin).get_json()["items"] for place in ("/collections", "/collections/changes", "/keys", *records)]
    return [[{**each, "used": None} for each in items] for items in told]  # that the key was used is noted, as it should be
