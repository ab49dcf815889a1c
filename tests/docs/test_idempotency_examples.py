"""docs/idempotency.md: its request is answered as the page says, and its numbers are those of the code."""

import json

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.idempotency import KEPT_FOR, SHORTEST_OF_GUESTS
from tests.docs.blocks import blocks
from tests.e2e.server import ROOT


def test_the_request_on_the_page_is_carried_out_once() -> None:
    head, _, body = blocks("idempotency.md", "http")[0].partition("\n\n")
    (method, path), *headers = (line.split(" " if at == 0 else ": ", 1) for at, line in enumerate(head.splitlines()))
    with backend() as room:
        orders = {"name": "orders", "fields": [{"name": "item", "type": "text"}], "rules": {"create": "", "list": "", "view": ""}}
        room.collections.create(orders, actor=SYSTEM)
        web = client(room)
        first, again = (web.open(path, method=method, data=body, headers=dict(headers)) for _ in range(2))
        assert (first.status_code, first.get_json()["item"]) == (201, json.loads(body)["item"])
        assert again.get_json() == first.get_json()
        assert again.headers["Idempotency-Replayed"] == "true"
        assert len(web.get(path).get_json()["items"]) == 1


def test_the_page_has_the_numbers_of_the_code() -> None:
    page = (ROOT / "docs" / "idempotency.md").read_text(encoding="utf-8")
    assert f"kept for {KEPT_FOR.days * 24} hours" in page
    assert f"a key has {SHORTEST_OF_GUESTS} characters or more" in page
