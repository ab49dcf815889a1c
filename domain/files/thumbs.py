"""Thumbnails of files that are pictures: which may be asked for, in which format they are made, and where they are kept. What a size
means is the field's (`domain.schema.fields.sizes`); how pictures are drawn is left to a port."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from domain.errors import Invalid, did_you_mean, invalid
from domain.schema.fields.sizes import Size, read_size

# Of pictures that are larger none is made: more bytes than cameras write, more pixels than a process has memory for.
MOST_BYTES = 64 * 2**20
MOST_PIXELS = 64_000_000
# Seconds: of a processor, and of waiting for one that others use as well.
MOST_WORK = 6
LONGEST = 15

_AVIF, _WEBP, _PNG, _JPEG = "image/avif", "image/webp", "image/png", "image/jpeg"
# What each kind becomes for somebody who asks for nothing in particular. A GIF has 256 colours, too few for what shrinking mixes.
_OWN = MappingProxyType({_JPEG: _JPEG, _PNG: _PNG, "image/gif": _PNG, _WEBP: _WEBP, _AVIF: _AVIF})
# The smaller ones first.
_BETTER = (_AVIF, _WEBP)
_EXTENSIONS = MappingProxyType({_JPEG: "jpg", _PNG: "png", _WEBP: "webp", _AVIF: "avif"})
_FOLDER = ".thumbs"
# A media range names at most this many formats that matter to us; the rest of a long header is not read.
_LONGEST_ACCEPT = 1_000


@dataclass(frozen=True, slots=True)
class Thumb:
    """One that is wanted: of the file under the key `file`, in a format."""

    file: str
    size: Size
    type: str

    @property
    def key(self) -> str:
        return f"{folder(self.file)}/{self.size}.{_EXTENSIONS[self.type]}"

    @property
    def none_key(self) -> str:
        """Under this one is kept that it cannot be made, so that it is not tried again."""
        return f"{self.key}.none"


def wanted(file: str, *, type: str, length: int, sizes: Sequence[str], asked: str, accept: str) -> Thumb | None:
    """None where a file of this type, or of so many bytes, is shown as it is. Sizes that the field does not declare are refused: each would
    be drawn and kept."""
    if asked not in sizes:
        raise _unknown(asked, sizes)
    own = _OWN.get(type)
    if own is None or length > MOST_BYTES:
        return None
    return Thumb(file, read_size(asked), _format(own, accept))


def folder(file: str) -> str:
    """What was made of a file lies beside it, by its key."""
    return f"{file}{_FOLDER}"


def shown_as(original: str, type: str) -> str:
    """What a thumbnail is called to people, after its file."""
    stem, point, _ = original.rpartition(".")
    return f"{stem if point else original}.{_EXTENSIONS[type]}"


def owner(key: str) -> str:
    """The file that this one was made of; itself where it was not."""
    outer, _, _ = key.rpartition("/")
    return outer.removesuffix(_FOLDER) if outer.endswith(_FOLDER) else key


def _format(own: str, accept: str) -> str:
    """A browser names the formats that it can show; `image/*` and `*/*` are said by programs that cannot show these."""
    accepted = _accepted(accept[:_LONGEST_ACCEPT].lower())
    return next((each for each in _BETTER if accepted.get(each, 0) > 0), own)


def _accepted(accept: str) -> dict[str, float]:
    """The types that an Accept header names, by their weights (RFC 9110, 12.5.1)."""
    found = {}
    for each in accept.split(","):
        type, *parameters = (part.strip() for part in each.split(";"))
        found[type] = min((_weight(part) for part in parameters), default=1.0)
    return found


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _unknown(asked: str, sizes: Sequence[str]) -> Invalid:
    if not sizes:
        hint = "leave `thumb` away, or list sizes in `thumbs` of the field"
        return invalid("thumb", "unknown_thumb", "this field has no thumbnails", hint=hint)
    near = did_you_mean(asked[:20], list(sizes)) or f"its sizes are {', '.join(sizes)}"
    return invalid("thumb", "unknown_thumb", f"no thumbnails of size `{asked[:20]}`", hint=near)
