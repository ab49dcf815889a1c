"""What a file is: told by what is in it, never by what its sender says. Which types a browser may show, and which it only may save.

Looking into bytes for the marks of formats is a port's; here is what those marks mean to us, and what has none (text).
"""

import re
from types import MappingProxyType

UNKNOWN = "application/octet-stream"
# This much of the beginning of a file is looked at.
LOOKED_AT = 8_192

# What is kept and shown as itself: the extension that its name gets.
_EXTENSIONS = MappingProxyType({
    "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif", "image/heic": "heic",
    "image/bmp": "bmp", "image/tiff": "tiff", "image/svg+xml": "svg", "image/x-icon": "ico", "image/vnd.adobe.photoshop": "psd",
    "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/wav": "wav", "audio/flac": "flac", "audio/mp4": "m4a", "audio/aac": "aac",
    "video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/x-msvideo": "avi",
    "application/pdf": "pdf", "application/zip": "zip", "application/gzip": "gz", "application/x-7z-compressed": "7z",
    "application/x-tar": "tar", "application/json": "json", "application/xml": "xml", "application/rtf": "rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt", "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/epub+zip": "epub", "text/plain": "txt", "text/csv": "csv", "text/markdown": "md", "text/html": "html",
})  # fmt: skip
# Other names of the same.
_ALIASES = MappingProxyType({
    "image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png", "image/x-ms-bmp": "image/bmp",
    "image/vnd.microsoft.icon": "image/x-icon", "audio/mp3": "audio/mpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav",
    "audio/x-flac": "audio/flac", "audio/x-m4a": "audio/mp4", "application/x-zip-compressed": "application/zip",
    "application/x-gzip": "application/gzip", "application/x-pdf": "application/pdf", "text/xml": "application/xml",
    "text/rtf": "application/rtf", "application/ogg": "audio/ogg", "video/x-m4v": "video/mp4",
})  # fmt: skip
# What no browser runs anything of, so that it may be shown where it lies. PDF is not among them: viewers run its scripts.
_INLINE = frozenset({
    "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "audio/mpeg", "audio/ogg", "audio/wav", "audio/flac",
    "audio/mp4", "audio/aac", "video/mp4", "video/webm", "video/quicktime", "text/plain",
})  # fmt: skip
# Forms of plain text, and of zip archives, that nothing but their name tells apart. Nothing runs either of them.
_TEXTS = MappingProxyType({"csv": "text/csv", "md": "text/markdown", "json": "application/json"})
_ARCHIVES = MappingProxyType({
    ending: media_type for media_type, ending in _EXTENSIONS.items() if ending in ("docx", "xlsx", "pptx", "odt", "ods", "epub")
})  # fmt: skip
# Formats that puzzle a browser into running what it is told to be something else; looked for behind any beginning.
_MARKUP = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|style|title|table|img|svg|\?xml|!--|!entity|!doctype|a\s|div|p>|br|b>|i>|x:)",
    re.IGNORECASE,
)
_BEFORE_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*")


def canonical(media_type: str) -> str:
    plain = media_type.partition(";")[0].strip().lower()
    return _ALIASES.get(plain, plain)


def extension(media_type: str) -> str:
    """Without the point; empty where nothing is known of the type."""
    return _EXTENSIONS.get(media_type, "")


def may_be_shown(media_type: str) -> bool:
    return media_type in _INLINE


def found_type(marked: str | None, head: bytes, original: str) -> str:
    """`marked` is what the marks in the bytes say, None where there are none; `head` the beginning of the file. What begins like markup
    is markup whatever else it looks like, since that is what a browser would make of it. The name decides between harmless forms alone."""
    ending = original.rpartition(".")[2].lower()
    markup = _markup(head)
    if markup is not None:
        return markup
    known = canonical(marked) if marked else None
    if known == "application/zip":
        return _ARCHIVES.get(ending, known)
    if known in _EXTENSIONS and known not in _TEXT_TYPES:
        return known  # type: ignore[return-value]  # it is a key
    return _TEXTS.get(ending, "text/plain") if _is_text(head) else UNKNOWN


_TEXT_TYPES = frozenset({"text/plain", "text/html", "application/xml", "image/svg+xml", *_TEXTS.values()})


def _markup(head: bytes) -> str | None:
    start = head[_BEFORE_MARKUP.match(head).end() :]  # type: ignore[union-attr]  # it matches nothing too
    if not _MARKUP.match(start):
        return None
    if re.search(rb"<svg[\s>]", start, re.IGNORECASE):
        return "image/svg+xml"
    return "application/xml" if start[:5].lower() == b"<?xml" and b"<html" not in start.lower() else "text/html"


def _is_text(head: bytes) -> bool:
    """UTF-8 without controls; the last letter may be cut off."""
    if any(each < 32 and each not in (9, 10, 12, 13) for each in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as broken:
        return len(head) == LOOKED_AT and broken.start >= len(head) - 3
    return True
