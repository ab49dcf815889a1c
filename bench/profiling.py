"""Where Stillroom's time goes: its WSGI application called in this process, without a server, timed and then under cProfile."""

import cProfile
import io
import pstats
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from bench import stillroom
from bench.api import NotAsExpected, headers
from bench.cases import Case
from bench.contest import Plan

_WARM, _CALLS, _TOP = 200, 1_000, 35

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Any]


def run(plan: Plan, folder: Path) -> int:
    with stillroom.stillroom(folder / "stillroom", plan.settings) as server:
        server.start()
        owner = stillroom.fill(server, plan.rows, plan.tables)
        token = stillroom.token(server)
    application, close = _application(folder / "stillroom" / "data")
    try:
        for case in plan.cases:
            if not case.once:
                _show(case, application, list(_environs(case, plan, owner, token)))
    finally:
        close()
    return 0


def _application(data: Path) -> tuple[Application, Callable[[], None]]:
    """Composed as each worker does it; the request log goes nowhere."""
    from adapters.outbound.logging_observer import LoggingObserver
    from app import wiring
    from app.factory import create_app
    from app.settings import Settings

    settings = Settings(data_dir=data)
    composed = wiring.build(settings)
    return create_app(settings, composed.backend, LoggingObserver(settings.log_level, io.BytesIO())), composed.close


def _environs(case: Case, plan: Plan, owner: str, token: str) -> Iterator[Environ]:
    """What the server would hand over."""
    sent = headers(token if case.signed else "", has_body=case.body is not None)
    named = {f"HTTP_{name.upper()}": value for name, value in sent.items() if name != "Content-Type"}
    for target, body in case.pool(case.ours, plan.rows, owner):
        path, _, query = target.partition("?")
        yield {
            "REQUEST_METHOD": case.method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1:8000", **named, **_content(body),
            "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
        }  # fmt: skip


def _content(body: str | None) -> dict[str, Any]:
    if body is None:
        return {"wsgi.input": b""}
    content = body.encode()
    return {"wsgi.input": content, "CONTENT_LENGTH": str(len(content)), "CONTENT_TYPE": "application/json"}


def _show(case: Case, application: Application, environs: list[Environ]) -> None:
    _call(case, application, environs, _WARM)
    before = time.process_time()
    _call(case, application, environs, _CALLS)
    spent = (time.process_time() - before) / _CALLS
    print(f"\n=== {case.title}: {spent * 1e6:,.0f} µs of CPU for each call, without a server\n")
    profile = cProfile.Profile()
    profile.runcall(_call, case, application, environs, _CALLS)
    for order in ("tottime", "cumulative"):
        pstats.Stats(profile).strip_dirs().sort_stats(order).print_stats(_TOP)


def _call(case: Case, application: Application, environs: list[Environ], times: int) -> None:
    statuses: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        statuses.append(status)

    for environ in islice(cycle(environs), times):
        _drain(application({**environ, "wsgi.input": io.BytesIO(environ["wsgi.input"])}, start_response))
    wrong = {each for each in statuses if not each.startswith(str(case.ours.status))}
    if wrong:
        raise NotAsExpected(f"{case.title}: Stillroom answers {', '.join(wrong)}")


def _drain(answer: Any) -> None:
    b"".join(answer)
    close = getattr(answer, "close", None)
    if close is not None:
        close()
