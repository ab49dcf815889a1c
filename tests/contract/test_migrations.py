"""System tables: up, down and up again on each database; and which databases are refused, untouched, before anything starts."""

import json
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from adapters.outbound.sql.engines import closing_engine, open_database
from adapters.outbound.sql.start import StartError, check_database, migrate_database
from migrations import HEAD, REVISIONS, downgrade, revision_of, upgrade
from tests.contract.conftest import BACKENDS, bare_stores
from tests.contract.ground import POSTS, add, create, ids
from tests.postgres import connect

ROOT = Path(__file__).parents[2]
# What each revision adds.
TABLES = {
    "0001": {"_meta", "_collections", "_admins", "_signing_keys", "_setup_tokens"},
    "0002": set(),
    "0003": {"_trash", "_trash_cleared"},
    "0004": {"_schema_changes"},
    "0005": {"_schema_applied"},
    "0006": {"_imports"},
    "0007": {"_sessions"},
    "0008": {"_outbox", "_subscribers"},
    "0009": {"_answers"},
    "0010": {"_one_time", "_mails"},
    "0011": set(),
    "0012": {"_api_keys"},
    "0013": {"_audit"},
    "0014": {"_totp", "_recovery_codes"},
    "0015": {"_passkeys"},
    "0016": {"_deferred"},
    "0017": {"_providers", "_identities", "_sign_ins"},
    "0018": set(),
    "0019": {"_invitations"},
    "0020": set(),
    "0021": {"_jobs"},
    "0022": set(),
    "0023": {"_own_keys"},
    "0024": {"_letters"},
    "0025": {"_job_tallies"},
    "0026": {"_schedules"},
    "0027": {"_webhooks", "_webhook_deliveries"},
    "0028": {"_inbound", "_inbound_messages"},
    "0029": {"_files"},
    "0030": {"_uploads", "_upload_pieces"},
    "0031": {"_file_tallies"},
    "0032": set(),
}
# What it takes away.
GONE = {"0024": {"_mails"}}


@pytest.fixture(params=BACKENDS)
def database_url(request, tmp_path):
    """Empty: here it is migrations that are tried."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return "sqlite:///:memory:" if request.param == "sqlite-memory" else f"sqlite:///{tmp_path}/data.db"


def tables_at(revision):
    """Everything up to this revision."""
    found = set().union(*(added for name, added in TABLES.items() if name <= revision)) if revision != "base" else set()
    return found - {table for name, gone in GONE.items() if name <= revision for table in gone}


def tables(connection):
    return {*inspect(connection).get_table_names()}


def told(connection):
    """Every table with its columns, and every index."""
    look = inspect(connection)
    return {
        name: (
            [(each["name"], str(each["type"]), each["nullable"]) for each in look.get_columns(name)],
            [{**each, "dialect_options": {key: str(value) for key, value in each.get("dialect_options", {}).items()}}
             for each in look.get_indexes(name)],
        )
        for name in sorted(look.get_table_names())
    }  # fmt: skip


def test_each_revision_goes_up_down_and_up_again(database_url):
    with closing_engine(open_database(database_url)) as engine:
        for revision, before in zip(REVISIONS, ("base", *REVISIONS)):
            with engine.begin() as connection:
                upgrade(connection, revision)
                first = told(connection)
            with engine.begin() as connection:
                downgrade(connection, before)
                assert revision_of(connection) == (None if before == "base" else before)
                assert tables(connection) - {"_migrations"} == tables_at(before)
            with engine.begin() as connection:
                upgrade(connection, revision)
                assert told(connection) == first
        with engine.begin() as connection:
            assert revision_of(connection) == HEAD
            assert tables(connection) >= tables_at(HEAD)


def test_every_revision_that_alembic_finds_is_listed():
    found = {each.name.partition("_")[0] for each in (ROOT / "migrations" / "versions").glob("[0-9]*.py")}
    assert set(REVISIONS) == found


ACCOUNTS = """INSERT INTO _collections (id, name, type, definition, version, created, updated)
    VALUES ('c1', 'people', 'accounts', :definition, 1, '2026-11-22T13:00:00.000Z', '2026-11-22T13:00:00.000Z')"""


def with_accounts(connection, *fields):
    """A database of the first release, with accounts and one of them."""
    upgrade(connection, "0001")
    connection.execute(text(ACCOUNTS), {"definition": json.dumps({"fields": [{"name": each, "type": "bool"} for each in fields]})})
    connection.execute(text("CREATE TABLE people (id TEXT PRIMARY KEY, email TEXT)"))
    connection.execute(text("INSERT INTO people (id, email) VALUES ('ann', 'ann@example.org')"))


def test_accounts_that_are_there_keep_their_addresses_to_themselves(database_url):
    with closing_engine(open_database(database_url)) as engine, engine.begin() as connection:
        with_accounts(connection)
        upgrade(connection, "0002")
        found = connection.execute(text("SELECT id, email_visible FROM people")).all()
        assert [(id, bool(shown), shown is None) for id, shown in found] == [("ann", False, False)]
        downgrade(connection, "0001")
        assert [each["name"] for each in inspect(connection).get_columns("people")] == ["id", "email"]


def test_accounts_with_a_field_of_that_name_are_not_migrated_over_it(database_url):
    with closing_engine(open_database(database_url)) as engine, engine.begin() as connection:
        with_accounts(connection, "email_visible")
        with pytest.raises(RuntimeError, match="`people` have a field `email_visible`"):
            upgrade(connection, "0002")


def test_what_describes_collections_is_not_dropped_under_them(database_url, open_work):
    work = open_work(database_url, bare_stores())
    create(work, POSTS)
    with closing_engine(work.database) as engine, pytest.raises(RuntimeError), engine.begin() as connection:
        downgrade(connection, "base")
    work.run(add("a"))
    assert ids(work) == ["a"]


def test_a_failed_migration_leaves_nothing(database_url, monkeypatch):
    database = open_database(database_url)
    with monkeypatch.context() as patch:
        patch.setattr("adapters.outbound.sql.start._mark", lambda connection: connection.execute(text("nonsense")))
        with pytest.raises(StartError):
            migrate_database(database)
    with closing_engine(database) as engine, engine.connect() as connection:
        assert tables(connection) == set()
    migrate_database(database)
    assert not check_database(database)


def test_migrating_is_needed_once(database_url):
    database = open_database(database_url)
    assert check_database(database)
    migrate_database(database)
    assert not check_database(database)
    migrate_database(database)


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_of_processes_that_start_together_one_migrates(database_url):
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: migrate_database(open_database(database_url)), range(6)))
    with closing_engine(open_database(database_url)) as engine, engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM _meta")).scalar_one() == 1


def test_a_start_that_has_nothing_to_migrate_does_not_load_alembic(tmp_path):
    url = f"sqlite:///{tmp_path}/data.db"
    migrate_database(open_database(url))
    code = (
        "import sys; from adapters.outbound.sql.start import migrate_database;"
        "from adapters.outbound.sql.engines import open_database; migrate_database(open_database(sys.argv[1]));"
        "print('alembic' in sys.modules, 'psycopg' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code, url], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]


# --- databases that are not ours ------------------------------------------------------------------------------------


def content(folder):
    """Every file with its bytes; the log's index (-shm) holds none of the data."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and not path.name.endswith("-shm")}


def refused(url):
    """What both ways in say."""
    with pytest.raises(StartError) as checked:
        check_database(open_database(url))
    with pytest.raises(StartError) as migrated:
        migrate_database(open_database(url))
    assert str(checked.value) == str(migrated.value)
    return str(checked.value)


def made(path, *statements, wal=False):
    with sqlite3.connect(path) as connection:
        if wal:
            connection.execute("PRAGMA journal_mode = WAL")
        for statement in statements:
            connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("wal", [False, True])
def test_the_file_of_another_program_is_refused_untouched(tmp_path, wal):
    path = tmp_path / "data.db"
    made(path, "CREATE TABLE bookmarks (url)", "INSERT INTO bookmarks VALUES ('x')", wal=wal)
    before = content(tmp_path)
    assert "another program" in refused(f"sqlite:///{path}")
    assert content(tmp_path) == before


def test_a_table_called_as_ours_does_not_make_a_file_ours(tmp_path):
    path = tmp_path / "data.db"
    made(path, "CREATE TABLE _meta (id, format)", "INSERT INTO _meta VALUES (1, 'stillroom')")
    before = content(tmp_path)
    assert "another program" in refused(f"sqlite:///{path}")
    assert content(tmp_path) == before


@pytest.mark.parametrize("bytes_", [b"PK\x03\x04 a zip file", b"x" * 10_000, b"SQLite format 3\0" + b"\x07" * 5000])
def test_what_is_no_database_is_refused_untouched(tmp_path, bytes_):
    path = tmp_path / "data.db"
    path.write_bytes(bytes_)
    sentence = refused(f"sqlite:///{path}")
    assert str(path) in sentence
    assert "SQLite database" in sentence
    assert content(tmp_path) == {"data.db": bytes_}


def test_a_damaged_file_is_refused_untouched(tmp_path, open_work):
    url, path = f"sqlite:///{tmp_path}/data.db", tmp_path / "data.db"
    work = open_work(url, bare_stores())
    create(work, POSTS)
    for at in range(300):
        work.run(add(f"r{at}", title=f"title {at}"))
    work.close()
    whole = path.read_bytes()
    half = len(whole) // 2
    for damaged in (whole[:half], whole[:half] + b"\xff" * 8192 + whole[half + 8192 :]):
        path.write_bytes(damaged)
        before = content(tmp_path)
        sentence = refused(url)
        assert "damaged" in sentence or "cannot be read" in sentence
        assert content(tmp_path) == before
    path.write_bytes(whole)
    assert not check_database(open_database(url))


def test_a_newer_database_is_refused_untouched(database_url, open_work):
    work = open_work(database_url, bare_stores())
    with closing_engine(work.database) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE _migrations SET version_num = '9999'"))
    for attempt in (check_database, migrate_database):
        if getattr(work.database, "in_memory", False):
            return  # it cannot be older or newer than the process that made it
        with pytest.raises(StartError, match=r"newer Stillroom \(revision 9999\)"):
            attempt(work.database)
    with closing_engine(work.database) as engine, engine.connect() as connection:
        assert revision_of(connection) == "9999"


def test_a_postgres_with_tables_of_another_program_is_refused_untouched(postgres_url):
    with connect(postgres_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE bookmarks (url text)")
        assert "another program" in refused(postgres_url)
        admin.execute("CREATE TABLE _meta (id int)")
        assert "another program" in refused(postgres_url)
        found = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1").fetchall()
    assert found == [("_meta",), ("bookmarks",)]


def test_a_postgres_that_is_not_there_is_told_without_its_password():
    sentence = refused("postgresql://ann:s3cret@127.0.0.1:1/app")
    assert "127.0.0.1:1" in sentence
    assert "s3cret" not in sentence


def test_a_folder_that_is_missing_or_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert "is not a folder" in refused(f"sqlite:///{tmp_path}/none/data.db")
    assert "is not a folder" in refused(f"sqlite:///{tmp_path}/file/data.db")
    (tmp_path / "data.db").mkdir()
    assert "is not a file" in refused(f"sqlite:///{tmp_path}/data.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.db", "file"]


def test_a_read_only_folder_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    if os.geteuid() == 0:  # nothing is read-only to root but a file system
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    else:
        folder.chmod(0o500)
    assert "read-only" in refused(f"sqlite:///{folder}/data.db")
    assert list(folder.iterdir()) == []


def test_letters_that_wait_become_jobs_and_are_sent(database_url):
    """As they were sealed; when they are due, and how often they were tried, stands in the job."""
    with closing_engine(open_database(database_url)) as engine:
        with engine.begin() as connection:
            upgrade(connection, "0023")
            row = {"id": "m1", "sealed": b"\x00sealed\xff"}
            connection.execute(text("INSERT INTO _mails VALUES (:id, :sealed, '2026-11-22T13:00:00.000Z', 1, 2)"), row)
        with engine.begin() as connection:
            upgrade(connection, "0024")
            job = connection.execute(text("SELECT id, name, queue, arguments, state, tries FROM _jobs")).one()
            assert tuple(job) == ("m1", "mail.send", "mail", '{"letter":"m1"}', "waiting", 2)
            kept = connection.execute(text("SELECT id, sealed, is_written FROM _letters")).one()
            assert (kept[0], bytes(kept[1]), kept[2]) == ("m1", row["sealed"], 1)
        with engine.begin() as connection:
            downgrade(connection, "0023")
            assert bytes(connection.execute(text("SELECT sealed FROM _mails")).scalar_one()) == row["sealed"]
            assert connection.execute(text("SELECT count(*) FROM _jobs")).scalar_one() == 0
