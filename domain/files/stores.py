"""Where files are kept, as the owner's setting names it: a folder of this machine, or a bucket of an object store."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from domain.errors import did_you_mean
from domain.files.keys import is_folder

# What each kind of bucket may be told behind the `?`.
_OPTIONS = {"s3": ["endpoint", "region", "public"], "gs": ["endpoint"], "az": ["account", "endpoint"]}


@dataclass(frozen=True, slots=True)
class Folder:
    path: Path


@dataclass(frozen=True, slots=True)
class Bucket:
    """`endpoint` is where the store is asked, where that does not follow from `scheme`; `public` is where browsers ask it."""

    scheme: str
    name: str
    prefix: str = ""
    endpoint: str = ""
    public: str = ""
    region: str = ""
    account: str = ""


def read_store(url: str) -> Folder | Bucket:
    """ValueError with why it is none, as the end of a sentence that begins with the setting's name."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme == "file":
        return _folder(parts.netloc, unquote(parts.path), parts.query or parts.fragment)
    if parts.scheme not in _OPTIONS:
        raise ValueError("begins with file:///, s3://, gs:// or az://")
    if "@" in parts.netloc:
        raise ValueError("has no keys in it: those are STILLROOM_FILES_ACCESS_KEY and STILLROOM_FILES_SECRET")
    name, prefix = parts.netloc, parts.path.strip("/")
    if not is_folder(name) or not name or not is_folder(prefix) or parts.fragment:
        raise ValueError("names a bucket, and behind it a prefix of letters, digits, `-`, `_` and `/`, for example s3://planes/files")
    options = _options(parts.scheme, parts.query)
    if parts.scheme == "az" and "account" not in options:
        raise ValueError("names the storage account: az://container?account=planes")
    return Bucket(parts.scheme, name, prefix, **options)


def _folder(host: str, path: str, rest: str) -> Folder:
    if host or rest or not path.startswith("/") or "\0" in path:
        raise ValueError("names a folder by its whole path, for example file:///srv/files")
    return Folder(Path(path))


def _options(scheme: str, query: str) -> dict[str, str]:
    given = parse_qsl(query, keep_blank_values=True)
    options = dict(given)
    for name in options:
        if name not in _OPTIONS[scheme]:
            known = did_you_mean(name, _OPTIONS[scheme]) or f"there are {', '.join(_OPTIONS[scheme])}"
            raise ValueError(f"has `{name}` behind the `?`; {known}")
    if len(options) != len(given) or not all(options.values()):
        raise ValueError("has each name behind the `?` once, with a value")
    for name in {"endpoint", "public"} & options.keys():
        options[name] = _origin(name, options[name], with_path=scheme == "az")
    return options


def _origin(name: str, text: str, *, with_path: bool) -> str:
    parts = urlsplit(text)
    is_sound = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment or parts.username)
    if not is_sound or (parts.path.strip("/") and not with_path):
        raise ValueError(f"has {name}={text[:60]}, which is no http:// or https:// with a host, for example https://s3.example.org")
    return text.rstrip("/")
