"""The command `python -m bench`: reads what is wished for, runs it, and prints it."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench import importing, profiling, report
from bench.api import NotAsExpected
from bench.cases import CASES, NAMES
from bench.contest import Plan, hold
from bench.load import WrkMissing, check_wrk

_INTERRUPTED = 130


def main() -> int:
    options = _options()
    # Stopped by whoever supervises us, we stop our servers as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="stillroom-bench-") as folder:
            return profiling.run(_plan(options), Path(folder)) if options.profile else _bench(_plan(options), Path(folder))
    except (NotAsExpected, WrkMissing) as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.", file=sys.stderr)
        return _INTERRUPTED


def _bench(plan: Plan, folder: Path) -> int:
    failed = False
    if plan.cases:
        check_wrk()
        contest = hold(plan, folder)
        failed = any(result.failure for result in contest.results)
        _print(report.lines(contest, plan))
    if plan.imports:
        _print(importing.lines(importing.hold(plan, folder / "imports")))
    return 1 if failed else 0


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Stillroom beside an empty Flask view and PocketBase.")
    parser.add_argument("--case", action="append", choices=(*NAMES, importing.NAME), help="only this one; may be given again")
    parser.add_argument("--rows", type=_positive, default=10_000, help="rows in each collection (10,000)")
    parser.add_argument("--rounds", type=_positive, default=3, help="turns of each server in each case (3)")
    parser.add_argument("--seconds", type=_positive, default=2, help="length of a turn (2)")
    parser.add_argument("--warm-up", type=_positive, default=1, help="seconds before the first turn (1)")
    parser.add_argument("--short", action="store_true", help="1,000 rows, one turn of a second: shows that it works, no more")
    parser.add_argument("--workers", type=_positive, help="worker processes of Stillroom and the empty view (one per core)")
    parser.add_argument("--threads", type=_positive, help="threads of each worker (8)")
    parser.add_argument("--profile", action="store_true", help="run Stillroom's own part under cProfile in this process instead")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it is 1 or more")
    return number


def _plan(options: argparse.Namespace) -> Plan:
    cases = tuple(each for each in CASES if not options.case or each.name in options.case)
    imports = not options.case or importing.NAME in options.case
    given = {"STILLROOM_WORKERS": options.workers, "STILLROOM_THREADS": options.threads}
    settings = {name: str(value) for name, value in given.items() if value is not None}
    if options.short:
        return Plan(cases, rows=1_000, rounds=1, seconds=1, warm_up=1, settings=settings, imports=imports)
    return Plan(cases, options.rows, options.rounds, options.seconds, options.warm_up, settings, imports)


if __name__ == "__main__":
    sys.exit(main())
