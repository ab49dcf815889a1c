"""Rules tried by cases in memory, for the command line and for an owner's own pytest: a schema, a file of cases, what became of each."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from adapters.inbound.cli.schema_files import read_folder
from adapters.outbound.memory.clock import NamedIds, ToldClock
from app.testing import TestBackend, backend
from app.usecases.rule_trials import RuleTrials
from domain.actor import SYSTEM
from domain.errors import Invalid
from domain.records.rule_cases import Outcome, read_cases


def rule_outcomes(schema: str | Path, *files: str | Path) -> list[Outcome]:
    """Every case of the files, tried on the collections of this folder. Invalid where a file is none, or the schema is not sound."""
    definitions = read_folder(Path(schema))
    return [each for file in files for each in tried(definitions, Path(file))]


def tried(definitions: Mapping[str, Any], file: Path) -> Iterator[Outcome]:
    """On a backend of its own, so that files know nothing of each other."""
    try:
        cases = read_cases(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise Invalid(f"`{file.name}` is no TOML: {broken}", code="invalid_case") from broken
    except Invalid as wrong:
        raise Invalid(f"`{file.name}`: {wrong.detail}", code=wrong.code, hint=wrong.hint) from wrong
    ids, clock = NamedIds(), ToldClock(cases.now) if cases.now else ToldClock()
    with backend(ids=ids, clock=clock) as room:
        room.schema.apply(definitions, actor=SYSTEM)
        try:
            yield from RuleTrials(room, _Ground(room, ids), cases).run()
        except Invalid as wrong:
            raise Invalid(f"`{file.name}`: {wrong.detail}", code=wrong.code, hint=wrong.hint) from wrong


class _Ground:
    def __init__(self, room: TestBackend, ids: NamedIds) -> None:
        self._room, self._ids = room, ids

    def undone(self, body: Callable[[], Any]) -> Any:
        return self._room.undone(body)

    def name_next(self, id: str) -> None:
        self._ids.name_next(id)
