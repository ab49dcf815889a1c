"""docs/files.md: its collection is one, what it types is done as it says, and what it answers has that form."""

import io
import re
import shlex

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.files.links import LIFETIME
from domain.files.serving import SHARED
from domain.schema.fields.files import DEFAULT_FILES, DEFAULT_MAX_SIZE, MOST_FILES
from tests.docs.blocks import blocks, definitions, section

PAGE = "files.md"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100)
FILES = {"cover.png": PNG, "one.txt": b"one", "two.txt": b"two", "three.txt": b"three"}


def typed(door, block, made=None):
    """What the curl of this block sends, over the application itself."""
    words = shlex.split(block.replace("\\\n", " "))
    method = words[words.index("-X") + 1] if "-X" in words else "POST"
    data: dict[str, list] = {}
    for at, word in enumerate(words):
        if word == "-F":
            name, _, value = words[at + 1].partition("=")
            sent = (io.BytesIO(FILES[value[1:]]), value[1:]) if value.startswith("@") else value
            data.setdefault(name, []).append(made["papers"][0]["name"] if made and name.endswith("-") else sent)
    path = re.sub("^http://[^/]+", "", words[-1])
    if made:
        path = f"{path.rpartition('/')[0]}/{made['id']}"
    return door.open(path, method=method, data=data, content_type="multipart/form-data")


def test_the_page_works_as_typed():
    create, change = blocks(PAGE, "sh")[:2]
    with backend() as room:
        room.collections.create(definitions(PAGE)[0], actor=SYSTEM)
        door = client(room)
        made = typed(door, create)
        assert made.status_code == 201, made.json
        assert [each["original"] for each in made.json["papers"]] == ["one.txt", "two.txt"]
        told = re.search(r'\{\s*"name": "52zf.*?\}', "\n".join(blocks(PAGE, "json")), re.S)
        assert told is not None
        assert re.findall(r'"(\w+)":', told[0]) == list(made.json["cover"])
        changed = typed(door, change, made.json)
        assert [each["original"] for each in changed.json["papers"]] == ["two.txt", "three.txt"], changed.json
        address = f"/api/v1/files/posts/{made.json['id']}/{made.json['cover']['name']}"
        assert door.get(address).data == PNG
        assert sorted(door.post(f"{address}/link").json) == ["expires", "url"]


def test_its_figures_are_those_of_the_code():
    text = section(PAGE, "# Files") + section(PAGE, "## Getting") + section(PAGE, "### Links")
    assert (DEFAULT_MAX_SIZE, DEFAULT_FILES, MOST_FILES) == (10 * 2**20, 20, 200)
    assert "10 MiB if not said" in text
    assert "20 if not said, 200 at most" in text
    assert (SHARED, "for an hour" in text) == ("public, max-age=3600", True)
    assert (LIFETIME.total_seconds(), "good for two minutes" in text) == (120, True)
