"""docs/limits.md: its limits and defaults are those in force, its settings are settings, and its example does what it says."""

import re

import pytest

from app.settings import Settings
from app.testing import backend, client
from domain.actor import SYSTEM
from domain.limits.policies import DEFAULTS, NAMES
from domain.limits.quotas import LONGEST, MOST
from tests.docs.blocks import blocks, definitions, lines
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")


def test_every_limit_is_listed_with_its_default() -> None:
    listed = dict(re.findall(r"^\| `([a-z_-]+)` \|.*\| (?:`(.+?)`|none) \|$", PAGE, re.M))
    assert listed == {name: str(DEFAULTS.get(name, "")) for name in (*NAMES, *DEFAULTS)}


def test_what_a_quota_may_be_is_told() -> None:
    assert f"at most {LONGEST // 86_400} days, and a count at most {MOST:,}" in PAGE


def test_the_settings_are_settings() -> None:
    told = dict(re.findall(r'^(STILLROOM_[A-Z_]+)="(.+)"$', "\n".join(lines("limits.md", "sh")), re.M))
    assert told.keys() == {"STILLROOM_LIMITS", "STILLROOM_TRUSTED_PROXIES"}
    settings = Settings.from_environment(told)
    assert settings.limits.quota("sign-in-identity") is None
    assert str(settings.limits.quota("requests")) == "600/minute"
    assert len(settings.trusted_proxies) == 2


@pytest.mark.parametrize("at", [0, 1, 2])
def test_the_example_answers_as_the_page_tells(at: int) -> None:
    with backend() as room:
        room.collections.create(definitions("limits.md")[0], actor=SYSTEM)
        web = client(room)
        answers = [web.post("/api/v1/collections/wishes/records", json={"text": "a pony"}) for _ in range(4)]
    assert [each.status_code for each in answers] == [201, 201, 201, 429]
    told = dict(line.split(": ", 1) for line in blocks("limits.md", "http")[0].strip().splitlines())
    assert answers[at].headers["RateLimit-Policy"] == told["RateLimit-Policy"]
    assert answers[at].headers["RateLimit"] == told["RateLimit"].replace("r=2", f"r={2 - at}")
