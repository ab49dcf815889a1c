"""What a careless or hostile file can hold: told by name and line, in bounded memory."""

import gzip
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.inbound.rows.formats import Dialect, format_of, open_rows
from domain.errors import Invalid, Problem
from domain.records.imports import BadRow, Row
from tests.e2e.server import ROOT, environment

# What a reader may need beyond what Python and its imports take, whatever the file holds.
MOST_MEMORY = 150 * 2**20


def read(path: Path, **dialect: Any) -> list[Row | BadRow]:
    with open_rows(path, Dialect(dialect.pop("format", None) or format_of(path), **dialect)) as rows:
        return list(rows)


def kept(path: Path, content: bytes, **dialect: Any) -> list[Any]:
    path.write_bytes(content)
    return [row.content if isinstance(row, Row) else row.faults[0].detail for row in read(path, **dialect)]


def refused(path: Path, content: bytes, **dialect: Any) -> tuple[str, str]:
    path.write_bytes(content)
    with pytest.raises(Problem) as caught:
        read(path, **dialect)
    return caught.value.code, caught.value.detail


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(tmp_path, delimiter: str) -> None:
    content = f'a{delimiter}"b,;|c"{delimiter}d\n1{delimiter}2{delimiter}3\n'.encode()
    assert kept(tmp_path / "a.csv", content) == [["1", "2", "3"]]


def test_one_column_needs_no_delimiter_and_a_wrong_one_can_be_corrected(tmp_path) -> None:
    assert kept(tmp_path / "a.csv", b"a\n1;2\n") == [["1;2"]]
    assert kept(tmp_path / "a.csv", b"a;b,c\n1;2,3\n", delimiter=";") == [["1", "2,3"]]
    with pytest.raises(Invalid, match="one character"):
        Dialect("csv", delimiter=";;")


def test_encodings(tmp_path) -> None:
    path = tmp_path / "a.csv"
    assert kept(path, b"\xef\xbb\xbfa\nx\n") == [["x"]]
    assert kept(path, "a\né\n".encode("latin-1"), encoding="latin-1") == [["é"]]
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        assert kept(path, "a\né\n".encode(encoding), encoding=encoding) == [["é"]], encoding
    good = b"x\n" * 5_000
    assert refused(path, b"a\n" + good + b"\xe9\n" + good) == ("not_utf8", "line 5002 is not UTF-8")
    assert refused(tmp_path / "a.jsonl", b'{}\n{"a": "\xe9"}\n')[1] == "line 2 is not UTF-8"
    assert refused(path, "a\nx\n".encode("utf-16"))[0] == "not_utf8"


def test_a_quote_that_is_never_closed_is_told_where_it_is_opened(tmp_path) -> None:
    assert kept(tmp_path / "a.csv", b'a,b\n1,2\n"3,4\n5,6\n') == [["1", "2"], "a quote that is opened in line 3 is not closed"]


def test_a_line_end_may_stand_in_quotes(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'a,b\r\n"1\n2",3\r\n4,5\r\n')
    assert [(row.line, row.content) for row in read(path) if isinstance(row, Row)] == [(2, ["1\n2", "3"]), (4, ["4", "5"])]


def test_an_array_is_read_object_by_object_with_lines(tmp_path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf[\n {"a": 1},\n\n {"a": "]}",\n  "b": [1, {"c": 2}]}, {"a": 1, "a": 2},\n {}\n]\n')
    found = [(row.line, row.content if isinstance(row, Row) else row.faults[0].code) for row in read(path)]
    assert found == [(2, {"a": 1}), (4, {"a": "]}", "b": [1, {"c": 2}]}), (5, "duplicate_key"), (6, {})]
    assert kept(path, b" [ ] ") == []


def test_a_long_array_crosses_what_is_read_at_once(tmp_path) -> None:
    objects = [{"n": number, "text": "ü" * (number % 700)} for number in range(3_000)]
    content = ("[" + ",\n".join(f'{{"n": {each["n"]}, "text": "{each["text"]}"}}' for each in objects) + "]").encode()
    assert kept(tmp_path / "a.json", content) == objects
    assert kept(tmp_path / "a.json.gz", gzip.compress(content)) == objects


@pytest.mark.parametrize(
    "content, detail",
    [
        (b"", "begins with `[`"), (b'{"a": 1}', "begins with `[`"), (b"[1]", "each element"), (b'[{"a": 1} {"a": 2}]', "comes a comma"),
        (b'[{"a": 1},]', "each element"), (b'[{"a": 1', "no JSON"), (b'[{"a": nul}]', "no JSON"), (b'[{"a": 1}] []', "behind the end"),
        (b'[{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_array_of_objects_is_told(tmp_path, content: bytes, detail: str) -> None:
    code, told = refused(tmp_path / "a.json", content)
    assert code == "invalid_json"
    assert detail in told


def test_gzip_is_known_by_its_first_bytes(tmp_path) -> None:
    assert kept(tmp_path / "a.csv", gzip.compress(b"a\n1\n")) == [["1"]]
    assert kept(tmp_path / "a.jsonl.gz", gzip.compress(b'{"a": 1}\n')) == [{"a": 1}]
    assert refused(tmp_path / "a.csv", gzip.compress(b"a\n1\n" * 1000)[:-12])[0] == "invalid_gzip"


# --- memory


HOSTILE = {"a.csv": b"x", "a.json": b'[{"a": "', "a.jsonl": b"{"}
_READER = """
import re, sys
from pathlib import Path
from adapters.inbound.rows.formats import open_rows
from domain.errors import Problem
try:
    with open_rows(Path(sys.argv[1])) as rows:
        print("rows", sum(1 for _ in rows))
except Problem as problem:
    print(problem.code)
# Not getrusage: that begins with the most that the process which started this one ever had.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024)
"""


def reader(path: Path) -> tuple[str, int]:
    """What it said, and the most memory that it had, in a process of its own."""
    command = [sys.executable, "-c", _READER, str(path)]
    ran = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=110)
    assert ran.returncode == 0, ran.stderr[-2000:]
    said, memory = ran.stdout.split("\n")[:2]
    return said, int(memory)


@pytest.fixture
def bomb(tmp_path) -> Iterator[Path]:
    """300 MB of rows in less than one."""
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=9) as out:
        out.write(b"a\n")
        for _ in range(300):
            out.write(b"1" * 2**20 + b"\n")
    yield path
    path.unlink()


def test_a_bomb_is_refused_before_it_bursts(bomb: Path) -> None:
    assert bomb.stat().st_size < 2**20
    said, memory = reader(bomb)
    assert (said, memory < MOST_MEMORY) == ("import_too_large", True), memory


@pytest.mark.parametrize("name", HOSTILE)
def test_a_line_of_a_gigabyte_is_refused_in_little_memory(tmp_path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as out:
        out.write(HOSTILE[name])
        out.truncate(2**30)  # zeros: a gigabyte that takes no room on the disk
    said, memory = reader(path)
    assert (said, memory < MOST_MEMORY) == ("line_too_long", True), memory
