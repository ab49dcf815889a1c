"""Thumbnails, drawn of pictures that strangers made."""

from collections.abc import Iterable
from typing import Protocol

from domain.schema.fields.sizes import Size


class Images(Protocol):
    def thumbnail(self, source: Iterable[bytes], *, size: Size, type: str) -> bytes | None:
        """A picture of the media type `type`: JPEG, PNG, WebP or AVIF. It shows what the source (one of these, or a GIF) shows first,
        upright, in the colours that screens agree on, and tells nothing else that stood in the source: no place, device, comment, name.

        None where the source is no such picture or broken, or is one that takes more than `domain.files.thumbs` allows: that stays so.
        Unavailable while too many others are being drawn, or where it took too long among others. What `source` raises passes through.
        However hostile the picture is, it costs this process neither memory nor time."""
        ...
