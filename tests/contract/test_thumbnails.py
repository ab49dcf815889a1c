"""Thumbnails are made once, kept beside their file, and never stand in its way; over stores in memory and on disk."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO

import pytest
from PIL import Image

from adapters.outbound.disk_files import DiskFiles
from adapters.outbound.memory.files import MemoryFiles
from adapters.outbound.pillow_images import PillowImages
from adapters.outbound.system_clock import SystemClock
from app.usecases.thumbnails import Shown, Thumbnails
from domain.errors import Invalid, OutOfSpace, Unavailable
from domain.files.thumbs import folder, owner
from tests.contract.pictures import bomb, flag, saved

FILE = "0198a/0198b/4f2kq.png"
SIZES = ("100x100", "100x0", "0x50")
ITSELF, FOR_NOW = Shown(FILE, "image/png", 999), Shown(FILE, "image/png", 999, lasting=False)


@pytest.fixture(scope="module")
def pillow():
    with closing(PillowImages()) as images:
        yield images


@pytest.fixture
def images(pillow):
    return Counted(pillow)


@pytest.fixture(params=["memory", "disk"])
def files(request, tmp_path):
    files = MemoryFiles(SystemClock()) if request.param == "memory" else DiskFiles(tmp_path)
    files.write(FILE, [saved(flag(), "PNG")], type="image/png")
    return files


@pytest.fixture
def of(files, images):
    thumbnails = Thumbnails(files, images)

    def asked(size="100x100", accept="", type="image/png", length=999):
        return thumbnails.of(FILE, type=type, length=length, sizes=SIZES, asked=size, accept=accept)

    return asked


class Counted:
    """`meanwhile` happens once its turn has come, before it draws."""

    def __init__(self, images, meanwhile=lambda: None):
        self._images, self.drawn, self.meanwhile = images, 0, meanwhile

    def thumbnail(self, source, *, size, type):
        def read():
            for at, chunk in enumerate(source):
                if at == 0:
                    self.drawn += 1
                    self.meanwhile()
                yield chunk

        return self._images.thumbnail(read(), size=size, type=type)


def test_a_thumbnail_is_made_once_and_kept_in_the_store(of, files, images):
    shown = of()
    assert (shown.type, shown.lasting) == ("image/png", True)
    assert picture(files, shown).size == (100, 100)
    assert shown.size == len(read(files, shown.key))
    assert [of() for _ in range(3)] == [shown] * 3
    assert images.drawn == 1


def test_each_size_and_format_is_one_of_its_own_and_tells_whose_it_is(of, files):
    shown = {of(size, accept) for size in SIZES for accept in ("", "image/webp", "image/avif")}
    assert {(picture(files, each).format, picture(files, each).size) for each in shown} == {
        (format, size) for format in ("PNG", "WEBP", "AVIF") for size in ((100, 100), (100, 50))
    }
    assert sorted(each.key for each in files.stored(folder(FILE))) == sorted(each.key for each in shown)
    assert {owner(each.key) for each in files.stored()} == {FILE}


def test_an_unknown_size_is_refused_and_leaves_nothing(of, files, images):
    for size in ("99999x99999", "0x0", "-1", *(f"{side}x{side}" for side in range(101, 200))):
        with pytest.raises(Invalid):
            of(size)
    assert images.drawn == 0
    assert len(list(files.stored())) == 1


@pytest.mark.parametrize("options", [{"type": "text/plain"}, {"type": "image/svg+xml"}, {"length": 2**40}])
def test_what_is_not_drawn_is_shown_itself(of, images, options):
    assert of(**options) == Shown(FILE, options.get("type", "image/png"), options.get("length", 999))
    assert images.drawn == 0


@pytest.mark.parametrize("make", [bomb, lambda: b"no picture at all"], ids=["bomb", "noise"])
def test_what_cannot_be_drawn_is_shown_itself_and_not_tried_again(of, files, images, make):
    files.delete([FILE])
    files.write(FILE, [make()], type="image/png")
    assert [of() for _ in range(5)] == [ITSELF] * 5
    assert images.drawn == 1


def test_many_who_ask_at_the_same_moment_get_one_that_was_made_once(of, images):
    """Of as many as may wait; the pool holds them back one by one."""
    start = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        shown = list(pool.map(lambda _: start.wait() is not None and of("0x50", "image/avif"), range(4)))
    assert len(set(shown)) == 1
    assert shown[0].lasting
    assert images.drawn == 1


def test_a_crowd_sees_the_file_itself_for_the_moment(files):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        entered.set()
        leave.wait(10)

    with closing(PillowImages(waiting=0)) as images, ThreadPoolExecutor(1) as pool:
        thumbnails = Thumbnails(files, Counted(images, hold))
        asked = {"type": "image/png", "length": 999, "sizes": SIZES, "accept": ""}
        first = pool.submit(thumbnails.of, FILE, asked="100x100", **asked)
        entered.wait(10)
        assert thumbnails.of(FILE, asked="0x50", **asked) == FOR_NOW
        leave.set()
        assert first.result(10).key != FILE
        assert thumbnails.of(FILE, asked="0x50", **asked).key != FILE


def test_two_processes_that_make_the_same_do_not_stand_in_each_others_way(files, images):
    thumbnails = Thumbnails(files, images)
    asked = {"type": "image/png", "length": 9, "sizes": SIZES, "asked": "100x100", "accept": ""}
    images.meanwhile = lambda: files.write(f"{folder(FILE)}/100x100.png", [b"the other's"], type="image/png")
    shown = thumbnails.of(FILE, **asked)
    assert (read(files, shown.key), shown.size) == (b"the other's", 11)


def test_of_a_file_that_is_deleted_meanwhile_nothing_stays(of, files, images):
    images.meanwhile = lambda: files.delete([FILE])
    of()
    assert list(files.stored()) == []


def test_of_a_file_that_is_gone_nothing_is_made(of, files, images):
    files.delete([FILE])
    assert of() == ITSELF
    assert images.drawn == 0
    assert list(files.stored()) == []


@pytest.mark.parametrize("problem", [OutOfSpace("there is no room left for files"), Unavailable("files cannot be reached")])
def test_a_store_that_takes_nothing_leaves_the_file_to_be_seen(of, files, monkeypatch, problem):
    def write(*_, **__):
        raise problem

    monkeypatch.setattr(files, "write", write)
    assert of() == FOR_NOW
    monkeypatch.undo()
    assert of().key != FILE


def picture(files, shown):
    return Image.open(BytesIO(read(files, shown.key)))


def read(files, key):
    opened = files.open(key)
    with closing(opened):
        return b"".join(opened.chunks)
