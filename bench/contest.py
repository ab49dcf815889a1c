"""The contest itself: fills both backends, makes sure that they answer alike, and times them by turns."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from bench import pocketbase, stillroom
from bench.api import NotAsExpected, headers
from bench.cases import Case, Chain, Seen, Wish, seen
from bench.chained import Chained, first
from bench.load import Load, Measured, WrkFailed, write_load
from bench.patient import Once, Slow
from bench.processes import Memory
from bench.servers import Server, empty_view
from bench.tables import WORLDS, Table

# Requests that may take a second each go on for so many seconds at least.
_LONG = 5
_SETTLING = 15.0
# Answers of each case that are compared before it is timed.
_COMPARED = 5
AnyLoad = Load | Once | Slow | Chained
EMPTY, OURS, THEIRS = "empty view", "Stillroom", "PocketBase"


@dataclass(frozen=True, slots=True)
class Plan:
    """`settings` go to Stillroom and the empty view alike; `imports` are timed by themselves."""

    cases: tuple[Case, ...]
    rows: int
    rounds: int
    seconds: int
    warm_up: int
    settings: Mapping[str, str]
    imports: bool = False

    @property
    def tables(self) -> tuple[Table, ...]:
        """Those that the cases need, targets first."""
        wanted = {each.world for each in self.cases}
        return tuple(table for world, tables in WORLDS.items() if world in wanted for table in tables)


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one server."""

    measured: Measured
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.measured.per_second

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds * 1e6 / max(1, self.measured.requests)


@dataclass(frozen=True, slots=True)
class Result:
    """Samples of each server, one a round; none where `failure` says why."""

    case: Case
    samples: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Contest:
    """`starts` are seconds of a start on existing data, `memory` that of each worker after the load."""

    results: tuple[Result, ...]
    starts: Mapping[str, float]
    memory: Mapping[str, list[Memory]]


@dataclass(frozen=True, slots=True)
class Backend:
    """A filled contestant: `owner` is the account that owns its rows."""

    server: Server
    owner: str
    signed_in: Callable[[Server], Mapping[str, Any]]
    token: Callable[[Server], str]
    wish: Callable[[Case], Wish]


def hold(plan: Plan, folder: Path) -> Contest:
    """Every server it started is stopped when this returns or raises."""
    with ExitStack() as running:
        empty = running.enter_context(empty_view(folder / "empty", plan.settings))
        ours = running.enter_context(stillroom.stillroom(folder / "stillroom", plan.settings))
        theirs = running.enter_context(pocketbase.pocketbase(folder / "pocketbase"))
        backends = (
            Backend(ours, _filled(ours, stillroom.fill, plan), stillroom.signed_in, stillroom.token, lambda case: case.ours),
            Backend(theirs, _filled(theirs, pocketbase.fill, plan), pocketbase.signed_in, pocketbase.token, lambda case: case.theirs),
        )
        # What ran before has been stopped: this is the second start of both, on the data of the first.
        starts = {each.name: each.start() for each in (empty, ours, theirs)}
        results = tuple(_result(case, empty, backends, plan, folder) for case in plan.cases)
        memory = {each.name: each.worker_memory() for each in (empty, ours, theirs)}
    return Contest(results, starts, memory)


def _filled(server: Server, fill: Callable[[Server, int, Sequence[Table]], str], plan: Plan) -> str:
    _say(f"filling {server.name} with {plan.rows:,} rows")
    server.start()
    try:
        owner = fill(server, plan.rows, plan.tables)
    except NotAsExpected as failure:
        raise NotAsExpected(f"{failure}\nThe end of what {server.name} said:\n{server.last_words()}") from failure
    server.stop()
    return owner


def _result(case: Case, empty: Server, backends: tuple[Backend, ...], plan: Plan, folder: Path) -> Result:
    try:
        _check_alike(case, backends, plan)
        loads: dict[Server, AnyLoad] = {empty: _empty_load(empty, folder)}
        loads |= {each.server: _load(case, each, plan, folder) for each in backends}
        return Result(case, _by_turns(case, loads, plan))
    except (NotAsExpected, WrkFailed, OSError) as failure:
        return Result(case, failure=str(failure))


def _check_alike(case: Case, backends: tuple[Backend, ...], plan: Plan) -> None:
    """Before anything is timed: the right status, and the same rows from both."""
    ours, theirs = (_answers(case, each, plan) for each in backends)
    for our, their in zip(ours, theirs, strict=True):
        if our != their:
            raise NotAsExpected(f"{OURS} and {THEIRS} answer differently: {our} and {their}")


def _answers(case: Case, backend: Backend, plan: Plan) -> list[Seen]:
    """To the first few requests; of those that are good once to the first, and then what is left."""
    wish, api = backend.wish(case), backend.server.api
    if wish.chain:
        body, bearer = first(_linked(wish.chain, backend), name=wish.chain.name, in_body=wish.chain.in_body)
        return [seen(api.expect(wish.status, case.method, wish.path(0), body, token=bearer))]
    token = backend.token(backend.server) if case.signed else ""
    asked = islice(case.pool(wish, plan.rows, backend.owner), 1 if case.changes else _COMPARED)
    found = [seen(api.expect(wish.status, case.method, path, body, token=token)) for path, body in asked]
    return found + [seen(api.expect(200, "GET", path)) for path in wish.left]


def _linked(chain: Chain, backend: Backend) -> str:
    return str(backend.signed_in(backend.server)[chain.name])


def _load(case: Case, backend: Backend, plan: Plan, folder: Path) -> AnyLoad:
    script = folder / f"{case.name}-{backend.server.name}.lua"
    wish = backend.wish(case)
    if chain := wish.chain:
        port = backend.server.api.port
        return Chained(script, port, wish.path(0), chain.name, chain.in_body, lambda: _linked(chain, backend))
    pool = list(case.pool(wish, plan.rows, backend.owner))
    sent = headers(backend.token(backend.server) if case.signed else "", has_body=case.body is not None)
    if case.once:
        # The first one is gone: it was asked for when answers were compared.
        return Once(backend.server.api.port, case.method, [path for path, _ in pool[1:]], plan.rounds + 1)
    if case.heavy:
        return Slow(backend.server.api.port, case.method, pool, sent)
    return write_load(script, backend.server.api.port, case.method, pool, sent)


def _empty_load(empty: Server, folder: Path) -> Load:
    return write_load(folder / "empty.lua", empty.api.port, "GET", [("/", None)], {})


def _by_turns(case: Case, loads: Mapping[Server, AnyLoad], plan: Plan) -> dict[str, tuple[Sample, ...]]:
    """A B C A B C: what disturbs the machine for a while disturbs all of them."""
    for server, load in loads.items():
        _say(f"{case.title}: warming up {server.name}")
        _ready(server, load).run(plan.warm_up)
        _settle(server)
    samples: dict[str, tuple[Sample, ...]] = {server.name: () for server in loads}
    for turn, server, load in _turns(loads, plan.rounds):
        _say(f"{case.title}: round {turn + 1} of {plan.rounds}, {server.name}")
        long = case.heavy and server.name != EMPTY
        samples[server.name] += (_sample(server, load, max(plan.seconds, _LONG) if long else plan.seconds),)
    return samples


def _turns(loads: Mapping[Server, AnyLoad], rounds: int) -> Iterator[tuple[int, Server, AnyLoad]]:
    for turn in range(rounds):
        for server, load in loads.items():
            yield turn, server, load


def _sample(server: Server, load: AnyLoad, seconds: int) -> Sample:
    load = _ready(server, load)
    before = server.cpu_seconds()
    measured = load.run(seconds)
    # wrk leaves when its time is up; what it still had asked for is worked off here, and counts.
    _settle(server)
    spent = server.cpu_seconds() - before
    if measured.refused or measured.broken or not measured.requests:
        raise NotAsExpected(
            f"{server.name}: of {measured.requests:,} requests {measured.refused:,} were refused and {measured.broken:,} broken off"
        )
    return Sample(measured, spent)


def _ready(server: Server, load: AnyLoad) -> AnyLoad:
    """With what it needs of the server beforehand, worked off."""
    if isinstance(load, Chained):
        load = load.renewed()
        _settle(server)
    return load


def _settle(server: Server) -> None:
    """Until it rests: what it is left with would slow its next turn, and the others' turns."""
    until, before = time.monotonic() + _SETTLING, -1.0
    while (now := server.cpu_seconds()) != before and time.monotonic() < until:
        before = now
        time.sleep(0.05)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
