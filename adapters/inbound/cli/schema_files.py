"""The folder in which a schema is kept: one file for each collection, read strictly and written so that no crash leaves half a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import Invalid
from domain.records.cells import read_json
from domain.schema.fields import Unfit
from domain.schema.sets import Exported

_LARGEST = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Written:
    """Names of files. `left` are those of no collection that hold something that was never exported from this database."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    left: tuple[str, ...]


def read_folder(folder: Path) -> dict[str, Any]:
    """The definition in each `*.json` file, by the file's name. Invalid with the name of the file that is none; a folder that is not
    there is a mistake, not an empty schema."""
    if not folder.is_dir():
        hint = "`stillroom schema export` makes it from the database; --dir and STILLROOM_SCHEMA name another"
        raise Invalid(f"there is no folder `{folder}`", code="no_schema_folder", hint=hint)
    return {path.stem: _read(path) for path in _files(folder)}


def write_folder(folder: Path, exported: Exported) -> Written:
    """Files that say the same already are not touched. They are for everybody who works in the repository, unlike the database and its
    secret, so they get the modes that git gives."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    written = tuple(path.name for name, text in exported.files.items() if _write(path := folder / f"{name}.json", text))
    others = [path for path in _files(folder) if path.stem not in exported.files]
    ours = [path for path in others if _text(path) in exported.former.get(path.stem, ())]
    for path in ours:
        path.unlink()
    return Written(written, tuple(path.name for path in ours), tuple(path.name for path in others if path not in ours))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.is_file() and not path.name.startswith("."))


def _read(path: Path) -> Any:
    if path.stat().st_size > _LARGEST:
        raise Invalid(f"`{path.name}`: larger than {_LARGEST} bytes, which is no definition", code="too_large")
    text = _text(path)
    if text is None:
        raise Invalid(f"`{path.name}`: this is not UTF-8", code="not_utf8")
    try:
        return read_json(text)
    except Unfit as unfit:
        raise Invalid(f"`{path.name}`: {unfit.detail}{_where(unfit)}", code=unfit.code) from unfit


def _where(unfit: Unfit) -> str:
    """A merge conflict that was left in a file is found by its line."""
    line = getattr(unfit.__cause__, "lineno", None)
    return f" (line {line})" if line else ""


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def _write(path: Path, text: str) -> bool:
    if path.exists() and path.read_bytes() == text.encode():
        return False
    half = path.with_name(f".{path.name}.half")
    half.write_bytes(text.encode())
    half.chmod(0o644)
    half.replace(path)
    return True


def summary(actions: Mapping[str, int]) -> str:
    """`2 created, 1 changed`."""
    said = {"create": "created", "change": "changed", "delete": "deleted"}
    return ", ".join(f"{number} {said[action]}" for action, number in actions.items() if number)
