"""docs/files.md on thumbnails: its sizes show what it says, and its bounds are those of the code."""

import json
import re
from typing import Any

import pytest

from domain.files.thumbs import MOST_BYTES, MOST_PIXELS, MOST_WORK
from domain.schema.fields import FileField
from domain.schema.fields.sizes import MOST_PIXELS as MOST_A_SIDE
from domain.schema.fields.sizes import MOST_SIZES, Frame, read_size
from tests.docs.blocks import section

SECTION = section("files.md", "## Thumbnails")
# Of a picture of 400 × 400 pixels.
SHOWN = {
    "100x60": Frame(0, 80, 400, 240, 100, 60), "100x60t": Frame(0, 0, 400, 240, 100, 60), "100x60b": Frame(0, 160, 400, 240, 100, 60),
    "100x60f": Frame(0, 0, 400, 400, 60, 60), "100x0": Frame(0, 0, 400, 400, 100, 100), "0x60": Frame(0, 0, 400, 400, 60, 60),
}  # fmt: skip


def test_the_field_of_the_example_is_one() -> None:
    [example] = re.findall(r"```json\n(.*?)```", SECTION, re.S)
    definition: dict[str, Any] = json.loads(example)
    assert definition.pop("type") == "file"
    field = FileField(**{key: tuple(value) if isinstance(value, list) else value for key, value in definition.items()})
    assert field.thumbs == ("100x100", "400x0")


@pytest.mark.parametrize("size", SHOWN)
def test_each_size_of_the_table_shows_what_it_says(size: str) -> None:
    assert f"`{size}`" in "".join(line for line in SECTION.splitlines() if line.startswith("|"))
    assert read_size(size).frame(400, 400) == SHOWN[size]


def test_its_bounds_are_those_of_the_code() -> None:
    assert f"at most {MOST_A_SIDE:,} pixels" in SECTION
    assert (MOST_SIZES, MOST_WORK) == (20, 6)
    assert "at most twenty" in SECTION
    assert f"more than {MOST_PIXELS // 10**6} million pixels, {MOST_BYTES // 2**20} MiB, six seconds" in SECTION
