"""docs/clients.md, done as it says: its commands make clients from a running server's document, and its programs use them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import NODE, Run
from tests.docs.blocks import blocks
from tests.e2e.server import Server

PRINTED = ["Hello again 2 12.50", "Hello again by Bea of 1", "400 invalid_record /title"]
FILES_LEFT_OUT = "WARNING parsing POST /api/v1/collections/{c}/import within imports."
TOOLS = Path(sys.executable).parent


def commands(word: str) -> str:
    """The block of shell commands with this word in it."""
    return next(block for block in blocks("clients.md", "sh") if word in block)


def shell(script: str, folder: Path, server: Server) -> str:
    env = {**os.environ, "BACKEND": server.url, "PATH": f"{folder}{os.pathsep}{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8000", server.url)],
        cwd=folder, env=env, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def npx(tmp_path: Path, node: Run) -> Path:
    """An npx that finds the very versions that the page names, and loads nothing."""
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    found = tmp_path / "npx"
    found.write_text(
        "#!/bin/bash\nset -e\n"
        'if [ "$1" = -p ]; then package=$2; program=$3; shift 3; else package=$1; program=$(basename "${1%@*}"); shift; fi\n'
        'is=$(node -p "require(\'./node_modules/${package%@*}/package.json\').version")\n'
        '[ "$is" = "${package##*@}" ] || { echo "the page says $package, the lock file $is" >&2; exit 1; }\n'
        'exec "./node_modules/.bin/$program" "$@"\n'
    )
    found.chmod(0o755)
    return found


def test_a_client_in_typescript(tmp_path: Path, npx: Path, furnished_server: tuple[Server, str]) -> None:
    server, _ = furnished_server
    shell(commands("curl"), tmp_path, server)
    shell(commands("@hey-api/openapi-ts"), tmp_path, server)
    (tmp_path / "main.ts").write_text(blocks("clients.md", "ts")[0])
    assert shell(commands("tsc --strict"), tmp_path, server).splitlines() == PRINTED


def test_typescript_sees_what_is_wrong(tmp_path: Path, npx: Path, node: Run, furnished_server: tuple[Server, str]) -> None:
    server, token = furnished_server
    (tmp_path / "openapi.json").write_bytes(_document(server, token))
    shell(commands("@hey-api/openapi-ts"), tmp_path, server)
    right = 'import { createSpecimens, updatePosts } from "./client";\nvoid createSpecimens({ body: { s: "one", ss: ["red"] } });\n'
    wrong = {
        "createSpecimens({ body: {} })": "Property 's' is missing",
        "createSpecimens({ body: { s: 'three' } })": "Type '\"three\"' is not assignable",
        "createSpecimens({ body: { s: 'one', i: '7' } })": "Type 'string' is not assignable",
        "updatePosts({ path: { id: 'x' }, body: { titel: 'x' } })": "'titel' does not exist",
        "updatePosts({ body: { title: 'x' } })": "Argument of type '{ body: ",
    }
    (tmp_path / "wrong.ts").write_text(right + "".join(f"void {each};\n" for each in wrong))
    told = node("tsc", "--strict", "--skipLibCheck", "--noEmit", "--target", "es2022", "--module", "commonjs", "wrong.ts", folder=tmp_path)
    errors = {line.split("(")[1].split(",")[0]: line for line in told.stdout.splitlines() if ": error TS" in line}
    assert list(errors) == [str(at) for at in range(3, 3 + len(wrong))], told.stdout
    for detail, line in zip(wrong.values(), errors.values(), strict=True):
        assert detail in line


def test_postman_on_the_command_line(tmp_path: Path, npx: Path, furnished_server: tuple[Server, str]) -> None:
    server, _ = furnished_server
    assert "Create one of posts" in shell(commands("newman"), tmp_path, server)


def test_a_client_in_python(tmp_path: Path, furnished_server: tuple[Server, str]) -> None:
    server, _ = furnished_server
    shell(commands("curl"), tmp_path, server)
    _package(tmp_path, server)
    (tmp_path / "main.py").write_text(blocks("clients.md", "python")[0])
    assert _mistyped(tmp_path, "main.py") == []
    assert shell(commands("python main.py"), tmp_path, server).splitlines() == PRINTED


def test_a_package_of_all_that_admins_see_is_whole(tmp_path: Path, furnished_server: tuple[Server, str]) -> None:
    server, token = furnished_server
    document = _document(server, token)
    (tmp_path / "openapi.json").write_bytes(document)
    _package(tmp_path, server)
    made = {each.stem for each in (tmp_path / "stillroom_client" / "api").glob("*/*.py")}
    # Of a media type of tus's own, which this generator passes over: clients of tus send it.
    assert {each.replace("__", "_") for each in _operation_ids(json.loads(document))} - made == {"continue_upload"}
    assert _mistyped(tmp_path, "stillroom_client") == []


def _package(folder: Path, server: Server) -> None:
    told = shell(commands("openapi-python-client"), folder, server)
    # It only warns of what it leaves out, and goes on. Files are no bodies to it; records to import may be sent as JSON.
    assert {line for line in told.splitlines() if "WARNING" in line or "rror" in line} <= {FILES_LEFT_OUT}


def _operation_ids(document: dict[str, Any]) -> set[str]:
    return {each["operationId"] for item in document["paths"].values() for each in item.values() if "operationId" in each}


def _document(server: Server, token: str) -> bytes:
    return json.dumps(server.request("GET", "/api/v1/openapi.json", token=token).body).encode()


def _mistyped(folder: Path, what: str) -> list[str]:
    """`client.py` is the generator's own and the same for every document; mypy finds fault with it."""
    mypy = [sys.executable, "-m", "mypy", "--config-file", os.devnull, "--cache-dir", str(folder / "mypy"), what]
    done = subprocess.run(mypy, cwd=folder, capture_output=True, text=True, timeout=110)
    assert done.returncode in (0, 1), done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line and not line.startswith("stillroom_client/client.py:")]

