"""Finds the extensions that the settings name: files of a folder, or modules. One that cannot be loaded is named with file and line, and
nothing starts without it: what it would have refused must not pass meanwhile.
"""

import importlib
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

from adapters.inbound.web.declared_bodies import shape_of
from app.extend import Extension
from app.premises import StartRefused
from app.settings import DEFAULT_EXTENSIONS
from domain.actor import ADMINS
from domain.errors import Invalid
from domain.hooks.chain import Undeclarable, check_collections, in_order
from domain.hooks.declared import Job
from domain.jobs.tasks import UnfitTask, task_of
from domain.schema.collection import Collection

_MODULE = "stillroom_extension_"
# Frames that say nothing of where a module is wrong.
_OURS = ("<frozen", __file__, importlib.__file__)


def load(places: Sequence[str]) -> tuple[Extension, ...]:
    """In the order in which places name them, files of a folder by their names. StartRefused where one does not load, or they contradict
    each other."""
    found: dict[int, Extension] = {}
    for place in places:
        for module, where in _modules(place):
            own = [each for each in vars(module).values() if isinstance(each, Extension)]
            if not own:
                raise StartRefused(f"{where} declares no extension; it holds `blog = Extension(\"blog\")`, or its name begins with `_`.")
            found.update((id(each), each) for each in own)
    extensions = tuple(found.values())
    _check(extensions)
    return extensions


def files(places: Sequence[str]) -> list[Path]:
    """Those of folders: what is looked at for changes."""
    return [file for place in places if _is_folder(place) for file in _files(place)]


def check_names(extensions: Iterable[Extension], collections: Iterable[Collection]) -> list[str]:
    """Warnings for collections that are not there yet. StartRefused for what is probably a wrong name: a hook that refuses something would
    silently refuse nothing."""
    known = [ADMINS, *(each.name for each in collections)]
    hooks = [hook for extension in extensions for hook in extension.hooks]
    warnings = []
    for hook, meant in check_collections(hooks, known):
        if meant:
            raise StartRefused(f"{hook.place}: there is no collection `{hook.collection}`; {meant}")
        warnings.append(f"{hook.place}: there is no collection `{hook.collection}` yet, so `{hook.name}` waits for it")
    return warnings


def _check(extensions: Sequence[Extension]) -> None:
    names = [each.name for each in extensions]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise StartRefused(f"There are two extensions `{twice}`; give one of them another name.")
    _check_jobs([job for extension in extensions for job in extension.jobs])
    try:
        in_order(hook for extension in extensions for hook in extension.hooks)
    except Undeclarable as wrong:
        raise StartRefused(f"{wrong.place}: {wrong}") from wrong
    _check_declared(extensions)


def _check_declared(extensions: Sequence[Extension]) -> None:
    for extension in extensions:
        for route in extension.routes:
            try:
                shape_of(route.body) if route.body is not None else None
            except TypeError as wrong:
                raise StartRefused(f"{route.place}: {wrong}") from wrong
    commands = [command for extension in extensions for command in extension.commands]
    for at, command in enumerate(commands):
        if command.name in (each.name for each in commands[:at]):
            raise StartRefused(f"{command.place}: there are two commands `{command.name}`")


def _check_jobs(jobs: Sequence[Job]) -> None:
    names = [each.name for each in jobs]
    for job in jobs:
        if names.count(job.name) > 1:
            raise StartRefused(f"{job.place}: there are two jobs `{job.name}`; give one of them another name.")
        try:
            task_of(job.name, partial(job.run, None), **job.options)
        except (UnfitTask, Invalid, TypeError) as wrong:
            raise StartRefused(f"{job.place}: {wrong}.") from wrong


def _is_folder(place: str) -> bool:
    return "/" in place or place.startswith(".")


def _files(place: str) -> list[Path]:
    return sorted(each for each in Path(place).expanduser().glob("*.py") if not each.name.startswith("_"))


def _modules(place: str) -> Iterator[tuple[ModuleType, str]]:
    if not _is_folder(place):
        yield _imported(place), f"The module `{place}`"
        return
    if not Path(place).expanduser().is_dir() and place not in DEFAULT_EXTENSIONS:
        raise StartRefused(f"STILLROOM_EXTENSIONS: there is no folder {place}.")
    for file in _files(place):
        yield _run(file), f"`{file}`"


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise StartRefused(f"STILLROOM_EXTENSIONS: {name} is not loaded: {_told(error, None)}") from error


def _run(file: Path) -> ModuleType:
    """From its text: a compiled copy may be older than what was written in the same second, and folders of others are left as they are."""
    module = ModuleType(_MODULE + file.stem)
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # where dataclasses look for the names of their annotations
    try:
        exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)  # noqa: S102 - the owner's own code, as any import
    except Exception as error:
        del sys.modules[module.__name__]
        raise StartRefused(_told(error, file)) from error
    return module


def _told(error: Exception, file: Path | None) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"`{error.filename}`, line {error.lineno}: {error.msg}"
    # Of a module the last place outside of the machinery of imports and of this file is its own.
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if each.filename == str(file) or (file is None and not each.filename.startswith(_OURS))]
    where = f"`{own[-1].filename}`, line {own[-1].lineno}: " if own else ""
    return f"{where}{type(error).__name__}: {error}"
