"""Sizes of thumbnails, as a file field declares them: how they are written, and which part of a picture becomes how many pixels."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from domain.schema.fields.base import Unfit

# What a large screen shows at once. Each size is a picture that is made, kept and asked for on its own.
MOST_PIXELS = 2_560
MOST_SIZES = 20
_SIZE = re.compile(r"(0|[1-9][0-9]{0,5})x(0|[1-9][0-9]{0,5})([tbf]?)")
# Of a side that is free: below what WebP can write (16,383).
_LONGEST = 4 * MOST_PIXELS
_HOW = "`100x100` (cut to it), `100x100t` or `100x100b` (from top or bottom), `100x100f` (whole), `100x0` or `0x100` (one side free)"


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of a picture from (`left`, `top`), `across` × `down` pixels of it, is shown in `width` × `height` pixels."""

    left: int
    top: int
    across: int
    down: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Size:
    """A side of 0 is free. `anchor`: what is kept where a picture is cut: its middle, `t`op or `b`ottom; with `f` it is shown whole."""

    width: int
    height: int
    anchor: Literal["", "t", "b", "f"] = ""

    def __str__(self) -> str:
        return f"{self.width}x{self.height}{self.anchor}"

    def frame(self, across: int, down: int) -> Frame:
        """Of a picture of so many pixels. None is ever made larger: a browser does that as well, from fewer bytes."""
        if self.anchor == "f" or not self.width or not self.height:
            return self._whole(across, down)
        return self._cut(across, down)

    def _whole(self, across: int, down: int) -> Frame:
        scale = min(1, (self.width or _LONGEST) / across, (self.height or _LONGEST) / down)
        return Frame(0, 0, across, down, max(1, round(across * scale)), max(1, round(down * scale)))

    def _cut(self, across: int, down: int) -> Frame:
        shown = min(across, max(1, round(down * self.width / self.height)))
        deep = min(down, max(1, round(across * self.height / self.width)))
        top = {"t": 0, "b": down - deep}.get(self.anchor, (down - deep) // 2)
        return Frame((across - shown) // 2, top, shown, deep, min(self.width, shown), min(self.height, deep))


def read_size(text: Any) -> Size:
    """Raises Unfit. Each size is written in one way only, since thumbnails are kept under it."""
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise Unfit("invalid_option", f"a size in `thumbs` is a text such as {_HOW}")
    width, height, anchor = int(found[1]), int(found[2]), found[3]
    if max(width, height) > MOST_PIXELS:
        raise Unfit("invalid_option", f"a size in `thumbs` has at most {MOST_PIXELS} pixels a side")
    if not width and not height:
        raise Unfit("invalid_option", "a size in `thumbs` names at least one side")
    if anchor and not (width and height):
        raise Unfit("invalid_option", f"`{text}` has a free side, so that nothing is cut off: leave the `{anchor}` away")
    return Size(width, height, anchor)  # type: ignore[arg-type]  # the pattern takes no other letter


def check_sizes(thumbs: Any) -> None:
    """Raises Unfit unless these are sizes, each of them once."""
    if not isinstance(thumbs, tuple) or len(thumbs) > MOST_SIZES:
        raise Unfit("invalid_option", f"`thumbs` is a list of at most {MOST_SIZES} sizes, such as {_HOW}")
    if len({read_size(each) for each in thumbs}) < len(thumbs):
        raise Unfit("invalid_option", "`thumbs` lists a size twice")
