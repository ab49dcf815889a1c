"""Keys: where the bytes of a file lie in a store. They are ours, never a client's: two to six segments of letters that mean nothing to
any file system, URL or shell, so that a key can lead nowhere but into its store."""

import re

_SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,119}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{1,5}}", re.ASCII)
_FOLDER = re.compile(rf"(?:{_SEGMENT}(?:/{_SEGMENT}){{0,5}})?", re.ASCII)


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def is_folder(text: str) -> bool:
    """Whether keys may begin with it: some of their segments, or none."""
    return _FOLDER.fullmatch(text) is not None
