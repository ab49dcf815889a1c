"""One thumbnail, drawn by Pillow. It trusts whoever calls it to bound memory and time, and to throw away the process with it."""

import warnings
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from types import MappingProxyType
from typing import IO, Any

from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401  a JPEG with a second picture, as cameras write it, makes Pillow import this
    PngImagePlugin,
    WebPImagePlugin,
)

from domain.files.thumbs import MOST_PIXELS
from domain.schema.fields.sizes import Frame, Size

# Pillow reads dozens of formats that no browser shows, some by decoders that hardly anybody looks after.
_READ = tuple(each.format for each in (
    AvifImagePlugin.AvifImageFile, GifImagePlugin.GifImageFile, JpegImagePlugin.JpegImageFile, PngImagePlugin.PngImageFile,
    WebPImagePlugin.WebPImageFile,
))  # fmt: skip
# Each of about the same quality to the eye, and made in a time that somebody waits for.
_WRITTEN: Mapping[str, dict[str, Any]] = MappingProxyType({
    "image/avif": {"format": "AVIF", "quality": 60, "speed": 8},
    "image/webp": {"format": "WEBP", "quality": 78, "method": 4},
    "image/jpeg": {"format": "JPEG", "quality": 80, "optimize": True, "progressive": True},
    "image/png": {"format": "PNG"},
})  # fmt: skip
# Of which there is always an example.
EXAMPLE = "image/jpeg"
_ORIENTATION = 0x0112
# EXIF's numbers for how a camera was held, and what puts the picture upright; from 5 on it lies on its side.
_UPRIGHT = MappingProxyType(dict(enumerate((
    Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90,
), 2)))  # fmt: skip
_ON_ITS_SIDE = 5
# Shrinking a picture to twice what is wanted is quick and costs no sharpness that anybody sees.
_SPARE = 2
# Of sixteen; Pillow by itself makes all that is brighter than 255 white.
_EIGHT_BITS = [brightness >> 8 for brightness in range(2**16)]


def prepare() -> None:
    """What would otherwise be done for each picture. A process that may open no files has to have read all that it will need."""
    # Each of them would start as many threads as there are cores.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    # Checked for the picture, and again for each frame that is larger than it says.
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    for type in _WRITTEN:
        draw(BytesIO(example(type)), Size(1, 1), type)


def example(type: str) -> bytes:
    """With all that makes Pillow import one more of its modules."""
    written, exif = BytesIO(), Image.Exif()
    exif[_ORIENTATION] = _ON_ITS_SIDE
    profile = ImageCms.ImageCmsProfile(_srgb()).tobytes()
    Image.new("RGB", (2, 2)).save(written, exif=exif, icc_profile=profile, **_WRITTEN[type])
    return written.getvalue()


def draw(source: IO[bytes], size: Size, type: str) -> bytes:
    """Raises whatever Pillow does where it is none of ours."""
    picture = Image.open(source, formats=_READ)
    turn = picture.getexif().get(_ORIENTATION, 1)
    across, down = picture.size[::-1] if turn in _UPRIGHT and turn >= _ON_ITS_SIDE else picture.size
    frame = size.frame(across, down)
    _read_coarsely(picture, frame)
    upright = picture.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else picture
    shrunk = _shrunk(_with_whole_colours(upright), frame, across, down)
    return _written(_in_srgb(shrunk, picture.info.get("icc_profile")), type)


def _read_coarsely(picture: Image.Image, frame: Frame) -> None:
    """A JPEG is decoded to an eighth in a tenth of the time and a sixtieth of the memory; others take no notice."""
    scale = _SPARE * max(frame.width / frame.across, frame.height / frame.down)
    if scale < 1:
        width, height = picture.size
        picture.draft(None, (max(1, round(width * scale)), max(1, round(height * scale))))


def _with_whole_colours(picture: Image.Image) -> Image.Image:
    """Numbers of a palette cannot be mixed."""
    if picture.has_transparency_data:
        return picture if picture.mode == "RGBA" else picture.convert("RGBA")
    if picture.mode.startswith("I"):
        return picture.convert("I").point(_EIGHT_BITS, "L")
    return picture if picture.mode in ("L", "RGB", "CMYK") else picture.convert("RGB")


def _shrunk(picture: Image.Image, frame: Frame, across: int, down: int) -> Image.Image:
    """`across` and `down` are what the frame was made for; it was perhaps read more coarsely since."""
    x, y = picture.width / across, picture.height / down
    box = (frame.left * x, frame.top * y, (frame.left + frame.across) * x, (frame.top + frame.down) * y)
    return picture.resize((frame.width, frame.height), Image.Resampling.LANCZOS, box=box, reducing_gap=_SPARE)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Profiles go with all else that is told beside the pixels, so colours are what a screen takes them for."""
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, _srgb(), outputMode=mode)
        except (ImageCms.PyCMSError, OSError, ValueError):  # it is broken, or of other colours than the picture
            converted = None
        if converted is not None:
            return converted
    return picture.convert(mode)


@cache
def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")


def _written(picture: Image.Image, type: str) -> bytes:
    # Most formats would write what was read with the picture: its profile, comment, texts.
    picture.info = {}
    written = BytesIO()
    (picture.convert("RGB") if type == "image/jpeg" else picture).save(written, **_WRITTEN[type])
    return written.getvalue()
