"""Files on disk, where the disk itself matters: who may read them, links that lead elsewhere, crashes, a disk that is full or gone."""

import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.outbound.disk_files import DiskFiles
from domain.errors import Unavailable

ROOT = Path(__file__).parents[2]
KEY = "0198a/0198b/4f2kq.txt"


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.fixture
def files(root) -> DiskFiles:
    return DiskFiles(root)


@pytest.mark.parametrize("mask", [0, 0o077])
@pytest.mark.parametrize("for_group, file, folder", [(False, 0o600, 0o2700), (True, 0o640, 0o2750)])
def test_nobody_else_on_the_machine_may_read_them_but_a_group_that_was_named(root, mask, for_group, file, folder):
    root.chmod(0o2750)  # so that all in it belongs to its group
    before = os.umask(mask)
    try:
        DiskFiles(root, for_group=for_group).write(KEY, [b"x"], type="")
    finally:
        os.umask(before)
    made = [each for each in root.rglob("*") if each.is_dir()]
    assert len(made) == 4
    assert {stat.S_IMODE(each.lstat().st_mode) for each in made} == {folder}
    assert {stat.S_IMODE(each.lstat().st_mode) for each in root.rglob("*") if each.is_file()} == {file}


def test_the_bytes_are_flushed_before_their_name_and_the_name_before_it_returns(files, root, monkeypatch):
    done = []
    flush, link = os.fsync, os.link
    monkeypatch.setattr(os, "fsync", lambda file: (done.append(str(Path(f"/proc/self/fd/{file}").readlink())), flush(file)))
    monkeypatch.setattr(os, "link", lambda *names, **where: (done.append("link"), link(*names, **where)))
    files.write(KEY, [b"x"], type="")
    at = done.index("link")
    assert Path(done[at - 4]).parent == root / ".unfinished"
    folder = root / files.place(KEY).path
    # The folders that were made for it, each in the one around it.
    assert done[at - 3 :] == [str(root), *(str(each) for each in list(folder.parents)[2:0:-1]), "link", str(folder.parent)]


def test_a_place_is_where_the_bytes_are(files, root):
    files.write(KEY, [b"Lilienthal"], type="")
    place = files.place(KEY)
    assert (Path(place.root) / place.path).read_bytes() == b"Lilienthal"
    assert Path(place.root) == root


def test_folders_go_with_their_last_file_and_not_before(files, root):
    for name in ("a", "b"):
        files.write(f"0198a/0198b/{name}", [b"x"], type="")
    folder = (root / files.place("0198a/0198b/a").path).parent
    files.delete(["0198a/0198b/a"])
    assert folder.is_dir()
    files.delete(["0198a/0198b/b"])
    assert not folder.exists()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_links_are_not_followed(files, root, tmp_path, depth):
    """At each step of the way to a file, whoever put one there."""
    outside = tmp_path / "outside"
    steps = Path(files.place(KEY).path).parts
    secret = outside.joinpath(*steps[depth:])
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("secret")
    trap = root.joinpath(*steps[:depth])
    trap.parent.mkdir(parents=True, exist_ok=True)
    trap.symlink_to(outside if depth < 4 else secret)
    assert files.open(KEY) is None
    with pytest.raises((Unavailable, FileExistsError)):
        files.write(KEY, [b"x"], type="")
    files.delete([KEY])
    assert secret.read_text() == "secret"
    assert list(files.stored()) == []
    assert [each for each in tmp_path.rglob("*") if each.is_file() and root not in each.parents] == [secret]


def test_what_is_no_file_is_none(files, root):
    place = root / files.place(KEY).path
    place.parent.mkdir(parents=True)
    os.mkfifo(place)
    assert files.open(KEY) is None
    assert list(files.stored()) == []


def test_what_others_put_beside_them_is_left_alone(files, root):
    (root / "lost+found").mkdir(mode=0)
    (root / "readme.txt").write_text("mine")
    files.write(KEY, [b"x"], type="")
    assert [each.key for each in files.stored()] == [KEY]


def test_a_file_that_somebody_cut_off_is_not_told_as_a_whole(files, root):
    files.write(KEY, [b"x" * 1_000_000], type="")
    opened = files.open(KEY)
    os.truncate(root / files.place(KEY).path, 400_000)
    with pytest.raises(Unavailable):
        b"".join(opened.chunks)


WRITING = """
import os, sys
from pathlib import Path
from adapters.outbound.disk_files import DiskFiles

def chunks():
    for _ in range(4):
        yield b"x" * 500_000
        said("part")

def said(what):
    print(what, flush=True)
    sys.stdin.readline()

link, flush = os.link, os.fsync
os.link = lambda *names, **where: (said("before the name"), link(*names, **where), said("named"))
DiskFiles(Path(sys.argv[1])).write(sys.argv[2], chunks(), type="")
said("done")
"""


@pytest.mark.parametrize("moment", ["part", "before the name", "named", "done"])
def test_a_write_that_was_killed_left_all_or_nothing(files, root, moment):
    command = [sys.executable, "-c", WRITING, str(root), KEY]
    writer = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with writer:
        while (said := writer.stdout.readline().strip()) != moment:
            assert said, "the writer ended"
            writer.stdin.write("\n")
            writer.stdin.flush()
        writer.send_signal(signal.SIGKILL)
    is_there = moment in ("named", "done")
    assert {each.key: each.size for each in files.stored()} == ({KEY: 2_000_000} if is_there else {})
    assert (files.open(KEY) is not None) == is_there
    left = 0 if moment == "done" else 1
    assert files.tidy(datetime.now(UTC) - timedelta(hours=1)) == 0  # somebody may be writing it
    assert files.tidy(datetime.now(UTC) + timedelta(seconds=5)) == left
    assert list((root / ".unfinished").iterdir()) == []
    assert (files.open(KEY) is not None) == is_there


LIMITED = """
import resource, signal, sys
from pathlib import Path
from adapters.outbound.disk_files import DiskFiles
from domain.errors import OutOfSpace

resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    DiskFiles(Path(sys.argv[1])).write(sys.argv[2], (b"x" * 300_000 for _ in range(9)), type="")
except OutOfSpace as full:
    print(full.detail)
"""


def test_where_there_is_no_room_nothing_is_left(files, root):
    """The system refuses to write on, as it does on a disk that is full."""
    ran = subprocess.run([sys.executable, "-c", LIMITED, str(root), KEY], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ran.stdout.strip(), ran.stderr) == ("there is no room left for files", "")
    assert [each for each in root.rglob("*") if each.is_file()] == []


FULL = """
import sys
from pathlib import Path
from adapters.outbound.disk_files import DiskFiles
from domain.errors import OutOfSpace

root = Path(sys.argv[1])
files = DiskFiles(root)

def told(ask):
    try:
        ask()
    except OutOfSpace:
        left = [str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()]
        return "full", left
    return "fits"

print(told(lambda: files.write(sys.argv[2], (b"x" * 100_000 for _ in range(20)), type="")))
print(told(lambda: files.write(sys.argv[2], [b"x" * 600_000], type="")))
print(told(files.check))
(root / "somebody-elses").write_bytes(b"x" * 400_000)
(root / "more").open("wb", 0).write(b"x" * 400_000)
print(told(files.check))
files.delete([sys.argv[2]])
print(told(files.check), told(lambda: files.write("a/b/c", [b"x" * 100_000], type="")))
"""


def test_a_disk_that_is_full_keeps_nothing_and_goes_on_when_there_is_room(root):
    """A real one, of a megabyte, which only this process sees."""
    mounted = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mounted, str(root), sys.executable, "-c", FULL, str(root), KEY]
    try:
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("this system cannot make a small disk: no unshare")
    assert "Traceback" not in ran.stderr, ran.stderr
    if not ran.stdout:
        pytest.skip(f"this system lets nobody make a small disk: {ran.stderr[:100]}")
    lines = ran.stdout.splitlines()
    assert lines[:3] == ["('full', [])", "fits", "fits"]
    assert lines[3].startswith("('full'")
    assert DiskFiles(root).place(KEY).path in lines[3]
    assert lines[4] == "fits fits"


def test_a_disk_that_is_gone_is_no_store_without_files(files, root):
    files.write(KEY, [b"x"], type="")
    root.rename(root.with_name("unmounted"))
    for ask in (lambda: files.open(KEY), lambda: list(files.stored()), files.check, lambda: files.write(KEY, [], type="")):
        with pytest.raises(Unavailable) as told:
            ask()
        assert str(root) not in told.value.detail
    assert not root.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_disk_that_is_read_only_is_told_before_anybody_writes(files, root):
    root.chmod(0o500)
    with pytest.raises(Unavailable):
        files.check()
    root.chmod(0o700)
    files.check()
