"""Pictures as cameras, programs and enemies make them, for tests."""

import struct
import zlib
from functools import cache
from io import BytesIO

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "AVIF": "image/avif"}
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 200, 0), (0, 0, 255), (255, 255, 255)
ORIENTATION = 0x0112


def saved(picture: Image.Image, format: str, **options) -> bytes:
    written = BytesIO()
    picture.save(written, format, **options)
    return written.getvalue()


def flag(width: int = 400, height: int = 200, mode: str = "RGB") -> Image.Image:
    """Red and green on top, blue and white below."""
    picture = Image.new("RGB", (width, height))
    half_width, half_height = width // 2, height // 2
    for at, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        picture.paste(colour, (half_width * (at % 2), half_height * (at // 2), half_width * (at % 2 + 1), half_height * (at // 2 + 1)))
    return picture.convert(mode)


def photo(width: int = 400, height: int = 200) -> Image.Image:
    """No two of its pixels are alike for long."""
    return Image.effect_noise((width, height), 80).convert("RGB")


SECRET = "Rhinower Berge 52.7437"


def talkative(format: str) -> bytes:
    """A picture that tells in every way of its format where it was taken."""
    exif = Image.Exif()
    exif[0x010E] = SECRET  # ImageDescription
    exif.get_ifd(0x8825)[29] = SECRET  # GPSDateStamp, a text among the places
    options = {"exif": exif, "icc_profile": told_profile(), "xmp": f"<x:xmpmeta>{SECRET}</x:xmpmeta>".encode()}
    if format == "JPEG":
        options["comment"] = SECRET
    if format == "PNG":
        options["pnginfo"] = texts = PngInfo()
        texts.add_text("Comment", SECRET)
        texts.add_itxt("Location", SECRET, zip=True)
    return saved(flag(), format, **options)


def told_profile() -> bytes:
    """sRGB with a text of its own in it: its description says the secret."""
    return srgb().replace(b"sRGB", SECRET[:4].encode()) + SECRET.encode()


def swapped_profile() -> bytes:
    """Colours in which red is what sRGB calls green, and green its red."""
    profile = bytearray(srgb())
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {bytes(profile[at : at + 4]): struct.unpack_from(">II", profile, at + 4) for at in range(132, 132 + 12 * count, 12)}
    (red, length), (green, _) = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red : red + length], profile[green : green + length] = profile[green : green + length], profile[red : red + length]
    return bytes(profile)


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@cache
def bomb() -> bytes:
    """30,000 × 30,000 pixels in about 100 kB."""
    return _png(30_000, 30_000, zlib.compress(bytes(30_000 * (30_000 // 8 + 1)), 9))


def _png(width: int, height: int, pixels: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """One bit a pixel."""
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in (head, *chunks, (b"IDAT", pixels), (b"IEND", b"")))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def text_bomb() -> bytes:
    """A small picture with 30 MB of text in 30 kB."""
    return _png(8, 8, zlib.compress(bytes(16)), (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(30_000_000), 9)))


def gif_of_frames(count: int) -> bytes:
    first = saved(flag(64, 64, "P"), "GIF")
    body = first[:-1]
    frame = body[body.index(b"\x2c") :]  # its image descriptor and pixels
    return body + frame * (count - 1) + b"\x3b"


def gif_with_a_frame_outside() -> bytes:
    """A screen of 8 × 8 pixels, and a frame of 60,000 × 60,000."""
    small = bytearray(saved(Image.new("P", (8, 8)), "GIF"))
    at = small.index(b"\x2c")
    struct.pack_into("<HHHH", small, at + 1, 0, 0, 60_000, 60_000)
    return bytes(small)


def webp_that_says(width: int, height: int) -> bytes:
    """Its canvas of that size holds a small picture."""
    inner = saved(flag(8, 8), "WEBP", lossless=True)[12:]
    wide = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + wide + inner
    return b"RIFF" + struct.pack("<I", 4 + len(canvas)) + b"WEBP" + canvas
