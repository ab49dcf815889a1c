"""Files that the rows of an import name, on every database: looked at, stored and held, or nothing of them is kept (F08)."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from adapters.inbound.cli.exports import empty_folder
from adapters.inbound.rows.folder import Folder
from adapters.inbound.rows.formats import Dialect, open_rows
from adapters.inbound.web.tables import FileTable
from app.testing import backend
from app.usecases.imports import Refused
from domain.actor import SYSTEM
from domain.errors import Conflict, Invalid, OutOfSpace, TooLarge
from domain.records.exports import UNLIMITED, ExportForm, ExportQuery
from domain.records.imports import Options, Row
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from tests.contract.test_resumable import PNG

FACTS = RequestFacts("GET")
FIELDS = [
    {"name": "title", "type": "text", "unique": True},
    {"name": "cover", "type": "file", "types": ["image/*"], "max_size": 50_000},
    {"name": "papers", "type": "file", "many": True, "max": 2},
]  # fmt: skip
NO_OPTIONS = Options()


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as made:
        made.collections.create({"name": "posts", "rules": {"list": ""}, "fields": FIELDS}, actor=SYSTEM)
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    (made / "deep").mkdir(parents=True)
    (made / "cover.png").write_bytes(PNG)
    (made / "deep" / "Lüfte.txt").write_text("one")
    (made / "two.txt").write_text("two")
    (made / "page.png").write_bytes(b"<html>" * 2_000)
    (tmp_path / "secret.txt").write_text("secret")
    (made / "link.txt").symlink_to(tmp_path / "secret.txt")
    (made / "out").symlink_to(tmp_path)
    os.mkfifo(made / "pipe.txt")
    return made


def imported(room, folder, header, *rows, options=NO_OPTIONS, **how):
    lines = [Row(line, row) for line, row in enumerate(rows, 2)]
    with room.imports.begin("posts", header, options, actor=SYSTEM, folder=Folder(folder)) as judged:
        room.imports.judge(judged, lines)
        assert stored(room) == [], "nothing is stored before all is judged"
        faults = [(fault.pointer, fault.code) for bad in judged.bad for fault in bad.faults]
        return faults, None if faults and not how else room.imports.keep(judged, **how)


def stored(room):
    return sorted(each.key.rpartition("/")[2] for each in room.files._files.stored())


def records(room):
    names = ("id", "title", "cover", "papers")
    page = room.records.list("posts", ListQuery(), actor=SYSTEM, facts=FACTS).as_object()["items"]
    return {each["title"]: {name: each[name] for name in names} for each in page}


def read(room, record, file) -> bytes:
    opened = room.files.open(room.files.find("posts", record["id"], file["name"], actor=SYSTEM, facts=FACTS))
    return b"".join(opened.chunks)


@pytest.mark.parametrize("header, rows", [
    (["title", "cover", "papers"], (["a", "cover.png", "deep/Lüfte.txt; two.txt"], ["b", "", '["two.txt"]'], ["c", "", ""])),
    (None, ({"title": "a", "cover": "cover.png", "papers": ["deep/Lüfte.txt", "two.txt"]}, {"title": "b", "papers": ["two.txt"]},
            {"title": "c", "cover": None})),
])  # fmt: skip
def test_rows_bring_their_files(room, folder, header, rows):
    faults, kept = imported(room, folder, header, *rows)
    assert (faults, kept.created) == ([], 3)
    found = records(room)
    assert {key: found["a"]["cover"][key] for key in ("original", "size", "type", "sha256")} == {
        "original": "cover.png", "size": len(PNG), "type": "image/png", "sha256": sha256(PNG).hexdigest()
    }  # fmt: skip
    assert [each["original"] for each in found["a"]["papers"]] == ["Lüfte.txt", "two.txt"]
    assert [read(room, found["a"], each) for each in found["a"]["papers"]] == [b"one", b"two"]
    assert read(room, found["a"], found["a"]["cover"]) == PNG
    assert (read(room, found["b"], found["b"]["papers"][0]), found["c"]["cover"]) == (b"two", None)
    room.clock.advance(hours=2)
    room.files.sweep()
    assert len(stored(room)) == 4


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("name", [
    "../secret.txt", "out/secret.txt", "link.txt", "/etc/passwd", "deep/../../secret.txt", "..\\secret.txt", "deep", ".", "", "none.txt",
    "a\0b", "pipe.txt", "deep//Lüfte.txt", "/".join(["deep"] * 30), "x" * 5_000, "\ud800",
])  # fmt: skip
def test_no_row_leads_out_of_the_folder(room, folder, name):
    faults, _ = imported(room, folder, None, {"title": "a", "papers": [name]})
    assert faults == [("/papers", "no_such_file")]


@pytest.mark.parametrize("row, fault", [
    ({"cover": "page.png"}, ("/cover", "type_not_taken")), ({"papers": ["two.txt"] * 3}, ("/papers", "too_many")),
    ({"cover": 5}, ("/cover", "not_a_file")), ({"cover": {"name": "../../x"}}, ("/cover", "not_a_file")),
    ({"cover": {"name": "a" * 24 + ".png", "sha256": "x"}}, ("/cover", "no_such_file")),
])  # fmt: skip
@pytest.mark.sqlite_suffices
def test_a_bad_file_is_told_by_its_row_and_field(room, folder, row, fault):
    assert imported(room, folder, None, {"title": "a", **row})[0] == [fault]


@pytest.mark.sqlite_suffices
def test_a_file_that_is_too_large_is_read_no_further(room, folder):
    with (folder / "huge.png").open("wb") as file:
        file.write(PNG)
        file.truncate(2**40)
    assert imported(room, folder, None, {"title": "a", "cover": "huge.png"})[0] == [("/cover", "file_too_large")]


def test_what_is_refused_leaves_no_file(room, folder):
    room.records.create("posts", {"title": "taken"}, actor=SYSTEM, facts=FACTS)
    rows = [{"title": "new", "cover": "cover.png"}, {"title": "taken", "papers": ["two.txt"]}]
    with pytest.raises(Refused):
        imported(room, folder, None, *rows)
    assert stored(room) == []
    _, kept = imported(room, folder, None, *rows, skip_bad=True)
    assert kept.created == 1
    room.clock.advance(hours=13)
    room.files.sweep()
    assert stored(room) == [records(room)["new"]["cover"]["name"]]


def test_a_file_that_changes_meanwhile_ends_the_import(room, folder):
    with room.imports.begin("posts", None, NO_OPTIONS, actor=SYSTEM, folder=Folder(folder)) as judged:
        room.imports.judge(judged, [Row(2, {"title": "a", "papers": ["two.txt"]}), Row(3, {"title": "b", "cover": "cover.png"})])
        (folder / "cover.png").write_bytes(PNG[:-1] + b"x")
        with pytest.raises(Invalid) as told:
            room.imports.keep(judged)
    assert (told.value.code, stored(room), records(room)) == ("file_changed", [], {})


def test_a_quota_and_a_full_store_end_it_too(room, folder, monkeypatch):
    room.collections.change("posts", {"file_quota": {"total": 5}}, actor=SYSTEM)
    with pytest.raises(TooLarge):
        imported(room, folder, None, {"title": "a", "papers": ["two.txt"]}, {"title": "b", "papers": ["two.txt"]})
    assert (stored(room), records(room)) == ([], {})
    monkeypatch.setattr(type(room.files._files), "write", lambda *_, **about: (_ for _ in ()).throw(OutOfSpace("full")))
    with pytest.raises(OutOfSpace):
        imported(room, folder, None, {"title": "a", "papers": ["two.txt"]})
    assert records(room) == {}


@pytest.mark.sqlite_suffices
def test_rows_that_change_records_bring_no_files(room, folder):
    with pytest.raises(Invalid) as told:
        imported(room, folder, ["title", "cover"], ["a", "cover.png"], options=Options(key="title"))
    assert told.value.faults[0].pointer == "cover"


@pytest.mark.parametrize("format", ["csv", "jsonl", "json"])
def test_what_is_exported_with_its_files_is_imported_again(room, folder, tmp_path, format):
    imported(room, folder, None, {"title": "a", "cover": "cover.png", "papers": ["deep/Lüfte.txt", "two.txt"]}, {"title": "b"})
    first, out, files = records(room), tmp_path / f"posts.{format}", tmp_path / "out"
    with out.open("wb") as file:
        table = FileTable(file, ExportForm(format))
        room.exports.write("posts", ExportQuery(), table, actor=SYSTEM, facts=FACTS, limits=UNLIMITED, folder=empty_folder(files))
    with backend() as other:
        other.collections.create({"name": "posts", "rules": {"list": ""}, "fields": FIELDS}, actor=SYSTEM)
        options = Options(ignore=frozenset({"version", "created", "updated"}))
        with open_rows(out, Dialect(format, None, "utf-8")) as rows, other.imports.begin(
            "posts", rows.header, options, actor=SYSTEM, folder=Folder(files)
        ) as judged:
            other.imports.judge(judged, rows)
            assert [bad.reason for bad in judged.bad] == []
            other.imports.keep(judged)
        again = records(other)
        assert again.keys() == first.keys()
        for title, record in first.items():
            mine = [record["cover"], *(record["papers"] or [])]
            theirs = [again[title]["cover"], *(again[title]["papers"] or [])]
            for one, two in zip(mine, theirs, strict=True):
                told = ("original", "size", "type", "sha256")
                assert one is two is None or [one[each] for each in told] == [two[each] for each in told]
                assert one is None or read(room, record, one) == read(other, again[title], two)


def test_a_file_that_went_meanwhile_is_told_and_the_rest_comes(room, folder, tmp_path):
    imported(room, folder, None, {"title": "a", "papers": ["deep/Lüfte.txt", "two.txt"]})
    gone, kept = records(room)["a"]["papers"]
    files, target = room.files._files, empty_folder(tmp_path / "out")
    files.delete([each.key for each in files.stored() if each.key.endswith(gone["name"])])
    with (tmp_path / "a.csv").open("wb") as file:
        table = FileTable(file, ExportForm("csv"))
        assert room.exports.write("posts", ExportQuery(), table, actor=SYSTEM, facts=FACTS, limits=UNLIMITED, folder=target) == 1
    assert target.gone == 1
    assert [each.name for each in (tmp_path / "out").rglob("*.*")] == [kept["name"]]


def test_a_file_of_which_nothing_is_known_any_more_is_held_by_nobody(room, folder):
    """An import took so long that even the memory of its files is over: no record names what is not there."""
    with room.imports.begin("posts", None, NO_OPTIONS, actor=SYSTEM, folder=Folder(folder)) as judged:
        room.imports.judge(judged, [Row(2, {"title": "a", "papers": ["two.txt"]})])

        def late():
            room.clock.advance(hours=13)
            room.files.sweep()
            room.clock.advance(hours=25)
            room.files.sweep()

        with pytest.raises((Conflict, Refused)):
            _kept_late(room, judged, late)
    assert (stored(room), records(room)) == ([], {})


def _kept_late(room, judged, late):
    with judged.files.placed(judged):
        late()
        judged.files = None
        return room.imports.keep(judged)
