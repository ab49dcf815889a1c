"""A real S3 server for tests, over HTTP on this machine: `bucket` is one of a test's own in it.

TEST_FILES_URL, as STILLROOM_FILES_URL has it, with TEST_FILES_ACCESS_KEY and TEST_FILES_SECRET, names a bucket of any object store in its
place; what tests write there stays.
"""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from uuid import uuid4

import pytest

from adapters.outbound.object_stores import Keys
from domain.files.stores import Bucket, Folder, read_store
from tests.backends import missing
from tests.redis_server import end_with_parent, free_port

_OTHER = os.environ.get("TEST_FILES_URL", "")
OTHER = read_store(_OTHER) if _OTHER else None
KEYS = Keys(
    os.environ.get("TEST_FILES_ACCESS_KEY", "AKIDEXAMPLE"),
    os.environ.get("TEST_FILES_SECRET", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
)
assert not isinstance(OTHER, Folder), "TEST_FILES_URL names a bucket"


@dataclass
class S3Server:
    """Each folder in `folder` is a bucket."""

    url: str
    folder: Path

    def bucket(self) -> Bucket:
        name = f"b{uuid4().hex[:12]}"
        (self.folder / name).mkdir()
        return Bucket("s3", name, "app/files", endpoint=self.url, region="us-east-1")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if find_spec("localbucket") is None:
        missing("S3 server", "install requirements/dev.txt")
    folder, port = tmp_path_factory.mktemp("s3"), free_port()
    command = [sys.executable, "-m", "localbucket", str(folder), "--port", str(port)]
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent)
    wait_for(f"http://127.0.0.1:{port}/", process)
    yield S3Server(f"http://127.0.0.1:{port}", folder)
    process.kill()
    process.wait(10)


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> Bucket:
    return _bucket(request)


@pytest.fixture(scope="module")
def shared_bucket(request: pytest.FixtureRequest) -> Bucket:
    """Of all tests of a module, which leave it empty."""
    return _bucket(request)


def _bucket(request: pytest.FixtureRequest) -> Bucket:
    if OTHER is None:
        made: Bucket = request.getfixturevalue("s3_server").bucket()
        return made
    return replace(OTHER, prefix=f"{OTHER.prefix}/{uuid4().hex}".strip("/"))


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Until it answers at all."""
    until = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.request.HTTPError:
            return
        except (URLError, ConnectionError):
            assert process.poll() is None, "the S3 server ended"
            assert time.monotonic() < until, "the S3 server did not start"
            time.sleep(0.02)
        else:
            return
