"""Settings, read once from the environment: what each one means, its default, and every mistake told at once."""
# ruff: noqa: RUF009, S104 (`_setting` is dataclasses.field with its reader; 0.0.0.0 stands in documentation only)

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from domain.accounts.issuers import TrustedIssuer, read_trusted
from domain.accounts.puzzles import MOST_BITS
from domain.errors import did_you_mean
from domain.files.stores import Bucket, Folder, read_store
from domain.files.ways import REDIRECT, SERVER, WAYS
from domain.jobs.crowd import MOST_WAITING
from domain.limits.addresses import Network, read_networks
from domain.limits.policies import DEFAULTS, Policies, default_policies, read_policies
from domain.origins import NOBODY, Origins, read_origins
from domain.schema.fields import TRUSTING, EmailField
from domain.schema.fields.base import Unfit

PREFIX = "STILLROOM_"
LOG_LEVELS = ("debug", "info", "warning", "error")
# Beside the default folder of data, never in it: what the server writes is not what it runs.
DEFAULT_EXTENSIONS = ("./extensions",)
# What extensions declare is told apart from typing mistakes by whoever loads them.
OF_EXTENSIONS = f"{PREFIX}EXT_"
PINNING = ("auto", "on", "off")
SWITCH = ("on", "off")
SHORTEST_SECRET = 32
# OWASP's parameter sets for argon2id trade memory for passes at about this product (KiB × passes); below it, hashes are cheap to try.
LEAST_ARGON2_WORK = 35_000


class SettingsError(Exception):
    """The environment asks for something that cannot be; `mistakes` holds a sentence for each."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class _Wrong(ValueError):
    """Why a text is no value of its setting."""


def available_cores() -> int:
    """The cores that this process may run on: a container's share of a big machine is what counts, not the machine."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _cpu_quota() or allowed))


def _cpu_quota() -> int | None:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
            raise _Wrong(f"is a whole number from {low} to {high}")
        return int(text)

    return read


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in choices:
            raise _Wrong(f"is one of {', '.join(choices)}")
        return text.lower()

    return read


def _folder(text: str) -> Path:
    if "\0" in text:
        raise _Wrong("is the path of a folder")
    return Path(text).expanduser()


def _file(text: str) -> Path:
    if "\0" in text:
        raise _Wrong("is the path of a file")
    return Path(text).expanduser()


def _places(text: str) -> tuple[str, ...]:
    places = tuple(each.strip() for each in text.split(",") if each.strip())
    for each in places:
        if "/" not in each and not each.startswith(".") and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", each):
            raise _Wrong("is a list of folders (./extensions) and modules (acme.blog)")
    return places


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", text):
        raise _Wrong("is an address or a host name, for example 0.0.0.0")
    return text


def _database_url(text: str) -> str:
    if re.fullmatch(r"sqlite:///.+", text) or re.fullmatch(r"postgresql(\+psycopg)?://.+", text):
        return text
    raise _Wrong("begins with sqlite:/// or postgresql://")


def _public_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    if not sound or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise _Wrong("is http:// or https:// with a host and nothing behind it, for example https://api.example.org")
    return f"{parts.scheme}://{parts.netloc}"


def _redis_url(text: str) -> str:
    if re.fullmatch(r"rediss?://[^\s]+", text):
        return text
    raise _Wrong("begins with redis:// or rediss://, for example redis://cache.internal:6379/0")


def _store(text: str) -> Folder | Bucket:
    try:
        return read_store(text)
    except ValueError as wrong:
        raise _Wrong(str(wrong)) from None


def _text(text: str) -> str:
    if not text.isascii():
        raise _Wrong("has signs of ASCII only")
    return text.strip()


def _smtp_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("smtp", "smtps", "smtp+plain") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    if not sound or parts.path.strip("/") or parts.query or parts.fragment or (parts.password and not parts.username):
        raise _Wrong("is smtps://, smtp:// or smtp+plain:// with a host, for example smtps://app:PASSWORD@smtp.example.org")
    if parts.scheme == "smtp+plain" and parts.username:
        raise _Wrong("would send its password in clear: use smtps:// or smtp://")
    return text


def _sender(text: str) -> str:
    address = parseaddr(text)[1]
    try:
        EmailField(name="from").accept(address, TRUSTING)
    except Unfit:
        address = ""
    if not address or not text.isprintable():
        raise _Wrong("is an address, or a name and an address, for example Planes <hello@example.org>")
    return text


def _proxies(text: str) -> tuple[Network, ...]:
    try:
        return read_networks(text)
    except ValueError:
        raise _Wrong("is a list of addresses or networks, for example 10.0.0.0/8, ::1") from None


def _origins(text: str) -> Origins:
    try:
        return read_origins(text)
    except ValueError as wrong:
        raise _Wrong(str(wrong)) from None


def _trusted(text: str) -> tuple[TrustedIssuer, ...]:
    try:
        return read_trusted(text)
    except ValueError as wrong:
        raise _Wrong(str(wrong)) from None


def _policies(text: str) -> Policies:
    try:
        return read_policies(text)
    except ValueError as wrong:
        raise _Wrong(str(wrong)) from None


def _secret(text: str) -> str:
    if len(text) < SHORTEST_SECRET:
        raise _Wrong(f"has at least {SHORTEST_SECRET} characters; `openssl rand -base64 32` makes a good one")
    if len(set(text)) < 10:
        raise _Wrong("repeats the same few characters; `openssl rand -base64 32` makes a good one")
    return text


def _metrics_token(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise _Wrong("has letters, digits and signs of ASCII only, without spaces; `openssl rand -base64 32` makes a good one")
    return _secret(text)


def _setting(read: Callable[[str], Any], default: Any, *, meaning: str, example: str, shown: str = "") -> Any:
    """`shown` is the default in words, where it depends on the machine or on other settings."""
    about = {"read": read, "meaning": meaning, "example": example, "shown": shown or str(default)}
    return field(**({"default_factory": default} if callable(default) else {"default": default}), metadata=about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Defaults give a working backend on SQLite. `from_environment` is the way in; direct use is for tests."""

    data_dir: Path = _setting(
        _folder, Path("data"), shown="./data", example="/var/lib/stillroom",
        meaning="Folder of the SQLite database and of the secret that seals signing keys; made with mode 0700.",
    )  # fmt: skip
    host: str = _setting(
        _host, "127.0.0.1", example="0.0.0.0",
        meaning="Address to listen on. The default answers this machine only; with anything else give it a certificate, or put "
        "a proxy with TLS before it.",
    )  # fmt: skip
    port: int = _setting(_whole(1, 65_535), 8000, example="9000", meaning="Port to listen on.")
    workers: int = _setting(
        _whole(1, 512), available_cores, shown="one per core", example="4",
        meaning="Worker processes.",
    )  # fmt: skip
    threads: int = _setting(
        _whole(1, 256), 8, example="16",
        meaning="Threads of each worker: how many requests it works on at the same time, and the largest group of writes "
        "that shares a commit. More of them cost CPU on reads and help where many clients write.",
    )  # fmt: skip
    pin_workers: str = _setting(
        _one_of(*PINNING), "auto", example="off",
        meaning="Whether each worker keeps to a core of its own: `auto` where there are as many workers as cores, `on` "
        "where there are not more workers than cores, `off` never.",
    )  # fmt: skip
    database_url: str = _setting(
        _database_url, "", shown="SQLite file `stillroom.db` in the data folder", example="postgresql://app@db.internal/app",
        meaning="Where data lives: `sqlite:///PATH` or `postgresql://…`. A password in it is never printed.",
    )  # fmt: skip
    files_url: Folder | Bucket | None = _setting(
        _store, None, shown="folder `files` in the data folder", example="s3://planes/files?region=eu-central-1",
        meaning="Where files are [kept](file-stores.md): `file:///PATH`, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or "
        "`az://CONTAINER/PREFIX?account=NAME`; behind the `?` also `endpoint`, and for S3 `region` and `public`.",
    )  # fmt: skip
    files_access_key: str = _setting(
        _text, "", shown="what the machine offers: a role or the provider's own variables", example="AKIAIOSFODNN7EXAMPLE",
        meaning="Id of the access key of S3, which goes with `STILLROOM_FILES_SECRET`.",
    )  # fmt: skip
    files_secret: str = _setting(
        _text, "", shown="what the machine offers", example="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        meaning="What opens the object store: the secret of S3's access key, the key of Azure's storage account, or Google's service "
        "account (its JSON, or the path of that file). It is never printed.",
    )  # fmt: skip
    files_served: str = _setting(
        _one_of(*WAYS), SERVER, example=REDIRECT,
        meaning="Who sends the bytes of [files](file-stores.md#who-sends-the-bytes): `server`, this backend; `redirect`, the object store "
        "by a signed link; `x-accel-redirect` or `x-sendfile`, nginx or another proxy on this machine.",
    )  # fmt: skip
    schema: Path | None = _setting(
        _folder, None, shown="collections are changed live only", example="schema",
        meaning="Folder of the schema's files (`stillroom schema export` writes it): `serve` applies them before it serves, and refuses "
        "to start where that would lose data.",
    )  # fmt: skip
    extensions: tuple[str, ...] = _setting(
        _places, DEFAULT_EXTENSIONS, shown="`./extensions`, where there is such a folder", example="./extensions, acme.blog",
        meaning="The owner's own code: folders, whose `*.py` are loaded by name, and modules, in this order. "
        "See [extensions](extensions.md).",
    )  # fmt: skip
    public_url: str = _setting(
        _public_url, "", shown="http://HOST:PORT", example="https://api.example.org",
        meaning="How clients reach this backend; links that it hands out and the issuer of its tokens begin with it.",
    )  # fmt: skip
    secret_key: str = _setting(
        _secret, "", shown="made once in the data folder with SQLite; must be given with PostgreSQL",
        example="9Vq0w3Jm…(44 characters of `openssl rand -base64 32`)",
        meaning="Seals the keys that sign access tokens. Losing it signs everybody out; at least 32 characters.",
    )  # fmt: skip
    smtp_url: str = _setting(
        _smtp_url, "", shown="none: letters are printed on the terminal in development, else none are sent",
        example="smtps://app:PASSWORD@smtp.example.org",
        meaning="Where letters are handed in: `smtps://` is TLS (465), `smtp://` STARTTLS (587), `smtp+plain://` neither, for a relay on "
        "this machine (25). The password in it is never printed. See [mail](mail.md).",
    )  # fmt: skip
    mail_from: str = _setting(
        _sender, "", shown="no-reply@ the host of the public URL", example="Planes <hello@example.org>",
        meaning="Sender of letters: an address, or a name and an address.",
    )  # fmt: skip
    log_level: str = _setting(
        _one_of(*LOG_LEVELS), "info", example="debug",
        meaning="How much is logged: debug (also says which rule refused a request), info (a line per request), warning, error.",
    )  # fmt: skip
    max_body: int = _setting(
        _whole(1024, 100 * 2**20), 2**20, example="5242880",
        meaning="Largest request body in bytes; more is answered with 413.",
    )  # fmt: skip
    max_import: int = _setting(
        _whole(1024, 2**40), 2**30, example="10737418240",
        meaning="Largest body of an import over HTTP in bytes, unpacked; more is answered with 413.",
    )  # fmt: skip
    import_timeout: int = _setting(
        _whole(1, 86_400), 600, example="3600",
        meaning="Seconds within which the body of an import over HTTP must have been read.",
    )  # fmt: skip
    write_timeout: int = _setting(
        _whole(1, 300), 5, example="10",
        meaning="Seconds that one write may take inside its transaction before it is given up with 503; it holds up the others.",
    )  # fmt: skip
    housekeeping: int = _setting(
        _whole(0, 86_400), 30, example="300",
        meaning="Seconds between two rounds in which expired records are deleted, the trash is purged, and files go that no record "
        "holds any more; 0 leaves that to `stillroom housekeeping`.",
    )  # fmt: skip
    metrics_token: str = _setting(
        _metrics_token, "", shown="there is no `/metrics`", example="of-32-characters-or-more-for-prometheus",
        meaning="Who sends it as a bearer token reads [metrics](metrics.md) at `/metrics`; at least 32 characters.",
    )  # fmt: skip
    events_kept: int = _setting(
        _whole(1, 8_760), 24, example="72",
        meaning="Hours for which [events](events.md) are kept after they happened; those that a subscriber has not heard stay longer.",
    )  # fmt: skip
    webhooks_kept: int = _setting(
        _whole(1, 365), 14, example="30",
        meaning="Days for which messages of [webhooks](webhooks.md) are kept once they were taken or given up, to be looked at and sent "
        "again.",
    )  # fmt: skip
    audit_kept: int = _setting(
        _whole(1, 36_500), 365, example="730",
        meaning="Days for which entries of the [audit trail](accounts.md#audit-trail) are kept.",
    )  # fmt: skip
    job_workers: int = _setting(
        _whole(0, 256), 1, example="4",
        meaning="Processes in which `serve` runs [jobs](jobs.md), where extensions declare any; 0 leaves them to `stillroom worker`.",
    )  # fmt: skip
    job_memory: int = _setting(
        _whole(0, 2**24), 1024, example="4096",
        meaning="Megabytes of memory (MiB) that a process which runs jobs may ask for; 0 sets no limit.",
    )  # fmt: skip
    jobs_waiting: int = _setting(
        _whole(1, 100_000_000), MOST_WAITING, example="2000000",
        meaning="How many jobs may wait, about; whoever asks for one more is refused with 503.",
    )  # fmt: skip
    limits: Policies = _setting(
        _policies, default_policies, example="sign-in=5/minute, requests=600/minute",
        shown="`" + ", ".join(f"{name}={quota}" for name, quota in DEFAULTS.items()) + "`",
        meaning="How often somebody may ask, see [limits](limits.md). What is not named keeps its default; `off` ends one, or all.",
    )  # fmt: skip
    sign_up_work: int = _setting(
        _whole(0, MOST_BITS), 0, example="18",
        meaning="Proof of work that a sign-up takes, in bits: 18 costs a device about a second, each further bit twice that; 0 asks for "
        "none. See [limits](limits.md#signing-up).",
    )  # fmt: skip
    trusted_proxies: tuple[Network, ...] = _setting(
        _proxies, (), shown="none", example="10.0.0.0/8, ::1",
        meaning="Proxies before this backend, as addresses or networks: their `X-Forwarded-For` tells where a request came from, "
        "nobody else's.",
    )  # fmt: skip
    tls_certificate: Path | None = _setting(
        _file, None, shown="none: plain HTTP, behind a proxy with TLS", example="/etc/stillroom/tls/fullchain.pem",
        meaning="File of the certificate chain in PEM, the server's own first: it then speaks HTTPS alone. "
        "See [deployment](deployment.md#tls-without-a-proxy).",
    )  # fmt: skip
    tls_key: Path | None = _setting(
        _file, None, shown="none", example="/etc/stillroom/tls/privkey.pem",
        meaning="File of the certificate's private key in PEM, without a password.",
    )  # fmt: skip
    cors_origins: Origins = _setting(
        _origins, NOBODY, shown="none", example="https://app.example.org, http://localhost:5173",
        meaning="Origins of pages elsewhere that may ask this backend from a browser and act with its cookies, exactly as browsers send "
        "them; or `*`: any page, without cookies. See [browsers](browser.md).",
    )  # fmt: skip
    trusted_issuers: tuple[TrustedIssuer, ...] = _setting(
        _trusted, (), shown="none", example="https://id.example.org users my-api, https://login.example.com staff my-api create",
        meaning="Issuers whose JWTs stand for accounts that are linked to them: of each its address, the accounts collection and the "
        "audience of the tokens, and `create` where whoever is not known yet gets an account. See "
        "[accounts](accounts.md#tokens-of-other-issuers).",
    )  # fmt: skip
    admin_second_factor: str = _setting(
        _one_of("optional", "required"), "optional", example="required",
        meaning="Whether admins sign in without a [second factor](second-factors.md#who-has-to-have-one). With `required`, one who has "
        "none sets one up before the first session.",
    )  # fmt: skip
    loopback_providers: str = _setting(
        _one_of(*SWITCH), "off", example="on",
        meaning="For development: `on` lets this machine itself be asked, over plain HTTP too, where providers of sign-in and other "
        "issuers are. Refused where other machines are served.",
    )  # fmt: skip
    loopback_webhooks: str = _setting(
        _one_of(*SWITCH), "off", example="on",
        meaning="For development: `on` lets [webhooks](webhooks.md) be sent to this machine itself, over plain HTTP too. Refused where "
        "other machines are served.",
    )  # fmt: skip
    redis_url: str = _setting(
        _redis_url, "", example="redis://cache.internal:6379/0",
        shown="none: each machine counts limits, and workers look for jobs in the database",
        meaning="Redis that all machines share: [limits](limits.md) are counted there, and [jobs](jobs.md#with-redis) carried to their "
        "workers. A password in it is never printed.",
    )  # fmt: skip
    argon2_memory: int = _setting(
        _whole(1024, 4 * 2**20), 19_456, example="65536",
        meaning="Memory of one password hash in KiB. Existing hashes are renewed when their owner signs in.",
    )  # fmt: skip
    argon2_time: int = _setting(_whole(1, 100), 2, example="3", meaning="Passes of one password hash over its memory.")
    # What extensions declare is read once they are loaded.
    of_extensions: Mapping[str, str] = field(default_factory=dict)
    argon2_parallelism: int = _setting(_whole(1, 64), 1, example="4", meaning="Lanes of one password hash.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingsError with every mistake in it. An empty variable counts as absent, as in compose files."""
        values, mistakes = _values(environ)
        settings = cls(**values)
        mistakes += _contradictions(settings, environ)
        if mistakes:
            raise SettingsError(tuple(mistakes))
        return settings

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'stillroom.db'}"

    @property
    def is_sqlite(self) -> bool:
        return self.database.startswith("sqlite:")

    @property
    def sqlite_file(self) -> Path:
        """Only with SQLite."""
        return Path(self.database.removeprefix("sqlite:///"))

    @property
    def is_public(self) -> bool:
        """Whether other machines can reach it. A name that is not plainly this machine is taken to be public."""
        if self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"{'https' if self.speaks_tls else 'http'}://{host}:{self.port}"

    @property
    def admins_need_factor(self) -> bool:
        return self.admin_second_factor == "required"

    @property
    def asks_loopback(self) -> bool:
        return self.loopback_providers == "on"

    @property
    def tells_loopback(self) -> bool:
        return self.loopback_webhooks == "on"

    @property
    def speaks_tls(self) -> bool:
        return self.tls_certificate is not None

    @property
    def is_reached_by_https(self) -> bool:
        """Whether clients come by HTTPS, which the server or a proxy before it speaks."""
        return self.url.startswith("https://")

    @property
    def links_to(self) -> str:
        """What links in letters begin with: this machine in development, nothing where others are served and nobody said what."""
        return self.public_url or ("" if self.is_public else self.url)

    @property
    def sender(self) -> str:
        return self.mail_from or f"no-reply@{urlsplit(self.url).hostname}"


def variable(name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + name.upper()


def documented() -> list[dict[str, str]]:
    """Each setting as docs/settings.md lists it."""
    return [
        {"name": variable(each.name), **{key: each.metadata[key] for key in ("meaning", "shown", "example")}}
        for each in fields(Settings)
        if each.metadata
    ]


def _values(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    known = {variable(each.name): each for each in fields(Settings) if each.metadata}
    values: dict[str, Any] = {"of_extensions": {name: text for name, text in environ.items() if name.startswith(OF_EXTENSIONS) and text}}
    mistakes: list[str] = []
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name.startswith(OF_EXTENSIONS):
            continue
        if name not in known:
            mistakes.append(_unknown(name, list(known)))
        elif text:
            try:
                values[known[name].name] = known[name].metadata["read"](text)
            except _Wrong as wrong:
                mistakes.append(f"{name} {wrong}{_but(name, text)}")
    return values, mistakes


def _unknown(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known)
    return f"{name} is no setting" + (f"; {hint}" if hint else "; docs/settings.md lists them all")


def _but(name: str, text: str) -> str:
    """What it is instead, except where that may be a secret."""
    return "" if name.endswith(("_KEY", "_TOKEN", "_URL", "_SECRET")) else f", not `{text[:60]}`"


def _contradictions(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """What each setting allows by itself but not together."""
    mistakes = []
    if not settings.is_sqlite and not settings.secret_key:
        mistakes.append(
            "STILLROOM_SECRET_KEY must be given with PostgreSQL, the same on every machine; `openssl rand -base64 32` makes one"
        )
    mistakes += _odd_keys(settings)
    if settings.argon2_memory * settings.argon2_time < LEAST_ARGON2_WORK:
        mistakes.append(
            "STILLROOM_ARGON2_MEMORY × STILLROOM_ARGON2_TIME is too little to protect passwords; "
            f"the product is at least {LEAST_ARGON2_WORK} (19456 × 2 by default)"
        )
    if settings.argon2_memory < 8 * settings.argon2_parallelism:
        mistakes.append("STILLROOM_ARGON2_MEMORY is at least 8 KiB for each of STILLROOM_ARGON2_PARALLELISM")
    if settings.pin_workers == "on" and settings.workers > available_cores():
        mistakes.append(f"STILLROOM_PIN_WORKERS is on, but {settings.workers} workers do not fit {available_cores()} cores")
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        mistakes.append("STILLROOM_TLS_CERTIFICATE and STILLROOM_TLS_KEY go together; one of them is missing")
    if settings.speaks_tls and settings.public_url.startswith("http://"):
        mistakes.append("STILLROOM_PUBLIC_URL begins with http://, but with STILLROOM_TLS_CERTIFICATE clients come by https://")
    for variable, is_on in (("PROVIDERS", settings.asks_loopback), ("WEBHOOKS", settings.tells_loopback)):
        # An address that an admin or a provider names would reach what listens on this machine alone.
        if settings.is_public and is_on:
            mistakes.append(f"STILLROOM_LOOPBACK_{variable} is for development, so it is refused with the public address {settings.host}")
    mistakes += [
        f"STILLROOM_TRUSTED_ISSUERS names {each.issuer}, which is asked with STILLROOM_LOOPBACK_PROVIDERS alone"
        for each in settings.trusted_issuers
        if each.issuer.startswith("http://") and not settings.asks_loopback
    ]
    if settings.is_public and _is_on(environ.get("FLASK_DEBUG", "")):
        mistakes.append(f"FLASK_DEBUG shows the inside of errors, so it is refused with the public address {settings.host}")
    return mistakes


def _odd_keys(settings: Settings) -> list[str]:
    """Keys of a store of files that it does not take, or that lack their other half; and a way to send them that it has not."""
    scheme = settings.files_url.scheme if isinstance(settings.files_url, Bucket) else ""
    if settings.files_served == REDIRECT and not scheme:
        return ["STILLROOM_FILES_SERVED=redirect sends clients to an object store, but STILLROOM_FILES_URL names none"]
    if settings.files_served not in (SERVER, REDIRECT) and scheme:
        return [f"STILLROOM_FILES_SERVED={settings.files_served} is for files on disk; those of an object store are served by redirect"]
    if (settings.files_access_key or settings.files_secret) and not scheme:
        return ["STILLROOM_FILES_ACCESS_KEY and STILLROOM_FILES_SECRET open an object store, but STILLROOM_FILES_URL names none"]
    if settings.files_access_key and scheme != "s3":
        return ["STILLROOM_FILES_ACCESS_KEY is for s3://; what opens this store is STILLROOM_FILES_SECRET alone"]
    if scheme == "s3" and bool(settings.files_access_key) != bool(settings.files_secret):
        return ["STILLROOM_FILES_ACCESS_KEY and STILLROOM_FILES_SECRET go together; one of them is missing"]
    return []


def _is_on(text: str) -> bool:
    return text.lower() not in ("", "0", "false", "no")
