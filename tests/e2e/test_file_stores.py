"""A real server whose files are in a bucket: its workers reach it, whoever asked before they were forked."""

import shutil
from collections.abc import Callable

from domain.files.stores import Bucket
from tests.e2e.server import Server
from tests.s3_server import KEYS, S3Server


def test_a_server_starts_warns_of_its_bucket_and_sees_it_once_it_is_there(server: Callable[..., Server], s3_server: S3Server) -> None:
    bucket: Bucket = s3_server.bucket()
    folder = s3_server.folder / bucket.name
    shutil.move(folder, f"{folder}-later")
    running = server(
        workers=1, STILLROOM_FILES_URL=f"s3://{bucket.name}?endpoint={bucket.endpoint}", STILLROOM_FILES_ACCESS_KEY=KEYS.access,
        STILLROOM_FILES_SECRET=KEYS.secret,
    )  # fmt: skip
    assert f"Warning: files cannot be kept in s3://{bucket.name} at {bucket.endpoint} (404 NoSuchBucket)" in running.output
    assert KEYS.secret not in running.output
    shutil.move(f"{folder}-later", folder)
    ready = running.request("GET", "/readyz")
    assert (ready.status, ready.body["files"]) == (200, "ready")
