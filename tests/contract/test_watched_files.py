"""A store that fails is told of once, and left alone for a while where asking it costs time."""

import pytest

from adapters.outbound.memory.clock import ToldClock
from adapters.outbound.memory.files import MemoryFiles
from adapters.outbound.watched_files import WatchedFiles
from domain.errors import Unavailable
from ports.files import OpenFile
from ports.observer import FilesAway, FilesBack

KEY = "0198a/0198b/4f2kq.txt"
SAID = """Generic S3 error: Error performing PUT http://10.1.2.3/b/secret.txt - Server returned non-2xx status code: 403 Forbidden: <?xml?>
<Error><Code>SignatureDoesNotMatch</Code><Key>secret.txt</Key></Error>"""


class Failing(MemoryFiles):
    cause: Exception | None = None
    asked = 0

    def write(self, key, chunks, **about):
        self.asked += 1
        self._fail()
        super().write(key, chunks, **about)

    def open(self, key, start=0, end=None):
        opened = super().open(key, start, end)
        return opened and OpenFile(opened.size, self._then_fail(opened.chunks), opened.close)

    def _then_fail(self, chunks):
        yield from chunks
        self._fail()

    def _fail(self):
        if self.cause:
            raise Unavailable("away") from self.cause


@pytest.fixture
def store() -> Failing:
    return Failing(ToldClock())


def writes(files, number: int) -> int:
    done = 0
    for at in range(number):
        try:
            files.write(f"a/b/{at}", [b"x"], type="")
        except (Unavailable, FileExistsError):
            continue
        done += 1
    return done


@pytest.mark.parametrize("cause, reason", [
    (Exception(SAID), "403 SignatureDoesNotMatch"), (Exception("error: operation timed out at http://10.1.2.3"), "operation timed out"),
    (Exception("something about secret.txt"), "Exception"), (OSError(5, "I/O", "/srv/secret.txt"), "EIO"),
])  # fmt: skip
def test_a_failure_is_told_once_and_so_is_its_end(store, notes, cause, reason):
    files = WatchedFiles(store, notes)
    store.cause = cause
    assert writes(files, 3) == 0
    assert notes.seen == [FilesAway(reason)]
    store.cause = None
    assert writes(files, 3) == 3
    assert notes.seen == [FilesAway(reason), FilesBack()]


def test_what_fails_while_it_is_read_is_told_too(store, notes):
    files = WatchedFiles(store, notes)
    files.write(KEY, [b"x"], type="")
    store.cause = TimeoutError()
    with pytest.raises(Unavailable):
        list(files.open(KEY).chunks)
    assert notes.of(FilesAway)


def test_a_store_that_is_away_is_asked_by_one_now_and_then(store, notes):
    now = [0.0]
    files = WatchedFiles(store, notes, pause=5, now=lambda: now[0])
    store.cause = TimeoutError()
    for now[0], asked in ((0.0, 1), (4.9, 1), (5.1, 2), (9.0, 2), (10.2, 3)):
        assert writes(files, 10) == 0
        assert store.asked == asked
    store.cause = None
    assert writes(files, 10) == 0
    now[0] = 15.3
    assert writes(files, 10) == 10
    assert notes.seen == [FilesAway("TimeoutError"), FilesBack()]


def test_a_store_that_fails_at_once_is_asked_by_everybody(store, notes):
    files = WatchedFiles(store, notes)
    store.cause = OSError(28, "full")
    assert (writes(files, 10), store.asked) == (0, 10)
