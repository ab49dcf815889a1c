"""Thumbnails of real pictures, as they are made in production: by a process apart."""

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import cache
from io import BytesIO

import pytest
from PIL import Image

from adapters.outbound import pillow_images, pillow_process
from adapters.outbound.pillow_images import PillowImages
from domain.errors import Unavailable
from domain.schema.fields.sizes import read_size
from tests.contract import pictures
from tests.contract.pictures import BLUE, GREEN, KINDS, ORIENTATION, RED, SECRET, WHITE, flag, photo, saved


@pytest.fixture(scope="module")
def images():
    with closing(PillowImages()) as images:
        yield images


@pytest.fixture
def thumbnail(images):
    def made(source, size="100x100", type="image/png"):
        pieces = (source[at : at + 70_001] for at in range(0, len(source), 70_001))
        drawn = images.thumbnail(pieces, size=read_size(size), type=type)
        return drawn and Image.open(BytesIO(drawn))

    return made


@pytest.mark.parametrize("type", KINDS.values())
@pytest.mark.parametrize("format", [*KINDS, "GIF"])
def test_each_kind_of_picture_becomes_each_kind_of_thumbnail(thumbnail, format, type):
    made = thumbnail(saved(flag(), format), "100x0", type)
    assert (KINDS[made.format], made.size) == (type, (100, 50))
    assert colours(made) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("size, shown", [
    ("100x100", [RED, GREEN, BLUE, WHITE]), ("400x50t", [RED, GREEN, RED, GREEN]), ("400x50b", [BLUE, WHITE, BLUE, WHITE]),
])  # fmt: skip
def test_what_is_cut_off_is_not_shown(thumbnail, size, shown):
    assert colours(thumbnail(saved(flag(), "PNG"), size)) == shown


def test_no_picture_is_made_larger(thumbnail):
    assert thumbnail(saved(flag(30, 20), "PNG"), "100x100f").size == (30, 20)


@pytest.mark.parametrize("format, turn", [*(("JPEG", turn) for turn in range(1, 9)), ("PNG", 6), ("WEBP", 6), ("AVIF", 6)])
def test_a_picture_stands_upright_however_the_camera_was_held(thumbnail, format, turn):
    made = thumbnail(held(format, turn), "100x0")
    assert made.size == (100, 50)
    assert colours(made) == [RED, GREEN, BLUE, WHITE]


def test_a_picture_that_stands_upright_is_cut_as_it_is_seen(thumbnail):
    assert colours(thumbnail(held("JPEG", 6), "400x50t")) == [RED, GREEN, RED, GREEN]


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_there_is_not_turns_nothing(thumbnail, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert colours(thumbnail(saved(flag(), "JPEG", exif=exif))) == [RED, GREEN, BLUE, WHITE]


# --- F18

@pytest.mark.parametrize("type", KINDS.values())
@pytest.mark.parametrize("format", KINDS)
def test_nothing_is_told_beside_the_pixels(images, format, type):
    source = pictures.talkative(format)
    assert SECRET.encode() in source
    drawn = images.thumbnail([source], size=read_size("100x100"), type=type)
    made = Image.open(BytesIO(drawn))
    assert SECRET[:8].encode() not in drawn
    assert not made.getexif()
    assert not set(made.info) & {"exif", "icc_profile", "xmp", "comment", "Comment", "Location", "photoshop"}
    assert not any(name in drawn for name in (b"Exif", b"EXIF", b"xmp", b"ICC", b"iCCP", b"tEXt", b"iTXt", b"eXIf"))


def test_colours_are_what_the_profile_meant(thumbnail):
    made = thumbnail(saved(flag(), "PNG", icc_profile=pictures.swapped_profile()))
    reds, greens = made.getpixel((25, 25)), made.getpixel((75, 25))
    assert reds[1] > reds[0]
    assert greens[0] > greens[1]


@pytest.mark.parametrize("profile", [b"broken", b"\0" * 128, pictures.srgb()[:200]])
def test_a_broken_profile_is_left_aside(thumbnail, profile):
    assert colours(thumbnail(saved(flag(), "JPEG", icc_profile=profile))) == [RED, GREEN, BLUE, WHITE]


# --- what else pictures are made of

@pytest.mark.parametrize("mode, format", [
    ("CMYK", "JPEG"), ("L", "JPEG"), ("L", "PNG"), ("1", "PNG"), ("P", "PNG"), ("P", "GIF"), ("LA", "PNG"), ("RGBA", "PNG"),
    ("I;16", "PNG"),
])  # fmt: skip
def test_pictures_of_all_depths(thumbnail, mode, format):
    white = Image.new("L", (300, 300), 255)
    picture = Image.new("I;16", (300, 300), 65_535) if mode == "I;16" else white.convert(mode)
    made = thumbnail(saved(picture, format), type="image/png")
    assert all(channel > 250 for channel in made.convert("RGB").getpixel((50, 50)))


def test_sixteen_bits_a_pixel_are_no_white(thumbnail):
    grey = thumbnail(saved(Image.new("I;16", (300, 300), 32_768), "PNG")).convert("L").getpixel((50, 50))
    assert 126 <= grey <= 130


@pytest.mark.parametrize("type", ["image/png", "image/webp", "image/avif"])
@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF", "GIF"])
def test_what_is_transparent_stays_so(thumbnail, format, type):
    picture = Image.new("RGBA", (200, 200), (*RED, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 100, 200))
    made = thumbnail(saved(picture, format), type=type).convert("RGBA")
    assert made.getpixel((20, 50))[3] < 5
    assert near(made.getpixel((80, 50)), (*RED, 255))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_what_moves_the_first_picture_is_shown(thumbnail, format):
    moving = saved(flag(), format, save_all=True, append_images=[Image.new("RGB", (400, 200), BLUE)] * 2, duration=100)
    made = thumbnail(moving, type="image/webp")
    assert not getattr(made, "is_animated", False)
    assert colours(made) == [RED, GREEN, BLUE, WHITE]


def test_of_two_pictures_in_one_jpeg_the_first_is_shown(thumbnail):
    both = saved(flag(), "MPO", save_all=True, append_images=[Image.new("RGB", (400, 200), BLUE)])
    assert colours(thumbnail(both)) == [RED, GREEN, BLUE, WHITE]


# --- F06: what is hostile or none of ours

HOSTILE = {
    "30,000 × 30,000 pixels": pictures.bomb,
    "a frame that is larger than its screen": pictures.gif_with_a_frame_outside,
    "a canvas of 16,000 × 16,000 pixels": lambda: pictures.webp_that_says(16_000, 16_000),
    "30 MB of text": pictures.text_bomb,
    "cut off": lambda: saved(photo(), "JPEG")[:3_000],
    "cut off PNG": lambda: saved(photo(), "PNG")[:3_000],
    "nothing": lambda: b"",
    "a head alone": lambda: saved(photo(), "PNG")[:33],
    "noise": lambda: bytes(range(256)) * 400,
    "TIFF": lambda: saved(flag(), "TIFF"),
    "BMP": lambda: saved(flag(), "BMP"),
    "PPM": lambda: saved(flag(), "PPM"),
    "ICNS": lambda: saved(flag(64, 64), "ICNS"),
    "ICO": lambda: saved(flag(64, 64), "ICO"),
    "JPEG 2000": lambda: saved(flag(), "JPEG2000"),
    "EPS": lambda: saved(flag(), "EPS"),
    "PDF": lambda: saved(flag(), "PDF"),
    "PSD": lambda: b"8BPS\0\x01" + bytes(6) + b"\0\x03" + bytes(2) + b"\0\x08" * 2 + b"\0\x08\0\x03" + bytes(200),
    "PCF": lambda: b"\x01fcp" + bytes(500),
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_of_what_is_hostile_or_no_picture_there_is_none_at_once(images, thumbnail, make):
    source = make()
    thumbnail(saved(flag(), "PNG"))
    process, before = images._process, time.monotonic()
    assert thumbnail(source) is None
    assert time.monotonic() - before < 2
    assert thumbnail(saved(flag(), "PNG")).size == (100, 100)
    assert images._process is process


def test_ten_thousand_frames_cost_what_one_does(thumbnail):
    source, before = pictures.gif_of_frames(10_000), time.monotonic()
    assert thumbnail(source, "0x32").size == (32, 32)
    assert time.monotonic() - before < 2


@pytest.mark.parametrize("change", ["_MEMORY = 2**20", "MOST_WORK = 0"])
def test_a_picture_that_takes_more_than_it_may_is_refused_for_good(change):
    assert asked_apart(change) == pillow_process.REFUSED


def test_one_that_takes_too_long_among_others_is_not():
    assert asked_apart("LONGEST = 0") == pillow_process.LATE


def test_as_it_is_the_same_picture_is_drawn():
    assert asked_apart("serve") == pillow_process.DRAWN


def test_a_machine_that_draws_nothing_blames_no_picture():
    """Whoever asked hears that it ended, and that is told as a moment's."""
    code = "import adapters.outbound.pillow_process as it; it._bound = lambda: 1 / 0; it.main()"
    ended = subprocess.run([sys.executable, "-c", code], input=b"", capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"no thumbnail can be drawn" in ended.stderr


# --- a process apart

def test_one_that_was_killed_is_started_anew(images, thumbnail):
    thumbnail(saved(flag(), "PNG"))
    images._process.kill()
    images._process.wait(10)
    assert thumbnail(saved(flag(), "PNG")).size == (100, 100)


def test_one_that_is_killed_in_the_middle_is_told_as_a_moment(images, thumbnail):
    def source():
        yield saved(flag(), "PNG")[:50]
        images._process.kill()
        images._process.wait(10)
        yield saved(flag(), "PNG")[50:]

    with pytest.raises(Unavailable) as refused:
        images.thumbnail(source(), size=read_size("100x100"), type="image/png")
    assert refused.value.code == "busy"
    assert thumbnail(saved(flag(), "PNG")).size == (100, 100)


def test_one_that_hangs_is_waited_for_so_long_and_no_longer(images, thumbnail, monkeypatch):
    monkeypatch.setattr(pillow_images, "_PATIENCE", 0.3)
    thumbnail(saved(flag(), "PNG"))
    images._process.send_signal(signal.SIGSTOP)
    before = time.monotonic()
    with pytest.raises(Unavailable):
        thumbnail(saved(flag(), "PNG"))
    assert time.monotonic() - before < 10
    monkeypatch.undo()
    assert thumbnail(saved(flag(), "PNG")).size == (100, 100)


def test_a_store_that_breaks_off_is_told_by_its_own_problem_and_the_next_picture_is_whole(images, thumbnail):
    def source():
        yield saved(photo(), "PNG")[:4_000]
        raise Unavailable("files cannot be reached at the moment")

    process = images._process
    with pytest.raises(Unavailable, match="files cannot be reached"):
        images.thumbnail(source(), size=read_size("100x100"), type="image/png")
    assert colours(thumbnail(saved(flag(), "PNG"))) == [RED, GREEN, BLUE, WHITE]
    assert images._process is process


def test_a_crowd_is_turned_away_and_told_to_come_back():
    entered, leave = threading.Event(), threading.Event()

    def source():
        yield saved(flag(), "PNG")
        entered.set()
        leave.wait(10)

    with closing(PillowImages(waiting=0)) as images:
        held = threading.Thread(target=images.thumbnail, args=[source()], kwargs={"size": read_size("9x9"), "type": "image/png"})
        held.start()
        entered.wait(10)
        with pytest.raises(Unavailable) as refused:
            images.thumbnail([], size=read_size("9x9"), type="image/png")
        leave.set()
        held.join(10)
        assert (refused.value.code, refused.value.retry_after) == ("busy", 2)
        assert images.thumbnail([saved(flag(), "PNG")], size=read_size("9x9"), type="image/png")


def test_it_ends_with_whoever_started_it():
    images = PillowImages()
    images.thumbnail([b"x"], size=read_size("9x9"), type="image/png")
    process = images._process
    images.close()
    assert process.poll() is not None
    images.close()


def held(format: str, turn: int) -> bytes:
    """The flag as a camera writes it that was held like that: its pixels turned, and how to turn them back."""
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what undoes each: a rotation by the opposite one, all others by themselves
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    picture = flag().transpose(Image.Transpose(turned[turn])) if turn in turned else flag()
    return saved(picture, format, exif=exif)


def colours(picture):
    """Of the middle of each quarter, as those that they are meant to be."""
    width, height = picture.size
    places = [(width * x // 4, height * y // 4) for y in (1, 3) for x in (1, 3)]
    found = [picture.convert("RGB").getpixel(place) for place in places]
    return [next((known for known in (RED, GREEN, BLUE, WHITE) if near(each, known)), each) for each in found]


def near(colour, other):
    return all(abs(one - another) < 25 for one, another in zip(colour, other, strict=True))


@cache
def large() -> bytes:
    return saved(photo(2_000, 2_000), "PNG", compress_level=0)


def asked_apart(change: str) -> bytes:
    """How a process answers that was changed after it began."""
    code = f"""
import adapters.outbound.pillow_process as it
from adapters.outbound.pillow_drawing import prepare
prepare()
it.{change}
it.serve()
"""
    blocks = (json.dumps({"size": "100x100", "type": "image/png"}).encode(), large(), b"")
    told = b"".join(pillow_process.LENGTH.pack(len(block)) + block for block in blocks)
    return subprocess.run([sys.executable, "-c", code], input=told, stdout=subprocess.PIPE, timeout=60, check=True).stdout[:1]
