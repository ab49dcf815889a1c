"""Every endpoint stands in docs/api.md, and every one that stands there exists."""

import re

from adapters.inbound.web.parameters import LISTING
from app.factory import create_app
from app.settings import Settings
from app.testing import backend
from tests.e2e.server import ROOT

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
# The files of the documentation's page, which nobody calls by hand.
PARTS_OF_A_PAGE = {"GET /api/v1/docs/{file}"}


def test_endpoints_and_page_agree() -> None:
    with backend() as room:
        # With what is there by a setting alone.
        rules = list(create_app(Settings(), room, room.observer, (), lambda: b"").url_map.iter_rules())
    served = {f"{method} {_as_told(rule.rule)}" for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    told = set(re.findall(r"`((?:GET|POST|PATCH|PUT|DELETE) /[^` ]*)`", TEXT))
    assert "PATCH /api/v1/collections/{c}/records/{id}" in told
    assert served - PARTS_OF_A_PAGE == told


def test_every_query_parameter_is_told() -> None:
    lists = TEXT[TEXT.index("## Lists") :].partition("\n### ")[0]
    assert tuple(re.findall(r"^\| `([a-z]+)` \|", lists, re.M)) == LISTING


def _as_told(rule: str) -> str:
    """`/records/<id>` as `/records/{id}`."""
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule)
