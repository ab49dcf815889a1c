"""Files in an object store, where the store itself matters: links that it signs, whom it lets in, and all that may go wrong with it."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError

import pytest

from adapters.outbound.object_files import ObjectFiles
from adapters.outbound.object_stores import Keys, Patience
from domain.errors import OutOfSpace, Problem, Unavailable
from domain.files.stores import Bucket
from ports.files import Crowded
from tests.backends import missing
from tests.faulty_store import FaultyStore
from tests.redis_server import end_with_parent, free_port
from tests.s3_server import KEYS, wait_for

ROOT = Path(__file__).parents[2]

KEY = "0198a/0198b/4f2kq.txt"
# As a busy machine needs it, and as a test that waits for its end wants it.
PATIENT = Patience(connect=5, answer=30, again=10, times=2)
HASTY = Patience(connect=0.5, answer=0.5, again=0.3, times=1)
LARGE = 9_000_000


@pytest.fixture
def faulty(bucket: Bucket) -> Iterator[FaultyStore]:
    with FaultyStore(bucket.endpoint) as store:
        yield store


@pytest.fixture
def files(bucket: Bucket, faulty: FaultyStore) -> ObjectFiles:
    """Through whatever is between us and the store."""
    return ObjectFiles(replace(bucket, endpoint=faulty.url), KEYS, patience=PATIENT)


@pytest.fixture
def hasty(bucket: Bucket, faulty: FaultyStore) -> ObjectFiles:
    return ObjectFiles(replace(bucket, endpoint=faulty.url), KEYS, patience=HASTY)


@pytest.fixture
def straight(bucket: Bucket) -> ObjectFiles:
    return ObjectFiles(bucket, KEYS)


def read(files: ObjectFiles, key: str = KEY, start: int = 0, end: int | None = None) -> bytes:
    opened = files.open(key, start, end)
    assert opened is not None
    return b"".join(opened.chunks)


def chunks(size: int) -> Iterator[bytes]:
    for at in range(0, size, 100_000):
        yield b"x" * min(100_000, size - at)


# --- a store that fails

@pytest.mark.parametrize("size", [10, LARGE])
def test_a_store_that_is_busy_for_a_moment_is_asked_again(files, faulty, size):
    faulty.fail("busy", times=1)
    files.write(KEY, chunks(size), type="")
    faulty.fail("busy", times=2)
    assert len(read(files)) == size


@pytest.mark.parametrize("fault, size", [("busy", 10), ("broken", LARGE), ("hung", 10), ("closed", LARGE)])
def test_a_store_that_fails_is_told_soon_and_keeps_nothing(hasty, files, straight, faulty, fault, size):
    faulty.fail(fault)
    for ask in (lambda: hasty.write(KEY, chunks(size), type=""), lambda: hasty.open(KEY), lambda: list(hasty.stored()), hasty.check):
        began = time.monotonic()
        with pytest.raises(Unavailable) as told:
            ask()
        assert time.monotonic() - began < 8
        assert says_nothing(told.value)
    assert straight.open(KEY) is None
    faulty.fail(None)
    files.write(KEY, chunks(size), type="")
    assert len(read(straight)) == size


def test_what_was_answered_too_late_is_there_as_a_whole_or_not_at_all(hasty, straight, faulty):
    faulty.fail("slow")
    with pytest.raises(Unavailable):
        hasty.write(KEY, chunks(500_000), type="")
    assert [each.size for each in straight.stored()] in ([], [500_000])


def test_a_full_store_is_told_as_one(files, straight, faulty):
    faulty.fail("full")
    with pytest.raises(OutOfSpace):
        files.write(KEY, [b"x"], type="")
    assert straight.open(KEY) is None


@pytest.mark.parametrize("size, fault", [(10, "kept half"), (10, "other mark"), (LARGE, "other mark"), (10, "lost")])
def test_a_store_that_keeps_something_else_is_not_believed(files, straight, faulty, size, fault):
    faulty.fail(fault, method="PUT" if size == 10 else "POST")
    with pytest.raises(Unavailable):
        files.write(KEY, chunks(size), type="")
    assert straight.open(KEY) is None


@pytest.mark.parametrize("fault", ["cut", "half"])
def test_half_an_object_is_never_told_as_a_whole(files, faulty, fault):
    files.write(KEY, chunks(LARGE), type="")
    faulty.fail(fault, method="GET", after=1)
    opened = files.open(KEY)
    got = next(opened.chunks)
    with pytest.raises(Unavailable):
        list(opened.chunks)
    assert len(got) < LARGE == opened.size


def test_a_transfer_that_is_cut_once_goes_on(files, faulty):
    files.write(KEY, chunks(LARGE), type="")
    faulty.fail("cut", method="GET", times=1)
    assert len(read(files)) == LARGE


def test_pieces_of_two_objects_are_never_put_together(files, faulty):
    files.write(KEY, chunks(LARGE), type="")
    opened = files.open(KEY)
    next(opened.chunks)
    faulty.fail("other mark", method="GET")
    with pytest.raises(Unavailable):
        list(opened.chunks)


def test_a_bucket_that_is_not_there_is_no_store_without_files(bucket):
    files = ObjectFiles(replace(bucket, name="b-none"), KEYS, patience=HASTY)
    with pytest.raises(Unavailable):
        files.check()
    with pytest.raises(Unavailable):
        files.write(KEY, [b"x"], type="")


def test_nobody_listens_there(bucket):
    files = ObjectFiles(replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}"), KEYS, patience=HASTY)
    for ask in (files.check, lambda: files.open(KEY), lambda: files.write(KEY, [b"x"], type="")):
        with pytest.raises(Unavailable) as told:
            ask()
        assert "127.0.0.1" not in told.value.detail + (told.value.hint or "")


def test_a_store_that_hangs_gets_no_more_than_its_share_of_threads(bucket, straight, faulty):
    straight.write(KEY, [b"x"], type="")
    patience = Patience(connect=5, answer=3, again=0.3, times=0)
    files = ObjectFiles(replace(bucket, endpoint=faulty.url), KEYS, patience=patience, at_once=2)
    faulty.fail("hung")
    with ThreadPoolExecutor(6) as threads:
        began = time.monotonic()
        told = [threads.submit(timed, lambda: files.open(KEY)) for _ in range(6)]
        took = sorted(each.result() for each in told)
    assert took[3][0] < 2.5 < took[4][0]
    assert [kind for _, kind in took] == [Crowded] * 4 + [Unavailable] * 2
    assert time.monotonic() - began < 8
    faulty.fail(None)
    assert read(files) == b"x"


def timed(ask) -> tuple[float, type]:
    began = time.monotonic()
    with pytest.raises(Unavailable) as told:
        ask()
    return time.monotonic() - began, told.type


# --- what it costs


def test_a_range_costs_no_read_of_the_rest(files, faulty):
    files.write(KEY, chunks(LARGE), type="")
    faulty.sent = 0
    assert len(read(files, KEY, 5_000_000, 5_000_100)) == 100
    assert faulty.sent < 2_000


@pytest.mark.parametrize("size", [10, 20_000, 1_000_000])
def test_a_file_of_one_piece_costs_one_request(files, faulty, size):
    files.write(KEY, chunks(size), type="")
    faulty.asked.clear()
    assert len(read(files)) == size
    assert [each.split()[0] for each in faulty.asked] == ["GET"]


def test_what_nobody_reads_on_is_not_fetched(files, faulty):
    files.write(KEY, chunks(LARGE), type="")
    faulty.sent = 0
    opened = files.open(KEY)
    next(opened.chunks)
    opened.close()
    assert faulty.sent < LARGE / 3


def test_nothing_goes_up_for_what_is_cut_off(files, faulty, bucket):
    """Parts that were there already are given up."""

    def cut() -> Iterator[bytes]:
        yield from chunks(20_000_000)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        files.write(KEY, cut(), type="")
    assert [each for each in faulty.asked if each.startswith("DELETE") and "uploadId=" in each]


def says_nothing(problem: Problem) -> bool:
    said = f"{problem.detail} {problem.hint}"
    return not any(word in said for word in ("127.0.0.1", "http", KEY, KEYS.access, "S3"))


# --- whom it lets in


@pytest.fixture(scope="module")
def asking(tmp_path_factory) -> Iterator[Bucket]:
    """In a store that asks who signed what."""
    if find_spec("nanio") is None:
        missing("S3 server that asks for signatures", "install requirements/dev.txt")
    folder, port = tmp_path_factory.mktemp("asking"), free_port()
    (folder / "planes").mkdir()
    command = [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder)]
    environ = {"PATH": os.environ["PATH"], "NANIO_ACCESS_KEY": KEYS.access, "NANIO_SECRET_KEY": KEYS.secret}
    with (folder.parent / "asking.log").open("ab") as log:
        process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent)
    wait_for(f"http://127.0.0.1:{port}/", process)
    yield Bucket("s3", "planes", "app", endpoint=f"http://127.0.0.1:{port}")
    process.kill()
    process.wait(10)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except HTTPError as refused:
        return refused.code


def test_a_signed_link_opens_one_file_for_a_while_as_what_it_was_written(asking):
    files = ObjectFiles(asking, KEYS, patience=PATIENT)
    disposition = "attachment; filename=\"plan.html\"; filename*=UTF-8''pl%C3%A4n.html"
    files.write(KEY, [b"<script>"], type="text/html", disposition=disposition)
    files.write("0198a/0198b/other.txt", [b"secret"], type="text/plain")
    link = files.link(KEY, seconds=60)
    with urllib.request.urlopen(link, timeout=10) as answer:
        assert answer.read() == b"<script>"
        assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == ("text/html", disposition)
    for other in (
        link.partition("?")[0], link.replace("4f2kq.txt", "../0198b/other.txt"), link.replace("4f2kq.txt", "other.txt"),
        link.replace("X-Amz-Expires=60", "X-Amz-Expires=600000"), link[:-1] + ("0" if link[-1] != "0" else "1"),
    ):  # fmt: skip
        assert status(other) in (400, 403), other
    with pytest.raises(HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(link, method="DELETE"), timeout=10)


def test_a_signed_link_ends(asking):
    files = ObjectFiles(asking, KEYS, patience=PATIENT)
    files.write("0198a/0198b/short.txt", [b"x"], type="text/plain")
    link = files.link("0198a/0198b/short.txt", seconds=1)
    assert status(link) == 200
    time.sleep(2.1)
    assert status(link) == 403


def test_a_link_is_signed_for_where_browsers_reach_the_store(asking):
    files = ObjectFiles(replace(asking, public=asking.endpoint.replace("127.0.0.1", "localhost")), KEYS, patience=PATIENT)
    files.write("0198a/0198b/public.txt", [b"x"], type="text/plain")
    link = files.link("0198a/0198b/public.txt", seconds=60)
    assert link.startswith("http://localhost:")
    assert status(link) == 200
    assert status(link.replace("localhost", "127.0.0.1")) == 403


def test_wrong_keys_open_nothing(asking):
    strange = ObjectFiles(asking, Keys(KEYS.access, "another"), patience=PATIENT)
    for ask in (lambda: strange.open(KEY), lambda: strange.write("0198a/0198b/never.txt", [b"x"], type=""), strange.check):
        with pytest.raises(Unavailable) as told:
            ask()
        assert says_nothing(told.value)
    assert ObjectFiles(asking, KEYS, patience=PATIENT).open("0198a/0198b/never.txt") is None


# --- a process that ends in the middle

WRITING = """
import sys
from adapters.outbound.object_files import ObjectFiles
from adapters.outbound.object_stores import Keys
from domain.files.stores import read_store

def chunks():
    for _ in range(30):
        yield b"x" * 1_000_000
    print("most of it", flush=True)
    sys.stdin.readline()

ObjectFiles(read_store(sys.argv[1]), Keys(*sys.argv[2:4])).write(sys.argv[4], chunks(), type="")
"""


def test_an_upload_that_was_killed_is_nothing(straight, bucket):
    url = f"s3://{bucket.name}/{bucket.prefix}?endpoint={bucket.endpoint}"
    command = [sys.executable, "-c", WRITING, url, KEYS.access, KEYS.secret, KEY]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline().strip() == "most of it"
        writer.kill()
    assert straight.open(KEY) is None
    assert list(straight.stored()) == []
    straight.write(KEY, [b"again"], type="")
    assert read(straight) == b"again"


def test_a_copy_is_told_as_what_was_copied(asking):
    """A file that came before its record is copied to where the record's lie, and may be handed out from there."""
    files, copied = ObjectFiles(asking, KEYS, patience=PATIENT), "0198a/0198b/copied.txt"
    files.write(KEY, [b"png"], type="image/png", disposition='inline; filename="kite.png"')
    assert files.copy(KEY, copied)
    with urllib.request.urlopen(files.link(copied, seconds=60), timeout=10) as answer:
        told = answer.headers["Content-Type"], answer.headers["Content-Disposition"]
        assert (answer.read(), *told) == (b"png", "image/png", 'inline; filename="kite.png"')
