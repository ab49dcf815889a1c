"""What a storm of 200 requests for thumbnails that nobody has made yet costs those who ask for something else. As many requests for the
files themselves are the measure: what they cost is no thumbnail's.

Long, since a busy machine tells nothing in a moment.
"""

import http.client
import io
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.contract.pictures import saved
from tests.e2e.engines import served_on
from tests.e2e.flooding import gets
from tests.e2e.server import ROOT, Server

pytestmark = pytest.mark.long

ROUNDS, PHOTOS = 7, 10
SIZES = [f"{side}x{side}" for side in range(100, 500, 20)]
PHOTO = {
    "name": "photos", "fields": [{"name": "photo", "type": "file", "types": ["image/*"], "thumbs": SIZES}],
    "rules": {"view": "", "create": ""},
}  # fmt: skip


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served_on("sqlite", request, tmp_path_factory, STILLROOM_LOG_LEVEL="warning") as running:
        assert running.request("POST", "/api/v1/collections", PHOTO, running.admin_token()).status == 201
        yield running


def test_a_storm_of_thumbnails_slows_others_by_no_more_than_twice(served: Server) -> None:
    seen: dict[str, list[list[float]]] = {"quiet": [], "files": [], "thumbnails": []}
    for number in range(ROUNDS):
        paths = [_photo(served) for _ in range(PHOTOS)]
        record = paths[0].replace("/files/photos/", "/collections/photos/records/").rpartition("/")[0]
        gets(served.port, record, 1)
        seen["quiet"].append(gets(served.port, record, 2))
        for kind, wanted in (("files", paths * len(SIZES)), ("thumbnails", [f"{path}?thumb={size}" for path in paths for size in SIZES])):
            taken, answered = _beside(served.port, wanted, record)
            seen[kind].append(taken)
            print(f"round {number}: {answered}, {len(taken)} gets, load {os.getloadavg()[0]:.1f}")
            assert sum(answered.values()) == len(wanted)
            assert all(each.startswith("200 ") for each in answered)
    shares = {name: {kind: _share(share, each) for kind, each in seen.items()} for name, share in (("median", 0.5), ("p99", 0.99))}
    print({name: {kind: f"{each:.1f} ms" for kind, each in kinds.items()} for name, kinds in shares.items()})
    for kinds in shares.values():
        assert kinds["thumbnails"] < 2 * max(kinds["quiet"], kinds["files"])


def _share(share: float, series: list[list[float]]) -> float:
    return statistics.median(each[int(len(each) * share)] for each in series)


def _beside(port: int, wanted: list[str], record: str) -> tuple[list[float], dict[str, int]]:
    """Milliseconds of gets while the storm blows, sorted."""
    command = [sys.executable, "-m", "tests.e2e.storming", str(port)]
    storm = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert storm.stdin is not None
    assert storm.stdout is not None
    storm.stdin.write("\n".join(wanted))
    storm.stdin.close()
    taken: list[float] = []
    while storm.poll() is None:
        taken += gets(port, record, 0.1)
    return sorted(taken), json.load(storm.stdout)


def _photo(served: Server) -> str:
    """Of 12 million pixels, as a telephone makes them."""
    noise = Image.effect_noise((504, 378), 60).convert("RGB").resize((4032, 3024))
    boundary, form = encode_multipart({"photo": FileStorage(io.BytesIO(saved(noise, "JPEG")), "photo.jpg")})
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        connection.request("POST", "/api/v1/collections/photos/records", form, headers)
        answer = connection.getresponse()
        record = json.load(answer)
        assert answer.status == 201, record
    return f"/api/v1/files/photos/{record['id']}/{record['photo']['name']}"
