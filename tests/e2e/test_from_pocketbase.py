"""Moving from a real PocketBase: what is asked of both finds the same, people keep their passwords, and a refusal leaves nothing."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from adapters.outbound.pocketbase_folder import open_folder
from domain.errors import Invalid
from domain.pocketbase.texts import in_our_words
from tests.e2e.pocketbase import FILTERS, PASSWORD, WIDE_PASSWORD, Filled, filled
from tests.e2e.server import Server, stillroom

SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"
RECORDS = "/api/v1/collections/posts/records"
WORDS = {"firstName": "first_name", "Tags": "tags"}
Servers = Callable[..., Server]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return filled(tmp_path_factory.mktemp("pocketbase"))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    return {"STILLROOM_DATABASE_URL": request.getfixturevalue("postgres_database_url"), "STILLROOM_SECRET_KEY": SECRET}


@pytest.fixture
def here(there: Filled, unstarted: Servers, settings: dict[str, str]) -> tuple[Server, str]:
    """A server that was filled from there, and what the command said."""
    server = unstarted(workers=1, **settings)
    server.data_dir.mkdir(mode=0o700)
    done = server.command("pocketbase", "import", str(there.folder), "--yes", "--admins")
    assert done.returncode == 0, done.stderr
    return server.start(), done.stdout


def test_everything_comes_over(there: Filled, here: tuple[Server, str]) -> None:
    server, said = here
    admin = _signed_in(server, "_admins", "ann@example.org", "correct horse battery staple")
    _same_records(there, server, admin)
    _same_filters(there, server, admin)
    _rules_hold(there, server)
    _people_sign_in(there, server)
    for told in ("posts.version: `version_`", "summary: a view", "notes: delete rule", "lower(title)", "posts.papers"):
        assert told in said, told
    assert "`tags` is compared as the JSON text of a list there" in said


def _same_records(there: Filled, server: Server, admin: str) -> None:
    tea = server.request("GET", f"{RECORDS}/post00000000001", token=admin).body
    assert tea["created"] == tea["updated"][:10] + tea["created"][10:]
    assert {**tea, "created": "", "updated": "", "stamped": ""} == {
        "id": "post00000000001", "version": 1, "created": "", "updated": "", "title": "Tea", "body": "<p>Hot tea</p>", "views": 3,
        "score": -1.5, "live": True, "contact": "ann@example.org", "link": "https://example.org/tea", "day": "2026-11-22T13:00:00.123Z",
        "status": "draft", "labels": ["red", "blue"], "meta": {"level": 2, "x": [None, "é"]}, "papers": None, "author": there.users["Ann"],
        "tags": ["tag000000000001", "tag000000000003"], "place": {"lon": 13.4, "lat": 52.5}, "secret_key": "s", "stamped": "",
        "version_": "v1", "parent": None,
    }  # fmt: skip
    empty = server.request("GET", f"{RECORDS}/post00000000002", token=admin).body
    told = {name: value for name, value in empty.items() if value not in (None, [])}
    assert set(told) == {"id", "version", "created", "updated", "views", "score", "live", "stamped"}
    assert (empty["views"], empty["score"], empty["live"]) == (0, 0, False)
    assert server.request("GET", f"{RECORDS}/post00000000003", token=admin).body["parent"] == "post00000000001"
    posts = server.request("GET", "/api/v1/collections/posts", token=admin).body
    assert posts["indexes"] == [
        {"fields": ["title"], "unique": True}, {"fields": ["views", "created"]}, {"fields": ["day"], "where": "status = 'draft'"},
    ]  # fmt: skip
    fields = {each["name"]: each for each in posts["fields"]}
    assert (fields["author"]["on_delete"], fields["tags"]["on_delete"], fields["tags"]["max"]) == ("cascade", "clear", 5)
    assert (fields["views"], fields["secret_key"]["hidden"]) == ({"name": "views", "type": "integer", "min": 0, "default": 0}, True)


def _same_filters(there: Filled, server: Server, admin: str) -> None:
    for text in FILTERS:
        answer = server.request("GET", f"{RECORDS}?sort=id&filter={quote(in_our_words(text, WORDS))}", token=admin)
        assert [each["id"] for each in answer.body["items"]] == there.found[text], text


def _rules_hold(there: Filled, server: Server) -> None:
    assert [each["id"] for each in server.request("GET", RECORDS).body["items"]] == ["post00000000001"]
    bob = _signed_in(server, "users", "bob@example.org", PASSWORD)
    assert len(server.request("GET", RECORDS, token=bob).body["items"]) == 3
    assert server.request("DELETE", "/api/v1/collections/notes/records/note00000000001", token=bob).status == 403
    body = {"title": "Mine", "author": there.users["Ann"]}
    assert server.request("POST", RECORDS, body, bob).status == 403
    assert server.request("POST", RECORDS, {**body, "author": there.users["Bob"]}, bob).status == 201


def _people_sign_in(there: Filled, server: Server) -> None:
    """By the password of there, once by bcrypt and from then on by argon2id; whoever the rule keeps out is kept out."""
    for _ in range(2):
        ann = _signed_in(server, "users", "ANN@example.org", PASSWORD)
        _signed_in(server, "users", "dee@example.org", WIDE_PASSWORD)
    me = server.request("GET", "/api/v1/auth/users/me", token=ann).body
    assert (me["id"], me["email"], me["first_name"], me["verified"], me["email_visible"]) == (
        there.users["Ann"], "Ann@Example.org", "Ann", True, True,
    )  # fmt: skip
    wrong = {"identity": "cid@example.org", "password": "another password"}
    assert server.request("POST", "/api/v1/auth/users/sign-in", wrong).status == 401
    assert server.request("POST", "/api/v1/auth/users/sign-in", {**wrong, "password": PASSWORD}).status == 403


def _signed_in(server: Server, collection: str, email: str, password: str) -> str:
    answer = server.request("POST", f"/api/v1/auth/{collection}/sign-in", {"identity": email, "password": password})
    assert answer.status == 200, answer
    token: str = answer.body["access_token"]
    return token


# --- what does not fit, and folders that somebody else has made


@pytest.fixture
def changed(there: Filled, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the folder whose database was changed past its PocketBase."""

    def change(*statements: str) -> Path:
        folder = shutil.copytree(there.folder, tmp_path / "changed")
        with closing(sqlite3.connect(folder / "data.db")) as connection:
            for each in statements:
                connection.execute(each)
            connection.commit()
        return folder

    return change


def test_all_comes_over_or_nothing(changed: Callable[..., Path], unstarted: Servers, settings: dict[str, str]) -> None:
    """A record that does not fit is found before anything is written; a unique value that is there twice by the database, last of all."""
    server = unstarted(workers=1, **settings)
    server.data_dir.mkdir(mode=0o700)
    folder = changed(
        "UPDATE posts SET contact = 'nobody' WHERE id = 'post00000000001'",
        "UPDATE posts SET author = 'gone00000000000', tags = '[\"tag000000000001\", \"gone00000000000\"]' WHERE id = 'post00000000003'",
        "DROP INDEX idx_posts_title",
        "UPDATE posts SET title = 'Sage' WHERE id = 'post00000000002'",
    )
    done = server.command("pocketbase", "import", str(folder), "--yes")
    assert done.returncode == 1
    assert "posts 'post00000000001': contact: this is not an e-mail address" in done.stderr
    twice = server.command("pocketbase", "import", str(folder), "--yes", "--skip-bad")
    assert twice.returncode == 1
    assert "Traceback" not in twice.stderr
    with closing(sqlite3.connect(folder / "data.db")) as connection:
        connection.execute("UPDATE posts SET title = '' WHERE id = 'post00000000002'")
        connection.commit()
    # Nothing was left behind: no name is taken.
    skipped = server.command("pocketbase", "import", str(folder), "--yes", "--skip-bad")
    assert skipped.returncode == 0, skipped.stderr
    # The first post is not there, so nothing points at it any more.
    for told in ("`author` of `posts` pointed at no record in 1 record", "`parent` of `posts` pointed", "1 bad record left out"):
        assert told in skipped.stdout, told


HOSTILE = {
    "a view for a table": ("ALTER TABLE posts RENAME TO other", "CREATE VIEW posts AS SELECT * FROM other"),
    "a virtual table": ("DROP TABLE notes", "CREATE VIRTUAL TABLE notes USING fts5(id, post)"),
    "a table that is not there": ("DROP TABLE notes",),
    "a column that is not there": ("ALTER TABLE notes DROP COLUMN post",),
    "fields that are none": ("UPDATE _collections SET fields = '{}' WHERE name = 'posts'",),
    "fields that are no objects": ("UPDATE _collections SET fields = '[1, null]' WHERE name = 'posts'",),
    "no JSON": ("UPDATE _collections SET fields = '[' WHERE name = 'posts'",),
    "JSON without end": ("UPDATE _collections SET options = '" + "[" * 50_000 + "' WHERE name = 'posts'",),
    "rules that are no text": ("UPDATE _collections SET listRule = x'00ff' WHERE name = 'posts'",),
    "a name that is SQL": ("UPDATE _collections SET name = 'posts\"; DROP TABLE users; --' WHERE name = 'posts'",),
    "another program's": ("DROP TABLE _collections",),
    "an old one": ("ALTER TABLE _collections RENAME COLUMN fields TO schema",),
}


@pytest.mark.parametrize("statements", HOSTILE.values(), ids=HOSTILE)
def test_a_folder_that_is_not_sound_is_refused(statements: tuple[str, ...], changed: Callable[..., Path]) -> None:
    _refused(changed(*statements))


@pytest.mark.parametrize("what", ["nothing", "link", "garbage", "cut"])
def test_a_file_that_is_no_database_is_refused(what: str, there: Filled, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    whole = (there.folder / "data.db").read_bytes()
    if what == "link":
        (folder / "data.db").symlink_to(there.folder / "data.db")
    elif what != "nothing":
        (folder / "data.db").write_bytes(b"x" * 10_000 if what == "garbage" else whole[: len(whole) // 2])
    _refused(folder)


def _refused(folder: Path) -> None:
    """Wherever reading finds it; nothing of a database or a path is told, and the folder is as it was."""
    before = {each: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    with pytest.raises(Invalid) as caught:
        _read(folder)
    assert caught.value.code == "not_pocketbase"
    assert not any(word in caught.value.detail for word in ("SELECT", "sqlite3", "/"))
    assert {each: each.read_bytes() for each in folder.iterdir() if each.is_file()} == before


def _read(folder: Path) -> None:
    with open_folder(folder) as data:
        for each in data.collections():
            if each.type != "view":
                data.count(each)
                list(data.rows(each, [str(field["name"]) for field in each.fields]))


def test_nothing_in_the_file_is_run_and_no_hash_is_too_costly(changed: Callable[..., Path], tmp_path: Path) -> None:
    folder = changed(
        "CREATE TRIGGER boom AFTER INSERT ON users BEGIN DELETE FROM users; END",
        "CREATE VIEW trap AS SELECT load_extension('x') FROM users",
        "UPDATE users SET password = replace(password, '$10$', '$31$') WHERE firstName = 'Bob'",
    )
    before = sorted(each.name for each in folder.iterdir())
    done = stillroom("pocketbase", "import", str(folder), "--yes", cwd=tmp_path, STILLROOM_DATA_DIR=str(tmp_path / "mine"))
    assert done.returncode == 0, done.stderr
    assert "1 account without a bcrypt hash" in done.stdout
    assert sorted(each.name for each in folder.iterdir()) == before
