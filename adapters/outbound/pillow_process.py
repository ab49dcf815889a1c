"""Thumbnails drawn apart from those who serve: `python -m adapters.outbound.pillow_process`, told what to draw by pillow_images.

Each picture is drawn by a process of its own, a copy of this one: one that takes more memory or time than it may, or breaks a decoder,
ends with that, and this process goes on without reading its libraries anew.

Over the pipes go blocks, each behind its length. A request is what to draw as JSON, then the picture, then an empty block; or, in place
of any of them, the word that its source broke off. Its answer is how it ended (one byte), then the thumbnail.
"""

import json
import os
import resource
import select
import signal
import struct
import sys
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import IO

from adapters.outbound.stepping_back import step_back
from domain.files.thumbs import LONGEST, MOST_WORK
from domain.schema.fields.sizes import read_size

DRAWN, REFUSED, LATE = b"d", b"r", b"l"
LENGTH = struct.Struct(">I")
BROKEN_OFF = LENGTH.pack(2**32 - 1)
# Of memory beyond what this process has: for the 256 MB of the most pixels, and what a decoder or a smaller picture needs beside them.
_MEMORY = 512 * 2**20
_PIECE = 2**16


class _BrokenOff(Exception):
    pass


def main() -> None:
    step_back(with_group=True)
    from adapters.outbound.pillow_drawing import EXAMPLE, example, prepare

    prepare()
    if _apart(BytesIO(example(EXAMPLE)), "1x1", EXAMPLE)[0] != DRAWN:
        # It is this machine then, and no picture may be blamed for it: whoever asks takes this end for a moment's.
        sys.exit("no thumbnail can be drawn on this machine")
    serve()


def serve() -> None:
    while (told := _block(sys.stdin.buffer)) is not None:
        try:
            outcome, drawn = _apart(_picture(sys.stdin.buffer), **json.loads(told))
        except _BrokenOff:
            continue
        write(sys.stdout.fileno(), outcome + LENGTH.pack(len(drawn)) + drawn)


def _picture(pipe: IO[bytes]) -> BytesIO:
    whole = BytesIO()
    while block := _block(pipe):
        whole.write(block)
    whole.seek(0)
    return whole


def _block(pipe: IO[bytes]) -> bytes | None:
    """None where whoever asks is gone."""
    length = pipe.read(LENGTH.size)
    if length == BROKEN_OFF:
        raise _BrokenOff
    return pipe.read(*LENGTH.unpack(length)) if len(length) == LENGTH.size else None


def _apart(picture: BytesIO, size: str, type: str) -> tuple[bytes, bytes]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _draw(picture, size, type, writing)
    os.close(writing)
    drawn = _read(reading, child)
    _, status = os.waitpid(child, 0)
    if status == 0:
        return DRAWN, drawn
    # Killed by us, or by a machine that has no memory left: not for what the picture is.
    return (LATE if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else REFUSED), b""


def _draw(picture: BytesIO, size: str, type: str, pipe: int) -> None:
    """Never returns: whatever happens here, this copy ends."""
    try:
        from adapters.outbound.pillow_drawing import draw

        for each in (sys.stdin, sys.stdout):  # where the pictures of others come and go
            os.close(each.fileno())
        _bound()
        write(pipe, draw(picture, read_size(size), type))
        os._exit(0)
    finally:
        os._exit(1)


def _bound() -> None:
    """A decoder that was broken open can open no file and start no process, but where all this runs as root."""
    _limit(resource.RLIMIT_AS, _own_memory() + _MEMORY)
    # A second later it would be killed, which says nothing of why.
    _limit(resource.RLIMIT_CPU, MOST_WORK, MOST_WORK + 1)
    for none in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        _limit(none, 0)


def _limit(what: int, *bounds: int) -> None:
    """Soft and hard. Whoever runs us may have set lower ones already."""
    _, highest = resource.getrlimit(what)
    most = max(bounds) if highest == resource.RLIM_INFINITY else highest
    try:
        resource.setrlimit(what, (min(bounds[0], most), min(bounds[-1], most)))
    except (OSError, ValueError):
        if sys.platform == "linux":  # others have not all of them
            raise


def _own_memory() -> int:
    """Addresses that are taken, of which most hold nothing."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:  # no Linux: then for all of them, generously
        return 2**30


def _read(pipe: int, child: int) -> bytes:
    end, read = monotonic() + LONGEST, bytearray()
    with os.fdopen(pipe, "rb", buffering=0) as reading:
        while True:
            ready, _, _ = select.select([reading], [], [], max(0, end - monotonic()))
            if not ready:
                os.kill(child, signal.SIGKILL)
                return b""
            piece = reading.read(_PIECE)
            if not piece:
                return bytes(read)
            read += piece


def write(pipe: int, whole: bytes) -> None:
    left = memoryview(whole)
    while left:
        left = left[os.write(pipe, left) :]


if __name__ == "__main__":
    main()
