"""Load by wrk: a pool of ready requests that its threads go round, and what it measured."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS, THREADS = 16, 2

# The requests are made before the clock starts, so that the client costs as little CPU as it can: it shares the machine
# with the server. Each thread begins elsewhere in the pool.
_SCRIPT = """
local pool = {{
{pool}
}}
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end
local ready, at = {{}}, 0
function init(args)
  for i, each in ipairs(pool) do ready[i] = wrk.format("{method}", each[1], nil, each[2]) end
  at = number * math.floor(#ready / {threads})
end
function request()
  at = at % #ready + 1
  return ready[at]
end
{done}"""
_MARK = "measured "
# The end of every script.
DONE = """
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n%s{"requests": %d, "microseconds": %d, "refused": %d, "broken": %d, "p99": %d}\\n', "measured ",
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout, latency:percentile(99)))
end
"""


class WrkMissing(Exception):
    def __init__(self) -> None:
        super().__init__("wrk is not on this machine; on Debian or Ubuntu: apt-get install wrk")


class WrkFailed(Exception):
    """wrk itself did not run to its end."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`refused` answers had a status of 400 or above, `broken` ones never came whole."""

    requests: int
    seconds: float
    refused: int
    broken: int
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk sends in one case to one server."""

    script: Path
    port: int

    def run(self, seconds: int) -> Measured:
        return run_wrk(self.script, self.port, seconds)


def run_wrk(script: Path, port: int, seconds: int) -> Measured:
    command = ["wrk", "-c", str(CONNECTIONS), "-t", str(THREADS), "-d", f"{seconds}s", "--timeout", "10s",
               "-s", str(script), f"http://127.0.0.1:{port}"]  # fmt: skip
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds + 60)
    told = [line for line in ended.stdout.splitlines() if line.startswith(_MARK)]
    if ended.returncode or not told:
        raise WrkFailed(f"wrk ended with {ended.returncode}: {(ended.stderr or ended.stdout).strip()[:400]}")
    found = json.loads(told[-1].removeprefix(_MARK))
    return Measured(
        found["requests"], found["microseconds"] / 1e6, found["refused"], found["broken"], found["p99"] / 1000
    )


def check_wrk() -> None:
    if shutil.which("wrk") is None:
        raise WrkMissing


def write_load(
    script: Path, port: int, method: str, pool: Sequence[tuple[str, str | None]], headers: Mapping[str, str]
) -> Load:
    """`pool` holds path and body of each request."""
    lines = [f"  {{{_lua(path)}, {'nil' if body is None else _lua(body)}}}," for path, body in pool]
    text = _SCRIPT.format(pool="\n".join(lines), method=method, threads=THREADS, done=DONE)
    text += "".join(f"wrk.headers[ {_lua(name)} ] = {_lua(value)}\n" for name, value in headers.items())
    script.write_text(text, encoding="utf-8")
    return Load(script, port)


def _lua(text: str) -> str:
    """A literal that takes every character as it is."""
    return f"[==[{text}]==]"
