"""docs/second-factors.md from top to bottom: requests are sent, and answers hold what is shown."""

import json
import re
from typing import Any

import pyotp

from app.testing import ToldClock, backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "second-factors.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(request|json)\n(.*?)^```$|^<!-- the clock moves on by (\d+) minutes -->$", re.M | re.S)
ANN = {"email": "ann@example.org", "password": "a quiet room at the back"}
# What each run makes anew, by where an answer tells it.
TOLD = {"secret": "SECRET", "uri": "URI", "qr": "SVG", "ticket": "TICKET", "access_token": "TOKEN"}


def test_the_page_works_as_told() -> None:
    clock, known, exchanges = ToldClock(), {}, 0
    with backend(clock=clock) as room:
        room.collections.create({"name": "users", "type": "accounts"}, actor=SYSTEM)
        room.collections.create({"name": "staff", "type": "accounts", "rules": {"second_factor": ""}}, actor=SYSTEM)
        for name in ("users", "staff"):
            room.records.create(name, ANN, actor=SYSTEM, facts=RequestFacts("POST"))
        web = client(room)
        signed = web.post("/api/v1/auth/users/sign-in", json={"identity": ANN["email"], "password": ANN["password"]})
        known["TOKEN"] = signed.get_json()["access_token"]
        answer: Any = None
        refused: Any = None
        for language, text, minutes in BLOCK.findall(PAGE):
            if minutes:
                clock.advance(minutes=int(minutes))
            elif language == "request":
                assert not refused, refused
                exchanges += 1
                clock.advance(seconds=30)
                if "SECRET" in known:
                    known["CODE"] = pyotp.TOTP(known["SECRET"]).at(clock.now())
                answer = _sent(web, text, known)
                refused = answer.status_code >= 300 and answer.get_json()
            else:
                _learn(answer.get_json(), known)
                refused = None if "status" in json.loads(text) else refused
                assert _holds(answer.get_json(), _meant(json.loads(text), known)), (text, answer.get_json())
        assert not refused, refused
    assert exchanges == 12


def _sent(web: Any, text: str, known: dict[str, str]) -> Any:
    for name, value in known.items():
        text = re.sub(rf"\b{name}\b", lambda _: value, text)  # noqa: B023 - called at once
    line, *rest = text.strip().splitlines()
    method, path = line.split()
    headers = dict(each.split(": ", 1) for each in rest if each.startswith("Authorization"))
    body = next((json.loads(each) for each in rest if each.startswith("{")), None)
    return web.open(path, method=method, headers=headers, json=body)


def _learn(told: dict[str, Any], known: dict[str, str]) -> None:
    known.update({name: told[key] for key, name in TOLD.items() if key in told and name != "TOKEN"})
    if "recovery_codes" in told:
        known["RECOVERY"] = told["recovery_codes"][0]


def _meant(shown: Any, known: dict[str, str]) -> Any:
    if isinstance(shown, dict):
        return {key: _meant(value, known) for key, value in shown.items()}
    if isinstance(shown, list):
        return [_meant(each, known) for each in shown]
    return known.get(shown, shown) if isinstance(shown, str) else shown


def _holds(told: Any, shown: Any) -> bool:
    if isinstance(shown, dict):
        return all(key in told and _holds(told[key], value) for key, value in shown.items())
    if isinstance(shown, list):
        return all(any(_holds(each, wanted) for each in told) for wanted in shown)
    return bool(told == shown)
