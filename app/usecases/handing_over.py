"""Files that somebody else sends, as the owner chose: the store or the proxy."""

from domain.files.ways import ACCEL, LINK_SECONDS, REDIRECT, SENDFILE, SERVER, Elsewhere, by_proxy
from ports.files import Files


class HandingOver:
    def __init__(self, files: Files, way: str = SERVER) -> None:
        self._files, self._way = files, way

    def of(self, key: str) -> Elsewhere | None:
        """None where we send it ourselves. What may be handed over was decided before."""
        if self._way == REDIRECT:
            link = self._files.link(key, seconds=LINK_SECONDS)
            return Elsewhere(REDIRECT, link) if link else None
        place = self._files.place(key) if self._way in (ACCEL, SENDFILE) else None
        return by_proxy(self._way, place.root, place.path) if place else None
