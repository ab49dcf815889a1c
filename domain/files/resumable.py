"""Uploads that go on where they broke off, by the tus protocol 1.0.0 with creation, termination, checksum and expiration
(https://tus.io/protocols/resumable-upload): what its headers say, and what may happen to an upload next.

Where the bytes lie, who may send them and which statuses these refusals become is left to others. Of what a broken request brought as much
is kept as arrived, so an offset grows by any number of bytes, but with a checksum by all of the request or by nothing.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from domain.errors import Conflict, Invalid, NotFound, PreconditionFailed, TooLarge, UnsupportedMedia, invalid

VERSION = "1.0.0"
EXTENSIONS = ("creation", "termination", "checksum", "expiration")
CONTENT_TYPE = "application/offset+octet-stream"
# From its last bytes on.
LIFETIME = timedelta(hours=24)
# sha1 is the one that every server has to know; it is asked whether bytes arrived, not who sent them.
_ALGORITHMS = MappingProxyType({"sha1": 20, "sha256": 32, "sha512": 64})
ALGORITHMS = tuple(_ALGORITHMS)
# What JSON and both databases hold exactly.
_DIGITS = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_KEY = re.compile(r"[!-+\--~]{1,100}", re.ASCII)
_LONGEST_METADATA = 8_000
_MOST_KEYS = 20


@dataclass(frozen=True, slots=True)
class Checksum:
    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """Of `length` bytes, of which `offset` are here. It is whole once they all are, and then takes no more."""

    length: int
    expires: datetime
    metadata: Mapping[str, str]
    offset: int = 0

    @property
    def is_whole(self) -> bool:
        return self.offset == self.length

    def check_stands(self, now: datetime) -> None:
        """One that is over is as one that never was: both are begun anew."""
        if now >= self.expires:
            raise NotFound("there is no such upload, or its time is over", code="upload_ended", hint="begin it anew")

    def room(self, now: datetime, *, offset: str | None, length: int | None) -> int:
        """How many bytes of a request may be taken that begins at this offset; `length` is what it says that it brings. Refused at once
        where it begins elsewhere: these bytes would stand where others belong."""
        self.check_stands(now)
        begins = _number("Upload-Offset", offset)
        if begins != self.offset:
            detail = f"{self.offset} bytes are here, and these begin at {begins}"
            raise Conflict(detail, code="offset_differs", hint="ask by HEAD where to go on")
        room = self.length - self.offset
        if length is not None and length > room:
            raise self._too_long()
        return room

    def grown(self, count: int, now: datetime) -> "Upload":
        """By what arrived of one request, which is here to stay."""
        if count > self.length - self.offset:
            raise self._too_long()
        return replace(self, offset=self.offset + count, expires=now + LIFETIME)

    def _too_long(self) -> TooLarge:
        return TooLarge(f"this upload has {self.length} bytes", code="upload_too_long", hint="begin one with the right `Upload-Length`")


def begun(now: datetime, *, length: str | None, deferred: str | None, metadata: str | None, largest: int) -> Upload:
    """A new upload, from the headers of its creation."""
    if deferred is not None:
        raise invalid("Upload-Defer-Length", "not_supported", "an upload says at first how long it is", hint="send `Upload-Length`")
    said = _number("Upload-Length", length)
    if said > largest:
        raise TooLarge(f"an upload has at most {largest} bytes", code="too_large")
    return Upload(said, now + LIFETIME, read_metadata(metadata))


def check_version(version: str | None) -> None:
    if version != VERSION:
        raise PreconditionFailed("this server speaks tus 1.0.0", code="tus_version", hint=f"send `Tus-Resumable: {VERSION}`")


def check_content_type(content_type: str | None) -> None:
    if content_type is None or content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise UnsupportedMedia(f"bytes of an upload come as {CONTENT_TYPE}")


def read_metadata(header: str | None) -> Mapping[str, str]:
    """Pairs of a key and its value in Base64, which may be left away; each key once."""
    if not header or not header.strip():
        return MappingProxyType({})
    pairs = [each.strip().split(" ") for each in header.split(",")]
    if len(header) > _LONGEST_METADATA or len(pairs) > _MOST_KEYS:
        raise _unread_metadata(f"it has at most {_LONGEST_METADATA} characters and {_MOST_KEYS} keys")
    found = {}
    for key, *values in pairs:
        if not _KEY.fullmatch(key) or len(values) > 1 or key in found:
            raise _unread_metadata("it is `key Base64, key Base64`, each key once")
        found[key] = _text(values[0]) if values else ""
    return MappingProxyType(found)


def read_checksum(header: str | None) -> Checksum | None:
    if header is None:
        return None
    algorithm, _, encoded = header.strip().partition(" ")
    if algorithm not in _ALGORITHMS:
        raise invalid("Upload-Checksum", "unknown_algorithm", f"no checksum `{algorithm[:40]}`", hint=f"there are {', '.join(ALGORITHMS)}")
    try:
        digest = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != _ALGORITHMS[algorithm]:
        raise invalid("Upload-Checksum", "invalid_header", f"this is no {algorithm} in Base64")
    return Checksum(algorithm, digest)


def check_sum(promised: Checksum, found: bytes) -> None:
    """Of all bytes of one request; where they differ none of them is kept."""
    if promised.digest != found:
        raise Invalid("these are not the bytes that were sent", code="checksum_differs", hint="send them again from the same offset")


def _number(header: str, text: str | None) -> int:
    if text is None or not _DIGITS.fullmatch(text):
        raise invalid(header, "invalid_header", f"`{header}` is a whole number of bytes")
    return int(text)


def _text(encoded: str) -> str:
    try:
        return b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _unread_metadata("its values are UTF-8 in Base64") from error


def _unread_metadata(detail: str) -> Invalid:
    return invalid("Upload-Metadata", "invalid_header", f"`Upload-Metadata` cannot be read: {detail}")
