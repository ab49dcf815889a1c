from pathlib import Path

import pytest

from domain.files.stores import Bucket, Folder, read_store


@pytest.mark.parametrize("url, store", [
    ("file:///srv/files", Folder(Path("/srv/files"))),
    ("file:///srv/my%20files", Folder(Path("/srv/my files"))),
    ("s3://planes", Bucket("s3", "planes")),
    ("s3://planes/app/files/?region=eu-central-1", Bucket("s3", "planes", "app/files", region="eu-central-1")),
    ("s3://planes?endpoint=http://minio:9000/&public=https://files.example.org",
     Bucket("s3", "planes", endpoint="http://minio:9000", public="https://files.example.org")),
    ("gs://planes/app", Bucket("gs", "planes", "app")),
    ("az://planes/app?account=hangar", Bucket("az", "planes", "app", account="hangar")),
    ("az://planes?account=dev&endpoint=http://127.0.0.1:10000/dev", Bucket("az", "planes", account="dev", endpoint="http://127.0.0.1:10000/dev")),
])  # fmt: skip
def test_stores_that_can_be_named(url, store):
    assert read_store(url) == store


@pytest.mark.parametrize("url, why", [
    ("ftp://planes", "begins with"), ("planes", "begins with"), ("memory:", "begins with"), ("s3://[", "no URL"),
    ("file:files", "whole path"), ("file://host/files", "whole path"), ("file:///files?mode=1", "whole path"),
    ("s3://", "names a bucket"), ("s3://planes/../other", "names a bucket"), ("s3://planes/a b", "names a bucket"),
    ("s3://planes#x", "names a bucket"), ("s3://AKIA:secret@planes", "no keys in it"),
    ("s3://planes?regoin=eu", "did you mean `region`?"), ("s3://planes?account=x", "there are endpoint, region, public"),
    ("gs://planes?region=eu", "there are endpoint"), ("az://planes", "names the storage account"),
    ("s3://planes?region=a&region=b", "once"), ("s3://planes?region=", "once"),
    ("s3://planes?endpoint=minio:9000", "no http"), ("s3://planes?endpoint=http://k:s@minio", "no http"),
    ("s3://planes?endpoint=http://minio/path", "no http"), ("s3://planes?endpoint=ftp://minio", "no http"),
])  # fmt: skip
def test_what_names_no_store_is_told_what_would(url, why):
    with pytest.raises(ValueError, match=r".") as told:
        read_store(url)
    assert why in str(told.value)
