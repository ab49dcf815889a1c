"""Files in a folder of this machine, for its user alone, or for a group that a proxy is in.

A file is written beside the others under a name of its own, flushed, and only then linked to where its key leads, in a folder that is
flushed too: a crash at any moment leaves either all of it under its key or nothing. Folders are entered one by one and links are never
followed, so that whatever lies in the folder, nothing outside of it is read or written.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from domain.errors import OutOfSpace, Problem, Unavailable
from domain.files.keys import is_folder, is_key
from ports.files import OpenFile, Place, SignedForm, StoredFile

# Where files lie until they are whole; no key begins like this.
_UNFINISHED = ".unfinished"
_PIECE = 2**18
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})
# No such name, or what has it is no folder, or a link, or a socket.
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe that somebody put there is not waited for.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class _Modes(NamedTuple):
    folder: int
    file: int


_FOR_US, _FOR_GROUP = _Modes(0o700, 0o600), _Modes(0o750, 0o640)
# Somebody may remove an empty folder just when we were about to use it.
_TRIES = 20


class DiskFiles:
    """`root` is there. Where it no longer is, as when a disk is gone, nothing can be said of its files. With `for_group` the group of the
    folder may read what is written."""

    def __init__(self, root: Path, *, for_group: bool = False) -> None:
        self._root, self._modes = root, _FOR_GROUP if for_group else _FOR_US

    def write(self, key: str, chunks: Iterable[bytes], *, type: str, disposition: str = "attachment") -> None:
        if not is_key(key):
            raise ValueError("no key")
        name = secrets.token_hex(16)
        file = self._begun(name)
        try:
            _fill(file, chunks)
            with _told():
                self._publish(name, key)
        finally:
            os.close(file)
            self._forget(name)

    def open(self, key: str, start: int = 0, end: int | None = None) -> OpenFile | None:
        if not is_key(key):
            return None
        *folders, name = _steps(key)
        with _told(_ABSENT), self._folder(folders) as folder:
            file = FileIO(os.open(name, _READ, dir_fd=folder))
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode):
                size = found.st_size
                return OpenFile(size, _pieces(file, start, size if end is None else min(end, size)), file.close)
            file.close()
        return None

    def delete(self, keys: Iterable[str]) -> None:
        for key in filter(is_key, keys):
            self._remove(_steps(key))

    def copy(self, key: str, to: str) -> bool:
        """The bytes again, and no second name for the same ones: a file's age tells what nobody wants."""
        source = self.open(key)
        if source is None:
            return False
        try:
            self.write(to, source.chunks, type="")
        finally:
            source.close()
        return True

    def stored(self, folder: str = "", after: str = "") -> Iterator[StoredFile]:
        if not is_folder(folder):
            raise ValueError("no folder")
        steps = _steps(folder) if folder else []
        with _told(_ABSENT), self._folder(steps) as inside:
            yield from _walk(inside, tuple(steps), tuple(_steps(after)) if after else ())

    def tidy(self, before: datetime) -> int:
        removed = 0
        with _told(_ABSENT), self._folder([_UNFINISHED]) as unfinished:
            for each in os.scandir(unfinished):
                with _told(_ABSENT):  # it was finished just then
                    if _modified(each.stat(follow_symlinks=False)) < before:
                        os.unlink(each.name, dir_fd=unfinished)
                        removed += 1
        return removed

    def link(self, key: str, *, seconds: int) -> str | None:
        return None

    def form(self, key: str, *, size: int, type: str, disposition: str, seconds: int) -> SignedForm | None:
        return None

    def place(self, key: str) -> Place | None:
        return Place(str(self._root.absolute()), "/".join(_steps(key))) if is_key(key) else None

    def check(self) -> None:
        name = secrets.token_hex(16)
        os.close(self._begun(name))
        try:
            with _told(), self._folder([_UNFINISHED]) as unfinished:
                os.link(name, f"{name}.link", src_dir_fd=unfinished, dst_dir_fd=unfinished, follow_symlinks=False)
                os.unlink(f"{name}.link", dir_fd=unfinished)
                if os.fstatvfs(unfinished).f_bavail == 0:
                    raise _full()
        finally:
            self._forget(name)

    def _begun(self, name: str) -> int:
        with _told(), self._folder([_UNFINISHED], make=True) as unfinished:
            file = os.open(name, _WRITE, 0o600, dir_fd=unfinished)
            os.fchmod(file, self._modes.file)
            return file

    def _publish(self, name: str, key: str) -> None:
        *folders, last = _steps(key)
        for tried in range(_TRIES):
            try:
                with self._folder([_UNFINISHED]) as unfinished, self._folder(folders, make=True) as folder:
                    # Unlike a rename it takes no name that is taken.
                    os.link(name, last, src_dir_fd=unfinished, dst_dir_fd=folder, follow_symlinks=False)
                    os.fsync(folder)
                    return
            except FileNotFoundError:
                if tried + 1 == _TRIES:
                    raise

    def _forget(self, name: str) -> None:
        """What stays after all is found by `tidy`."""
        with suppress(OSError, Problem), self._folder([_UNFINISHED]) as unfinished:
            os.unlink(name, dir_fd=unfinished)

    def _remove(self, steps: list[str]) -> None:
        """And the folders that are empty then, but for the outermost ones."""
        *folders, name = steps
        with _told(_ABSENT | {errno.EISDIR}), self._folder(folders) as folder:
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)
        for depth in range(len(folders) - 1, 1, -1):
            with _told(_ABSENT | _NOT_EMPTY), self._folder(folders[:depth]) as folder:
                os.rmdir(folders[depth], dir_fd=folder)

    @contextmanager
    def _folder(self, steps: list[str], *, make: bool = False) -> Iterator[int]:
        try:
            # The root itself may be a link: where files lie is the owner's choice.
            folder = os.open(self._root, _FOLDER & ~os.O_NOFOLLOW)
        except OSError as error:
            raise _failed() from error
        try:
            for step in steps:
                folder, outer = _entered(folder, step, make=self._modes.folder if make else None), folder
                os.close(outer)
            yield folder
        finally:
            os.close(folder)


def _steps(key: str) -> list[str]:
    """Of which the second is a shelf, one of 256 by the segment after it: a collection of a million records is no folder of a million."""
    first, *rest = key.split("/")
    return [first, blake2b(rest[0].encode(), digest_size=1).hexdigest(), *rest] if rest else [first]


def _entered(folder: int, step: str, *, make: int | None) -> int:
    """`make` is the mode that it is made with, where it is not there."""
    try:
        return os.open(step, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if make is None:
            raise
    with suppress(FileExistsError):
        os.mkdir(step, 0o700, dir_fd=folder)
        _open_up(folder, step, make)
        os.fsync(folder)
    return os.open(step, _FOLDER, dir_fd=folder)


def _open_up(folder: int, step: str, mode: int) -> None:
    """Whatever the mask of this process, which is for what it makes elsewhere; what is in it goes on to belong to the folder's group."""
    made = os.open(step, _FOLDER, dir_fd=folder)
    try:
        os.fchmod(made, os.fstat(made).st_mode & stat.S_ISGID | mode)
    finally:
        os.close(made)


def _fill(file: int, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        left = memoryview(chunk)
        with _told():
            while left:
                left = left[os.write(file, left) :]
    with _told():
        os.fsync(file)


def _pieces(file: FileIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while (left := end - file.tell()) > 0:
            with _told():
                piece = file.read(min(_PIECE, left))
            if not piece:
                # Files here never change: somebody else cut it off.
                raise _failed()
            yield piece


def _walk(folder: int, steps: tuple[str, ...], after: tuple[str, ...]) -> Iterator[StoredFile]:
    for name in sorted(os.listdir(folder)):
        here = (*steps, name)
        if here < after[: len(here)] or here == after or not is_folder(name):
            continue
        with _told(_ABSENT):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            # Others may have put theirs beside our folders.
            if stat.S_ISREG(found.st_mode) and len(here) > 2:
                yield StoredFile("/".join(here[:1] + here[2:]), found.st_size, _modified(found))
            elif stat.S_ISDIR(found.st_mode):
                inner = os.open(name, _FOLDER, dir_fd=folder)
                try:
                    yield from _walk(inner, here, after)
                finally:
                    os.close(inner)


def _modified(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)


@contextmanager
def _told(ignored: frozenset[int] = frozenset()) -> Iterator[None]:
    """Errors of the system as the port promises them; but for a name that is taken, which is promised as it is."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in ignored:
            raise (_full() if error.errno in _FULL else _failed()) from error


def _full() -> Problem:
    return OutOfSpace("there is no room left for files")


def _failed() -> Problem:
    return Unavailable("files cannot be reached at the moment", retry_after=5)
