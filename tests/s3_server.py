"""A real S3 server for tests, over HTTP on this machine: `bucket` is one of a test's own in it.

`bucket_url` is what a setting would say of it. TEST_S3_URL names another server in its place, as `http://KEY:SECRET@127.0.0.1:9000`:
its buckets are made and left behind.
"""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from uuid import uuid4

import pytest

from adapters.outbound.object_stores import Keys
from domain.files.stores import Bucket
from tests.backends import missing
from tests.redis_server import _end_with_parent, _free_port

KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@dataclass
class S3Server:
    """Each folder in `folder` is a bucket."""

    url: str
    folder: Path | None

    def bucket(self) -> Bucket:
        name = f"b{uuid4().hex[:12]}"
        if self.folder is None:
            urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT"), timeout=10).close()
        else:
            (self.folder / name).mkdir()
        return Bucket("s3", name, "app/files", endpoint=self.url, region="us-east-1")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if other := os.environ.get("TEST_S3_URL"):
        yield S3Server(other, None)
        return
    if find_spec("localbucket") is None:
        missing("S3 server", "install requirements/dev.txt")
    folder, port = tmp_path_factory.mktemp("s3"), _free_port()
    command = [sys.executable, "-m", "localbucket", str(folder), "--port", str(port)]
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_end_with_parent)
    wait_for(f"http://127.0.0.1:{port}/", process)
    yield S3Server(f"http://127.0.0.1:{port}", folder)
    process.kill()
    process.wait(10)


@pytest.fixture
def bucket(s3_server: S3Server) -> Bucket:
    return s3_server.bucket()


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
