"""F06, F07 and F18: pictures that are bombs, sweeps of sizes, and what a picture tells of its author, on a server as it is run. No
database has a part in them."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.contract import pictures
from tests.contract.pictures import SECRET, flag, saved
from tests.security.target import API, COLLECTIONS, Target

MEMBERS = "@request.auth.id != ''"
PHOTO = {"name": "photo", "type": "file", "thumbs": ["100x100", "0x50"]}
BOMBS = {
    "30,000 × 30,000 pixels": pictures.bomb, "10,000 frames": lambda: pictures.gif_of_frames(10_000), "30 MB of text": pictures.text_bomb,
    "a frame outside": pictures.gif_with_a_frame_outside, "a wide canvas": lambda: pictures.webp_that_says(16_000, 16_000),
}  # fmt: skip


@pytest.fixture(scope="module")
def target(sqlite_target: Target) -> Iterator[Target]:
    rules = dict.fromkeys(("view", "create"), MEMBERS)
    assert sqlite_target.ask("POST", COLLECTIONS, {"name": "albums", "fields": [PHOTO], "rules": rules}, by="admin").status == 201
    yield sqlite_target
    assert sqlite_target.ask("DELETE", f"{COLLECTIONS}/albums", by="admin").status == 204


def put(target: Target, content: bytes) -> str:
    """Where it is served."""
    boundary, form = encode_multipart({"photo": FileStorage(io.BytesIO(content), "photo.png")})
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    made = target.records("POST", "albums", raw=form, headers=headers, by="alice")
    assert made.status == 201, made
    return f"{API}/files/albums/{made.body['id']}/{made.body['photo']['name']}"


def thumb(target: Target, path: str, size: str = "100x100", **headers: str) -> Any:
    return target.ask("GET", path, by="alice", query={"thumb": size}, headers=headers)


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_a_worker_neither_memory_nor_time_and_others_nothing(target: Target, make: Callable[[], bytes]) -> None:
    content = make()
    thumb(target, put(target, saved(flag(), "PNG")))  # whatever is started by the first one
    path, before = put(target, content), target.memory()
    slowest, done = [0.0], threading.Event()
    others = threading.Thread(target=_others, args=(Target(target.server, "sqlite", target.tokens), slowest, done))
    others.start()
    try:
        answers = [thumb(target, path, size) for size in ("100x100", "0x50", "100x100")]
    finally:
        done.set()
        others.join(10)
    for answer in answers:
        assert answer.status == 200
        assert answer.seconds < 2
        assert answer.content == content or Image.open(io.BytesIO(answer.content)).size in ((100, 100), (64, 64), (50, 50))
    assert slowest[0] < 2
    assert target.memory() - before < 100 * 1024
    assert Image.open(io.BytesIO(thumb(target, put(target, saved(flag(), "PNG"))).content)).size == (100, 100)


def _others(target: Target, slowest: list[float], done: threading.Event) -> None:
    while not done.is_set():
        slowest[0] = max(slowest[0], target.ask("GET", "/livez").seconds)
        time.sleep(0.02)


def test_a_sweep_of_sizes_fills_nothing(target: Target) -> None:
    path = put(target, saved(flag(), "PNG"))
    for size in ("99999x99999", "0x0", "-1", "", "100x100f", "1e3x1", "../100x100", *(f"{side}x{side}" for side in range(1, 60))):
        seen = thumb(target, path, size)
        assert (seen.status, seen.code) == (400, "unknown_thumb"), size
    assert _made_of(target, path) == []
    assert thumb(target, path).status == 200
    assert _made_of(target, path) == ["100x100.png"]


def test_no_thumbnail_tells_where_its_picture_was_taken(target: Target) -> None:
    path = put(target, pictures.talkative("JPEG"))
    for accept in ("", "image/webp", "image/avif"):
        seen = thumb(target, path, Accept=accept)
        assert seen.headers["content-type"] == (accept or "image/jpeg")
        assert SECRET[:8].encode() not in seen.content


def test_a_thumbnail_is_no_way_around_a_rule(target: Target) -> None:
    path = put(target, saved(flag(), "PNG"))
    assert thumb(target, path).headers["cache-control"] == "private, no-store"
    for size in ("100x100", "7x7"):
        assert target.ask("GET", path, query={"thumb": size}).status == 404


def _made_of(target: Target, path: str) -> list[str]:
    return [each.name for each in (target.server.data_dir / "files").rglob(f"{path.rpartition('/')[2]}.thumbs/*")]
