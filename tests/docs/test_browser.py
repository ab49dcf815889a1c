"""docs/browser.md: its headers are those that answers carry, its settings are settings."""

import re

from adapters.inbound.web.cross_origin import ACCEPTED, EXPOSED
from adapters.inbound.web.headers import PROTECTIONS
from app.settings import Settings
from tests.docs.blocks import lines
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs" / "browser.md").read_text(encoding="utf-8")


def test_the_headers_of_other_origins_are_those_in_force() -> None:
    assert _named("reads these headers besides", "\n- ") == list(EXPOSED)
    assert _named("It may send", " The browser asks") == list(ACCEPTED)


def test_the_headers_of_every_answer_are_listed() -> None:
    listed = re.findall(r"^\| `([A-Za-z-]+)(?:: ([^`]*))?` \|", PAGE, re.M)
    assert dict(listed) == {**{name: value for name, value in PROTECTIONS if name != "Server"}, "Strict-Transport-Security": ""}


def test_the_example_is_a_setting() -> None:
    told = dict(re.findall(r'^(STILLROOM_[A-Z_]+)="(.+)"$', "\n".join(lines("browser.md", "sh")), re.M))
    assert len(Settings.from_environment(told).cors_origins.exact) == 2


def test_tls_without_a_proxy_is_set_as_deployment_tells() -> None:
    told = dict(line.split("=", 1) for line in lines("deployment.md", "console") if line.startswith(("STILLROOM_TLS", "STILLROOM_PORT")))
    settings = Settings.from_environment(told)
    assert settings.speaks_tls
    assert settings.url == "https://127.0.0.1:8443"


def _named(after: str, before: str) -> list[str]:
    part = PAGE.split(after, 1)[1].split(before, 1)[0]
    return re.findall(r"`([A-Za-z-]+)`", part)
