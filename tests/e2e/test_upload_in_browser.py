"""examples/upload.html in a real Chromium: a large file whose line breaks, which is stopped, whose page is closed, and which goes on."""

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.backends import missing
from tests.browser import browsing
from tests.e2e.server import ROOT, Server
from tests.e2e.test_sample_page import Quiet

TUS = ROOT / "tests" / "node" / "node_modules" / "tus-js-client" / "dist" / "tus.min.js"
OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
FILMS = {"name": "films", "rules": OPEN, "fields": [{"name": "reel", "type": "file", "max_size": 100_000_000}]}
SIZE = 30_000_000
# Bytes a second, so that there is something to interrupt.
SLOW = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 12_000_000}


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[str]:
    if not TUS.is_file():
        missing("tus-js-client", "install nodejs and npm, then `make test` (or npm ci --prefix tests/node)")
    folder = tmp_path / "pages"
    folder.mkdir()
    shutil.copy(ROOT / "examples" / "upload.html", folder)
    shutil.copy(TUS, folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Sender:
    """A person with a large file."""

    def __init__(self, page: Any, address: str, reel: Path) -> None:
        self._page, self._address, self._reel = page, address, reel

    def opens(self) -> None:
        self._page.goto(self._address)
        line = self._page.context.new_cdp_session(self._page)
        line.send("Network.enable")
        line.send("Network.emulateNetworkConditions", SLOW)
        self._page.set_input_files("#file", str(self._reel))

    def sees_more_than(self, share: float) -> float:
        self._page.wait_for_function("(share) => document.getElementById('progress').value > share", arg=share, timeout=30_000)
        return float(self._page.evaluate("document.getElementById('progress').value"))

    def sees(self, text: str) -> str:
        self._page.wait_for_function("(text) => document.body.innerText.includes(text)", arg=text, timeout=30_000)
        return str(self._page.inner_text("output"))


def here(running: Server) -> int:
    """How many bytes the server has of all uploads."""
    stored = (running.data_dir / "files" / "uploads").rglob("*")
    return sum(each.stat().st_size for each in stored if each.is_file())


def test_a_large_file_is_interrupted_three_times_and_comes_whole(server: Callable[..., Server], pages: str, tmp_path: Path) -> None:
    running = server(workers=1, STILLROOM_HOST="localhost", STILLROOM_CORS_ORIGINS=pages)
    assert running.request("POST", "/api/v1/collections", FILMS, running.admin_token()).status == 201
    reel = tmp_path / "reel.bin"
    reel.write_bytes(random.randbytes(SIZE))
    with browsing(running.url) as watched:
        page, context = watched.page, watched.page.context
        sender = Sender(page, f"{pages}/upload.html?api=http://localhost:{running.port}", reel)
        begun: list[str] = []
        page.on("request", lambda request: begun.append(request.url) if request.method == "POST" and "/uploads" in request.url else None)
        sender.opens()
        sender.sees_more_than(0.3)
        context.set_offline(True)
        page.wait_for_timeout(300)
        context.set_offline(False)
        sender.sees_more_than(0.4)
        page.click("#stop")
        assert sender.sees("Stopped")
        page.click("#go-on")
        sender.sees_more_than(0.5)
        page.reload()
        assert page.evaluate("document.getElementById('progress').value") == 0
        kept = here(running)
        assert kept >= SIZE * 0.2
        sender.opens()
        # What was here need not be sent again.
        assert sender.sees_more_than(0) >= kept / SIZE * 0.9
        assert hashlib.sha256(reel.read_bytes()).hexdigest() in sender.sees("Saved as")
        assert len(begun) == 1
    listed = running.request("GET", "/api/v1/collections/films/records").body["items"]
    assert [each["reel"]["size"] for each in listed] == [SIZE]


def test_a_page_tells_why_a_file_is_not_taken(server: Callable[..., Server], pages: str, tmp_path: Path) -> None:
    running = server(workers=1, STILLROOM_HOST="localhost", STILLROOM_CORS_ORIGINS=pages)
    pictures = {**FILMS, "fields": [{"name": "reel", "type": "file", "types": ["image/*"]}]}
    assert running.request("POST", "/api/v1/collections", pictures, running.admin_token()).status == 201
    (tmp_path / "page.png").write_text("<html>" * 3_000)
    with browsing(running.url) as watched:
        sender = Sender(watched.page, f"{pages}/upload.html?api=http://localhost:{running.port}", tmp_path / "page.png")
        sender.opens()
        assert "text/html; taken are image/*" in sender.sees("is text/html")
