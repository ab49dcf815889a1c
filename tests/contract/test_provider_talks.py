"""A code exchanged with providers that are real servers on this machine: good ones, forging ones, and two at a time."""

import base64
import hashlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.outbound.http_oauth import HttpProviderDoor
from adapters.outbound.pyjwt_id_tokens import PyjwtIdTokens
from adapters.outbound.system_clock import SystemClock
from app.usecases.oauth import Client, ProviderTalks
from domain.accounts.identities import Identity
from domain.accounts.oauth import begun
from domain.errors import Invalid, Unavailable

BEGAN = begun(b"s" * 32, b"n" * 32, b"v" * 32)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        home, key = self.server.home, self.server.key
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        self.answer({"keys": [public]} if self.path == "/keys" else {
            "issuer": home, "authorization_endpoint": f"{home}/authorize", "token_endpoint": f"{home}/token", "jwks_uri": f"{home}/keys",
        })  # fmt: skip

    def do_POST(self):
        form = {name: value[0] for name, value in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        if (form.get("code"), form.get("client_secret"), challenge) != ("good", self.server.home, BEGAN.challenge):
            return self.answer({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.server.home, "aud": form["client_id"], "sub": "s-1", "nonce": BEGAN.nonce, "iat": now, "exp": now + 60,
                  "email": "ann@example.org", "email_verified": True} | self.server.changed  # fmt: skip
        return self.answer({"access_token": "a", "id_token": jwt.encode(claims, self.server.signing, "RS256")})

    def answer(self, value, status=200):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def providers():
    servers = []
    for _ in range(2):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.home, server.key = f"http://127.0.0.1:{server.server_port}", rsa.generate_private_key(65537, 2048)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def honest(providers):
    for server in providers:
        server.changed, server.signing = {}, server.key


def came_back(server, code="good", began=BEGAN):
    talks = ProviderTalks(HttpProviderDoor(loopback=True), PyjwtIdTokens(), SystemClock(), loopback=True)
    client = Client(server.home, "app-1", server.home, "https://app.example.org/callback")
    return talks.identity(client, talks.issuer(client), began, {"code": code})


def test_who_came_back_is_learned(providers):
    assert came_back(providers[0]) == Identity(providers[0].home, "s-1", "ann@example.org")


@pytest.mark.parametrize("changed", [{"iss": "https://evil.example"}, {"aud": "app-2"}, {"nonce": "x"}, {"exp": 1}, {"at_hash": "x"}])
def test_a_token_for_something_else_is_refused(providers, changed):
    providers[0].changed = changed
    with pytest.raises(Invalid):
        came_back(providers[0])


def test_a_token_by_another_provider_is_refused(providers):
    providers[0].signing = providers[1].key
    with pytest.raises(Invalid):
        came_back(providers[0])


def test_an_unverified_address_is_none(providers):
    providers[0].changed = {"email_verified": "false"}
    assert came_back(providers[0]).email == ""


def test_a_code_that_the_provider_refuses_signs_nobody_in(providers):
    with pytest.raises(Invalid):
        came_back(providers[0], code="bad")
    with pytest.raises(Invalid):
        came_back(providers[0], began=begun(b"s" * 32, b"n" * 32, b"w" * 32))


def test_a_provider_that_is_gone_is_told_as_such(providers):
    talks = ProviderTalks(HttpProviderDoor(loopback=True), PyjwtIdTokens(), SystemClock(), loopback=True)
    with pytest.raises(Unavailable):
        talks.issuer(Client("http://127.0.0.1:1", "app-1", "", ""))


def test_two_providers_in_parallel_are_never_mixed_up(providers):
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda each: came_back(providers[each % 2]).issuer, range(50)))
    assert found == [providers[each % 2].home for each in range(50)]
