"""A real server whose files are in a bucket: its workers reach it, whoever asked before they were forked, and tell when it fails."""

import http.client
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import Server
from tests.faulty_store import FaultyStore
from tests.s3_server import KEYS, S3Server

MIB = 2**20


@pytest.fixture
def faulty(s3_server: S3Server) -> Iterator[FaultyStore]:
    with FaultyStore(s3_server.url) as store:
        yield store


def opened(url: str) -> dict[str, str]:
    return {"STILLROOM_FILES_URL": url, "STILLROOM_FILES_ACCESS_KEY": KEYS.access, "STILLROOM_FILES_SECRET": KEYS.secret}


def test_a_server_over_a_bucket(server: Callable[..., Server], s3_server: S3Server, faulty: FaultyStore) -> None:
    name = s3_server.bucket().name
    folder = s3_server.folder / name
    shutil.move(folder, f"{folder}-later")
    running = server(workers=1, **opened(f"s3://{name}?endpoint={faulty.url}"))
    assert f"Warning: files cannot be kept in s3://{name} at {faulty.url} (404 NoSuchBucket)" in running.output
    assert KEYS.secret not in running.output
    shutil.move(f"{folder}-later", folder)
    ready = running.request("GET", "/readyz")
    assert (ready.status, ready.body["files"]) == (200, "ready")
    _is_never_half(running, faulty)


def _is_never_half(running: Server, faulty: FaultyStore) -> None:
    """A client is told by the end of its connection that there was more."""
    path = uploaded(running, 9)
    assert len(running.request("GET", path).body) == 9 * MIB
    faulty.fail("cut", method="GET", after=1)
    with pytest.raises(http.client.IncompleteRead):
        running.request("GET", path)
    faulty.fail(None)
    assert running.output.count('"event":"files_away"') == 1


@pytest.mark.long
@pytest.mark.parametrize("store", ["disk", "s3"])
def test_a_gib_takes_little_of_a_worker(server: Callable[..., Server], s3_server: S3Server, store: str) -> None:
    bucket = s3_server.bucket()
    running = server(workers=1, **(opened(f"s3://{bucket.name}?endpoint={bucket.endpoint}") if store == "s3" else {}))
    uploaded(running, 20)
    (worker,) = running.worker_pids()[-1:]
    before = resident(worker)
    path = uploaded(running, 1024)
    sent = resident(worker) - before
    assert sum(map(len, chunks_of(running, path))) == 1024 * MIB
    print(f"{store}: a GiB up took {sent} MiB, and {resident(worker) - before} with its way down, of {before} before")
    assert max(sent, resident(worker) - before) < 50


def resident(pid: int) -> int:
    """The most that it ever had, in MiB."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024


def uploaded(running: Server, mib: int) -> str:
    """The path of a file of so many MiB, sent as it is made."""
    field: dict[str, Any] = {"name": "paper", "type": "file", "max_size": 2 * 1024 * MIB}
    rules = {"view": "", "create": ""}
    running.request("POST", "/api/v1/collections", {"name": "papers", "fields": [field], "rules": rules}, running.admin_token())
    head = b'--line\r\nContent-Disposition: form-data; name="paper"; filename="a.bin"\r\n\r\n'
    tail = b"\r\n--line--\r\n"
    connection = running.connection()
    connection.putrequest("POST", "/api/v1/collections/papers/records")
    connection.putheader("Content-Type", "multipart/form-data; boundary=line")
    connection.putheader("Content-Length", str(len(head) + mib * MIB + len(tail)))
    connection.endheaders(head)
    piece = b"x" * MIB
    for _ in range(mib):
        connection.send(piece)
    connection.send(tail)
    made = json.load(io.BytesIO(connection.getresponse().read()))
    connection.close()
    return f"/api/v1/files/papers/{made['id']}/{made['paper']['name']}"


def chunks_of(running: Server, path: str) -> Iterator[bytes]:
    connection = running.connection()
    connection.request("GET", path)
    answer = connection.getresponse()
    while chunk := answer.read(MIB):
        yield chunk
    connection.close()
