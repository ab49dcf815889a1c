"""Which thumbnails may be asked for, in which format they are made, and where they are kept."""

import pytest

from domain.errors import Invalid
from domain.files.keys import is_folder, is_key
from domain.files.thumbs import MOST_BYTES, folder, owner, wanted

FILE = "0198a/0198b/4f2kq.jpg"
SIZES = ("100x100", "100x100f", "0x300")
# What they really send for an <img>.
CHROMIUM = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
SAFARI_15 = "image/webp,image/avif,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
SAFARI_13 = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"


def asked(type="image/jpeg", size="100x100", accept="", sizes=SIZES, length=9_000):
    return wanted(FILE, type=type, length=length, sizes=sizes, asked=size, accept=accept)


@pytest.mark.parametrize("accept, type", [
    (CHROMIUM, "image/avif"), (SAFARI_15, "image/avif"), ("image/webp,*/*", "image/webp"), ("IMAGE/WebP", "image/webp"),
    ("image/webp;q=0.1", "image/webp"), ("image/avif;q=0, image/webp", "image/webp"), ("image/avif ; Q = 0", "image/jpeg"),
    (SAFARI_13, "image/jpeg"), ("*/*", "image/jpeg"), ("image/*", "image/jpeg"), ("", "image/jpeg"), ("text/html", "image/jpeg"),
    ("image/avif;q=nonsense", "image/jpeg"), ("image/avif;q=nan", "image/jpeg"), (",;,;;q=,", "image/jpeg"),
    ("a/b," * 1_000 + "image/avif", "image/jpeg"),
])  # fmt: skip
def test_the_format_is_one_that_the_client_names(accept, type):
    assert asked(accept=accept).type == type


@pytest.mark.parametrize("type, made", [
    ("image/png", "image/png"), ("image/jpeg", "image/jpeg"), ("image/webp", "image/webp"), ("image/avif", "image/avif"),
    ("image/gif", "image/png"),
])  # fmt: skip
def test_each_kind_keeps_its_own_format_where_none_is_named(type, made):
    assert asked(type).type == made


@pytest.mark.parametrize("type", ["image/svg+xml", "image/tiff", "image/vnd.adobe.photoshop", "application/pdf", "video/mp4", ""])
def test_of_everything_else_there_is_none(type):
    assert asked(type) is None


def test_of_more_bytes_than_cameras_write_there_is_none():
    assert asked(length=MOST_BYTES)
    assert asked(length=MOST_BYTES + 1) is None


@pytest.mark.parametrize("size", ["99999x99999", "0x0", "-1", "", "100x100 ", "100X100", "100x101", "../../x", "100x100F", "x" * 100_000])
def test_sizes_that_the_field_does_not_declare_are_refused(size):
    with pytest.raises(Invalid) as refused:
        asked(size=size)
    assert refused.value.code == "unknown_thumb"
    assert len(refused.value.detail) < 60


def test_a_near_miss_is_told_and_else_what_there_is():
    with pytest.raises(Invalid, match="no thumbnails") as near:
        asked(size="100x10")
    with pytest.raises(Invalid) as far:
        asked(size="7")
    with pytest.raises(Invalid) as none:
        asked(sizes=())
    assert near.value.hint == "did you mean `100x100`?"
    assert far.value.hint == "its sizes are 100x100, 100x100f, 0x300"
    assert none.value.detail == "this field has no thumbnails"


def test_also_of_a_file_that_is_no_picture_unknown_sizes_are_refused():
    with pytest.raises(Invalid):
        asked("text/plain", "7x7")


def test_what_was_made_lies_beside_its_file_under_a_key_and_tells_whose_it_is():
    thumbs = [asked(size=size, accept=accept) for size in SIZES for accept in ("", "image/webp", "image/avif")]
    keys = {each.key for each in thumbs} | {each.none_key for each in thumbs}
    assert len(keys) == 18
    assert all(is_key(key) and key.startswith(f"{folder(FILE)}/") and owner(key) == FILE for key in keys)
    assert is_folder(folder(FILE))


@pytest.mark.parametrize("key", [FILE, "a/b", "0198a/0198b/4f2kq.thumbs"])
def test_a_file_is_its_own(key):
    assert owner(key) == key
