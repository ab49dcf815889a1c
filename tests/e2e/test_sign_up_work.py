"""Proof of work on sign-up over real servers: the page's own script makes an account, and of many sign-ups with one puzzle one succeeds."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from domain.accounts.puzzles import Solution
from tests.backends import missing
from tests.docs.blocks import blocks
from tests.e2e.engines import served_on
from tests.e2e.server import Server

RECORDS, PASSWORD = "/api/v1/collections/users/records", "a stillroom of herbs"
AT_ONCE = 12


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served_on(request.param, request, tmp_path_factory, STILLROOM_SIGN_UP_WORK="8") as server:
        users = {"name": "users", "type": "accounts", "rules": {"create": ""}}
        assert server.request("POST", "/api/v1/collections", users, server.admin_token()).status == 201
        yield server


def test_the_script_of_the_page_signs_up(running: Server) -> None:
    node = shutil.which("node")
    if node is None:
        missing("node", "install the package `nodejs`")
    account = f'{{"email": "js@example.org", "password": "{PASSWORD}"}}'
    script = f'{blocks("limits.md", "js")[0]}\nsignUp("{running.url}/api/v1", {account}).then(a => console.log(a.status))'
    ran = subprocess.run([str(node), "--input-type=module", "-e", script], capture_output=True, text=True, timeout=60)
    assert (ran.stdout.strip(), ran.stderr) == ("201", "")
    refused = running.request("POST", RECORDS, {"email": "no@example.org", "password": PASSWORD})
    assert (refused.status, refused.body["code"]) == (403, "proof_of_work_required")


def test_a_puzzle_is_used_once_however_many_try_at_once(running: Server) -> None:
    given = running.request("GET", "/api/v1/auth/users/puzzle").body
    solution = next(f"{given['puzzle']}:{n}" for n in count() if Solution(given["puzzle"], str(n)).has(given["bits"]))

    def sign_up(at: int) -> tuple[int, str]:
        body = {"email": f"bot{at}@example.org", "password": PASSWORD}
        answer = running.request("POST", RECORDS, body, X_Proof_Of_Work=solution)
        return answer.status, answer.body.get("code", "")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = list(threads.map(sign_up, range(AT_ONCE)))
    # A busy pool of hashing turns some away before their puzzle is asked for; nobody is let in besides the one.
    assert [status for status, _ in found].count(201) == 1
    assert {code for status, code in found if status != 201} <= {"proof_of_work_refused", "busy"}
    assert (403, "proof_of_work_refused") in found
