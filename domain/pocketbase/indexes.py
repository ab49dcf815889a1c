"""Indexes of PocketBase, which are SQL, as indexes here, which are lists of fields; None for what only SQL can say."""

import re
from collections.abc import Mapping
from typing import Any

_NAME = r"""(?:`[^`]+`|"[^"]+"|\[[^\]]+\]|\w+)"""
_INDEX = re.compile(
    rf"\s*CREATE\s+(?P<unique>UNIQUE\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}\s+ON\s+{_NAME}\s*\((?P<columns>[^()]+)\)"
    r"\s*(?:WHERE\s+(?P<where>.+?))?\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_COLUMN = re.compile(rf"\s*(?P<name>{_NAME})\s*(?:ASC|DESC)?\s*", re.IGNORECASE)
_IS_SET = re.compile(rf"\s*\(?\s*(?P<name>{_NAME})\s*(?:!=|<>)\s*(?:''|\"\")\s*\)?\s*")
_WORDS = re.compile(r"""'(?:''|[^'])*'|`[^`]+`|"[^"]+"|\[[^\]]+\]|\w+|<>|==""")


def index(text: str, fields: Mapping[str, str]) -> dict[str, Any] | None:
    """`fields` are the columns that are fields here, by PocketBase's names. Whether the condition can be kept is not asked here."""
    found = _INDEX.fullmatch(text)
    columns = [_COLUMN.fullmatch(each) for each in found["columns"].split(",")] if found else []
    if found is None or not all(columns):
        return None
    names = [fields.get(_bare(each["name"])) for each in columns if each]
    if None in names:
        return None
    made: dict[str, Any] = {"fields": names, **({"unique": True} if found["unique"] else {})}
    where = found["where"]
    # A unique index binds no empty text here, so this condition is what an index does anyway.
    if where and not ((told := _IS_SET.fullmatch(where)) and fields.get(_bare(told["name"])) in names):
        made["where"] = _WORDS.sub(lambda word: _in_our_words(word[0], fields), where)
    return made


def _in_our_words(word: str, fields: Mapping[str, str]) -> str:
    known = {"and": "&&", "or": "||", "<>": "!=", "==": "="}
    return word if word.startswith("'") else known.get(word.lower(), fields.get(_bare(word), word))


def _bare(name: str) -> str:
    return name[1:-1] if name[0] in "`\"[" else name
