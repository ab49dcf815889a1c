"""The machine's own Chromium, headless, for tests of pages; nothing is downloaded, and what a page asks of other hosts is noted."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.backends import missing

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# It is to ask nobody anything by itself. Without a sandbox of its own, since containers have no right to one.
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Watched:
    """A page of the site, and what it should not have done."""

    page: Any
    site: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> "Watched":
        self.page.on("request", self._request)
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        return self

    def _request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" != self.site:
            self.foreign.append(request.url)


@contextmanager
def browsing(site: str) -> Iterator[Watched]:
    executable = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if executable is None:
        missing("Chromium", "install the package `chromium`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_QUIET))
        try:
            yield Watched(browser.new_page(viewport={"width": 1280, "height": 1600}), site).watch()
        finally:
            browser.close()
