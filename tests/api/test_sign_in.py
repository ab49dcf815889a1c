"""Signing in over HTTP: what is sent and answered, which headers are listened to, and that a token passes nowhere but where it should."""

import json
import time

import jwt
import pytest

from adapters.inbound.web.identity import LONGEST
from adapters.outbound.jwt_tokens import JwtTokens
from adapters.outbound.sealed_secrets import Seal
from adapters.outbound.system_clock import SystemClock
from app import testing
from domain.actor import SYSTEM

ANN, PASSWORD = "ann.lee@example.org", "a quiet room at the back"
SIGN_IN, ME = "/api/v1/auth/users/sign-in", "/api/v1/auth/users/me"
USERS = "/api/v1/collections/users"


@pytest.fixture
def users(backend):
    return backend.collections.create({
        "name": "users", "type": "accounts",
        "fields": [{"name": "name", "type": "text"}, {"name": "note", "type": "text", "hidden": True}],
        "rules": {"create": "", "update": "id = @request.auth.id", "delete": "id = @request.auth.id"},
    }, actor=SYSTEM)  # fmt: skip


@pytest.fixture
def ann(client, users):
    """Her account as the API answered it, and the headers of a session."""
    made = client.post(f"{USERS}/records", json={"email": ANN, "password": PASSWORD, "name": "Ann"})
    assert made.status_code == 201, made.get_data(as_text=True)
    return made.get_json(), bearer(client)


def bearer(client, identity=ANN, password=PASSWORD):
    answer = client.post(SIGN_IN, json={"identity": identity, "password": password})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def problem(answer, status):
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/problem+json"
    told = answer.get_json()
    assert told["status"] == status
    return told


# --- the shapes


def test_sign_in_answers_with_a_token_and_the_account(client, ann):
    answer = client.post(SIGN_IN, json={"identity": "Ann.Lee@EXAMPLE.org", "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.get_json()
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "account", "device_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert set(body["account"]) == {"id", "version", "created", "updated", "email", "email_visible", "verified", "language", "anonymous",
                                    "name"}
    assert (body["account"]["id"], body["account"]["email"], body["account"]["name"]) == (ann[0]["id"], ANN, "Ann")
    assert answer.headers["Cache-Control"] == "no-store"


def test_me_is_the_account(client, ann):
    answer = client.get(ME, headers=ann[1])
    assert answer.status_code == 200
    assert (answer.get_json()["id"], answer.get_json()["email"]) == (ann[0]["id"], ANN)
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_secret_is_in_no_answer(client, ann):
    answers = [client.post(SIGN_IN, json={"identity": ANN, "password": PASSWORD}), client.get(ME, headers=ann[1])]
    for answer in answers:
        for secret in (PASSWORD, "quick$", "_password", "_epoch", "_key_email", "note"):
            assert secret not in answer.get_data(as_text=True)


def test_the_first_admin_is_made_with_the_token_of_the_start(client, backend):
    body = {"token": backend.accounts.setup_token(), "email": ANN, "password": PASSWORD}
    made = client.post("/api/v1/setup", json=body)
    assert (made.status_code, made.get_json()["email"]) == (201, ANN)
    signed = client.post("/api/v1/auth/_admins/sign-in", json={"identity": ANN, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {signed.get_json()['access_token']}"}
    assert client.get("/api/v1/collections", headers=headers).status_code == 200
    assert problem(client.post("/api/v1/setup", json={**body, "email": "bob@example.org"}), 403)["code"] == "setup_refused"


@pytest.mark.parametrize("token", ["", "guess", "0" * 43])
def test_without_that_token_nobody_becomes_an_admin(client, backend, token):
    backend.accounts.setup_token()
    body = {"token": token, "email": ANN, "password": PASSWORD}
    assert problem(client.post("/api/v1/setup", json=body), 403)["code"] == "setup_refused"
    assert backend.accounts.setup_token() is not None


def test_public_keys_are_a_jwk_set_that_verifies_our_tokens(client, backend, ann):
    accounts = backend.accounts
    accounts._tokens = backend.sessions._tokens = JwtTokens(accounts._work, Seal(b"a secret of the tests, long enough"), SystemClock())
    answer = client.get("/.well-known/jwks.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    headers = bearer(client)
    token = headers["Authorization"].removeprefix("Bearer ")
    key = jwt.PyJWKSet.from_dict(answer.get_json())[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, algorithms=["EdDSA"], audience="stillroom")["sub"] == ann[0]["id"]
    assert client.get(ME, headers=headers).status_code == 200
    problem(client.get(ME, headers={"Authorization": f"Bearer {jwt.encode({'sub': ann[0]['id']}, 'x' * 32)}"}), 401)


def test_the_document_names_these_operations(client):
    document = client.get("/api/v1/openapi.json").get_json()
    sign_in = document["paths"]["/api/v1/auth/{c}/sign-in"]["post"]
    schema = sign_in["requestBody"]["content"]["application/json"]["schema"]
    named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert (sorted(named["required"]), named["additionalProperties"]) == (["identity", "password"], False)
    assert {"/api/v1/auth/{c}/me", "/api/v1/setup", "/.well-known/jwks.json"} <= set(document["paths"])


# --- wrong credentials


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(client, ann):
    answers = [
        client.post(SIGN_IN, json={"identity": identity, "password": password})
        for identity, password in [(ANN, "another password"), ("nobody@example.org", PASSWORD), ("", ""), ("admin", "admin")]
    ]
    told = [{**problem(answer, 401), "request_id": ""} for answer in answers]
    assert all(each == told[0] for each in told)
    assert told[0]["code"] == "invalid_credentials"
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}


@pytest.mark.parametrize("length", [72, 71, 99])
def test_no_part_of_a_long_password_signs_in(client, users, length):
    whole = "abcdefghij" * 10
    client.post(f"{USERS}/records", json={"email": ANN, "password": whole})
    assert bearer(client, password=whole)
    problem(client.post(SIGN_IN, json={"identity": ANN, "password": whole[:length]}), 401)


@pytest.mark.parametrize("value", [{"$ne": ""}, {}, [], ["x"], [ANN, PASSWORD], True, False, None, 0, 12345678, 1.5])
@pytest.mark.parametrize("name", ["identity", "password"])
def test_credentials_are_texts(client, ann, name, value):
    told = problem(client.post(SIGN_IN, json={"identity": ANN, "password": PASSWORD, name: value}), 400)
    assert [(each["pointer"], each["code"]) for each in told["errors"]] == [(f"/{name}", "wrong_type")]


@pytest.mark.parametrize("body, faults", [
    ({}, {("/identity", "missing"), ("/password", "missing")}),
    ({"identity": ANN}, {("/password", "missing")}),
    ({"identity": ANN, "pasword": PASSWORD}, {("/password", "missing"), ("/pasword", "unknown_field")}),
    ({"identity": ANN, "password": PASSWORD, "me": 1, "a/b~c": 1}, {("/me", "unknown_field"), ("/a~1b~0c", "unknown_field")}),
    ({"identity": ANN, "password": PASSWORD, "{x}": 1}, {("/{x}", "unknown_field")}),
])  # fmt: skip
def test_what_is_missing_or_unknown_is_told_by_name(client, ann, body, faults):
    told = problem(client.post(SIGN_IN, json=body), 400)
    assert {(each["pointer"], each["code"]) for each in told["errors"]} == faults
    assert PASSWORD not in json.dumps(told)


@pytest.mark.parametrize("data, content_type, status", [
    ("", "application/json", 400),
    ("{", "application/json", 400),
    ("[]", "application/json", 400),
    ('"x"', "application/json", 400),
    ('{"identity": "a", "identity": "b", "password": "c"}', "application/json", 400),
    ('{"identity": "a\\u0000", "password": "c"}', "application/json", 400),
    ("identity=a&password=b", "application/x-www-form-urlencoded", 415),
    ('{"identity": "a", "password": "b"}', "text/plain", 415),
    ("<a/>", "application/xml", 415),
])  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(client, ann, data, content_type, status):
    problem(client.post(SIGN_IN, data=data, content_type=content_type), status)


def test_a_password_of_a_megabyte_is_refused_before_it_is_hashed(client, ann):
    started = time.perf_counter()
    told = problem(client.post(SIGN_IN, json={"identity": ANN, "password": "x" * 1_000_000}), 400)
    assert told["code"] == "too_long"
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("path", [
    "/api/v1/auth/nowhere/sign-in", "/api/v1/auth/_signing_keys/sign-in", "/api/v1/auth/%2e%2e/sign-in", "/api/v1/auth/a%00b/sign-in",
])  # fmt: skip
def test_nobody_signs_in_where_there_are_no_accounts(client, ann, path):
    problem(client.post(path, json={"identity": ANN, "password": PASSWORD}), 404)


@pytest.mark.parametrize("path", [SIGN_IN, "/api/v1/setup"])
def test_credentials_are_never_taken_from_the_address(client, ann, path):
    answer = client.post(f"{path}?identity={ANN}&password=x", json={"identity": ANN, "password": PASSWORD})
    problem(answer, 400)
    problem(client.get(path), 405)


@pytest.mark.parametrize("password", ["12345", "12345678", "password1", ANN, "", None, True, ["a quiet room"], "x" * 1025])
def test_weak_passwords_are_refused_at_sign_up(client, users, password):
    told = problem(client.post(f"{USERS}/records", json={"email": ANN, "password": password}), 400)
    assert [each["pointer"] for each in told["errors"]] == ["/password"]


# --- the header


@pytest.mark.parametrize("header", [
    "", " ", "Bearer", "Bearer ", "bearer", "Basic YW5uOnNlY3JldA==", "Token abc", "Bearer a b", "Bearer a,Bearer b", "Bearer {token} x",
    "{token}", "Bearer{token}", "Bearer \t{token}", "Digest {token}", "Bearer null", "Bearer undefined", "Bearer é", "Bearer ..",
    "Bearer {token}.", "Bearer {token}x",
])  # fmt: skip
def test_a_header_that_is_not_good_is_refused_and_never_taken_for_none(client, ann, header):
    token = ann[1]["Authorization"].removeprefix("Bearer ")
    headers = {"Authorization": header.replace("{token}", token)}
    for path in (ME, f"{USERS}/records", "/api/v1/collections"):
        told = problem(client.get(path, headers=headers), 401)
        assert told["code"] == "invalid_token"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_is_read_as_http_reads_it(client, ann, scheme):
    token = ann[1]["Authorization"].removeprefix("Bearer ")
    assert client.get(ME, headers={"Authorization": f"{scheme} {token}"}).status_code == 200


@pytest.mark.parametrize("rest", ["x" * 900_000, "." * 10_000, "x" * (LONGEST - 8), " " * 8_000])
def test_a_huge_header_is_refused_at_once(client, ann, rest):
    started = time.perf_counter()
    problem(client.get(ME, headers={"Authorization": f"Bearer {rest}"}), 401)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("query", ["token={}", "access_token={}", "jwt={}"])
def test_a_token_in_the_address_is_no_identity(client, ann, query):
    token = ann[1]["Authorization"].removeprefix("Bearer ")
    assert client.get(f"{ME}?{query.format(token)}").status_code == 400
    client.set_cookie("access_token_cookie", token)
    assert problem(client.get(ME), 401)["code"] == "unauthenticated"


def test_a_guest_has_no_me(client, users):
    answer = client.get(ME)
    assert problem(answer, 401)["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_one_collection_is_no_admins(client, ann, admin):
    problem(client.get("/api/v1/collections", headers=ann[1]), 403)
    problem(client.get("/api/v1/auth/_admins/me", headers=ann[1]), 403)
    problem(client.get(ME, headers=admin), 403)


# --- sessions that end


@pytest.mark.parametrize("change", [{"password": "another quiet room"}, {"email": "lee@example.org"}])
def test_changed_sign_in_data_needs_the_present_password_and_ends_sessions(client, ann, change):
    account, headers = ann
    path = f"{USERS}/records/{account['id']}"
    for old in ({}, {"old_password": "not this one"}, {"old_password": None}):
        problem(client.patch(path, json={**change, **old}, headers=headers), 400)
    assert client.get(ME, headers=headers).status_code == 200
    assert client.patch(path, json={**change, "old_password": PASSWORD}, headers=headers).status_code == 200
    for method, place in (("GET", ME), ("GET", path), ("PATCH", path), ("DELETE", path), ("GET", f"{USERS}/records")):
        problem(client.open(place, method=method, headers=headers, json={} if method == "PATCH" else None), 401)
    assert client.get(ME, headers=bearer(client, change.get("email", ANN), change.get("password", PASSWORD))).status_code == 200


def test_a_deleted_account_has_no_session_left(client, ann):
    account, headers = ann
    assert client.delete(f"{USERS}/records/{account['id']}", headers=headers).status_code == 204
    problem(client.get(ME, headers=headers), 401)
    problem(client.post(SIGN_IN, json={"identity": ANN, "password": PASSWORD}), 401)


def test_a_token_that_ended_is_refused_by_another_process_too(tmp_path):
    """Two applications over one file: what the one ends, the other refuses with the next request."""
    database = f"sqlite:///{tmp_path}/data.db"
    with testing.backend(database=database) as one, testing.backend(database=database) as other:
        other.accounts._tokens = one.accounts._tokens
        rules = {"create": "", "update": "id = @request.auth.id"}
        one.collections.create({"name": "users", "type": "accounts", "rules": rules}, actor=SYSTEM)
        here, there = testing.client(one), testing.client(other)
        account = here.post(f"{USERS}/records", json={"email": ANN, "password": PASSWORD}).get_json()
        headers = bearer(here)
        assert there.get(ME, headers=headers).status_code == 200
        body = {"password": "another quiet room", "old_password": PASSWORD}
        assert here.patch(f"{USERS}/records/{account['id']}", json=body, headers=headers).status_code == 200
        problem(there.get(ME, headers=headers), 401)
        problem(there.get(f"{USERS}/records", headers=headers), 401)
