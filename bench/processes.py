"""What Linux tells of running processes: their CPU time, and the memory that they hold."""

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat behind the command's closing bracket.
_PARENT, _USER, _SYSTEM, _USER_OF_CHILDREN, _SYSTEM_OF_CHILDREN = 1, 11, 12, 13, 14


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes. `rss` counts pages shared with other processes in full, `pss` only this process's part of them."""

    rss: int
    pss: int


def family(pid: int) -> list[int]:
    """The process, its children and theirs."""
    parents = {int(each.name): _parent(each) for each in _PROC.iterdir() if each.name.isdigit()}
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of all their threads, and of children that ended."""
    return sum(_ticks(_PROC / str(pid)) for pid in pids) / _TICKS


def memory(pid: int) -> Memory:
    lines = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    sizes = {name.rstrip(":"): int(size) * 1024 for name, size, *_ in map(str.split, lines)}
    return Memory(sizes["Rss"], sizes["Pss"])


def _parent(folder: Path) -> int:
    fields = _stat(folder)
    return int(fields[_PARENT]) if fields else 0


def _ticks(folder: Path) -> int:
    fields = _stat(folder)
    return sum(int(fields[at]) for at in (_USER, _SYSTEM, _USER_OF_CHILDREN, _SYSTEM_OF_CHILDREN)) if fields else 0


def _stat(folder: Path) -> list[str]:
    """Nothing where the process has ended. The command's name may hold blanks and brackets."""
    try:
        return (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
