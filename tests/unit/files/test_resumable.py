"""Uploads that go on where they broke off: what tus clients may send, and what becomes of an upload."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.errors import Conflict, Invalid, NotFound, PreconditionFailed, TooLarge, UnsupportedMedia
from domain.files.resumable import (
    ALGORITHMS,
    LIFETIME,
    Checksum,
    begun,
    check_content_type,
    check_sum,
    check_version,
    read_checksum,
    read_metadata,
)

NOW = datetime(1891, 5, 1, 12, tzinfo=UTC)
LATER = NOW + LIFETIME - timedelta(seconds=1)


def upload(length="10", *, deferred=None, metadata=None, largest=1_000):
    return begun(NOW, length=length, deferred=deferred, metadata=metadata, largest=largest)


def test_an_upload_grows_by_what_arrives_until_it_is_whole():
    first = upload()
    assert first.room(NOW, offset="0", length=None) == 10
    second = first.grown(4, NOW)
    assert (second.offset, second.is_whole) == (4, False)
    assert second.room(NOW, offset="4", length=6) == 6
    assert second.grown(6, NOW).is_whole


def test_one_of_nothing_is_whole_at_once():
    assert upload("0").is_whole


@pytest.mark.parametrize("offset", ["0", "3", "5", "10", "11"])
def test_bytes_that_belong_elsewhere_are_refused(offset):
    with pytest.raises(Conflict) as refused:
        upload().grown(4, NOW).room(NOW, offset=offset, length=1)
    assert refused.value.code == "offset_differs"


@pytest.mark.parametrize("offset", [None, "", "-1", "+4", "04", "4.0", "4 ", "1e1", "٤", "9" * 17])
def test_what_is_no_offset_is_told_by_name(offset):
    with pytest.raises(Invalid) as refused:
        upload().room(NOW, offset=offset, length=1)
    assert refused.value.faults[0].pointer == "Upload-Offset"


def test_more_bytes_than_were_announced_are_refused_before_and_after_they_came():
    half = upload().grown(5, NOW)
    with pytest.raises(TooLarge):
        half.room(NOW, offset="5", length=6)
    with pytest.raises(TooLarge):
        half.grown(6, NOW)
    assert half.room(NOW, offset="5", length=5) == 5


def test_a_whole_one_takes_no_more_but_an_empty_request():
    whole = upload().grown(10, NOW)
    assert whole.room(NOW, offset="10", length=None) == 0
    with pytest.raises(TooLarge):
        whole.room(NOW, offset="10", length=1)


def test_it_ends_a_lifetime_after_its_last_bytes():
    first = upload()
    first.check_stands(LATER)
    with pytest.raises(NotFound) as ended:
        first.room(NOW + LIFETIME, offset="0", length=1)
    assert ended.value.code == "upload_ended"
    first.grown(1, LATER).check_stands(NOW + LIFETIME)


@given(some.lists(some.integers(0, 12), max_size=12), some.integers(0, 40))
def test_its_offset_is_what_arrived_and_never_beyond_its_length(pieces, length):
    now, arrived = upload(str(length)), 0
    for piece in pieces:
        taken = min(piece, now.room(NOW, offset=str(arrived), length=None))
        now, arrived = now.grown(taken, NOW), arrived + taken
    assert now.offset == arrived <= length
    assert now.is_whole == (arrived == length)


# --- creation

@pytest.mark.parametrize("length", [None, "", "-1", "1.5", "0x10", "many"])
def test_an_upload_without_a_length_is_refused(length):
    with pytest.raises(Invalid):
        upload(length)


def test_a_length_that_comes_later_is_not_supported():
    with pytest.raises(Invalid) as refused:
        upload(None, deferred="1")
    assert refused.value.code == "not_supported"


def test_one_that_is_too_large_is_refused_before_its_first_byte():
    assert upload("1000").length == 1_000
    with pytest.raises(TooLarge):
        upload("1001")


@pytest.mark.parametrize("header, metadata", [
    (None, {}), ("", {}), (" ", {}),
    ("filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential", {"filename": "world_domination_plan.pdf", "is_confidential": ""}),
    ("filename TMO8ZnRl , filetype aW1hZ2UvcG5n", {"filename": "Lüfte", "filetype": "image/png"}), ("empty ", {"empty": ""}),
])  # fmt: skip
def test_what_is_told_of_a_file(header, metadata):
    assert upload(metadata=header).metadata == metadata


@pytest.mark.parametrize("header", [
    "a ?", "a YQ==,a YQ==", "a YQ== YQ==", "é YQ==", ",", "a YQ==,", " ,b", "a YQ", "a gICA", "x" * 101, "a " + "A" * 8_000,
    ",".join(f"k{each}" for each in range(21)),
])  # fmt: skip
def test_metadata_that_cannot_be_read_is_refused(header):
    with pytest.raises(Invalid) as refused:
        read_metadata(header)
    assert refused.value.faults[0].pointer == "Upload-Metadata"
    assert len(refused.value.detail) < 200


# --- what every request says

def test_other_versions_are_told_which_is_spoken():
    check_version("1.0.0")
    for version in (None, "", "0.2.2", "1.0", "2.0.0"):
        with pytest.raises(PreconditionFailed, match=r"1\.0\.0"):
            check_version(version)


def test_bytes_come_under_the_type_of_the_protocol():
    check_content_type("application/offset+octet-stream")
    check_content_type("Application/Offset+Octet-Stream; charset=x")
    for other in (None, "", "application/octet-stream", "application/offset+octet-streams"):
        with pytest.raises(UnsupportedMedia):
            check_content_type(other)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_holds_all_bytes_of_a_request(algorithm):
    digest = hashlib.new(algorithm, b"Lilienthal").digest()
    promised = read_checksum(f"{algorithm} {base64.b64encode(digest).decode()}")
    assert promised == Checksum(algorithm, digest)
    check_sum(promised, digest)
    with pytest.raises(Invalid) as refused:
        check_sum(promised, hashlib.new(algorithm, b"Lilienthai").digest())
    assert refused.value.code == "checksum_differs"


def test_no_checksum_is_none():
    assert read_checksum(None) is None


@pytest.mark.parametrize("header", [
    "", "sha1", "sha1 ", "sha1 YQ==", "sha1 ?", "crc32 YQ==", "SHA1 " + "A" * 27 + "=", "blake2b " + "A" * 86,
])  # fmt: skip
def test_what_is_no_checksum_is_refused(header):
    with pytest.raises(Invalid):
        read_checksum(header)
