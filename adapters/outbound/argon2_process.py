"""Hashing passwords in a process of its own, for workers that serve: `python -m adapters.outbound.argon2_process MEMORY PASSES LANES`.

A thread of low priority still uses up what the scheduler grants to its whole session, so that beside other programs the worker's other
threads came too late. This process is alone in its session. It also keeps the block of memory that each hash needs, which workers give
back.
"""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock

from adapters.outbound.argon2_hashing import Hasher
from adapters.outbound.stepping_back import step_back
from domain.errors import Unavailable

_ROOT = Path(__file__).parents[2]


class HashingProcess:
    """Started by the first password, and anew where it died. It ends with this process, whose end of the pipe it reads from."""

    def __init__(self, memory_kib: int, passes: int, lanes: int) -> None:
        self._parameters = [str(each) for each in (memory_kib, passes, lanes)]
        self._process: subprocess.Popen[bytes] | None = None
        self._asking = Lock()

    def hash(self, password: str) -> str:
        return self._asked(password, None)

    def agrees(self, password: str, hashed: str) -> bool:
        return self._asked(password, hashed) == "agrees"

    def close(self) -> None:
        with self._asking:
            self._end()

    def _asked(self, password: str, hashed: str | None) -> str:
        line = json.dumps([password, hashed]).encode() + b"\n"
        with self._asking:
            told = self._exchanged(line) or self._exchanged(line)
        if told is None:
            raise Unavailable("passwords cannot be checked at the moment", retry_after=2)
        return told

    def _exchanged(self, line: bytes) -> str | None:
        """None where it died over it, or before."""
        try:
            process = self._process = self._process or self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(line)
            process.stdin.flush()
            told = process.stdout.readline()
        except OSError:
            told = b""
        if told.endswith(b"\n"):
            return told.decode().rstrip("\n")
        self._end()
        return None

    def _started(self) -> subprocess.Popen[bytes]:
        """-P: what lies in the folder that the server was started in is none of our modules. Nothing of the environment goes along."""
        command = [sys.executable, "-P", "-m", __name__, *self._parameters]
        return subprocess.Popen(
            command, env={"PYTHONPATH": str(_ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.communicate()


def _main() -> None:
    step_back(with_group=True)
    hasher = Hasher(*(int(each) for each in sys.argv[1:4]))
    for line in sys.stdin.buffer:
        password, hashed = json.loads(line)
        told = hasher.hash(password) if hashed is None else "agrees" if hasher.agrees(password, hashed) else "differs"
        os.write(sys.stdout.fileno(), told.encode() + b"\n")


if __name__ == "__main__":
    _main()
