"""docs/files.md from a browser's hand to a bucket and out again, over a real server whose files are in a real S3: what it shows in
JavaScript is run by Node, its commands by the real command line."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Run, node  # noqa: F401 - a fixture
from tests.docs.blocks import blocks, definitions
from tests.e2e.server import Server
from tests.s3_forms import form_server
from tests.s3_server import KEYS, S3Server

PAGE = "files.md"
# What the page leaves to its reader.
AROUND = """
import * as tus from "tus-js-client";
const [host, token, name, text] = process.argv.slice(2);
const file = Object.assign(new Blob([text], { type: "text/plain" }), { name });
const post = (path, body) => fetch(host + path, {
  method: "POST", headers: { Authorization: `Bearer ${token}`, ...(body ? { "Content-Type": "application/json" } : {}) },
  body: body && JSON.stringify(body),
});
const seen = [];
const show = (share) => seen.push(share);
const save = async (record) => {
  const answer = await post("/api/v1/collections/posts/records", record);
  console.log(JSON.stringify({ status: answer.status, record: await answer.json(), seen }));
};
const [collection, field] = ["posts", "papers"];
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[Server]:
    bucket = s3_server.bucket()
    with form_server(s3_server.url, {KEYS.access: KEYS.secret}) as public:
        url = f"s3://{bucket.name}/{bucket.prefix}?endpoint={s3_server.url}&public={public}"
        given = {"STILLROOM_FILES_URL": url, "STILLROOM_FILES_ACCESS_KEY": KEYS.access, "STILLROOM_FILES_SECRET": KEYS.secret}
        made = Server(tmp_path_factory.mktemp("walk") / "data", workers=1, settings=given)
        try:
            made.start()
            assert made.request("POST", "/api/v1/collections", definitions(PAGE)[0], made.admin_token()).status == 201
            yield made
        finally:
            made.end()


def test_a_file_comes_by_each_way_that_the_page_shows(running: Server, node: Run, tmp_path: Path) -> None:  # noqa: F811
    resumed, direct = blocks(PAGE, "js")
    token = running.admin_token()

    def sent(code: str, name: str, text: str) -> dict[str, Any]:
        (tmp_path / "walk.mjs").write_text(AROUND + code.replace("http://127.0.0.1:8000", running.url))
        done = node("node", "walk.mjs", running.url, token, name, text, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        assert told["status"] == 201, told
        return told

    first = sent(resumed.replace("new tus.Upload(file", "new tus.Upload(await bytes(file)").replace("const upload", READ + "const upload"),
                 "notes.txt", "by tus" * 20_000)  # fmt: skip
    assert (first["record"]["papers"][0]["original"], first["seen"][-1]) == ("notes.txt", 1)
    second = sent(direct + "await save({ papers: [{ upload: begun.id }] });", "direct.txt", "by a form")
    assert [each["original"] for each in second["record"]["papers"]] == ["direct.txt"]
    for told, text in ((first, "by tus" * 20_000), (second, "by a form")):
        record = told["record"]
        served = running.request("GET", f"/api/v1/files/posts/{record['id']}/{record['papers'][0]['name']}")
        assert served.body == text.encode()


# In Node the client reads a Buffer where a browser gives it a File.
READ = "const bytes = async (blob) => Buffer.from(await blob.arrayBuffer());\n"


def test_what_is_exported_comes_back_as_the_page_says(running: Server, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("all of it")
    (tmp_path / "posts.csv").write_text("title,papers\nfirst,a.txt\n")
    done = running.command("import", str(tmp_path / "posts.csv"), "--collection", "posts", "--files", str(tmp_path / "in"), "--yes")
    assert done.returncode == 0, done.stderr
    token = running.admin_token()
    export, import_ = (shlex.split(line)[1:] for line in blocks(PAGE, "sh")[-1].splitlines())
    here = {"posts.jsonl": str(tmp_path / "posts.jsonl"), "posts-files": str(tmp_path / "posts-files")}
    before = _first(running)
    assert running.command(*(here.get(word, word) for word in export)).returncode == 0
    for each in running.request("GET", "/api/v1/collections/posts/records", token=token).body["items"]:
        assert running.request("DELETE", f"/api/v1/collections/posts/records/{each['id']}", token=token).status == 204
    done = running.command(*(here.get(word, word) for word in import_))
    assert done.returncode == 0, done.stderr + done.stdout
    after = _first(running)
    assert (after["id"], after["papers"][0]["sha256"]) == (before["id"], before["papers"][0]["sha256"])


def _first(running: Server) -> Any:
    found = running.request("GET", "/api/v1/collections/posts/records?filter=title='first'").body["items"]
    assert len(found) == 1
    return found[0]


def test_the_quota_of_the_page_is_one(running: Server) -> None:
    told = next(json.loads(each) for each in blocks(PAGE, "json") if "file_quota" in each)
    made = running.request("POST", "/api/v1/collections", told, running.admin_token())
    assert (made.status, made.body["file_quota"]) == (201, told["file_quota"])
