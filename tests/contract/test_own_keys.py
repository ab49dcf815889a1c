"""Keys that accounts make for their programs, over HTTP, on every database: what they may, what they never may, and what ends them."""

import re
from contextlib import contextmanager, nullcontext
from itertools import count
from threading import Barrier, Thread
from types import SimpleNamespace

import pyotp
import pytest
from sqlalchemy import bindparam, select

from adapters.outbound.sql.own_keys import OWN_KEYS
from app.testing import ToldClock, backend, client
from domain.accounts.one_time import PASSWORD_RESET
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from stillroom import Extension
from tests.postgres import fresh_schema
from tests.usecases.test_factors import letters, token

FACTS, PASSWORD, ANOTHER = RequestFacts("POST"), "a stillroom of herbs", "another stillroom of herbs"
OWNED = "owner = @request.auth.id"
USERS = {
    "name": "users", "type": "accounts", "api_keys": {"max": 3},
    "fields": [{"name": "name", "type": "text"}, {"name": "team", "type": "text"}, {"name": "barred", "type": "bool", "default": False}],
    "rules": {"list": "id = @request.auth.id", "view": "", "create": "", "update": "id = @request.auth.id",
              "delete": "id = @request.auth.id", "auth": "barred != true"},
}  # fmt: skip
POSTS = {
    "name": "posts", "rules": dict.fromkeys(("list", "view", "create", "update", "delete"), OWNED),
    "fields": [{"name": "title", "type": "text"}, {"name": "secret", "type": "text", "hidden": True},
               {"name": "inner", "type": "text", "rules": {"view": OWNED}},
               {"name": "owner", "type": "relation", "collection": "users", "default": "@request.auth.id", "on_delete": "cascade"}],
}  # fmt: skip
RECORDS, KEYS = "/collections/posts/records", "/auth/users/api-keys"
EVERYTHING = ["list", "view", "create", "update", "delete"]


@contextmanager
def furnished(url):
    with backend(database=url, clock=ToldClock()) as room:
        room.collections.create(USERS, actor=SYSTEM)
        room.collections.create(POSTS, actor=SYSTEM)
        room.collections.create({"name": "notes", "rules": {"list": ""}}, actor=SYSTEM)
        room.collections.create({"name": "ledger"}, actor=SYSTEM)
        yield room


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def room(request):
    """For whoever brings people of their own, and leaves time and collections as they are."""
    if request.param == "sqlite":
        with furnished("sqlite:///:memory:") as room:
            yield room
    else:
        with fresh_schema(request.getfixturevalue("postgres_worker_database")) as url, furnished(url) as room:
            yield room


@pytest.fixture
def alone():
    """A room of one's own: what is done to time and collections is the same on every database."""
    with furnished("sqlite:///:memory:") as room:
        yield room


class Asker:
    def __init__(self, room):
        self.web = client(room)

    def __call__(self, method, path, token=None, body=None, **headers):
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        return self.web.open(f"/api/v1{path}", method=method, json=body, headers={**sent, **headers})

    def told(self, *asked):
        answer = self(*asked)
        assert answer.status_code < 300, answer.get_data(as_text=True)
        return answer.get_json()

    def refused(self, *asked):
        answer = self(*asked)
        assert answer.status_code >= 400, answer.get_data(as_text=True)
        return answer.status_code, answer.get_json()["code"]


NUMBERS = count()


class Person:
    def __init__(self, ask, room, name="ann", collection="users"):
        self.ask, self.name, self.collection = ask, f"{name}{next(NUMBERS)}", collection
        if collection == "users":
            self.id = room.records.create("users", {"email": self.email, "password": PASSWORD}, actor=SYSTEM, facts=FACTS).id
        else:
            room.accounts.create_admin(self.email, PASSWORD, name)
        self.sign_in()

    @property
    def email(self):
        return f"{self.name}@example.org"

    def sign_in(self, password=PASSWORD):
        body = {"identity": self.email, "password": password}
        self.token = self.ask.told("POST", f"/auth/{self.collection}/sign-in", None, body)["access_token"]

    def key(self, rules=None, **scopes):
        body = {"name": "a program", "scopes": scopes or {"posts": EVERYTHING}, **({"rules": rules} if rules else {})}
        return self.ask.told("POST", KEYS, self.token, body)


@pytest.fixture(scope="module")
def ask(room):
    return Asker(room)


@pytest.fixture
def ann(ask, room):
    return Person(ask, room)


@pytest.fixture
def owner(ask, room):
    return Person(ask, room, "owner", "_admins")


def titles(ask, token, query=""):
    return sorted(each["title"] for each in ask.told("GET", f"{RECORDS}?{query}", token)["items"])


def stands(ask, key):
    status = ask("GET", RECORDS, key).status_code
    assert status in (200, 401), status
    return status == 200


def test_a_key_is_its_account_as_far_as_its_scopes_go(ask, room, ann):
    bob = Person(ask, room, "bob")
    ask.told("POST", RECORDS, bob.token, {"title": "of bob"})
    key = ann.key(posts=["list", "create"])["key"]
    assert key.startswith("sra_")
    made = ask.told("POST", RECORDS, key, {"title": "of ann"})
    assert titles(ask, key) == ["of ann"], "the list rule binds as it binds the account"
    assert ask.told("GET", f"{RECORDS}/{made['id']}", ann.token)["owner"] == ann.id
    assert set(made) == {"id", "version"}, "what it made it may not view"
    refused = {
        403: [("GET", f"{RECORDS}/{made['id']}"), ("PATCH", f"{RECORDS}/{made['id']}"), ("DELETE", f"{RECORDS}/{made['id']}"),
              ("GET", "/collections/notes/records"), ("GET", f"/collections/users/records/{ann.id}"), ("GET", "/auth/users/me"),
              ("GET", "/collections"), ("GET", "/audit"), ("GET", "/keys")],
        404: [("GET", "/collections/ledger/records"), ("GET", "/collections/_own_keys/records")],
    }  # fmt: skip
    for status, requests in refused.items():
        for method, path in requests:
            assert (ask(method, path, key, {"title": "y"} if method == "PATCH" else None).status_code, path) == (status, path)
    batch = {"operations": [{"method": "delete", "collection": "posts", "id": made["id"]}]}
    assert ask("POST", "/batch", key, batch).status_code == 403
    assert ask("GET", f"{RECORDS}?filter=owner.name='x'", key).status_code == 400, "nor does a filter lead where the key may not list"


def test_the_document_tells_a_key_of_what_it_is_for(ask, ann):
    def told(token):
        paths = ask.told("GET", "/openapi.json", token)["paths"]
        found = {(path.split("/")[4], method) for path, ways in paths.items() if "/records" in path for method in ways}
        return {each for each in found if each[1] != "parameters"}

    key = ann.key(posts=["list", "create"], notes=["list", "create"])["key"]
    assert told(key) == {("posts", "get"), ("posts", "post"), ("notes", "get")}
    assert {("users", "get"), ("posts", "delete")} <= told(ann.token)


def test_a_scope_gives_nothing_that_the_account_may_not(ask, room, ann):
    bob = Person(ask, room, "bob")
    post = ask.told("POST", RECORDS, bob.token, {"title": "of bob"})["id"]
    key = ann.key(posts=EVERYTHING, notes=EVERYTHING, users=EVERYTHING)["key"]
    assert [ask(method, f"{RECORDS}/{post}", key, body).status_code for method, body in
            (("GET", None), ("PATCH", {"title": "x"}), ("DELETE", None))] == [404, 404, 404]  # fmt: skip
    assert ask("POST", RECORDS, key, {"title": "x", "owner": bob.id}).status_code == 403
    assert ask("POST", "/collections/notes/records", key, {}).status_code == 403
    assert "secret" not in ask.told("POST", RECORDS, key, {"title": "x"})
    assert ask("GET", f"{RECORDS}?filter=secret='x'", key).status_code == 400
    assert ask.told("GET", "/auth/users/me", key)["email"] == ann.email
    assert ask.told("PATCH", f"/collections/users/records/{ann.id}", key, {"name": "Ann"})["name"] == "Ann"


def test_what_makes_the_account_is_beyond_every_key(ask, ann):
    key, own, auth = ann.key(users=EVERYTHING, posts=EVERYTHING)["key"], f"/collections/users/records/{ann.id}", "/auth/users"
    for method, path, body in (
        ("PATCH", own, {"password": ANOTHER, "old_password": PASSWORD}),
        ("PATCH", own, {"email": "x@example.org", "old_password": PASSWORD}),
        ("DELETE", own, None), ("POST", f"{auth}/email-change", {"email": "x@example.org", "old_password": PASSWORD}),
        ("POST", f"{auth}/sign-out", None), ("GET", f"{auth}/sessions", None), ("DELETE", f"{auth}/sessions", None),
        ("GET", f"{auth}/factors", None), ("POST", f"{auth}/factors/totp", None), ("POST", f"{auth}/factors/recovery-codes", None),
        ("POST", f"{auth}/factors/passkeys", None), ("POST", f"{auth}/step-up", {"password": PASSWORD}),
        ("GET", f"{auth}/identities", None),
        ("POST", f"{auth}/oauth/acme/link", {"return_to": "https://app.example.org/", "challenge": "v" * 43}),
        ("GET", KEYS, None), ("POST", KEYS, {"name": "more", "scopes": {"posts": ["list"]}}), ("DELETE", KEYS, None),
        ("GET", f"{auth}/personal-data", None), ("GET", f"{auth}/audit", None),
    ):  # fmt: skip
        assert ask.refused(method, path, key, body) == (403, "not_with_a_key"), (method, path)
    assert stands(ask, key)
    ann.sign_in()


def test_a_key_does_nothing_beyond_records_at_any_endpoint(ask, room, ann, owner):
    """Whatever the document names, with a body or without: nothing of it happens."""
    document = ask.told("GET", "/openapi.json", owner.token)
    key, before, asked = ann.key(users=EVERYTHING)["key"], _state(ask, owner), 0
    for path, ways in document["paths"].items():
        for method in {"post", "put", "patch", "delete"} & set(ways):
            if ways[method].get("security") == []:
                continue  # whoever asks is nobody there yet
            place = path.removeprefix("/api/v1").replace("{collection}", "posts").replace("{c}", "users").replace("{", "").replace("}", "")
            answer = ask(method.upper(), place, key, None if method == "delete" else {})
            assert answer.status_code in (400, 401, 403, 404, 405, 409, 412, 415, 429), (method, place, answer.get_data(as_text=True)[:300])
            asked += 1
    assert (asked > 50, _state(ask, owner)) == (True, before)


def _state(ask, owner):
    places = ("/collections", "/collections/changes", "/keys", *(f"/collections/{name}/records" for name in ("posts", "users", "_admins")))
    return [ask.told("GET", place, owner.token)["items"] for place in places]


def test_what_extensions_serve_is_beyond_every_key():
    """An extension would take the program for its owner: no scope speaks of what it does."""
    clinic = Extension("clinic")
    clinic.get("/who")(lambda call: {"who": call.actor.id})
    with backend(extensions=[clinic]) as room:
        room.collections.create(USERS, actor=SYSTEM)
        room.collections.create(POSTS, actor=SYSTEM)
        ask = Asker(room)
        ann = Person(ask, room)
        assert ask.told("GET", "/ext/clinic/who", ann.token) == {"who": ann.id}
        assert ask.refused("GET", "/ext/clinic/who", ann.key()["key"]) == (403, "not_with_a_key")


def test_a_batch_and_a_change_by_filter_go_as_far_as_the_key(ask, room, ann):
    post = ask.told("POST", RECORDS, ann.token, {"title": "x"})["id"]
    key = ann.key(posts=["list", "view"], users=EVERYTHING)["key"]
    own = {"method": "update", "collection": "users", "id": ann.id}
    for operation, code in (
        ({**own, "values": {"password": ANOTHER, "old_password": PASSWORD}}, "not_with_a_key"),
        ({"method": "delete", "collection": "users", "id": ann.id}, "not_with_a_key"),
        ({"method": "upsert", "collection": "posts", "by": "id", "values": {"id": post, "title": "y"}}, "forbidden"),
    ):
        assert ask.refused("POST", "/batch", key, {"operations": [operation]}) == (403, code)
    for method, body in (("PATCH", {"title": "y"}), ("DELETE", None)):
        assert ask.refused(method, f"{RECORDS}?filter=title='x'&expect=1", key, body) == (403, "forbidden")
    assert ask.refused("DELETE", "/collections/users/records?filter=name=null&expect=1", key) == (403, "not_with_a_key")
    assert ask.told("GET", f"{RECORDS}/{post}", ann.token)["title"] == "x"
    ann.sign_in()


def test_a_key_is_made_in_a_fresh_session_of_the_account_itself(alone):
    ask = Asker(alone)
    ann, owner = Person(ask, alone), Person(ask, alone, "owner", "_admins")
    wanted = {"name": "x", "scopes": {"posts": ["list"]}}
    assert ask.refused("POST", KEYS, None, wanted) == (401, "unauthenticated")
    assert ask.refused("POST", KEYS, owner.token, wanted)[0] == 403
    acting = ask.told("POST", "/auth/users/impersonate", owner.token, {"account": ann.id})["access_token"]
    assert ask.refused("POST", KEYS, acting, wanted) == (403, "acting_as_another")
    assert ask.refused("POST", "/auth/_admins/api-keys", owner.token, wanted) == (403, "no_own_keys")
    alone.clock.advance(minutes=11)
    assert ask.refused("POST", KEYS, ann.token, wanted) == (403, "step_up_required")
    assert ask("POST", "/auth/users/step-up", ann.token, {"password": PASSWORD}).status_code == 204
    assert ask("POST", KEYS, ann.token, wanted).status_code == 201


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("body, pointer", [
    ({"name": "x", "scopes": {"ledger": ["list"]}}, "/scopes/ledger"), ({"name": "x", "scopes": {"legder": ["list"]}}, "/scopes/legder"),
    ({"name": "x", "scopes": {"_admins": ["list"]}}, "/scopes/_admins"), ({"name": "x", "scopes": {"posts": ["manage"]}}, "/scopes/posts"),
    *(({"name": "x", "scopes": {"posts": ["list"]}, "rules": {"posts": text}}, "/rules/posts") for text in (
        "secret = 's'", "inner = 'x'", "owner.name = 'x'", "owner = @request.auth.id", "@collection.users.name = 'x'",
        "posts_via_owner.id = 'x'", "titel = 'x'", "hasRole('x')", "title =",
    )),
])  # fmt: skip
def test_a_wrong_key_is_refused_with_its_place_and_tells_of_nothing(ask, ann, body, pointer):
    answer = ask("POST", KEYS, ann.token, body)
    assert (answer.status_code, answer.get_json()["errors"][0]["pointer"]) == (400, pointer)
    assert "ledger" not in answer.get_data(as_text=True).replace(pointer, "").replace("collection `ledger`", "")


def test_a_rule_narrows_a_key_to_records_for_which_it_holds(ask, room, ann):
    for title in ("a", "b"):
        ask.told("POST", RECORDS, ann.token, {"title": title})
    made = ann.key({"posts": "title = 'a' // only\n|| title = 'c'"}, posts=EVERYTHING)
    key, ids = made["key"], {each["title"]: each["id"] for each in ask.told("GET", RECORDS, ann.token)["items"]}
    assert titles(ask, key) == titles(ask, key, "filter=title!='x'") == ["a"]
    assert ask.told("GET", f"{RECORDS}?count=exact", key)["total"] == 1
    assert ask.told("GET", f"{RECORDS}/aggregate?measures=count", key)["items"] == [{"count": 1}]
    for method, body in (("GET", None), ("PATCH", {"title": "x"}), ("DELETE", None)):
        assert ask(method, f"{RECORDS}/{ids['b']}", key, body).status_code == 404
    assert ask("POST", RECORDS, key, {"title": "d"}).status_code == 403
    assert ask("POST", RECORDS, key, {"title": "c"}).status_code == 201
    other, free = ann.key({"posts": "title = 'b'"}, posts=["list"])["key"], ann.key(posts=["list"])["key"]
    assert (titles(ask, other), titles(ask, free), titles(ask, key)) == (["b"], ["a", "b", "c"], ["a", "c"])


def test_a_rule_whose_field_goes_ends_its_key_and_holds_nothing_up(alone):
    ask = Asker(alone)
    ann = Person(ask, alone)
    named, other = ann.key({"posts": "title = 'a'"}, posts=["list"])["key"], ann.key({"posts": "id != 'a'"}, posts=["list"])["key"]
    fields = [{"name": "headline", "type": "text", "was": "title"}, *POSTS["fields"][1:], {"name": "title", "type": "text"}]
    assert stands(ask, named)
    alone.collections.change("posts", {"fields": fields}, actor=SYSTEM)
    assert (stands(ask, named), stands(ask, other)) == (False, True)


def test_a_rule_finds_nothing_out_of_a_field_that_came_to_be_hidden(alone):
    ask = Asker(alone)
    ann = Person(ask, alone)
    ask.told("POST", RECORDS, ann.token, {"title": "a"})
    key = ann.key({"posts": "title = 'a'"}, posts=EVERYTHING)["key"]
    assert titles(ask, key) == ["a"]
    for hidden in ({"hidden": True}, {"rules": {"view": None}}, {"rules": {"view": "owner = @request.auth.id"}}):
        fields = [{"name": "title", "type": "text", **hidden}, *POSTS["fields"][1:]]
        alone.collections.change("posts", {"fields": fields}, actor=SYSTEM)
        for method, path, body in (("GET", RECORDS, None), ("GET", f"{RECORDS}?count=exact", None), ("POST", RECORDS, {})):
            assert ask.refused(method, path, key, body) == (403, "forbidden")


def test_keys_are_listed_and_revoked_by_the_account_and_by_admins(ask, room, ann, owner):
    bob, editor = Person(ask, room, "bob"), Person(ask, room, "viewer", "_admins")
    first, second, third = (ann.key() for _ in range(3))
    assert stands(ask, first["key"])
    listed = ask.told("GET", KEYS, ann.token)["items"]
    assert [each["id"] for each in listed] == [third["id"], second["id"], first["id"]]
    assert set(listed[0]) == set(first) - {"key"}
    assert (listed[2]["used"] is not None, listed[1]["used"]) == (True, None)
    assert ask.told("GET", f"{KEYS}?account={ann.id}", editor.token)["items"] == listed
    for asked in (
        ("GET", f"{KEYS}?account={ann.id}", bob.token), ("DELETE", f"{KEYS}/{first['id']}", bob.token),
        ("DELETE", f"{KEYS}/{first['id']}?account={ann.id}", bob.token), ("DELETE", f"{KEYS}?account=..%2Fx", ann.token),
    ):  # fmt: skip
        assert ask(*asked).status_code == 404
    assert ask("DELETE", f"{KEYS}?account={ann.id}", editor.token).status_code == 403, "a viewer revokes nothing"
    assert ask("DELETE", f"{KEYS}/{first['id']}", ann.token).status_code == 204
    assert ask("DELETE", f"{KEYS}/{second['id']}?account={ann.id}", owner.token).status_code == 204
    assert [stands(ask, each["key"]) for each in (first, second, third)] == [False, False, True]
    assert ask("DELETE", f"{KEYS}/{first['id']}", ann.token).status_code == 404
    assert ask.told("DELETE", KEYS, ann.token) == {"revoked": 1}
    assert not stands(ask, third["key"])


def test_there_is_room_for_so_many_keys_however_many_are_asked_for_at_once(ask, room, ann):
    barrier, answers = Barrier(4), []

    def make(elsewhere):
        barrier.wait()
        answers.append(elsewhere("POST", KEYS, ann.token, {"name": "x", "scopes": {"posts": ["list"]}}))

    # Made one after another: applications are, and two that are made at once in one process came in each other's way here.
    threads = [Thread(target=make, args=(Asker(room),)) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(each.status_code for each in answers) == [201] * 3 + [409]
    assert {each.get_json()["code"] for each in answers if each.status_code == 409} == {"too_many_keys"}
    assert len(ask.told("GET", KEYS, ann.token)["items"]) == 3


def test_an_expired_key_is_none_and_makes_room(alone):
    ask = Asker(alone)
    ann = Person(ask, alone)
    body = {"name": "x", "scopes": {"posts": ["list"]}, "expires": "2999-01-01T00:00:00Z"}
    keys = [ask.told("POST", KEYS, ann.token, body)["key"] for _ in range(3)]
    assert stands(ask, keys[0])
    alone.clock.advance(days=366 * 1000)
    assert [stands(ask, each) for each in keys] == [False] * 3
    ann.sign_in()
    assert ask.told("GET", KEYS, ann.token)["items"] == []
    ann.key()
    alone.housekeeping.run()
    assert len(kept(alone, ann)) == 1


def kept(room, whose):
    """All that the table has of somebody."""

    def body(stores):
        session, theirs = stores.own_keys._session, lambda: select(OWN_KEYS).where(OWN_KEYS.c.account == bindparam("whose"))
        return session.execute(session.prepared("all of it", theirs), {"whose": whose.id})

    return room.work.read(body)


def test_a_key_is_kept_as_a_digest(ask, room, ann):
    secret = ann.key()["key"].removeprefix("sra_")
    assert secret[:64] not in str(kept(room, ann))
    for text in ("sra_", "sra_" + "0" * 72, "srk_" + secret, "sra_" + secret[:-1] + ("0" if secret[-1] != "0" else "1")):
        assert ask("GET", RECORDS, text).status_code == 401


def own(ann, **values):
    return ann.ask("PATCH", f"/collections/users/records/{ann.id}", ann.token, values)


def by_system(room, ann, **values):
    return room.records.update("users", ann.id, values, actor=SYSTEM, facts=FACTS)


ENDS = {  # what happens -> whether a key outlives it
    "its own new password": (lambda ask, room, ann: own(ann, password=ANOTHER, old_password=PASSWORD), True),
    "its own new address": (lambda ask, room, ann: own(ann, email=f"x{ann.email}", old_password=PASSWORD), True),
    "signing out everywhere": (lambda ask, room, ann: ask.told("DELETE", "/auth/users/sessions", ann.token), True),
    "signing out": (lambda ask, room, ann: ask("POST", "/auth/users/sign-out", ann.token), True),
    "another's new password": (lambda ask, room, ann: by_system(room, ann, password=ANOTHER), False),
    "another's new address": (lambda ask, room, ann: by_system(room, ann, email=f"x{ann.email}"), False),
    "being disabled": (lambda ask, room, ann: by_system(room, ann, disabled=True), False),
    "being enabled again": (lambda ask, room, ann: (by_system(room, ann, disabled=True), by_system(room, ann, disabled=False)), False),
    "being barred": (lambda ask, room, ann: by_system(room, ann, barred=True), False),
    "not being barred": (lambda ask, room, ann: by_system(room, ann, barred=False), True),
    "being deleted": (lambda ask, room, ann: room.records.delete("users", ann.id, actor=SYSTEM, facts=FACTS), False),
    "being erased": (lambda ask, room, ann: room.erasure.erase("users", ann.id, actor=SYSTEM, facts=FACTS), False),
}  # fmt: skip


@pytest.mark.parametrize("what", ENDS)
def test_what_ends_a_key_does_so_at_once(ask, room, ann, what):
    happens, outlived = ENDS[what]
    key = ann.key()["key"]
    assert stands(ask, key)
    happens(ask, room, ann)
    assert stands(ask, key) == outlived
    assert len(kept(room, ann)) == (1 if outlived else 0)


def test_keys_go_with_the_switch_of_their_collection_and_stay_with_its_name(alone):
    ask = Asker(alone)
    key = Person(ask, alone).key()["key"]
    for definition, stood in (({"name": "people"}, True), ({"api_keys": None}, False), ({"api_keys": {"max": 1}}, True)):
        alone.collections.change("users" if "name" in definition else "people", definition, actor=SYSTEM)
        assert stands(ask, key) == stood, definition


def test_a_second_factor_ends_the_keys_that_were_made_without_it(ask, room, ann):
    key = ann.key()["key"]
    assert stands(ask, key)
    seed = ask.told("POST", "/auth/users/factors/totp", ann.token)["secret"]
    assert stands(ask, key)
    code = pyotp.TOTP(seed).at(room.clock.now())
    ask.told("POST", "/auth/users/factors/totp/confirm", ann.token, {"code": code})
    assert not stands(ask, key)
    asked = ask("POST", "/auth/users/sign-in", None, {"identity": ann.email, "password": PASSWORD}).get_json()
    ticket = asked["ticket"]
    assert asked["code"] == "second_factor_required"
    assert ask("POST", KEYS, ticket, {"name": "x", "scopes": {"posts": ["list"]}}).status_code == 401
    assert stands(ask, ann.key()["key"]), "made with both, it is good"


def test_a_key_stands_back_where_its_account_comes_to_need_a_second_factor(alone):
    ask = Asker(alone)
    ann, bob, cem = Person(ask, alone), Person(ask, alone, "bob"), Person(ask, alone, "cem")
    key, other, third = ann.key()["key"], bob.key()["key"], cem.key()["key"]
    alone.collections.change("users", {"rules": {"second_factor": "team = 'lab'"}}, actor=SYSTEM)
    assert (stands(ask, key), stands(ask, other)) == (True, True)
    by_system(alone, ann, team="lab")
    assert (stands(ask, key), stands(ask, other)) == (False, True), "it was asked at once"
    alone.collections.change("users", {"rules": {"second_factor": ""}}, actor=SYSTEM)
    assert not stands(ask, other), "it is asked under each schema"
    by_system(alone, cem, barred=False)
    alone.collections.change("users", {"rules": {"second_factor": None}}, actor=SYSTEM)
    assert [stands(ask, each) for each in (key, other, third)] == [False, True, False]


def test_what_a_stranger_planted_is_gone_once_the_address_is_proved(ask, room, ann):
    for prove in (reset, signed_in_by_code):
        eve = Person(ask, room, "eve")
        key = eve.key()["key"]
        assert stands(ask, key)
        prove(room, eve.email)
        assert not stands(ask, key)
        assert kept(room, eve) == []


def reset(room, email):
    room.proofs.ask(PASSWORD_RESET, "users", email, facts=FACTS)
    room.proofs.set_password("users", token(letters(room)[-1]), ANOTHER)


def signed_in_by_code(room, email):
    ticket = room.proofs.ask_code("users", email, facts=FACTS)
    room.proofs.sign_in_by_code("users", ticket, re.search(r"^\d{8}$", letters(room)[-1].text, re.M)[0], facts=FACTS)


def test_a_password_that_was_reset_ends_keys(ask, room, ann):
    reset(room, ann.email)
    ann.sign_in(ANOTHER)
    key = ann.key()["key"]
    assert stands(ask, key), "the address is proved by now"
    reset(room, ann.email)
    assert not stands(ask, key)


def test_what_is_done_with_a_key_is_done_by_the_account(ask, room, ann, owner):
    heard = []
    room.events.subscribe("listener", ["records.created", "own_keys.created"], heard.append)
    made = ann.key(posts=["create", "view"])
    post = ask.told("POST", RECORDS, made["key"], {"title": "x"})
    ask("DELETE", f"{KEYS}/{made['id']}", ann.token)
    told = [(each["action"], each["by"]["id"], each["target"], each["detail"]) for each in ask.told("GET", "/audit", owner.token)["items"]]
    for action in ("own_keys.created", "own_keys.revoked"):
        assert (action, ann.id, ann.id, f"users {made['id']}") in told
    room.events.drain()
    assert [(each.kind, each.record, each.actor.id) for each in heard[-2:]] == [
        ("own_keys.created", ann.id, ann.id), ("records.created", post["id"], ann.id),
    ]  # fmt: skip
    assert made["key"] not in str(heard)


def test_an_answer_that_the_account_was_given_is_not_given_to_its_key(ask, ann):
    key, once = ann.key(posts=["list"])["key"], {"Idempotency-Key": "k-0123456789abcdef0123"}
    assert ask("POST", RECORDS, ann.token, {"title": "x"}, **once).status_code == 201
    assert ask("POST", RECORDS, key, {"title": "x"}, **once).status_code == 403


def test_the_archive_of_a_person_has_its_keys_and_no_secret(ask, room, ann):
    made = ann.key()
    archive = Archive()
    room.personal_exports.write("users", ann.id, archive, actor=SYSTEM, facts=FACTS)
    told = archive.told["api_keys.json"]
    assert [each["id"] for each in told] == [made["id"]]
    assert made["key"][4:68] not in str(archive.told)


class Archive:
    size = 0

    def begin(self, at):
        self.told = {}

    def document(self, name, content):
        self.told[name] = content

    def table(self, name, columns):
        return nullcontext(SimpleNamespace(put=lambda rows: None))
