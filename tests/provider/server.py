"""A provider of sign-in for tests: a real HTTP server on loopback that speaks OAuth2 and OpenID Connect, and misbehaves where told to.

    with serving() as provider:                                   # provider.home is its issuer
        provider.person = Person("s-1", email="ann@example.org")   # who consents; `login_hint` picks another of provider.people
        with provider.behaving(claims={"aud": "another-app"}):     # every switch is in Manner
            brought = provider.consent(address)                   # goes where a browser is sent, brings back what it would

Endpoints: `…/.well-known/openid-configuration` under any path, `/authorize` (consents at once; redirects, or posts a form where
`response_mode=form_post`), `/token`, `/keys`, `/userinfo` and `/user`, `/user/emails`. The client is CLIENT with SECRET; more of them go
into `provider.grants.secrets`. `provider.asked` lists what was asked of it. It runs in a thread of the test, and every process reaches it.
"""

import hashlib
import hmac
import html
import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.provider.granting import Grant, Grants, Refused, tells_email
from tests.provider.manner import SECRET, Manner, Person, own
from tests.provider.signing import Keys

# What an answer may suffer from, by `Manner.ills`: {"token": "huge"}.
ILLS = ("huge", "away", "hanging", "dripping", "packed", "html", "error")
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Brought:
    """What a browser carries from the provider to the app's callback: in the query of a GET, or as the form of a POST."""

    method: str
    address: str
    fields: dict[str, str]


class Provider:
    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.home = f"http://127.0.0.1:{server.server_port}"
        self.keys = Keys()
        self.grants = Grants(self.home, self.keys)
        self.person, self.manner = Person(), Manner()
        self.people: dict[str, Person] = {}
        self.asked: list[tuple[str, str]] = []
        self.closing = threading.Event()

    @contextmanager
    def behaving(self, **changes: Any) -> Iterator["Provider"]:
        before = self.manner
        self.manner = replace(before, **changes)
        try:
            yield self
        finally:
            self.manner = before

    def consent(self, address: str) -> Brought:
        """Of whoever `login_hint` names, or `person`."""
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status == 302:
            back = urlsplit(answer.headers["Location"])
            return Brought("GET", back._replace(query="").geturl(), dict(parse_qsl(back.query)))
        assert answer.status == 200, text
        action = re.search(r'action="([^"]*)"', text)
        assert action is not None
        fields = re.findall(r'name="([^"]*)" value="([^"]*)"', text)
        return Brought("POST", html.unescape(action[1]), {name: html.unescape(value) for name, value in fields})

    def own(self, text: str) -> str:
        return own(text, self.home)

    def document(self) -> dict[str, Any]:
        manner, home = self.manner, self.home
        return {
            "issuer": self.own(manner.document_issuer or manner.issuer), "authorization_endpoint": f"{home}/authorize",
            "token_endpoint": f"{home}/token", "jwks_uri": f"{home}/keys", "userinfo_endpoint": f"{home}/userinfo",
            "authorization_response_iss_parameter_supported": manner.announces_iss, "code_challenge_methods_supported": ["S256"],
        }  # fmt: skip


@contextmanager
def serving() -> Iterator[Provider]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.provider = provider = Provider(server)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield provider
    finally:
        provider.closing.set()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    provider: Provider

    def handle_error(self, *_: Any) -> None:
        """Clients hang up on some answers: that is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._serve(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve(dict(parse_qsl(body.decode(), keep_blank_values=True)))

    def _serve(self, fields: dict[str, str]) -> None:
        self.provider, self.fields = self.server.provider, fields
        path = urlsplit(self.path).path
        self.provider.asked.append((self.command, path))
        name = "discovery" if path.endswith(_DISCOVERY) else path.strip("/").replace("/", "_")
        ill = self.provider.manner.ills.get(name)
        if ill is not None:
            return getattr(self, f"ill_{ill}")()
        endpoint = getattr(self, f"at_{name}", None)
        return endpoint() if endpoint else self._json({"error": "not_found"}, 404)

    def at_discovery(self) -> None:
        self._json(self.provider.document())

    def at_keys(self) -> None:
        issuer = self.provider.manner.key_issuer
        self._json({"keys": self.provider.keys.published(**({"issuer": self.provider.own(issuer)} if issuer else {}))})

    def at_authorize(self) -> None:
        provider, asked, manner = self.provider, self.fields, self.provider.manner
        by_form = asked.get("response_mode") == "form_post"
        if manner.only_form_post and not by_form:
            return self._json({"error": "invalid_request", "error_description": "response_mode must be form_post"}, 400)
        person = provider.people.get(asked.get("login_hint", ""), provider.person)
        try:
            code = provider.grants.code(asked, person, manner)
        except Refused as refused:
            return self._json({"error": str(refused)}, 400)
        back = {"code": code, "state": asked.get("state", "")}
        if manner.iss_parameter is not None:
            back["iss"] = provider.own(manner.iss_parameter)
        if manner.user_field is not None:
            back["user"] = json.dumps(manner.user_field)
        return self._form(asked["redirect_uri"], back) if by_form else self._redirect(asked["redirect_uri"], back)

    def at_token(self) -> None:
        manner = self.provider.manner
        try:
            if self.command != "POST":
                raise Refused("invalid_request")
            given = self.provider.grants.exchange(self.fields, self.headers.get("Authorization", ""), manner)
        except Refused as refused:
            return self._json({**manner.error_body, "error": str(refused)}, manner.error_status)
        if manner.json_if_asked and "json" not in self.headers.get("Accept", ""):
            return self._send(urlencode(given).encode(), 200, "application/x-www-form-urlencoded")
        return self._json(given)

    def at_userinfo(self) -> None:
        self._of_person(lambda grant: self.provider.manner.profile(self._told(grant)))

    at_user = at_userinfo

    def at_user_emails(self) -> None:
        emails = self.provider.manner.emails
        self._of_person(lambda grant: emails(self._told(grant)) if emails else None)

    def _of_person(self, tell: Any) -> None:
        manner = self.provider.manner
        try:
            grant = self.provider.grants.granted(self.headers.get("Authorization", ""))
        except Refused:
            return self._json({"error": "invalid_token"}, 401)
        if any(scope not in grant.scopes for scope in manner.needs_scopes) or (manner.asks_proof and not self._is_proven()):
            return self._json({"error": "insufficient_scope"}, 403)
        told = tell(grant)
        return self._json(told) if told is not None else self._json({"error": "not_found"}, 404)

    def _told(self, grant: Grant) -> Person:
        return grant.person if tells_email(grant, self.provider.manner) else replace(grant.person, email=None, verified=None)

    def _is_proven(self) -> bool:
        """Facebook's appsecret_proof: that who holds the access token is the app that it was made for."""
        access = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.fields.get("appsecret_proof") == hmac.new(SECRET.encode(), access.encode(), hashlib.sha256).hexdigest()

    def ill_huge(self) -> None:
        self._send(b'"' + b"a" * 10_000_000 + b'"', 200, "application/json")

    def ill_away(self) -> None:
        self._send(b"{}", 302, "application/json", Location=f"{self.provider.home}/inside")

    def ill_hanging(self) -> None:
        self.provider.closing.wait(60)

    def ill_dripping(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}")
        for _ in range(600):
            if self.provider.closing.wait(0.1):
                return
            self.wfile.write(b" ")

    def ill_packed(self) -> None:
        self._send(b"{}", 200, "application/json", Content_Encoding="gzip")

    def ill_html(self) -> None:
        self._send(b"<html>", 200, "text/html")

    def ill_error(self) -> None:
        self._json({"error": "server_error"}, 500)

    def _redirect(self, address: str, fields: dict[str, str]) -> None:
        self._send(b"", 302, "text/plain", Location=f"{address}{'&' if '?' in address else '?'}{urlencode(fields)}")

    def _form(self, address: str, fields: dict[str, str]) -> None:
        inputs = "".join(f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in fields.items())
        page = f'<!doctype html><form method="post" action="{html.escape(address)}">{inputs}</form>'
        self._send(f"{page}<script>document.forms[0].submit()</script>".encode(), 200, "text/html; charset=utf-8")

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), status, "application/json")

    def _send(self, body: bytes, status: int, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    # By hand: `python -m tests.provider.server`.
    with serving() as running:
        print(running.home, flush=True)
        time.sleep(3600)
