"""Every store of files keeps the same promise; what is peculiar to one of them is in test_disk_files and test_object_files."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from adapters.outbound.disk_files import DiskFiles
from adapters.outbound.memory.files import MemoryFiles
from adapters.outbound.object_files import ObjectFiles
from adapters.outbound.system_clock import SystemClock
from adapters.outbound.watched_files import WatchedFiles
from domain.errors import Unavailable
from ports.files import Files
from tests.s3_server import KEYS

KEY = "0198a/0198b/4f2kq.txt"
PLAIN = "text/plain"


@pytest.fixture(params=["memory", "disk", "s3"])
def files(request, tmp_path, notes) -> Files:
    makers = {
        "memory": lambda: MemoryFiles(SystemClock()),
        "disk": lambda: WatchedFiles(DiskFiles(tmp_path), notes),
        "s3": lambda: ObjectFiles(request.getfixturevalue("bucket"), KEYS),
    }
    return makers[request.param]()


def test_what_was_written_is_read(files):
    files.write(KEY, [b"Lil", b"", b"ien", b"thal"], type=PLAIN)
    assert read(files, KEY) == b"Lilienthal"
    assert sizes(files) == {KEY: 10}


def test_an_empty_file_is_a_file(files):
    files.write(KEY, [], type=PLAIN)
    opened = files.open(KEY)
    assert (opened.size, list(opened.chunks)) == (0, [])
    opened.close()
    assert sizes(files) == {KEY: 0}


@pytest.mark.parametrize("start, end, part", [
    (0, None, b"Lilienthal"), (0, 3, b"Lil"), (3, 6, b"ien"), (6, None, b"thal"), (6, 99, b"thal"), (9, 10, b"l"),
    (10, None, b""), (10, 12, b""), (99, 100, b""), (0, 0, b""), (4, 4, b""),
])  # fmt: skip
def test_a_range_is_that_part_and_tells_the_size_of_the_whole(files, start, end, part):
    files.write(KEY, [b"Lilienthal"], type=PLAIN)
    opened = files.open(KEY, start, end)
    assert (opened.size, b"".join(opened.chunks)) == (10, part)
    opened.close()


def test_what_is_larger_than_any_piece_comes_back_as_it_went(files):
    whole = bytes(range(256)) * 40_000 + b"end"
    files.write(KEY, (whole[at : at + 70_001] for at in range(0, len(whole), 70_001)), type=PLAIN)
    assert read(files, KEY) == whole
    assert read(files, KEY, 5_000_000, 9_000_001) == whole[5_000_000:9_000_001]


def test_there_is_none_before_it_is_written_and_after_it_is_deleted(files):
    assert files.open(KEY) is None
    files.write(KEY, [b"Lilienthal"], type=PLAIN)
    files.delete([KEY])
    assert files.open(KEY) is None
    assert sizes(files) == {}


def test_deleting_what_is_not_there_is_fine(files):
    files.write(KEY, [b"x"], type=PLAIN)
    files.delete(["0198a/0198b/other.txt", KEY, KEY, "0198c/0198d/never.txt"])
    assert sizes(files) == {}
    files.delete([])


def test_many_are_deleted_at_once_and_others_stay(files):
    keys = [f"0198a/{n:04}/a.txt" for n in range(40)]
    for key in keys:
        files.write(key, [b"x"], type=PLAIN)
    files.delete(iter(keys[:37]))
    assert sorted(sizes(files)) == keys[37:]


def test_a_key_that_is_taken_is_refused_and_what_is_there_stays(files):
    files.write(KEY, [b"Lilienthal"], type=PLAIN)
    with pytest.raises(FileExistsError):
        files.write(KEY, [b"other"], type=PLAIN)
    assert read(files, KEY) == b"Lilienthal"


def test_of_many_who_write_under_one_key_one_does(files):
    def write(number: int) -> bool:
        try:
            files.write(KEY, [b"%d" % number] * 1000, type=PLAIN)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        wrote = list(threads.map(write, range(8)))
    assert wrote.count(True) == 1
    assert read(files, KEY) == b"%d" % wrote.index(True) * 1000


@pytest.mark.parametrize("before", [0, 1, 100_000, 12_000_000])
def test_what_ends_in_the_middle_leaves_nothing(files, before):
    class HungUpError(OSError):
        """As a client that goes away while it sends."""

    def cut() -> Iterator[bytes]:
        yield b"x" * before
        raise HungUpError

    with pytest.raises(HungUpError):
        files.write(KEY, cut(), type=PLAIN)
    assert files.open(KEY) is None
    assert sizes(files) == {}
    files.write(KEY, [b"whole"], type=PLAIN)
    assert read(files, KEY) == b"whole"


def test_nobody_sees_it_before_it_is_whole(files):
    seen = []

    def looking() -> Iterator[bytes]:
        for _ in range(3):
            yield b"x" * 6_000_000
            seen.append((files.open(KEY), sizes(files)))

    files.write(KEY, looking(), type=PLAIN)
    assert seen == [(None, {})] * 3
    assert sizes(files) == {KEY: 18_000_000}


def test_a_reader_gets_all_of_what_is_deleted_meanwhile_or_is_told(files):
    """Never a part that looks like the whole."""
    whole = b"0123456789" * 600_000
    files.write(KEY, [whole], type=PLAIN)
    opened = files.open(KEY)
    got = [next(opened.chunks)]
    files.delete([KEY])
    with suppress(Unavailable):
        got.extend(opened.chunks)
        assert b"".join(got) == whole
    opened.close()
    assert files.open(KEY) is None


def test_closing_early_and_twice_is_fine(files):
    files.write(KEY, [b"x" * 1_000_000], type=PLAIN)
    opened = files.open(KEY)
    next(opened.chunks)
    opened.close()
    opened.close()
    assert read(files, KEY) == b"x" * 1_000_000


def test_a_copy_is_a_file_of_its_own(files):
    files.write(KEY, [b"Lilienthal"], type=PLAIN)
    assert files.copy(KEY, "0198c/0198d/copy.txt")
    files.delete([KEY])
    assert sizes(files) == {"0198c/0198d/copy.txt": 10}
    assert read(files, "0198c/0198d/copy.txt") == b"Lilienthal"
    assert not files.copy(KEY, "0198c/0198d/second.txt")
    assert "0198c/0198d/second.txt" not in sizes(files)


def test_a_copy_takes_no_key_that_is_taken(files):
    for key, text in ((KEY, b"one"), ("0198c/0198d/taken.txt", b"two")):
        files.write(key, [text], type=PLAIN)
    with pytest.raises(FileExistsError):
        files.copy(KEY, "0198c/0198d/taken.txt")
    assert read(files, "0198c/0198d/taken.txt") == b"two"


LISTED = {
    *(f"c{c}/r{r}/{name}.txt" for c in (1, 2) for r in range(2) for name in ("a", "b")),
    "c1/r1/thumbs/small.webp", "c1/r11/a.txt", "c10/r1/a.txt", "c1/r1.d/a.txt",
}  # fmt: skip


@pytest.mark.parametrize("folder", ["", "c1", "c1/r1", "c1/r1/thumbs", "c10", "c3", "c1/r9"])
def test_what_is_stored_is_listed_by_whole_segments(files, folder):
    for key in LISTED:
        files.write(key, [b"x"], type=PLAIN)
    listed = [each.key for each in files.stored(folder)]
    assert sorted(listed) == sorted(key for key in LISTED if not folder or key.startswith(f"{folder}/"))


def test_listing_goes_on_behind_any_key(files):
    for key in LISTED:
        files.write(key, [b"x"], type=PLAIN)
    everything = [each.key for each in files.stored()]
    assert set(everything) == LISTED
    for at, key in enumerate(everything):
        assert [each.key for each in files.stored(after=key)] == everything[at + 1 :]
    inside = [each.key for each in files.stored("c1")]
    assert [each.key for each in files.stored("c1", after=inside[3])] == inside[4:]
    files.delete([everything[3]])
    assert [each.key for each in files.stored(after=everything[3])] == everything[4:]


def test_when_it_was_written_is_told(files):
    before = datetime.now(UTC) - timedelta(seconds=2)
    files.write(KEY, [b"x"], type=PLAIN)
    (found,) = files.stored()
    assert before < found.modified < datetime.now(UTC) + timedelta(seconds=2)


NO_KEYS = (
    "", "a", "/a/b", "a/b/", "a//b", "../a", "a/../b", "a/..", "./a", "a/./b", "a/.hidden", ".unfinished/a", "a\\b/c", "a/b\0c", "a/b\n",
    "a/é", "a/b c", "a/%2e%2e/b", "C:/a", "a/b?c", "a/b#c", "a/" + "b" * 121, "a/" * 6 + "b",
)  # fmt: skip
NO_FOLDERS = ("/", "a/", "..", "a/..", ".unfinished", "a/*", "a/b\0")


def test_a_key_leads_nowhere_else(files):
    files.write(KEY, [b"x"], type=PLAIN)
    for bad in NO_KEYS:
        with pytest.raises(ValueError):
            files.write(bad, [b"x"], type=PLAIN)
        with pytest.raises(ValueError):
            files.copy(KEY, bad)
        assert (files.open(bad), files.place(bad)) == (None, None), bad
    files.delete(NO_KEYS)
    assert sizes(files) == {KEY: 1}


def test_a_folder_leads_nowhere_else(files):
    for bad in NO_FOLDERS:
        with pytest.raises(ValueError):
            list(files.stored(bad))


def test_nothing_is_tidied_away_that_is_a_file(files):
    files.write(KEY, [b"x"], type=PLAIN)
    assert files.tidy(datetime.now(UTC) + timedelta(hours=1)) == 0
    assert read(files, KEY) == b"x"


def test_a_store_that_works_says_so(files):
    files.check()
    assert sizes(files) == {}


def read(files: Files, key: str, start: int = 0, end: int | None = None) -> bytes:
    opened = files.open(key, start, end)
    assert opened is not None
    try:
        return b"".join(opened.chunks)
    finally:
        opened.close()


def sizes(files: Files) -> dict[str, int]:
    return {each.key: each.size for each in files.stored()}
