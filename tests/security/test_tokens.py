"""Forged, stale and misplaced tokens, and credentials that are none: 401, whoever reads them, and nothing is looked up for them."""

import base64
import hashlib
import hmac
import json
import re
import socket
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from tests.e2e.server import Server
from tests.security.target import API, COLLECTIONS, PASSWORD, Seen, Target, address, keeps_promises, sign_in

# A door that admits everyone, one that admits accounts, one for admins: a bad token is refused at each, never taken for none.
DOORS = (
    ("GET", f"{COLLECTIONS}/posts/records?limit=1", None), ("GET", f"{API}/auth/users/me", None), ("GET", COLLECTIONS, None),
    ("GET", f"{COLLECTIONS}/vaults/records/vault-bob", None),
    ("POST", f"{COLLECTIONS}/values/records", b'{"t": "x"}'), ("DELETE", f"{COLLECTIONS}/posts/records/live-bob", None),
)  # fmt: skip
OURS = Ed25519PrivateKey.generate()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, payload, signature = token.split(".")
    return _read(header), _read(payload), signature


def _read(part: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


def _written(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forged(header: Any, payload: Any, signature: str) -> str:
    return f"{_written(header)}.{_written(payload)}.{signature}"


def refuse_everywhere(target: Target, token: str) -> None:
    for method, path, body in DOORS:
        seen = target.ask(method, path, raw=body, token=token)
        assert (seen.status, seen.code) == (401, "invalid_token"), (method, path, token[:200], seen)
        assert seen.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_forged_headers(target: Target) -> None:
    """No signature, another algorithm, keys that the token brings along, kids that are paths or SQL (T01, T02)."""
    header, payload, signature = parts(target.tokens["bob"])
    jwk = target.ask("GET", "/.well-known/jwks.json").body["keys"][0]
    with target.unchanged():
        for alg in ("none", "None", "nOnE", "NONE", "", None, "HS256", "HS512", "RS256", "ES256", "PS256", "EdDSA ", "eddsa", "Ed25519",
                "Ed448", 1, ["EdDSA"], {"a": 1}, True):
            for sign in ("", signature):
                if (alg, sign) != ("EdDSA", signature):
                    refuse_everywhere(target, forged({**header, "alg": alg}, payload, sign))
        for kid in ("../../dev/null", "/dev/null", "' UNION SELECT 'x' --", "'; DROP TABLE users; --", "", None, 1, [], {}, ["x"],
                "a" * 5000, "\u0000", "http://127.0.0.1:1/jwks.json", header["kid"].lower(), header["kid"] + "\n"):
            if kid != header["kid"]:
                refuse_everywhere(target, forged({**header, "kid": kid}, payload, signature))
                made = jwt.encode(payload, OURS, "EdDSA", headers={"kid": kid} if isinstance(kid, str) else None)
                refuse_everywhere(target, made)
        own = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(OURS.public_key().public_bytes_raw()).decode().rstrip("=")}
        for extra in ({"jwk": own}, {"jwks": {"keys": [own]}}, {"jku": "http://127.0.0.1:1/x"}, {"x5u": "http://127.0.0.1:1/x"},
                {"x5c": ["AAAA"]}, {"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}, {"zip": "DEF"}, {"typ": "JWE"}, {"cty": "JWT"}):
            refuse_everywhere(target, jwt.encode(payload, OURS, "EdDSA", headers={"kid": header["kid"], **extra}))
        # The public key as the secret of an HMAC, in each form that it is known in.
        for secret in (jwk["x"].encode(), base64.urlsafe_b64decode(jwk["x"] + "="), json.dumps(jwk).encode(), b"", b"secret"):
            refuse_everywhere(target, _hmac(header, payload, secret))
        rsa = generate_private_key(public_exponent=65537, key_size=2048)
        refuse_everywhere(target, jwt.encode(payload, rsa, "RS256", headers={"kid": header["kid"]}))


def _hmac(header: dict[str, Any], payload: dict[str, Any], secret: bytes) -> str:
    signed = f"{_written({**header, 'alg': 'HS256'})}.{_written(payload)}"
    return signed + "." + base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).decode().rstrip("=")


def test_changed_payloads(target: Target) -> None:
    """T04, T05: every claim that could be wished for, under a signature that was made for another."""
    header, payload, signature = parts(target.tokens["bob"])
    with target.unchanged():
        for change in (
            {"sub": target.ids["alice"]}, {"collection": "_admins"}, {"collection": "_admins", "sub": target.ids["bob"]},
            {"purpose": "refresh"}, {"purpose": "file"}, {"epoch": 99}, {"epoch": None}, {"exp": 10**12}, {"exp": 1}, {"exp": "never"},
            {"exp": None}, {"exp": -1}, {"exp": 1e308}, {"nbf": 10**12}, {"iat": 10**12}, {"iss": "me"}, {"aud": ["x"]}, {"sub": None},
            {"sub": {"$ne": ""}}, {"admin": True}, {"role": "admin"},
        ):  # fmt: skip
            refuse_everywhere(target, forged(header, {**payload, **change}, signature))
            refuse_everywhere(target, jwt.encode({**{k: v for k, v in payload.items() if k != "sub"}, "admin": True}, OURS, "EdDSA",
                    headers={"kid": header["kid"]}))
        for text in ("{", "[]", "null", '"x"', "1", "", '{"exp": NaN}', '{"exp": 1e999}', '{"sub": "\\ud800"}', "[" * 5000):
            raw = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
            refuse_everywhere(target, f"{_written(header)}.{raw}.{signature}")
            refuse_everywhere(target, f"{raw}.{_written(payload)}.{signature}")


@pytest.mark.parametrize("shape", [
    lambda t: t + "A", lambda t: t[:-1], lambda t: t + ".", lambda t: "." + t, lambda t: t + "." + t.split(".")[2],
    lambda t: t.replace(".", "..", 1), lambda t: t.rsplit(".", 1)[0], lambda t: t.rsplit(".", 1)[0] + ".",
    lambda t: t.split(".")[1], lambda t: "." * 10_000, lambda t: "..", lambda t: "x", lambda t: "A" * 8000, lambda t: "A" * 20_000,
    lambda t: "a.b.c", lambda t: t[:40] + t[40:80].swapcase() + t[80:], lambda t: t + "====", lambda t: t[::-1],
    lambda t: "eyJ" * 2000,
])  # fmt: skip
def test_what_is_shaped_like_no_token(target: Target, shape: Callable[[str], str]) -> None:
    refuse_everywhere(target, shape(target.tokens["bob"]))


def test_other_schemes_and_places(target: Target) -> None:
    token = target.tokens["bob"]
    basic = base64.b64encode(f"{address('bob')}:{PASSWORD}".encode()).decode()
    for header in (
        "", " ", "Bearer", "Bearer ", f"Basic {basic}", f"Token {token}", f"JWT {token}", token, f"Bearer{token}",
        f"Bearer {token} {token}", f"Bearer {token}, Bearer {token}", f"Bearer '{token}'", f'Bearer "{token}"', f"Bearer {token};",
        "Bearer null",
        "Bearer undefined", "Bearer true", "Negotiate x", "Digest username=bob", f"Bearer {token}\t{token}", f"Bearer=,{token}",
        "Bearer ' OR '1'='1",
    ):  # fmt: skip
        seen = target.ask("GET", f"{API}/auth/users/me", headers={"Authorization": header})
        assert seen.status == 401, header
        assert target.ask("GET", f"{COLLECTIONS}/posts/records", headers={"Authorization": header}).status == 401, header
    for headers in ({"Cookie": f"access_token_cookie={token}; token={token}; session={token}"}, {"X-Authorization": f"Bearer {token}"},
            {"X-Api-Key": token}, {"X-Forwarded-User": "bob"}, {"X-Remote-User": "bob"}, {"X-Original-URL": COLLECTIONS}):
        assert target.ask("GET", f"{API}/auth/users/me", headers=headers).status == 401, headers
    for name in ("token", "access_token", "jwt", "authorization", "bearer"):
        assert target.ask("GET", f"{API}/auth/users/me?{name}={token}").status == 400
    body = json.dumps({"access_token": token, "token": token}).encode()
    assert target.ask("POST", f"{COLLECTIONS}/posts/records", raw=body).status in (400, 401, 403)


def test_a_token_of_one_collection_is_none_of_another(target: Target) -> None:
    made = target.records("POST", "folks", "", {"email": "dora@example.org", "password": PASSWORD, "name": "dora"})
    assert made.status == 201
    signed = target.ask("POST", f"{API}/auth/folks/sign-in", {"identity": "dora@example.org", "password": PASSWORD}).body
    token = signed["access_token"]
    assert target.ask("GET", f"{API}/auth/folks/me", token=token).status == 200
    assert target.ask("GET", f"{API}/auth/users/me", token=token).status == 403
    assert target.ask("GET", f"{API}/auth/_admins/me", token=token).status == 403
    assert target.ask("POST", f"{API}/auth/users/sign-in", {"identity": "dora@example.org", "password": PASSWORD}).status == 401
    # Her id is a member of nothing but her own collection, also to rules.
    assert target.records("PATCH", "users", made.body["id"], {"name": "x"}, token=token).status == 404
    assert target.records("DELETE", "folks", made.body["id"], token=token).status == 204
    # And with her account her token is gone, in every process.
    for _ in range(6):
        assert target.ask("GET", f"{API}/auth/folks/me", token=token).status == 401
        assert target.ask("GET", f"{COLLECTIONS}/posts/records?limit=1", token=token).status == 401


def test_huge_headers_are_refused_at_once(target: Target) -> None:
    """T13: 900 kB of Authorization, ten thousand headers, a line without end."""
    big = b"GET /livez HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"a" * 900_000 + b"\r\n\r\n"
    many = b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 10_000 + b"\r\n"
    line = b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    for sent in (big, many, line):
        began = time.perf_counter()
        answer = _exchange(target, sent)
        assert time.perf_counter() - began < 5
        assert answer == b"" or re.match(rb"HTTP/1.1 4(31|00|14) ", answer), answer[:100]
    assert target.ask("GET", "/livez").status == 200


def _exchange(target: Target, sent: bytes) -> bytes:
    """What the server says until it closes; it may close before it has read everything."""
    received = b""
    with socket.create_connection(("127.0.0.1", target.server.port), timeout=10) as plug:
        try:
            plug.sendall(sent)
            while chunk := plug.recv(65_536):
                received += chunk
                if b"\r\n\r\n" in received:
                    break
        except (ConnectionError, TimeoutError):
            pass
    return received


def test_requests_that_two_readers_would_cut_differently(target: Target) -> None:
    """Smuggling: the second request must not be answered as if somebody else had sent it."""
    hidden = b"GET /api/v1/collections HTTP/1.1\r\nHost: x\r\n\r\n"
    heads = (
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n", b"Content-Length: +5\r\n",
        b"Content-Length: -1\r\n", b"Content-Length: 5, 6\r\n", b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n", b"Transfer-Encoding : chunked\r\n", b"Content-Length: 0x5\r\n",
        b"Content-Length: 1e1\r\n", b"Content-Length:\r\n", b"X: a\r\n Content-Length: 5\r\n", b"Content\x00-Length: 5\r\n",
    )  # fmt: skip
    for head in heads:
        start = b"POST /api/v1/collections/values/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        answer = _exchange(target, start + head + b"\r\n0\r\n\r\n" + hidden)
        assert not re.match(rb"HTTP/1.1 [25]", answer), (head, answer[:200])
    assert target.ask("GET", "/livez").status == 200


# --- credentials


def test_no_account_exists_before_it_is_made(target: Target) -> None:
    """A01: whatever people try first."""
    for collection in ("_admins", "users"):
        for identity, password in (("admin", "admin"), ("root", "root"), ("", ""), ("admin@example.com", "admin123"),
                ("admin@example.org", "password"), ("admin@stillroom.local", "stillroom"), ("test@example.com", "1234567890"),
                ("' OR '1'='1", "' OR '1'='1")):
            seen = target.ask("POST", f"{API}/auth/{collection}/sign-in", {"identity": identity, "password": password})
            assert seen.status in (400, 401), (collection, identity)
    for password in ("", " ", PASSWORD + " ", " " + PASSWORD, PASSWORD.upper(), PASSWORD[:-1], PASSWORD + "\x00"):
        raw = json.dumps({"identity": address("alice"), "password": password}).encode()
        assert target.ask("POST", f"{API}/auth/users/sign-in", raw=raw).status in (400, 401), password


def test_weak_passwords_are_no_passwords(target: Target) -> None:
    """A08."""
    with target.unchanged():
        for password in ("", "12345", "1234567", "12345678", "password1", "PASSWORD1", "Password1", "aaaaaaaaaa", "qwertyuiop",
                "eve@example.org", "EVE@example.org", "iloveyou", "ｐａｓｓｗｏｒｄ１"):
            seen = target.records("POST", "users", "", {"email": "eve@example.org", "password": password})
            assert seen.status == 400, password
            assert seen.body["errors"][0]["pointer"] == "/password"
            assert password not in seen.content.decode() or len(password) < 3 or "@" in password, "a refusal repeats no password"


WRONG_TYPES: tuple[Any, ...] = ({"$ne": ""}, {"$gt": ""}, {"$regex": "^a"}, [], [""], ["alice@example.org"], True, False, None, 0, 1.5,
    {}, {"length": 20})


def test_credentials_are_texts(target: Target) -> None:
    """A12, I07: objects that other databases read as conditions."""
    door = f"{API}/auth/users/sign-in"
    with target.unchanged():
        for value in WRONG_TYPES:
            for body in ({"identity": value, "password": value}, {"identity": address("alice"), "password": value},
                    {"identity": value, "password": PASSWORD}):
                assert target.ask("POST", door, body).status == 400, body
            assert target.records("POST", "users", "", {"email": "eve@example.org", "password": value}).status == 400, value
            assert target.records("POST", "users", "", {"email": value, "password": PASSWORD}).status == 400, value
        for body in ({}, {"identity": address("alice")}, {"password": PASSWORD},
            {"identity": address("alice"), "password": PASSWORD, "admin": True}, {"email": address("alice"), "password": PASSWORD},
                     {"identity": address("alice"), "password": PASSWORD, "collection": "_admins"}, [], None, "x",
                     [{"identity": address("alice"), "password": PASSWORD}]):  # fmt: skip
            assert target.ask("POST", door, body).status == 400, body
        assert target.ask("POST", door,
            raw=b'{"identity": "a@example.org", "identity": "alice@example.org", "password": "x"}').status == 400


def test_a_password_is_compared_whole(target: Target) -> None:
    """A09, A11: nothing is cut at 72 bytes or at a NUL, and one password is one however its letters were composed."""
    long = "long password " * 8
    made = target.make("users", email="longa@example.org", password=long, name="longa")
    try:
        for given, good in ((long, True), (long[:72], False), (long[:71], False), (long[:-1], False), (long + "x", False)):
            seen = target.ask("POST", f"{API}/auth/users/sign-in", {"identity": "longa@example.org", "password": given})
            assert (seen.status == 200) is good, len(given)
    finally:
        target.records("DELETE", "users", made, by="admin")
    for raw in (b'{"identity": "longa@example.org", "password": "abcdefgh\\u0000zzz"}',
            b'{"identity": "longa@example.org\\u0000", "password": "abcdefghijk"}'):
        assert target.ask("POST", f"{API}/auth/users/sign-in", raw=raw).status in (400, 401)


def test_a_megabyte_of_password_is_not_hashed(target: Target) -> None:
    """A10: refused in the time of a look at it, each time."""
    body = {"identity": address("alice"), "password": "a" * 900_000}
    took = []
    for _ in range(20):
        seen = target.ask("POST", f"{API}/auth/users/sign-in", body)
        assert seen.status == 400
        took.append(seen.seconds)
        assert target.records("POST", "users", "", {"email": "eve@example.org", "password": "b" * 900_000}).status == 400
    assert sorted(took)[10] < 0.2


def test_lookups_take_patterns_literally(target: Target) -> None:
    """I18, E01: what is a pattern elsewhere finds nobody here, and unknown and known accounts are told the same."""
    told = set()
    for identity in ("*", "*)(uid=*", ".*", "%", "_lice@example.org", "alice%", "alice@example.org'--", "alice@example.org\\",
            "alice@example.org ", " alice@example.org", "alice@example.org,bob@example.org", "nobody@example.org", "alice@example.org"):
        seen = target.ask("POST", f"{API}/auth/users/sign-in", {"identity": identity, "password": "not the one"})
        status, body = seen.told
        told.add((status, json.dumps(body, sort_keys=True)))
    assert len(told) == 1
    assert told.pop()[0] == 401


# --- the first admin (X01), secrets in logs (X05), headers (W08, W16)


def test_nobody_takes_over_a_backend_that_has_an_admin(target: Target) -> None:
    with target.unchanged():
        for token in ("", "x", "a" * 43, "' OR 1=1 --", "%", None, True, {"$ne": ""}, [], 0, "\u0000", "../x"):
            seen = target.ask("POST", f"{API}/setup", {"token": token, "email": "eve@example.org", "password": PASSWORD})
            assert seen.status in (400, 403), (token, seen)
        for body in ({}, {"email": "eve@example.org", "password": PASSWORD},
                {"token": "x" * 43, "email": "eve@example.org", "password": PASSWORD, "force": True}):
            assert target.ask("POST", f"{API}/setup", body).status == 400


def test_no_secret_is_in_the_log(tmp_path_factory: pytest.TempPathFactory) -> None:
    """X05, T12: at the level that tells most, after requests of every kind, good and bad."""
    server = Server(tmp_path_factory.mktemp("log") / "data", workers=1, settings={"STILLROOM_LOG_LEVEL": "debug"})
    secrets = {"sEcret-password-1": "password", "sEcret-value-2": "value", "sEcret-header-3": "header", "sEcret-query-4": "query",
        "sEcret-cookie-5": "cookie"}
    try:
        target = Target(server.start(), "sqlite")
        target.tokens["admin"] = server.admin_token()
        target.ask("POST", COLLECTIONS, {"name": "users", "type": "accounts",
                "fields": [{"name": "note", "type": "text", "unique": True}],
                "rules": {"create": "", "view": "", "list": "note != 'sEcret-value-2'"}}, by="admin")
        body = {"email": "ann@example.com", "password": "sEcret-password-1", "note": "sEcret-value-2"}
        for _ in range(2):
            target.records("POST", "users", "", body)
        target.records("POST", "users", "", {**body, "nothing": "sEcret-value-2"})
        target.records("POST", "users", "", {**body, "email": "sEcret-value-2"})
        signed = target.ask("POST", f"{API}/auth/users/sign-in", {"identity": "ann@example.com", "password": "sEcret-password-1"})
        target.ask("POST", f"{API}/auth/users/sign-in", {"identity": "sEcret-password-1", "password": "sEcret-password-1"})
        target.ask("GET", f"{API}/auth/users/me?token=sEcret-query-4")
        target.ask("GET", f"{COLLECTIONS}/users/records?filter=note='sEcret-query-4'")
        target.ask("GET", f"{COLLECTIONS}/users/records", headers={"Authorization": "Bearer sEcret-header-3",
                "Cookie": "session=sEcret-cookie-5"})
        token = signed.body["access_token"]
        target.ask("GET", f"{API}/auth/users/me", token=token)
        target.ask("POST", f"{COLLECTIONS}/users/records", raw=b'{"password": "sEcret-password-1"')
        log = server.output.replace("note != 'sEcret-value-2'", "")  # the owner's rule, which the development log explains
        assert '"status"' in log or "status" in log
        for secret, what in secrets.items():
            assert secret not in log, what
        assert token.rpartition(".")[2] not in log
        assert target.tokens["admin"].rpartition(".")[2] not in log
        assert "$argon2" not in log
    finally:
        server.end()


def test_answers_for_one_are_kept_by_nobody_else(target: Target) -> None:
    """W08, W16, W05: what depends on who asks is not for shared caches, and no origin is let in."""
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8000.evil.example"):
        for method, path, by in (
            ("GET", f"{COLLECTIONS}/posts/records", "bob"), ("GET", f"{COLLECTIONS}/posts/records/live-bob", "bob"),
            ("GET", f"{API}/auth/users/me", "bob"), ("GET", f"{API}/auth/users/me", ""), ("GET", "/nothing", ""),
            ("GET", COLLECTIONS, "admin"),
            ("OPTIONS", f"{COLLECTIONS}/posts/records", ""), ("PUT", f"{COLLECTIONS}/posts/records", ""),
            ("GET", f"{API}/openapi.json", ""), ("GET", "/livez", ""), ("GET", f"{COLLECTIONS}/posts/records?filter='", "bob"),
        ):  # fmt: skip
            seen: Seen = target.ask(method, path, by=by, headers={"Origin": origin, "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Private-Network": "true"})
            keeps_promises(seen, path.encode(), method)
            assert not any(name.startswith("access-control-") for name in seen.headers), (method, path)
            assert "set-cookie" not in seen.headers
            assert "content-security-policy" in seen.headers
            if by:
                assert re.search(r"no-store|private", seen.headers["cache-control"]), (path, seen.headers)


def test_the_address_that_a_request_claims_changes_nothing(target: Target) -> None:
    """W11: Host and X-Forwarded-* come back in nothing."""
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"},
            {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "host=evil.example"},
            {"X-Original-URL": COLLECTIONS}, {"X-Rewrite-URL": COLLECTIONS}):
        for path, by in ((f"{COLLECTIONS}/posts/records?limit=1", "bob"), ("/nothing", ""), (f"{API}/openapi.json", ""),
                (f"{COLLECTIONS}/posts/records/", "")):
            seen = target.ask("GET", path, by=by, headers=headers)
            assert b"evil.example" not in seen.content
            assert not any("evil.example" in value for value in seen.headers.values())
    made = target.ask("POST", f"{COLLECTIONS}/values/records", {"t": "x"},
        headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert made.headers["location"].startswith("/api/v1/")
    assert sign_in(target, "bob").status == 200
