"""docs/jobs.md: the blog of its example behind a real server, by itself and then, by changing the environment alone, on PostgreSQL and
Redis with two workers."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.blocks import blocks
from tests.e2e.job_room import Room, until
from tests.e2e.server import Server
from tests.postgres import fresh_database
from tests.redis_server import RedisServer

pytestmark = pytest.mark.long


@pytest.fixture
def alone() -> dict[str, str]:
    return {}


@pytest.fixture
def spread(postgres_server: str, redis_server: RedisServer) -> Iterator[dict[str, str]]:
    with fresh_database(postgres_server) as url:
        yield {
            "STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa",
            "STILLROOM_REDIS_URL": redis_server.url, "STILLROOM_JOB_WORKERS": "0",
        }  # fmt: skip


@pytest.mark.parametrize(("environment", "workers"), [("alone", 0), ("spread", 2)])
def test_the_blog_counts_words(environment: str, workers: int, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    room = Room(tmp_path / "room", request.getfixturevalue(environment))
    (room.folder / "extensions" / "work.py").unlink()
    (room.folder / "extensions" / "blog.py").write_text(blocks("jobs.md", "python")[0], encoding="utf-8")
    server = Server(room.folder / "data", workers=1, settings=room.settings)
    server.data_dir.mkdir()
    with ExitStack() as running:
        server.start()
        running.callback(server.end)
        for _ in range(workers):
            running.enter_context(room.worker("--processes", "1"))
        token = server.admin_token()
        fields = [{"name": "text", "type": "text"}, {"name": "words", "type": "integer"}]
        assert server.request("POST", "/api/v1/collections", {"name": "posts", "fields": fields}, token).status == 201
        for count in range(1, 9):
            post = {"id": f"p{count}", "text": "word " * count}
            assert server.request("POST", "/api/v1/collections/posts/records", post, token).status == 201
        words = lambda: {
            each["id"]: each["words"] for each in server.request("GET", "/api/v1/collections/posts/records", token=token).body["items"]
        }  # fmt: skip
        until(lambda: words() == {f"p{count}": count for count in range(1, 9)})
        jobs = server.request("GET", "/api/v1/jobs?name=count_words", token=token).body["items"]
        assert {(each["state"], each["tries"]) for each in jobs} == {("done", 0)}
