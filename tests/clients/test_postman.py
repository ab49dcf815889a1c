"""The collection for Postman, run from its first request to its last by newman, on a server on which nobody has made anything yet."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Run
from tests.clients.world import DEFINITIONS
from tests.e2e.server import ADMIN, Server

NAMES = {each["name"] for each in DEFINITIONS}


def documents(server: Server, token: str, folder: Path) -> dict[str, Any]:
    for name in ("postman", "postman-environment"):
        answer = server.request("GET", f"/api/v1/{name}.json", token=token)
        assert answer.status == 200, answer
        (folder / f"{name}.json").write_text(json.dumps(answer.body))
    return json.loads((folder / "postman.json").read_text())


def ran(node: Run, folder: Path, server: Server, **variables: str) -> dict[str, int]:
    """The status of each request, by folder and name; every check of them held."""
    given = {"baseUrl": server.url, **variables}
    chosen = [word for key, value in given.items() for word in ("--env-var", f"{key}={value}")]
    files = ["postman.json", "-e", "postman-environment.json", "-r", "json", "--reporter-json-export", "ran.json"]
    done = node("newman", "run", *files, *chosen, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    run = json.loads((folder / "ran.json").read_text())["run"]
    assert run["failures"] == []
    assert run["stats"]["assertions"]["total"] >= len(run["executions"])
    return {each["item"]["name"]: each["response"]["code"] for each in run["executions"] if "response" in each}


# Of its own: what others make on the shared one may have the names of the examples.
@pytest.fixture(params=["unshared", "furnished_postgresql"])
def furnished(request: pytest.FixtureRequest) -> tuple[Server, str]:
    return request.getfixturevalue(request.param)


def test_an_admin_runs_all_of_it_twice(tmp_path: Path, node: Run, furnished: tuple[Server, str]) -> None:
    server, token = furnished
    collection = documents(server, token, tmp_path)
    assert {each["name"] for each in collection["item"]} == {*NAMES, "_admins", "Sign in", "Delete what was made", "Operations"}
    before = _ids(server, token)
    for _ in range(2):
        codes = ran(node, tmp_path, server, identity=ADMIN["email"], password=ADMIN["password"])
        assert set(codes.values()) == {200, 201, 204}
        written = (NAMES - {"by_status"}) | {"_admins"}
        assert {name for name, code in codes.items() if code == 201} == {f"Create one of {each}" for each in written}
    assert _ids(server, token) == before


def test_a_guest_signs_up_and_goes_as_far_as_the_rules_let(tmp_path: Path, node: Run, furnished: tuple[Server, str]) -> None:
    server, _ = furnished
    collection = documents(server, "", tmp_path)
    assert "ledger" not in json.dumps(collection)
    codes = ran(node, tmp_path, server)
    assert [name for name, code in codes.items() if code >= 400] == []
    assert {codes[f"Create one of {each}"] for each in ("writers", "posts", "comments", "labels", "specimens")} == {201}
    # Nobody may delete a comment, so it goes with its post; and the account goes last.
    assert (codes["Delete one of posts"], codes["Delete one of writers"]) == (204, 204)


def _ids(server: Server, token: str) -> dict[str, list[str]]:
    """Of every record that there is."""
    paths = {name: f"/api/v1/collections/{name}/records?limit=500" for name in (NAMES - {"by_status"}) | {"_admins"}}
    return {name: sorted(each["id"] for each in server.request("GET", path, token=token).body["items"]) for name, path in paths.items()}
