"""One file, or several of them: what a record keeps of a file, and which files a field takes. The bytes lie elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from domain.schema.fields.base import Field, Tools, Unfit, field_type
from domain.schema.fields.lists import check_list_options, counted
from domain.schema.fields.sizes import check_sizes
from domain.schema.kinds import Kind

DEFAULT_MAX_SIZE = 10 * 2**20
LARGEST = 2**40
MOST_FILES = 200
DEFAULT_FILES = 20
# `image/png`, or `image/*` for all of a kind.
_TYPE = re.compile(r"[a-z]+/(?:\*|[a-z0-9][a-z0-9.+-]{0,80})", re.ASCII)


class KeptFile(dict[str, Any]):
    """What a record holds of a file: `name`, `original`, `size`, `type`, `sha256`. Of a type of its own, so that no JSON in a body can
    pass for it: a name in a record is a way to bytes, and only what was received here has one."""

    __slots__ = ()


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class FileField(Field):
    """Of at most `max_size` bytes and one of `types` (none: of any); with `many` up to `max` of them. `private`: no cache keeps it.
    `thumbs` are the sizes in which pictures may be asked for."""

    type: ClassVar[str] = "file"
    kind: ClassVar[Kind] = Kind.JSON
    types: tuple[str, ...] = ()
    max_size: int = DEFAULT_MAX_SIZE
    many: bool = False
    min: int | None = None
    max: int | None = None
    private: bool = False
    thumbs: tuple[str, ...] = ()

    def check_options(self) -> None:
        Field.check_options(self)
        if self.unique:
            raise Unfit("invalid_option", "a file field cannot be unique")
        if self.default is not None:
            raise Unfit("invalid_option", "a file field has no default")
        if not isinstance(self.types, tuple) or len(self.types) > 100 or not all(map(_is_type, self.types)):
            raise Unfit("invalid_option", "`types` is a list of media types such as `image/png`, or `image/*`")
        if type(self.max_size) is not int or not 1 <= self.max_size <= LARGEST:
            raise Unfit("invalid_option", f"`max_size` is a number of bytes from 1 to {LARGEST}")
        if not isinstance(self.private, bool):
            raise Unfit("invalid_option", "`private` is true or false")
        check_list_options(self, MOST_FILES)
        check_sizes(self.thumbs)

    @property
    def most(self) -> int:
        """How many files a record may hold here."""
        if not self.many:
            return 1
        return max(DEFAULT_FILES, self.min or 0) if self.max is None else self.max

    def takes(self, media_type: str) -> bool:
        return not self.types or media_type in self.types or f"{media_type.partition('/')[0]}/*" in self.types

    def accept(self, value: Any, tools: Tools) -> Any:
        return counted(self.elements(value), self.min, self.most) if self.many else self.one(value)

    def elements(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise Unfit("not_a_list", "this must be a list of files")
        return tuple(self.one(each) for each in value)

    def one(self, value: Any) -> KeptFile:
        if not isinstance(value, KeptFile):
            raise Unfit("not_a_file", f"send the file as a part named `{self.name}` of a multipart/form-data body")
        if value["size"] > self.max_size:
            raise Unfit("file_too_large", f"a file here has at most {self.max_size} bytes")
        if not self.takes(value["type"]):
            raise Unfit("type_not_taken", f"this is {value['type']}; taken are {', '.join(self.types[:20])}")
        return value


def _is_type(text: Any) -> bool:
    return isinstance(text, str) and _TYPE.fullmatch(text) is not None


def kept_again(value: Any) -> Any:
    """What a record held before, from where it was kept meanwhile (the trash)."""
    if isinstance(value, (list, tuple)):
        return [kept_again(each) for each in value]
    return KeptFile(value) if isinstance(value, Mapping) else value


def files_in(value: Any) -> tuple[Mapping[str, Any], ...]:
    """The files that a file field holds, whether it may hold many or not."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)
