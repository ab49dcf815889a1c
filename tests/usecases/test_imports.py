"""Importing: judged like a create by an admin, all rows or none, and every bad row told with its line."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from adapters.inbound.cli.commands import Actions, commands
from adapters.inbound.rows.formats import open_rows
from app import testing
from app.usecases.imports import Judged, Refused
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from domain.records.imports import Options
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="GET", query={}, headers={})
AIRLINES = {"name": "airlines", "fields": [{"name": "name", "type": "text", "required": True}]}
FLIGHTS = {
    "name": "flights",
    "fields": [
        {"name": "number", "type": "integer", "unique": True},
        {"name": "carrier", "type": "relation", "collection": "airlines"},
        {"name": "distance", "type": "integer", "min": 1},
        {"name": "air_time", "type": "integer"},
        {"name": "fare", "type": "decimal", "scale": 2},
        {"name": "state", "type": "select", "values": ["planned", "flown"], "default": "planned"},
    ],
    "checks": [
        {"name": "no_teleport", "rule": "air_time = null || air_time < distance", "message": "faster than a mile a minute"},
        {"name": "by_its_owner", "rule": "carrier = @request.auth.id", "message": "binds people, not imports"},
    ],
}


@pytest.fixture
def room() -> Iterator[testing.TestBackend]:
    with testing.backend() as made:
        made.collections.create(AIRLINES, actor=SYSTEM)
        made.collections.create(FLIGHTS, actor=SYSTEM)
        yield made


@pytest.fixture
def file(tmp_path: Path):
    def write(content: str, name: str = "flights.csv") -> Path:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def load(room: testing.TestBackend, path: Path, collection: str = "flights", *, skip_bad=False, **options: Any) -> tuple[int, Judged]:
    with open_rows(path) as rows, room.imports.begin(collection, rows.header, Options(**options), actor=SYSTEM) as judged:
        room.imports.judge(judged, rows)
        return room.imports.keep(judged, skip_bad=skip_bad).created, judged


def refused(room: testing.TestBackend, path: Path, collection: str = "flights", **options: Any) -> list[tuple[int, str, str]]:
    """Line, field and code of each fault."""
    with pytest.raises(Refused) as caught:
        load(room, path, collection, **options)
    return [(row.line, fault.pointer, fault.code) for row in caught.value.bad.first for fault in row.faults]


def records(room: testing.TestBackend, collection: str = "flights") -> list[dict[str, Any]]:
    page = room.records.list(collection, ListQuery(sort="created,id", limit=500), actor=SYSTEM, facts=FACTS)
    return page.as_object()["items"]


def airlines(room: testing.TestBackend, file: Any) -> None:
    load(room, file("carrier,name\nUA,United\nAA,American\n", "airlines.csv"), "airlines", id_column="carrier")


def test_rows_become_records_with_ids_of_their_own_or_from_a_column(room, file) -> None:
    airlines(room, file)
    assert {each["id"]: each["name"] for each in records(room, "airlines")} == {"UA": "United", "AA": "American"}
    kept, _ = load(room, file("number,carrier,distance,fare\n1,UA,700,99.50\n2,,300,NA\n"), null=frozenset({"NA"}))
    assert kept == 2
    first, second = records(room)
    assert (first["number"], first["carrier"], first["fare"], first["state"]) == (1, "UA", "99.50", "planned")
    assert (second["carrier"], second["fare"], second["version"]) == (None, None, 1)
    assert len(first["id"]) == 36


def test_json_lines_are_taken_as_bodies(room, file) -> None:
    airlines(room, file)
    load(room, file('{"id": "f1", "number": 1, "carrier": "UA", "fare": "1.5", "state": "flown"}\n', "f.jsonl"))
    [flight] = records(room)
    assert (flight["id"], flight["fare"], flight["state"]) == ("f1", "1.50", "flown")


def test_one_bad_row_keeps_every_row_out(room, file) -> None:
    airlines(room, file)
    content = "number,distance,state,carrier\n1,100,flown,UA\n2,0,lost,UA\nx,5,,UA\n4,5,,ZZ\n5,5\n"
    assert refused(room, file(content)) == [
        (3, "/distance", "too_small"),
        (3, "/state", "not_a_choice"),
        (4, "/number", "not_integer"),
        (5, "/carrier", "no_such_record"),
        (6, "", "wrong_width"),
    ]
    assert records(room) == []


def test_good_rows_are_kept_where_that_is_wished_for(room, file) -> None:
    kept, judged = load(room, file("number,distance\n1,100\n2,0\n1,300\n3,1\n"), skip_bad=True)
    assert kept == 2
    assert judged.bad.count + judged.refused.count == 2
    assert [each["number"] for each in records(room)] == [1, 3]


def test_what_only_the_database_knows_is_told_by_line_too(room, file) -> None:
    load(room, file("id,number\na,1\n"))
    content = "id,number\nb,2\na,3\nc,2\nd,1\ne,5\n"
    assert refused(room, file(content)) == [(3, "/id", "not_unique"), (4, "/number", "not_unique"), (5, "/number", "not_unique")]
    assert [each["id"] for each in records(room)] == ["a"]


def test_checks_bind_imports_unless_they_speak_of_the_request(room, file) -> None:
    airlines(room, file)
    assert refused(room, file("number,carrier,distance,air_time\n1,UA,100,50\n2,UA,100,200\n")) == [(3, "", "no_teleport")]


def test_a_relation_into_nothing_is_left_empty_where_that_is_wished_for(room, file) -> None:
    airlines(room, file)
    kept, judged = load(room, file("number,carrier\n1,UA\n2,ZZ\n3,ZZ\n"), clear_missing=frozenset({"carrier"}))
    assert kept == 3
    assert judged.cleared == {"carrier": 2}
    assert [each["carrier"] for each in records(room)] == ["UA", None, None]


def test_a_relation_into_the_same_collection_may_point_at_an_earlier_row(room, file) -> None:
    people = [{"name": "boss", "type": "relation", "collection": "people"}]
    room.collections.create({"name": "people", "fields": people}, actor=SYSTEM)
    load(room, file("id,boss\nann,\nbob,ann\n"), "people")
    assert [each["boss"] for each in records(room, "people")] == [None, "ann"]
    assert refused(room, file("id,boss\ncy,nobody\n"), "people") == [(2, "/boss", "no_such_record")]


def test_rows_in_many_chunks_are_all_kept_and_all_bad_ones_counted(room, file) -> None:
    good = "".join(f"{number},{number + 1}\n" for number in range(1700))
    kept, _ = load(room, file("number,distance\n" + good))
    assert kept == 1700
    bad = "".join(f"{number},0\n" for number in range(2000, 3500))
    with pytest.raises(Refused) as caught:
        load(room, file("number,distance\n" + bad))
    assert caught.value.bad.count == 1500
    assert len(caught.value.bad.first) == 20
    assert room.records.list("flights", ListQuery(count=True), actor=SYSTEM, facts=FACTS).total == 1700


@pytest.mark.parametrize("bad_id", ["", "a b", "../x", "x" * 65, "é"])
def test_ids_are_ids(room, file, bad_id: str) -> None:
    faults = refused(room, file(f"id,number\n{bad_id},1\n"))
    assert [(line, pointer) for line, pointer, _ in faults] == [(2, "/id")]


def test_formulas_are_text_like_any_other(room, file) -> None:
    load(room, file('id,name\na,"=HYPERLINK(""http://x"")"\nb,@SUM(1)\n'), "airlines")
    assert [each["name"] for each in records(room, "airlines")] == ['=HYPERLINK("http://x")', "@SUM(1)"]


@pytest.mark.parametrize("actor", [GUEST, Actor("account", "u1", "users")])
def test_only_admins_import(room, actor: Actor) -> None:
    with pytest.raises((Forbidden, Unauthenticated)):
        room.imports.begin("flights", ("number",), Options(), actor=actor)


@pytest.mark.parametrize("name, problem", [("nowhere", NotFound), ("_admins", Invalid), ("users", Invalid), ("_meta", NotFound)])
def test_only_base_collections_are_filled(room, name: str, problem: type[Exception]) -> None:
    room.collections.create({"name": "users", "type": "accounts"}, actor=SYSTEM)
    with pytest.raises(problem):
        room.imports.begin(name, ("id", "email"), Options(), actor=SYSTEM)


def test_a_schema_that_changed_while_reading_stops_the_import(room, file) -> None:
    path = file("number\n1\n")
    with open_rows(path) as rows, room.imports.begin("flights", rows.header, Options(), actor=SYSTEM) as judged:
        room.imports.judge(judged, rows)
        room.collections.create({"name": "later"}, actor=SYSTEM)
        with pytest.raises(Conflict, match="changed while"):
            room.imports.keep(judged)
    assert records(room) == []


def test_postgresql_keeps_all_or_nothing_too(postgres_url, file) -> None:
    with testing.backend(database=postgres_url) as room:
        room.collections.create(AIRLINES, actor=SYSTEM)
        room.collections.create(FLIGHTS, actor=SYSTEM)
        airlines(room, file)
        kept, judged = load(room, file("number,carrier,fare\n1,UA,9.90\n2,ZZ,\n"), clear_missing=frozenset({"carrier"}))
        assert (kept, judged.cleared) == (2, {"carrier": 1})
        content = "number\n" + "".join(f"{number}\n" for number in range(3, 1200)) + "7\n1\n"
        assert refused(room, file(content)) == [(1199, "/number", "not_unique"), (1200, "/number", "not_unique")]
        assert [(each["number"], each["fare"]) for each in records(room)] == [(1, "9.90"), (2, None)]


# --- the command


@pytest.fixture
def run(room):
    """`run(file, "--yes")`: the import command over this backend."""
    group = commands(Mock(spec=Actions, imports=lambda: nullcontext(room.imports), url=lambda: "http://here"))

    def command(path: Path, *options: str, collection: str = "flights") -> Result:
        return CliRunner().invoke(group, ["import", str(path), "--collection", collection, *options])

    return command


def test_the_command_says_what_it_did(run, room, file) -> None:
    done = run(file("number,distance,junk\n1,2,x\n"), "--yes", "--ignore", "junk")
    assert done.exit_code == 0, done.output
    assert "flights.csv → flights: number, distance" in done.output
    assert "ignored: junk" in done.output
    assert "Kept 1 record in `flights`." in done.output


def test_the_command_tells_the_rows_that_it_skips_as_the_database_refuses_them(run, room, file) -> None:
    done = run(file("number,distance\n1,100\n2,0\n1,300\n"), "--yes", "--skip-bad")
    assert done.exit_code == 0
    assert done.output.count("line 3: distance:") == 1
    assert done.output.count("line 4: number: another record has this value") == 1
    assert "Kept 1 record in `flights`; 2 bad rows skipped." in done.output


def test_the_command_advises_to_clear_only_what_can_be_cleared(run, room, file) -> None:
    fields = [{"name": "boss", "type": "relation", "collection": "people"}, {"name": "line", "type": "relation", "collection": "airlines"}]
    room.collections.create({"name": "people", "fields": fields}, actor=SYSTEM)
    done = run(file("boss\nnobody\n"), "--yes", collection="people")
    assert "--clear-missing" not in done.output
    done = run(file("boss\nnobody\n"), "--yes", "--clear-missing", "boss", collection="people")
    assert (done.exit_code, "points into `people` itself" in done.output) == (1, True)
    done = run(file("line\nnone\n"), "--yes", collection="people")
    assert "--clear-missing line" in done.output


def test_the_command_does_not_write_where_nobody_can_be_asked(run, room, file) -> None:
    done = run(file("number\n1\n"))
    assert done.exit_code == 1
    assert "--yes" in done.output
    assert records(room) == []


def test_the_command_shows_the_first_bad_rows_and_counts_the_others(run, room, file) -> None:
    done = run(file("number,distance\n" + "x,0\n" * 30), "--yes")
    assert done.exit_code == 1
    assert "line 2: number: `x` is no whole number" in done.output
    assert done.output.count("line ") == 20
    assert "… and 10 more" in done.output
    assert "30 bad rows, 0 good; nothing was written." in done.output
    assert records(room) == []


@pytest.mark.parametrize(
    "content, name, options, said",
    [
        ("numbr\n1\n", "a.csv", (), "did you mean `number`"),
        ("number\n1\n", "a.xlsx", (), ".csv, "),
        ("", "a.csv", (), "no header"),
        ("{}", "a.jsonl", ("--null", "NA"), "--null"),
        ("number\n1\n", "a.csv", ("--collection", "nowhere"), "no such collection"),
        ("number\n1\n", "a.csv", ("--clear-missing", "carier"), "did you mean `carrier`"),
    ],
)
def test_a_refused_import_is_one_sentence(run, file, content: str, name: str, options: tuple[str, ...], said: str) -> None:
    done = run(file(content, name), "--yes", *options)
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output


LEGS = {
    "name": "legs",
    "fields": [
        {"name": "number", "type": "integer"},
        {"name": "carriers", "type": "relation", "collection": "airlines", "many": True, "max": 3},
        {"name": "meals", "type": "select", "values": ["hot", "cold; raw", "none"], "many": True, "default": ["none"]},
        {"name": "after", "type": "relation", "collection": "legs", "many": True},
    ],
}


def legs(room: testing.TestBackend) -> list[tuple[Any, ...]]:
    return [(each["number"], each["carriers"], each["meals"]) for each in records(room, "legs")]


def test_a_cell_holds_several_values_as_a_json_array_or_with_semicolons_between(room, file) -> None:
    airlines(room, file)
    room.collections.create(LEGS, actor=SYSTEM)
    rows = 'number,carriers,meals\n1,UA; AA,hot\n2,"[""AA"", ""UA""]","[""cold; raw"", ""none""]"\n3,,\n4,AA,hot;none\n'
    assert load(room, file(rows, "legs.csv"), "legs")[0] == 4
    assert legs(room) == [
        (1, ["UA", "AA"], ["hot"]), (2, ["AA", "UA"], ["cold; raw", "none"]), (3, [], []), (4, ["AA"], ["hot", "none"]),
    ]  # fmt: skip


def test_lists_in_json_lines_are_lists(room, file) -> None:
    airlines(room, file)
    room.collections.create(LEGS, actor=SYSTEM)
    load(room, file('{"number": 1, "carriers": ["AA"], "meals": null}\n{"number": 2}\n', "legs.jsonl"), "legs")
    assert legs(room) == [(1, ["AA"], []), (2, [], ["none"])]


def test_what_is_wrong_in_a_list_is_told_by_its_line(room, file) -> None:
    airlines(room, file)
    room.collections.create(LEGS, actor=SYSTEM)
    rows = 'number,carriers,meals\n1,UA;ZZ;YY,\n2,UA;UA,\n3,"[1]",\n4,"[""UA""",\n5,,cold\n6,UA;,\n7,AA,hot\n'
    assert refused(room, file(rows, "legs.csv"), "legs") == [
        (2, "/carriers", "no_such_record"), (2, "/carriers", "no_such_record"), (3, "/carriers/1", "named_twice"),
        (4, "/carriers/0", "not_an_id"), (5, "/carriers", "invalid_json"), (6, "/meals/0", "not_a_choice"),
        (7, "/carriers/1", "empty_element"),
    ]  # fmt: skip
    assert legs(room) == []


def test_a_list_loses_what_is_not_there_where_that_is_wished_for(room, file) -> None:
    airlines(room, file)
    room.collections.create(LEGS, actor=SYSTEM)
    rows = "number,carriers\n1,ZZ;UA;YY\n2,ZZ\n3,AA\n"
    kept, judged = load(room, file(rows, "legs.csv"), "legs", clear_missing=frozenset({"carriers"}))
    assert (kept, judged.cleared) == (3, {"carriers": 2})
    assert [row[:2] for row in legs(room)] == [(1, ["UA"]), (2, []), (3, ["AA"])]


def test_a_list_may_point_at_earlier_rows_of_its_file(room, file) -> None:
    room.collections.create(LEGS, actor=SYSTEM)
    load(room, file("id,number,after\na,1,\nb,2,a\nc,3,b;a\n", "legs.csv"), "legs")
    assert [each["after"] for each in records(room, "legs")] == [[], ["a"], ["b", "a"]]
    assert refused(room, file("id,number,after\nd,4,nobody\n", "legs.csv"), "legs") == [(2, "/after/0", "no_such_record")]


# --- a collection made from a file

PEOPLE = "Full Name,e-mail,born,balance,zip,airline\nAnn,ann@example.org,1980-01-02,12.50,01234,UA\nBob,bob@example.org,,3.25,94110,AA\n"


def import_new(room: testing.TestBackend, path: Path, *options: str) -> Result:
    group = commands(Mock(spec=Actions, imports=lambda: nullcontext(room.imports), url=lambda: "http://here"))
    return CliRunner().invoke(group, ["import", str(path), *options])


@pytest.fixture(params=["sqlite", "postgresql"])
def rooms(request, tmp_path) -> Iterator[testing.TestBackend]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path}/data.db"
    with testing.backend(database=url) as made:
        made.collections.create(AIRLINES, actor=SYSTEM)
        yield made


def test_a_file_becomes_a_collection(rooms, file) -> None:
    airlines(rooms, file)
    done = import_new(rooms, file(PEOPLE, "people.csv"), "--yes", "--public-read")
    assert done.exit_code == 0, done.output
    for told in ("born", "relation → airlines", "decimal(2)", "Kept 2 records in `people`.", "http://here/api/v1/collections/people/records"):
        assert told in done.output
    ann, bob = records(rooms, "people")
    assert (ann["full_name"], ann["e_mail"], ann["born"], ann["balance"], ann["zip"], ann["airline"]) == (
        "Ann", "ann@example.org", "1980-01-02", "12.50", "01234", "UA",
    )  # fmt: skip
    assert bob["born"] is None
    made = rooms.collections.get("people", actor=SYSTEM)
    assert (made.rules.list, made.rules.create) == ("", None)
    again = import_new(rooms, file(PEOPLE, "people.csv"), "--yes")
    assert (again.exit_code, "There is a collection `people` already" in again.output) == (1, True)
    assert len(records(rooms, "people")) == 2


@pytest.mark.parametrize("content", ["name,code\na,1\nb\n", "email\nann@example.org\nANN@example.org\n", "name\n"])
def test_a_refused_import_leaves_no_collection_behind(rooms, file, content: str) -> None:
    done = import_new(rooms, file(content, "things.csv"), "--yes")
    there = rooms.imports.has("things", actor=SYSTEM)
    assert (done.exit_code, there) == ((0, True) if content == "name\n" else (1, False)), done.output


def test_a_proposal_can_be_edited_and_given_back(room, file, tmp_path) -> None:
    airlines(room, file)
    path = file(PEOPLE, "people.csv")
    told = import_new(room, path, "--propose")
    assert not room.imports.has("people", actor=SYSTEM)
    proposal = json.loads(told.stdout)
    assert [each["name"] for each in proposal["collection"]["fields"]] == ["full_name", "e_mail", "born", "balance", "zip", "airline"]
    proposal["collection"]["fields"][0]["max"] = 100
    proposal["collection"]["rules"] = {"list": "balance > 5", "view": ""}
    edited = tmp_path / "people.json"
    edited.write_text(json.dumps(proposal), encoding="utf-8")
    done = import_new(room, path, "--definition", str(edited), "--new", "folk", "--yes")
    assert done.exit_code == 0, done.output
    made = room.collections.get("folk", actor=SYSTEM)
    assert (made.fields[0].max, made.rules.list) == (100, "balance > 5")
    assert len(records(room, "folk")) == 2


def test_rows_may_name_records_by_a_unique_field(rooms, file) -> None:
    import_new(rooms, file("e-mail,name\nAnn@example.org,Ann\nbob@example.org,Bob\n", "people.csv"), "--yes")
    ids = {each["name"]: each["id"] for each in records(rooms, "people")}
    done = import_new(rooms, file("title,owner\nx,ann@EXAMPLE.org\ny,bob@example.org\nz,\n", "notes.csv"), "--yes")
    assert done.exit_code == 0, done.output
    assert [each["owner"] for each in records(rooms, "notes")] == [ids["Ann"], ids["Bob"], None]
    more = file("title,owner\nx,nobody@example.org\n", "more.csv")
    refused_ = import_new(rooms, more, "--collection", "notes", "--match", "owner=e_mail", "--yes")
    assert "owner: `people` has no record with this `e_mail`" in refused_.output
    kept = import_new(rooms, more, "--collection", "notes", "--match", "owner=e_mail", "--clear-missing", "owner", "--yes")
    assert kept.exit_code == 0, kept.output
    wrong = import_new(rooms, more, "--collection", "notes", "--match", "owner=naem", "--yes")
    assert "no unique field `naem`" in wrong.output


# --- changing what is there


def test_rows_change_the_records_that_their_key_finds(rooms, file) -> None:
    import_new(rooms, file("email,name,age\nann@example.org,Ann,30\nbob@example.org,Bob,40\n", "people.csv"), "--yes")
    before = {each["name"]: each for each in records(rooms, "people")}
    changed = file("email,age\nANN@example.org,31\nbob@example.org,40\n")
    done = import_new(rooms, changed, "--collection", "people", "--key", "email", "--yes")
    assert "`people`: 0 created, 1 changed, 1 unchanged." in done.output
    after = {each["name"]: each for each in records(rooms, "people")}
    assert after["Bob"] == before["Bob"]
    ann = {**before["Ann"], "email": "ANN@example.org", "age": 31, "version": 2, "updated": after["Ann"]["updated"]}
    assert after["Ann"] == ann
    more = file("email,name,age\ncy@example.org,Cy,1\ncy@example.org,Cyn,2\nbob@example.org,Bob,41\n")
    done = import_new(rooms, more, "--collection", "people", "--key", "email", "--yes")
    assert "`people`: 1 created, 2 changed, 0 unchanged." in done.output
    found = {each["name"]: (each["age"], each["version"]) for each in records(rooms, "people")}
    assert found == {"Ann": (31, 2), "Bob": (41, 2), "Cyn": (2, 2)}


def test_a_row_that_is_not_there_and_lacks_what_a_record_needs_is_told(rooms, file) -> None:
    import_new(rooms, file("email,name\nann@example.org,Ann\nbob@example.org,Bob\n", "people.csv"), "--yes")
    done = import_new(rooms, file("email\nann@example.org\ncy@example.org\n"), "--collection", "people", "--key", "email", "--yes")
    assert (done.exit_code, "line 3: name: `name` is required" in done.output) == (1, True)
    done = import_new(rooms, file('email\nann@example.org\n""\n'), "--collection", "people", "--key", "email", "--yes")
    assert (done.exit_code, "line 3: email: `email` is required" in done.output) == (1, True)
    assert len(records(rooms, "people")) == 2
    wrong = import_new(rooms, file("name\nAnn\n"), "--collection", "people", "--key", "name", "--yes")
    assert "`name` is no unique field" in wrong.output


def test_ids_are_keys_too(rooms, file) -> None:
    airlines(rooms, file)
    done = import_new(rooms, file("id,name\nUA,United Airlines\nDL,Delta\n"), "--collection", "airlines", "--key", "id", "--yes")
    assert "1 created, 1 changed, 0 unchanged" in done.output
    assert {each["id"]: each["name"] for each in records(rooms, "airlines")} == {"UA": "United Airlines", "AA": "American", "DL": "Delta"}


# --- what was rejected


@pytest.mark.parametrize("name, content", [
    ("things.csv", "number;note\n1;a\nx;\"b;c\"\n3\n"),
    ("things.jsonl", '{"number": 1, "note": "a"}\n{"number": "x", "note": "b;c"}\n{"number": 3, "nte": "d"}\n'),
])  # fmt: skip
def test_bad_rows_can_be_mended_and_imported_again(room, file, name: str, content: str) -> None:
    things = {"name": "things", "fields": [{"name": "number", "type": "integer"}, {"name": "note", "type": "text"}]}
    room.collections.create(things, actor=SYSTEM)
    path = file(content, name)
    done = import_new(room, path, "--collection", "things", "--skip-bad", "--yes")
    assert done.exit_code == 0, done.output
    rejects = path.with_name(f"things.rejects.{path.suffix[1:]}")
    written = rejects.read_text(encoding="utf-8")
    assert "b;c" in written
    assert "_reason" in written
    assert "line 3" in written
    mended = written.replace('"x"', "2").replace("x;", "2;").replace("nte", "note").replace("3;;", "3;d;")
    rejects.write_text(mended, encoding="utf-8")
    done = import_new(room, rejects, "--collection", "things", "--yes")
    assert done.exit_code == 0, done.output + mended
    assert sorted((each["number"], each["note"]) for each in records(room, "things")) == [(1, "a"), (2, "b;c"), (3, "d")]


def test_a_dry_run_writes_nothing(room, file) -> None:
    done = import_new(room, file("number\n1\n"), "--collection", "flights", "--dry-run")
    assert (done.exit_code, "1 row would be kept; nothing was written." in done.output) == (0, True)
    assert records(room) == []


# --- part by part


def test_parts_are_kept_up_to_the_first_bad_row_and_the_command_goes_on(rooms, file) -> None:
    airlines(rooms, file)
    path = file("id,name\n" + "".join(f"a{number},{'' if number == 25 else number}\n" for number in range(40)), "more.csv")
    parts = ("--collection", "airlines", "--commit-every", "10", "--yes")
    stopped = import_new(rooms, path, *parts)
    assert (stopped.exit_code, "the first 20 rows of the file are kept" in stopped.output) == (1, True), stopped.output
    assert len(records(rooms, "airlines")) == 2 + 20
    other = import_new(rooms, path, *parts, "--null", "NA")
    assert "begun with other options" in other.output
    done = import_new(rooms, path, *parts, "--skip-bad")
    assert "Going on after 20 rows" in done.output
    assert "39 created, 0 changed, 0 unchanged; 1 bad row skipped." in done.output
    assert len(records(rooms, "airlines")) == 2 + 39
    assert "a25" in path.with_name("more.rejects.csv").read_text(encoding="utf-8")
    assert "nothing is left to do" in import_new(rooms, path, *parts).output
    assert len(records(rooms, "airlines")) == 2 + 39
