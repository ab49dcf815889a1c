"""While extensions are being written: when one of their files changes, workers start anew with it. Not where others are served."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from time import sleep

from app import discover
from app.premises import StartRefused
from app.settings import Settings

_LOOK = 0.5


def is_wanted(settings: Settings) -> bool:
    return not (settings.is_public or settings.public_url)


def watch(places: Sequence[str], again: Callable[[], object], say: Callable[[str], object]) -> None:
    """In a thread that ends with the process. What does not load is said, and the workers go on with what they have."""
    Thread(target=_watch, args=(places, again, say), name="stillroom-reloading", daemon=True).start()


def _watch(places: Sequence[str], again: Callable[[], object], say: Callable[[str], object]) -> None:
    known = _seen(places)
    while True:
        sleep(_LOOK)
        now = _seen(places)
        if now != known:
            known = now
            _reload(places, again, say)


def _reload(places: Sequence[str], again: Callable[[], object], say: Callable[[str], object]) -> None:
    try:
        discover.load(places)
    except StartRefused as refused:
        say(f"{refused} The server goes on without this change.")
    else:
        say("Extensions have changed; starting the workers anew.")
        again()


def _seen(places: Sequence[str]) -> Mapping[Path, tuple[int, int]]:
    """What is gone while it is looked at is looked at again."""
    seen = {}
    for file in discover.files(places):
        try:
            about = file.stat()
        except OSError:
            continue
        seen[file] = about.st_mtime_ns, about.st_size
    return seen
