"""Counts that all processes of a machine share: a table in a file of the data folder, read and written in place.

The file is never flushed on purpose, so it is memory that processes share by the kernel's page cache. It is read and written by
pread and pwrite rather than mapped: a mapped page that the disk has no room for kills the process, a write that fails is an error.
Locks are the kernel's own (fcntl), a bucket each: a process that dies gives them back. Time is the kernel's monotonic clock, which all
processes share and nobody sets; a table from before the last boot is begun anew.
"""

import errno
import fcntl
import os
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from domain.errors import Unavailable
from domain.limits.quotas import KEY_BYTES, Meter, Tally, full

_MAGIC = b"stillroom limits"
_VERSION = 1
# Magic, version, buckets, the boot that the times belong to, a salt.
_HEADER = struct.Struct("=16sII36s16s")
_HEADER_ROOM = 4096
# Key, end of the window on the monotonic clock, count.
_SLOT = struct.Struct(f"={KEY_BYTES}sdQ")
_SLOTS = 32  # of a bucket
_BUCKET = _SLOT.size * _SLOTS
BUCKETS = 8192  # room for 262,144 counts at once in 10 MiB
_STRIPES = 64
# A bucket is held for microseconds; whoever holds it longer has been stopped, and nobody waits for that.
_PATIENCE = 0.25
_PAUSE = 0.0005
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class MachineLimits:
    """`path` is the same for all who share; the first one makes the file."""

    def __init__(self, path: Path, *, buckets: int = BUCKETS) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._buckets = buckets
        # Locks of the kernel are between processes; threads of one process stand in line here.
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]
        try:
            self._salt = self._prepare()
        except BaseException:
            os.close(self._file)
            raise

    def hit(self, meters: Sequence[Meter]) -> Sequence[Tally]:
        tallies: list[Tally] = []
        for meter in meters:
            tallies.append(self._counted(meter))
            if tallies[-1].is_over:
                break
        return tallies

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._file)

    def _counted(self, meter: Meter) -> Tally:
        bucket = self._bucket_of(meter.key)
        stripe = self._stripes[bucket % _STRIPES]
        if not stripe.acquire(timeout=_PATIENCE):
            return full(meter, 1)
        try:
            return self._count(meter, _HEADER_ROOM + bucket * _BUCKET)
        except OSError as error:
            raise Unavailable("limits cannot be counted at the moment") from error
        finally:
            stripe.release()

    def _count(self, meter: Meter, start: int) -> Tally:
        if not self._lock(start):
            return full(meter, 1)
        try:
            return self._count_held(meter, start)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _BUCKET, start)

    def _count_held(self, meter: Meter, start: int) -> Tally:
        """The key is looked for in all of the bucket before any slot is taken: it may stand behind one that has become free."""
        bucket, now = os.pread(self._file, _BUCKET, start), time.monotonic()
        at = bucket.find(meter.key)
        while at >= 0 and at % _SLOT.size:
            at = bucket.find(meter.key, at + 1)  # the bytes of two slots, or of a slot's numbers, happen to look like it
        if at >= 0:
            _, ends, used = _SLOT.unpack_from(bucket, at)
        else:
            ends, used = 0.0, 0
            at, soonest = _oldest(bucket)
            if soonest > now:
                return full(meter, soonest - now)
        if ends <= now:
            ends, used = now + meter.quota.seconds, 0
        if used < meter.quota.count:
            os.pwrite(self._file, _SLOT.pack(meter.key, ends, used + 1), start + at)
        return Tally(meter, used + 1, ends - now)

    def _lock(self, start: int) -> bool:
        """Whether the bucket was had in time."""
        until = 0.0
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, _BUCKET, start)
                return True
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            until = until or time.monotonic() + _PATIENCE
            if time.monotonic() > until:
                return False
            time.sleep(_PAUSE)

    def _bucket_of(self, key: bytes) -> int:
        """By a salt that nobody outside knows: else a client could choose identities that all fall into one bucket, and fill it."""
        return int.from_bytes(blake2b(key, digest_size=8, key=self._salt).digest(), "big") % self._buckets

    def _prepare(self) -> bytes:
        fcntl.lockf(self._file, fcntl.LOCK_EX, _HEADER_ROOM, 0)
        try:
            found = os.pread(self._file, _HEADER.size, 0)
            expected = (_MAGIC, _VERSION, self._buckets, _boot())
            if len(found) == _HEADER.size and _HEADER.unpack(found)[:4] == expected:
                return bytes(_HEADER.unpack(found)[4])
            return self._begin(expected)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _HEADER_ROOM, 0)

    def _begin(self, expected: tuple[bytes, int, int, bytes]) -> bytes:
        """All of it has its room on the disk from the start, so that a full disk is told now."""
        size, salt = _HEADER_ROOM + self._buckets * _BUCKET, os.urandom(16)
        os.ftruncate(self._file, 0)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file, 0, size)
        else:
            os.ftruncate(self._file, size)
        os.pwrite(self._file, _HEADER.pack(*expected, salt), 0)
        return salt


def _oldest(bucket: bytes) -> tuple[int, float]:
    """The slot whose window ends first, and when; a slot that was never used ended long ago."""
    ends, at = min((slot[1], at) for at, slot in enumerate(_SLOT.iter_unpack(bucket)))
    return at * _SLOT.size, ends


def _boot() -> bytes:
    """Which boot of the machine this is; elsewhere than on Linux a table may outlive a boot, and its windows with it."""
    try:
        return _BOOT_ID.read_bytes().strip()[:36].ljust(36, b"\0")
    except OSError:
        return b"\0" * 36
