"""Accounts that come with tokens of another issuer, over HTTP, on every database: who they are, and what ends that."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from app.settings import Settings
from app.testing import ToldClock, backend, client
from app.wiring import migrate, open_backend
from domain.actor import SYSTEM
from domain.errors import Unauthenticated
from domain.rules.values import RequestFacts
from ports.identities import KeptIdentity
from tests.provider import serving

API, FACTS, PASSWORD = "/api/v1", RequestFacts("POST"), "a stillroom of herbs"
NOW = "2026-11-23T12:00:00.000Z"
USERS = {
    "name": "users", "type": "accounts", "fields": [{"name": "blocked", "type": "bool", "default": False}],
    "rules": {"create": "", "view": "id = @request.auth.id", "update": "id = @request.auth.id", "delete": "id = @request.auth.id"},
}  # fmt: skip
POSTS = {
    "name": "posts", "fields": [{"name": "owner", "type": "relation", "collection": "users"}],
    "rules": {"list": "owner = @request.auth.id", "create": "owner = @request.auth.id"},
}  # fmt: skip


# What no database could tell anything new about.
ON_ONE = pytest.mark.parametrize("database_url", ["sqlite:///:memory:"])


@pytest.fixture(scope="module")
def provider():
    with serving() as running:
        yield running


@pytest.fixture
def room(database_url, provider):
    with opened(database_url, provider) as room:
        yield room


@contextmanager
def opened(url, provider):
    trusted, clock = f"{provider.home} users my-api, {provider.home} users new-api create", ToldClock(datetime.now(UTC))
    with backend(database=url, clock=clock, loopback_providers=True, trusted_issuers=trusted) as room:
        room.collections.create(USERS, actor=SYSTEM)
        room.collections.create(POSTS, actor=SYSTEM)
        yield room


@pytest.fixture
def elsewhere(room, database_url, provider):
    if ":memory:" in database_url:
        pytest.skip("a database in memory is one process's own")
    trusted, clock = f"{provider.home} users my-api", ToldClock(room.clock.now())
    with backend(database=database_url, clock=clock, loopback_providers=True, trusted_issuers=trusted) as another:
        yield another


@pytest.fixture
def known(room, provider):
    return ann(room, provider)


def ann(room, provider):
    """Whom the provider calls s-1."""
    id = room.records.create("users", {"email": "ann@example.org", "password": PASSWORD}, actor=SYSTEM, facts=FACTS).id
    link(room, provider, "s-1", id)
    return id


def link(room, provider, subject, id):
    kept = KeptIdentity(f"i-{subject}", provider.home, subject, id, "", "", NOW, NOW)
    return room.work.run(lambda stores: stores.identities.add(stores.schema.collection("users"), kept))


def token(room, provider, **changed):
    now = int(room.clock.now().timestamp())
    return provider.keys.token({"iss": provider.home, "aud": "my-api", "sub": "s-1", "iat": now, "exp": now + 3_000} | changed)


def asking(room, bearer):
    web = client(room)

    def ask(method, path, body=None):
        answer = web.open(API + path, method=method, json=body, headers={"Authorization": f"Bearer {bearer}"})
        return answer.status_code, answer.get_json(silent=True)

    return ask


def test_a_token_of_the_issuer_is_the_account(room, provider, known):
    ask = asking(room, token(room, provider))
    status, me = ask("GET", "/auth/users/me")
    assert (status, me["id"], me["email"]) == (200, known, "ann@example.org")
    assert ask("POST", "/collections/posts/records", {"owner": known})[0] == 201
    assert len(ask("GET", "/collections/posts/records")[1]["items"]) == 1


def test_somebody_whom_nobody_knows_is_refused(room, provider, known):
    status, problem = asking(room, token(room, provider, sub="s-2", email="ann@example.org", email_verified=True))("GET", "/auth/users/me")
    assert (status, problem["code"]) == (401, "identity_unknown")


@pytest.mark.parametrize("end", ["deleted", "disabled", "unlinked"])
def test_it_ends_with_the_account_and_with_the_link(room, provider, known, end, elsewhere):
    """Also for who knows the token already: in this process, and in another one over the same database."""
    bearer = token(room, provider)
    for asked in (room, elsewhere):
        assert asking(asked, bearer)("GET", "/auth/users/me")[0] == 200
    if end == "deleted":
        room.records.delete("users", known, actor=SYSTEM, facts=FACTS)
    elif end == "disabled":
        room.records.update("users", known, {"disabled": True}, actor=SYSTEM, facts=FACTS)
    else:
        room.work.run(lambda stores: stores.identities.forget(stores.schema.collection("users"), [known]))
    refused = 403 if end == "disabled" else 401
    for asked in (room, elsewhere):
        assert asking(asked, bearer)("GET", "/auth/users/me")[0] == refused
        assert asking(asked, bearer)("GET", "/collections/posts/records")[0] == refused


def test_one_who_comes_back_under_the_same_id_is_not_the_same(room, provider, known):
    room.records.delete("users", known, actor=SYSTEM, facts=FACTS)
    assert room.work.run(lambda stores: stores.identities.find(stores.schema.collection("users"), provider.home, "s-1")) is None


@ON_ONE
def test_the_auth_rule_is_asked_as_for_a_session(room, provider, known):
    room.collections.change("users", {"rules": {**USERS["rules"], "auth": "blocked = false"}}, actor=SYSTEM)
    ask = asking(room, token(room, provider))
    assert ask("GET", "/auth/users/me")[0] == 200
    room.records.update("users", known, {"blocked": True}, actor=SYSTEM, facts=FACTS)
    room.clock.advance(minutes=15)
    status, problem = ask("GET", "/auth/users/me")
    assert (status, problem["code"]) == (403, "sign_in_refused")


@ON_ONE
def test_a_change_of_the_password_does_not_end_it_and_asks_the_rule_anew(room, provider, known):
    """It is the issuer's to end; the account's epoch has moved on, and so has the actor that the token stands for."""
    room.collections.change("users", {"rules": {**USERS["rules"], "auth": "blocked = false"}}, actor=SYSTEM)
    ask = asking(room, token(room, provider))
    assert ask("GET", "/auth/users/me")[0] == 200
    room.records.update("users", known, {"password": f"{PASSWORD}!"}, actor=SYSTEM, facts=FACTS)
    assert ask("GET", "/auth/users/me")[0] == 200
    room.records.update("users", known, {"password": PASSWORD, "blocked": True}, actor=SYSTEM, facts=FACTS)
    assert ask("GET", "/auth/users/me")[0] == 403


@ON_ONE
def test_what_takes_a_fresh_sign_in_is_not_done_with_it(room, provider, known):
    ask = asking(room, token(room, provider))
    for method, path in (("POST", "/auth/users/factors/totp"), ("GET", "/auth/users/personal-data"), ("POST", "/auth/users/step-up")):
        status, problem = ask(method, path, {"password": PASSWORD} if path.endswith("step-up") else None)
        assert 400 <= status < 500, (path, problem)


@ON_ONE
def test_an_actor_of_before_is_refused_by_the_guard(room, provider, known):
    """Between the lookup and the request's first statement the account may end: that statement compares its epoch."""
    actor = room.accounts.identify(token(room, provider))
    room.records.update("users", known, {"password": f"{PASSWORD}!"}, actor=SYSTEM, facts=FACTS)
    with pytest.raises(Unauthenticated):
        room.accounts.me("users", actor=actor)


@ON_ONE
def test_it_is_of_its_collection_alone(room, provider, known):
    room.collections.create({**USERS, "name": "staff"}, actor=SYSTEM)
    ask = asking(room, token(room, provider))
    assert ask("GET", "/auth/staff/me")[0] == 403
    assert ask("GET", "/collections")[0] in (401, 403)


@ON_ONE
def test_a_collection_that_is_gone_knows_nobody(room, provider, known):
    ask = asking(room, token(room, provider))
    assert ask("GET", "/auth/users/me")[0] == 200
    room.collections.delete("posts", actor=SYSTEM)
    room.collections.delete("users", actor=SYSTEM)
    assert ask("GET", "/collections/posts/records")[0] == 401


@ON_ONE
def test_our_own_tokens_go_on(room, provider, known):
    signed = room.accounts.sign_in("users", "ann@example.org", PASSWORD, facts=FACTS)
    assert asking(room, signed.access_token)("GET", "/auth/users/me")[0] == 200


@ON_ONE
@pytest.mark.parametrize("bearer", ["a.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(room, bearer):
    assert asking(room, bearer)("GET", "/auth/users/me")[0] == 401


def test_as_a_server_puts_it_together(tmp_path, provider):
    """From the environment, with the tokens that we really sign."""
    environ = {"STILLROOM_DATA_DIR": str(tmp_path), "STILLROOM_LOOPBACK_PROVIDERS": "on",
               "STILLROOM_TRUSTED_ISSUERS": f"{provider.home} users new-api create"}  # fmt: skip
    settings = Settings.from_environment(environ)
    migrate(settings)
    with open_backend(settings) as composed:
        composed.backend.collections.create(USERS, actor=SYSTEM)
        now = int(time.time())
        claims = {"iss": provider.home, "aud": "new-api", "sub": "s-1", "iat": now, "exp": now + 60, "email": "bea@example.org",
                  "email_verified": True}  # fmt: skip
        bea = composed.backend.accounts.identify(provider.keys.token(claims))
        values = {"email": "cat@example.org", "password": PASSWORD}
        cat = composed.backend.records.create("users", values, actor=SYSTEM, facts=FACTS).id
        own = composed.backend.accounts.sign_in("users", "cat@example.org", PASSWORD, facts=FACTS).access_token
        assert composed.backend.accounts.identify(own).id == cat
        assert composed.backend.accounts.me("users", actor=bea).as_object()["email"] == "bea@example.org"


# --- made on first use


def first(room, provider, **changed):
    return asking(room, token(room, provider, aud="new-api", email="bea@example.org", email_verified=True, **changed))


def people(room):
    return room.work.read(lambda stores: stores.accounts.count(stores.schema.collection("users")))


def test_whoever_is_not_known_gets_an_account_where_the_setting_says_so(room, provider):
    ask = first(room, provider)
    status, me = ask("GET", "/auth/users/me")
    assert (status, me["email"], me["verified"]) == (200, "bea@example.org", True)
    assert ask("GET", "/auth/users/me")[1]["id"] == me["id"]
    assert first(room, provider, jti="another")("GET", "/auth/users/me")[1]["id"] == me["id"]
    assert people(room) == 1
    assert asking(room, token(room, provider, sub="s-2", email="bob@example.org", email_verified=True))("GET", "/auth/users/me")[0] == 401


def test_many_first_requests_make_one_account(room, provider):
    asking(room, token(room, provider, aud="new-api"))("GET", "/auth/users/me")  # few wait while the issuer's keys are asked for
    asks = [first(room, provider, jti=str(each)) for each in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda ask: ask("GET", "/auth/users/me"), asks))
    assert {status for status, _ in answers} == {200}
    assert len({me["id"] for _, me in answers}) == 1
    assert people(room) == 1


@ON_ONE
@pytest.mark.parametrize("said", [{"email_verified": False}, {"email_verified": "true"}, {"email": None}])
def test_an_address_that_nobody_vouches_for_makes_no_account(room, provider, said):
    """The collection asks for an address, and there is none that could be taken."""
    now = int(room.clock.now().timestamp())
    claims = {"iss": provider.home, "aud": "new-api", "sub": "s-1", "iat": now, "exp": now + 60, "email": "bea@example.org",
              "email_verified": True} | said  # fmt: skip
    status, problem = asking(room, provider.keys.token(claims))("GET", "/auth/users/me")
    assert (status, problem["code"], people(room)) == (401, "identity_unknown", 0)


@ON_ONE
def test_an_address_that_is_somebodys_makes_no_account_and_links_none(room, provider, known):
    bearer = token(room, provider, sub="s-9", aud="new-api", email="ann@example.org", email_verified=True)
    status, problem = asking(room, bearer)("GET", "/auth/users/me")
    assert (status, problem["code"], people(room)) == (401, "identity_unknown", 1)


@ON_ONE
def test_the_create_rule_says_whether_accounts_are_made(room, provider):
    room.collections.change("users", {"rules": {**USERS["rules"], "create": None}}, actor=SYSTEM)
    assert first(room, provider)("GET", "/auth/users/me")[0] == 401
    room.collections.change("users", {"rules": {**USERS["rules"], "create": "@request.context = 'oauth2'"}}, actor=SYSTEM)
    assert first(room, provider)("GET", "/auth/users/me")[0] == 200


@ON_ONE
def test_the_auth_rule_refuses_a_new_account_as_well(room, provider):
    room.collections.change("users", {"rules": {**USERS["rules"], "auth": "blocked = true"}}, actor=SYSTEM)
    assert first(room, provider)("GET", "/auth/users/me")[0] in (401, 403)
    assert people(room) == 0
