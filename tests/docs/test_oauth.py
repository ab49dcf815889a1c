"""docs/oauth.md from top to bottom, with a provider that is a real server."""

import base64
import hashlib
import json
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from adapters.outbound.system_clock import SystemClock
from app.testing import backend, client
from domain.actor import SYSTEM
from tests.docs.test_second_factors import _holds, _sent
from tests.e2e.server import ROOT
from tests.provider import CLIENT, SECRET, Person, serving

PAGE = (ROOT / "docs" / "oauth.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(request|json)\n(.*?)^```$", re.M | re.S)
PASSWORD, RETURN = "a quiet room at the back", "https://app.example.org/signed-in"
VERIFIER = "the verifier that this test has made for itself"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def test_the_page_works_as_told() -> None:
    with serving() as provider, backend(clock=SystemClock(), loopback_providers=True) as room:
        provider.person = Person("s-1", email="ann@example.org")
        fields = [{"name": "name", "type": "text"}]
        room.collections.create({"name": "users", "type": "accounts", "fields": fields, "rules": {"create": "", "view": ""}}, actor=SYSTEM)
        room.accounts.create_admin("root@example.org", PASSWORD)
        web = client(room)
        admin = web.post("/api/v1/auth/_admins/sign-in", json={"identity": "root@example.org", "password": PASSWORD}).get_json()
        known = {
            "ADMIN": admin["access_token"], "ISSUER": provider.home, "CLIENT": CLIENT, "SECRET": SECRET, "VERIFIER": VERIFIER,
            "CHALLENGE": CHALLENGE,
        }  # fmt: skip
        told = iter(BLOCK.findall(PAGE))
        for (_, request), (_, shown) in zip(told, told, strict=True):
            if '"CODE"' in request:
                known["CODE"] = _code(web, provider)
            answer = _sent(web, request, known)
            assert answer.status_code == 200, answer.get_data(as_text=True)
            assert _holds(answer.get_json(), json.loads(shown)), (shown, answer.get_json())
            known |= {"TOKEN": answer.get_json().get("access_token", known.get("TOKEN", ""))}


def _code(web, provider) -> str:
    query = urlencode({"return_to": RETURN, "challenge": CHALLENGE})
    gone = web.get(f"/api/v1/auth/users/oauth/acme?{query}", base_url="https://127.0.0.1")
    brought = provider.consent(gone.headers["Location"])
    back = web.get(f"/api/v1/auth/users/oauth/acme/callback?{urlencode(brought.fields)}", base_url="https://127.0.0.1")
    address, _, query = back.headers["Location"].partition("?")
    assert (address, dict(parse_qsl(query))["provider"]) == (RETURN, "acme")
    return dict(parse_qsl(urlsplit(back.headers["Location"]).query))["code"]
