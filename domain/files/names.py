"""What files are called: where they are kept, by a name of ours that tells nothing and leads nowhere, and to people, by the name that
came with them, of which only what is harmless is left."""

import base64
import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Any

from domain.files.types import extension
from domain.schema.collection import Collection
from domain.schema.fields.files import files_in

_LONGEST = 150
_RANDOM_BYTES = 15
# What a file system, a header, a shell or a reader could take for something else: separators, quotes, wildcards.
_UNSAFE = re.compile(r'[/\\:*?"<>|%]')
_DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)")
# A name of ours, as an address may have it.
NAME = re.compile(r"[a-z2-7]{24}(?:\.[a-z0-9]{1,8})?", re.ASCII)


def new_id() -> str:
    """120 random bits, so that nobody finds it by trying."""
    return base64.b32encode(secrets.token_bytes(_RANDOM_BYTES)).decode().lower()


def new_name(media_type: str) -> str:
    """And the extension that goes with what it is."""
    ending = extension(media_type)
    return new_id() + (f".{ending}" if ending else "")


def key_of(collection_id: str, record_id: str, name: str) -> str:
    return f"{collection_id}/{record_id}/{name}"


def may_be_ours(key: str) -> bool:
    """Somebody may have put theirs into our store by hand, under keys that we never make."""
    return key.count("/") > 1


def original_name(sent: str | None) -> str:
    """The last part of what was sent, without what could mislead: controls, letters that turn the direction of writing, what paths are
    made of, device names of Windows. Never empty."""
    last = re.split(r"[/\\]", sent or "")[-1]
    plain = "".join(" " if each.isspace() else each for each in unicodedata.normalize("NFC", last) if _is_shown(each))
    safe = _UNSAFE.sub("_", plain).strip(" .")
    if _DEVICES.match(safe):
        safe = f"_{safe}"
    return _shortened(safe) or "file"


def _is_shown(letter: str) -> bool:
    """Cf holds what turns directions (U+202E), Cs what is no text."""
    return letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _shortened(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        return name[:_LONGEST].rstrip(" .")
    return f"{stem[: _LONGEST - len(ending) - 1].rstrip(' .')}.{ending}"


def sizes_of(collection: Collection, record: Mapping[str, Any]) -> dict[str, int]:
    """How many bytes the files have that the record holds, by where they lie."""
    held = (file for field in collection.file_fields for file in files_in(record.get(field.name)))
    return {key_of(collection.id, record["id"], file["name"]): file["size"] for file in held}


def keys_of(collection: Collection, record: Mapping[str, Any]) -> list[str]:
    """Where the bytes lie of all files that the record holds."""
    return list(sizes_of(collection, record))
