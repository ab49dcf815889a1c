"""How far an import that is kept part by part has come: what is written in the transaction of each part, so that a second run goes on
exactly where the rows end."""

import json
from dataclasses import dataclass
from typing import Any

from domain.records.imports import Options


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one file (by its digest) into one collection (by its id). `rows` of the file are done with, good or bad; `rejects_size` is how
    much of the file of rejects belongs to them; `finished` is an instant, "" before."""

    collection: str
    digest: str
    options: str
    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects_size: int = 0
    finished: str = ""


def written(options: Options) -> str:
    sets = {name: sorted(getattr(options, name)) for name in ("ignore", "null", "clear_missing")}
    return json.dumps({"id_column": options.id_column, "key": options.key, "match": dict(options.match), **sets}, sort_keys=True)


def read(text: str) -> Options:
    told: dict[str, Any] = json.loads(text)
    told |= {name: frozenset(told[name]) for name in ("ignore", "null", "clear_missing")}
    return Options(**told)
