"""Load by wrk where each answer holds the token of the next request, so that no request is sent twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.load import CONNECTIONS, DONE, THREADS, Measured, run_wrk

# For each connection one that is under way, and one more: wrk makes a request at the start that it does not send.
TOKENS = 2 * CONNECTIONS

_SCRIPT = """
local tokens = {{ {tokens} }}
local threads, ready = 0, {{}}
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end
function init(args)
  for i = number + 1, #tokens, {threads} do table.insert(ready, tokens[i]) end
end
function request()
  return {request}
end
function response(status, headers, body)
  table.insert(ready, body:match('"{name}":%s*"([^"]+)"'))
end
{done}"""
_NEXT = "table.remove(ready, 1)"
_IN_BODY = """wrk.format("POST", "{path}", {{ ["Content-Type"] = "application/json" }}, '{{"{name}":"' .. {next} .. '"}}')"""
_BORNE = """wrk.format("POST", "{path}", {{ ["Authorization"] = "Bearer " .. {next} }})"""


@dataclass(frozen=True, slots=True)
class Chained:
    """`token` signs in. A run begins with new ones, which `renewed` gets before the clock starts: those of the run before are spent, and
    what followed them went with wrk."""

    script: Path
    port: int
    path: str
    name: str
    in_body: bool
    token: Callable[[], str]

    def renewed(self) -> "Chained":
        tokens = ", ".join(f'"{self.token()}"' for _ in range(TOKENS))
        request = (_IN_BODY if self.in_body else _BORNE).format(path=self.path, name=self.name, next=_NEXT)
        text = _SCRIPT.format(tokens=tokens, threads=THREADS, request=request, name=self.name, done=DONE)
        self.script.write_text(text, encoding="utf-8")
        return self

    def run(self, seconds: int) -> Measured:
        return run_wrk(self.script, self.port, seconds)


def first(token: str, *, name: str, in_body: bool) -> tuple[Mapping[str, str] | None, str]:
    """Body and bearer of one such request."""
    return ({name: token}, "") if in_body else (None, token)
