"""docs/webhooks.md and docs/inbound-webhooks.md: their receiver takes what is sent, their calls are taken, and their tables are whole."""

import hashlib
import hmac
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.testing import TestBackend, ToldClock, backend
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from domain.webhooks.deliveries import MOST_TRIES, WAITS
from domain.webhooks.schemes import SCHEMES
from tests.docs.blocks import blocks
from tests.e2e.server import ROOT, environment, free_port

OUT = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
IN = (ROOT / "docs" / "inbound-webhooks.md").read_text(encoding="utf-8")
FACTS = RequestFacts("POST")
FIELDS = [{"name": "status", "type": "text"}, {"name": "title", "type": "text"}]


@pytest.fixture
def room() -> Iterator[TestBackend]:
    with backend(clock=ToldClock(datetime.now(UTC)), loopback_webhooks=True) as room:
        room.collections.create({"name": "posts", "fields": FIELDS, "rules": {"view": ""}}, actor=SYSTEM)
        yield room


def test_the_receiver_takes_what_is_sent(room: TestBackend, tmp_path: Path) -> None:
    (receiver,) = blocks("webhooks.md", "python")
    (tmp_path / "receiver.py").write_text(receiver)
    said = re.search(r"-d '(\{\"name\": \"search\".*?\})'\n", OUT, re.S)
    assert said is not None
    wanted = json.loads(said[1].replace("'\"'live'\"'", "'live'"))
    port = free_port()
    made = room.webhooks.create({**wanted, "url": f"http://127.0.0.1:{port}/stillroom"}, actor=SYSTEM)
    command = [sys.executable, str(tmp_path / "receiver.py"), made["secret"], str(port)]
    running = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        record = room.records.create("posts", {"status": "live", "title": "Plum"}, actor=SYSTEM, facts=FACTS)
        room.records.create("posts", {"status": "draft"}, actor=SYSTEM, facts=FACTS)
        room.events.drain()
        until = time.monotonic() + 20
        while not _is_there(port) and time.monotonic() < until:
            time.sleep(0.05)
        assert room.webhook_sending.deliver() == 1
        (delivery,) = room.webhooks.deliveries(made["id"], actor=SYSTEM)
        assert (delivery.state, [each.status for each in delivery.attempts]) == ("delivered", [204])
        assert running.stdout is not None
        line = running.stdout.readline()
        assert line.startswith(f"{delivery.id} records.created ")
        assert record.id in line
    finally:
        running.kill()
        running.wait()


def _is_there(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_every_part_of_a_webhook_is_told() -> None:
    told = re.findall(r"^\| `(\w+)` \|", OUT, re.M)
    assert told == ["name", "url", "as", "subscriptions", "enabled"]


def test_the_waits_are_those_that_are_told() -> None:
    seconds, minutes, hours = 1000, 60_000, 3_600_000
    told = [5 * seconds, *(each * minutes for each in (1, 5, 30)), *(each * hours for each in (2, 5, 10, 14, 20, 24))]
    assert list(WAITS) == told
    assert "after 5 seconds, then 1, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours" in OUT
    assert MOST_TRIES == 11
    assert "After eleven attempts" in OUT


def test_the_sources_of_the_page_can_be_made(room: TestBackend) -> None:
    payments = [{"name": "number", "type": "text", "unique": True}, {"name": "sum", "type": "integer"}, {"name": "from", "type": "text"}]
    room.collections.create({"name": "payments", "fields": payments}, actor=SYSTEM)
    called = re.findall(r"/api/v1/sources/(\w+) .*?-d '(\{.*?\})'\n", IN, re.S)
    assert [name for name, _ in called] == ["github", "stripe"]
    for name, body in called:
        room.inbound.put(name, json.loads(body), actor=SYSTEM)


def test_every_scheme_is_told_with_its_headers() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)$", IN, re.M))
    assert list(rows) == ["scheme", *(name for name in rows if name in SCHEMES)]
    assert SCHEMES.keys() <= rows.keys()
    for name, scheme in SCHEMES.items():
        assert all(header in rows[name].lower() for header in scheme.ids), name


def test_the_hook_of_the_page_hears_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("inbound-webhooks.md", "python")
    module: dict[str, object] = {}
    exec(compile(example, "inbound-webhooks.md", "exec"), module)
    secret = "whsec_as Stripe shows it"
    with backend(extensions=[module["shop"]]) as room:  # type: ignore[list-item]
        room.inbound.put("stripe", {"scheme": "stripe", "secret": secret}, actor=SYSTEM)
        said = {"id": "evt_1", "type": "invoice.paid", "data": {"object": {"amount_paid": 900}}}
        body, now = json.dumps(said).encode(), int(room.clock.now().timestamp())
        digest = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        room.inbound.receive("stripe", {"stripe-signature": f"t={now},v1={digest}"}, body, lambda: said, facts=FACTS)
        room.events.drain()
    assert capsys.readouterr().out == "evt_1 900\n"
