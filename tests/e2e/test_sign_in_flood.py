"""D17: what a flood of sign-ins costs others. Clients that ask as much for something cheap are the measure: what they cost is no hash's.

Long, since a busy machine tells nothing in a moment; tests/security/test_exhaustion.py has the short form.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.e2e.engines import served_on
from tests.e2e.flooding import gets
from tests.e2e.server import ROOT, Server

pytestmark = pytest.mark.long

ROUNDS, SECONDS = 7, 3.0
KINDS = ("quiet", "cheap", "sign-in", "cheap-rude", "sign-in-rude")
THINGS = {"name": "things", "fields": [{"name": "n", "type": "integer"}], "rules": {"view": "", "create": ""}}


@pytest.fixture(params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served_on(request.param, request, tmp_path_factory, STILLROOM_LOG_LEVEL="warning") as running:
        assert running.request("POST", "/api/v1/collections", THINGS, running.admin_token()).status == 201
        yield running


def test_a_flood_of_sign_ins_holds_others_up_no_more_than_any_flood(served: Server) -> None:
    id = served.request("POST", "/api/v1/collections/things/records", {"n": 1}).body["id"]
    path = f"/api/v1/collections/things/records/{id}"
    gets(served.port, path, 1)
    seen: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind in KINDS:
            taken = _beside(kind, served.port, path)
            seen[kind].append(taken[int(len(taken) * 0.99)])
    p99 = {kind: statistics.median(each) for kind, each in seen.items()}
    for kind, each in seen.items():
        print(f"{kind}: {p99[kind]:.1f} ms at the 99th percentile ({', '.join(f'{one:.1f}' for one in each)})")
    assert p99["sign-in"] < 2 * max(p99["cheap"], p99["quiet"])
    assert p99["sign-in-rude"] < 3 * p99["cheap-rude"]


def _beside(kind: str, port: int, path: str) -> list[float]:
    if kind == "quiet":
        return gets(port, path, SECONDS)
    flood = subprocess.Popen([sys.executable, "-m", "tests.e2e.flooding", str(port), str(SECONDS + 2), kind], cwd=ROOT)
    try:
        time.sleep(1.5)
        return gets(port, path, SECONDS)
    finally:
        flood.wait(60)
