"""Sizes of thumbnails: how they are written, and what part of a picture becomes how many pixels."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.schema.fields.base import Unfit
from domain.schema.fields.sizes import MOST_PIXELS, MOST_SIZES, Frame, Size, check_sizes, read_size


@pytest.mark.parametrize("text", ["100x100", "100x60t", "100x60b", "1x1f", "200x0", "0x300", f"{MOST_PIXELS}x{MOST_PIXELS}"])
def test_a_size_is_read_and_written_alike(text):
    assert str(read_size(text)) == text


@pytest.mark.parametrize("text", [
    "", "100", "x", "100x", "x100", "0x0", "0x0f", "-1x5", "100x-1", "+1x1", "0100x100", "100x00", "1e2x100", "100X100", "100×100",
    " 100x100", "100x100 ", "100x100\n", "100x100c", "100x100tb", "100x0t", "0x100f", "99999x99999", f"{MOST_PIXELS + 1}x1",
    "1000000000x1", "٣x٣", None, 100, ["100x100"], {"width": 1},
])  # fmt: skip
def test_what_is_no_size_is_refused(text):
    with pytest.raises(Unfit):
        read_size(text)


@pytest.mark.parametrize("size, picture, frame", [
    # cut to it: the middle, the top, the bottom
    ("100x100", (400, 200), Frame(100, 0, 200, 200, 100, 100)),
    ("100x100", (200, 400), Frame(0, 100, 200, 200, 100, 100)),
    ("100x100t", (200, 400), Frame(0, 0, 200, 200, 100, 100)),
    ("100x100b", (200, 400), Frame(0, 200, 200, 200, 100, 100)),
    ("100x50", (4000, 3000), Frame(0, 500, 4000, 2000, 100, 50)),
    # whole
    ("100x100f", (400, 200), Frame(0, 0, 400, 200, 100, 50)),
    ("200x0", (400, 300), Frame(0, 0, 400, 300, 200, 150)),
    ("0x300", (1600, 1200), Frame(0, 0, 1600, 1200, 400, 300)),
    # never larger
    ("100x100", (50, 50), Frame(0, 0, 50, 50, 50, 50)),
    ("100x100", (200, 40), Frame(80, 0, 40, 40, 40, 40)),
    ("100x100f", (30, 10), Frame(0, 0, 30, 10, 30, 10)),
    ("200x0", (100, 999), Frame(0, 0, 100, 999, 100, 999)),
    # the awkward ends
    ("100x100", (1, 1), Frame(0, 0, 1, 1, 1, 1)),
    ("100x0", (60000, 1), Frame(0, 0, 60000, 1, 100, 1)),
    ("100x0", (1, 60000), Frame(0, 0, 1, 60000, 1, 10240)),
    ("100x100f", (60000, 1), Frame(0, 0, 60000, 1, 100, 1)),
    ("2560x1", (1, 60000), Frame(0, 29999, 1, 1, 1, 1)),
])  # fmt: skip
def test_what_part_of_a_picture_is_shown(size, picture, frame):
    assert read_size(size).frame(*picture) == frame


sides = some.integers(1, MOST_PIXELS)
sizes = some.one_of(
    some.builds(Size, sides, sides, some.sampled_from(["", "t", "b", "f"])),
    some.builds(Size, sides, some.just(0)),
    some.builds(Size, some.just(0), sides),
)
pictures = some.tuples(some.integers(1, 65_535), some.integers(1, 65_535))


@given(sizes, pictures)
def test_a_frame_lies_in_its_picture_and_is_no_larger_than_asked_or_than_it_was(size, picture):
    across, down = picture
    frame = size.frame(across, down)
    assert 0 <= frame.left <= frame.left + frame.across <= across
    assert 0 <= frame.top <= frame.top + frame.down <= down
    assert 1 <= frame.width <= min(frame.across, size.width or 4 * MOST_PIXELS)
    assert 1 <= frame.height <= min(frame.down, size.height or 4 * MOST_PIXELS)


@pytest.mark.parametrize("thumbs", [(), ("100x100",), ("100x100", "100x100f", "0x100")])
def test_sizes_of_a_field(thumbs):
    check_sizes(thumbs)


@pytest.mark.parametrize("thumbs", [
    "100x100", None, {"100x100": True}, ("100x100", "100x100"), ("100x100", 5), ("0x0",),
    tuple(f"{at}x1" for at in range(1, MOST_SIZES + 2)),
])  # fmt: skip
def test_what_are_no_sizes_of_a_field(thumbs):
    with pytest.raises(Unfit):
        check_sizes(thumbs)
