"""docs/file-stores.md: every address in it is one, its numbers are those of the code, and its settings open a backend."""

import re
from pathlib import Path

import pytest

from adapters.outbound import object_files
from adapters.outbound.object_stores import BRIEF, PATIENCE
from app import wiring
from app.settings import Settings
from app.usecases import operations
from domain.files.stores import Bucket, Folder, read_store
from tests.s3_server import KEYS

PAGE = (Path(__file__).parents[2] / "docs" / "file-stores.md").read_text(encoding="utf-8")


def opened() -> dict[str, str]:
    return {"STILLROOM_FILES_ACCESS_KEY": KEYS.access, "STILLROOM_FILES_SECRET": KEYS.secret}


def test_every_address_names_a_store() -> None:
    addresses = re.findall(r"`((?:file|s3|gs|az)://[^`]+)`", PAGE)
    assert [type(read_store(each)) for each in addresses] == [Folder, *[Bucket] * 4]


def test_the_example_is_a_setting() -> None:
    example = dict(line.split("=", 1) for line in re.findall(r"^STILLROOM_\S+$", PAGE, re.M))
    settings = Settings.from_environment(example)
    assert isinstance(settings.files_url, Bucket)
    assert (settings.files_url.prefix, settings.files_url.region) == ("app", "eu-central-1")


def test_the_numbers_are_those_of_the_code() -> None:
    mib = 2**20
    said = [
        f"Files of up to {object_files._PART // mib} MiB",
        f"parts of {object_files._PART // mib} MiB, up to {object_files._PART * 10_000 // 2**30} GiB",
        f"fetch {object_files._PIECE // mib} MiB at a time",
        f"waited for {PATIENCE.connect} s",
        f"for {PATIENCE.answer} s with its body, at most {object_files._PART // mib} MiB",
        f"up to {PATIENCE.times} times within {PATIENCE.again} s",
        f"waits longer than {object_files._WAITING} s for them",
        f"left alone for {wiring._SECONDS_WITHOUT_FILES:.0f} s",
    ]
    assert [each for each in said if each not in PAGE] == []
    assert operations._KEPT.total_seconds() == 10  # "at most every ten seconds"
    assert BRIEF.answer < 1 > BRIEF.connect  # "for a second at most"


def test_a_backend_keeps_its_files_where_the_settings_say(bucket: Bucket, tmp_path: Path) -> None:
    url = f"s3://{bucket.name}/app?endpoint={bucket.endpoint}"
    settings = Settings.from_environment({"STILLROOM_DATA_DIR": str(tmp_path), "STILLROOM_FILES_URL": url, **opened()})
    assert wiring.trouble_with_files(settings) == []
    wiring.migrate(settings)
    with wiring.open_backend(settings) as composed:
        assert composed.backend.operations.ready().files == "ready"
    told = " ".join(wiring.describe(settings))
    assert f"files in s3://{bucket.name}/app" in told
    assert KEYS.secret not in told


def test_a_bucket_that_cannot_be_used_is_told_with_what_the_store_answered(bucket: Bucket, tmp_path: Path) -> None:
    url = f"s3://{bucket.name}-none?endpoint={bucket.endpoint}"
    settings = Settings.from_environment({"STILLROOM_DATA_DIR": str(tmp_path), "STILLROOM_FILES_URL": url, **opened()})
    (told,) = wiring.trouble_with_files(settings)
    assert "(404 NoSuchBucket)" in told
    assert KEYS.secret not in told


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    settings = Settings.from_environment({"STILLROOM_DATA_DIR": str(tmp_path), "STILLROOM_FILES_URL": f"file://{tmp_path}/unmounted"})
    with pytest.raises(wiring.StartError, match="there is no folder"):
        wiring._files(settings, wiring.LoggingObserver())
    assert not (tmp_path / "unmounted").exists()
