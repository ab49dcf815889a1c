"""The blog of docs/extensions.md on real servers: loaded at the start, at work on both databases, and refused where it is wrong."""

import json
import time
from pathlib import Path

import pytest

from tests.docs.blocks import blocks
from tests.e2e.engines import served_on
from tests.e2e.server import ADMIN, Server, stillroom

BLOG = next(block for block in blocks("extensions.md", "python") if block.startswith("# extensions/blog.py"))
COLLECTIONS = next(json.loads(block) for block in blocks("extensions.md", "json"))
RECORDS = "/api/v1/collections/{}/records"


# What hooks do in transactions is tried on both in tests/contract.
@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def blog(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extensions")
    (folder / "blog.py").write_text(BLOG, encoding="utf-8")
    settings = {"STILLROOM_EXTENSIONS": str(folder), "STILLROOM_EXT_BLOG_POSTS_A_DAY": "7"}
    with served_on(request.param, request, tmp_path_factory, **settings) as server:
        token = signed_in(server)
        for each in COLLECTIONS:
            assert server.request("POST", "/api/v1/collections", each, token).status == 201
        server.extensions = folder
        yield server


def signed_in(server: Server) -> str:
    made = stillroom("admin", "create", "--email", ADMIN["email"], "--password", ADMIN["password"], cwd=server.data_dir.parent, **{
        name: text for name, text in server.environment().items() if name.startswith("STILLROOM_")
    })  # fmt: skip
    assert made.returncode == 0, made.stderr
    answer = server.request("POST", "/api/v1/auth/_admins/sign-in", {"identity": ADMIN["email"], "password": ADMIN["password"]})
    return answer.body["access_token"]


def eventually(look, seconds=10):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "in vain"
        time.sleep(0.05)
    return found


def test_the_blog_works(blog):
    assert "there is no collection `posts` yet" in blog.output
    made = blog.request("POST", RECORDS.format("posts"), {"title": "Hello World"})
    assert (made.status, made.body["slug"]) == (201, "hello-world")
    listed = lambda: blog.request("GET", RECORDS.format("notices")).body["items"]
    assert [each["text"] for each in eventually(listed)] == ["Hello World"]

    live = blog.request("POST", RECORDS.format("posts"), {"title": "Live", "status": "live"}).body["id"]
    kept = blog.request("DELETE", f"{RECORDS.format('posts')}/{live}")
    assert (kept.status, kept.body["code"]) == (409, "is_live")
    assert blog.request("DELETE", f"{RECORDS.format('posts')}/{made.body['id']}").status == 204

    greeted = blog.request("POST", "/api/v1/ext/blog/greetings/ann", {"text": "Hello"})
    assert (greeted.status, greeted.body) == (201, {"said": "Hello ann!", "by": "", "quota": 7})
    refused = blog.request("POST", "/api/v1/ext/blog/greetings/ann", {"txt": "Hello"}).body["errors"]
    assert ("/txt", "unknown_field") in [(each["pointer"], each["code"]) for each in refused]


def test_a_command_runs_beside_the_server(blog):
    settings = {name: text for name, text in blog.environment().items() if name.startswith("STILLROOM_")}
    greeted = stillroom("greet", "--name", "Ann", cwd=blog.data_dir.parent, **settings)
    assert (greeted.returncode, greeted.stdout) == (0, "Hello Ann!\n"), greeted.stderr
    assert "greet" in stillroom("--help", cwd=blog.data_dir.parent, **settings).stdout


def test_a_change_is_served_without_a_start(blog):
    """The last test of this server: it changes what is loaded."""
    if "STILLROOM_DATABASE_URL" in blog.settings:
        pytest.skip("which database it is has no part in it")
    file: Path = blog.extensions / "blog.py"
    said = lambda: blog.request("POST", "/api/v1/ext/blog/greetings/ann", {"text": "Hello"}).body.get("said")
    assert said() == "Hello ann!"
    file.write_text(BLOG + "\nthis is no Python", encoding="utf-8")
    eventually(lambda: "goes on without this change" in blog.output)
    assert said() == "Hello ann!"
    file.write_text(BLOG.replace("{call.body.text} {name}!", "{call.body.text} dear {name}!"), encoding="utf-8")
    eventually(lambda: said() == "Hello dear ann!")


def test_an_extension_that_is_wrong_is_named_and_nothing_starts(tmp_path, unstarted):
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions/wrong.py").write_text('import stillroom\nx = stillroom.Extension("x")\nx.before("records.crate")(print)\n')
    server = unstarted(workers=1)
    server.launch()
    assert server.process.wait(30) == 1
    assert server.output == (
        "`extensions/wrong.py`, line 3: ValueError: there is no event `records.crate`; did you mean `records.create`?\n"
    )
