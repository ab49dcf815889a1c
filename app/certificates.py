"""The server's certificate and its key, looked at before it starts: a wrong file is told as a sentence, not as a failed handshake."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.premises import StartRefused
from app.settings import Settings

_CERTIFICATE, _KEY = "STILLROOM_TLS_CERTIFICATE", "STILLROOM_TLS_KEY"
_SOON = timedelta(days=14)


def check_certificate(settings: Settings) -> None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return
    _read_certificate(settings.tls_certificate)
    _check_key(settings.tls_key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key)
    except ssl.SSLError as error:
        said = f"{_KEY}: {settings.tls_key} is not the key of the first certificate in {settings.tls_certificate}."
        raise StartRefused(said) from error


def aging(settings: Settings, now: datetime) -> list[str]:
    """A certificate that has expired is served all the same: some clients pin it, and none is helped by a server that is down."""
    if settings.tls_certificate is None:
        return []
    first = _read_certificate(settings.tls_certificate)
    ends, begins = first.not_valid_after_utc, first.not_valid_before_utc
    if now < begins:
        return [f"the certificate in {settings.tls_certificate} is good from {begins:%Y-%m-%d} on, and clients refuse it until then"]
    if now >= ends:
        return [f"the certificate in {settings.tls_certificate} expired on {ends:%Y-%m-%d}, and clients refuse it"]
    return [f"the certificate in {settings.tls_certificate} expires on {ends:%Y-%m-%d}"] if ends - now < _SOON else []


def warnings(settings: Settings) -> list[str]:
    return aging(settings, datetime.now(UTC))


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(_read(path, _CERTIFICATE))[0]
    except ValueError as error:
        said = f"{_CERTIFICATE}: {path} is no certificate in PEM; it begins with `-----BEGIN CERTIFICATE-----`."
        raise StartRefused(said) from error


def _check_key(path: Path) -> None:
    content = _read(path, _KEY)
    try:
        load_pem_private_key(content, password=None)
    except TypeError as error:
        # A password beside the file would protect nothing, and asking for one at each start keeps a machine from starting by itself.
        said = f"{_KEY}: {path} is locked by a password; `openssl pkey -in KEY -out NEW` writes it without one."
        raise StartRefused(said) from error
    except ValueError as error:
        raise StartRefused(f"{_KEY}: {path} is no private key in PEM; it begins with `-----BEGIN PRIVATE KEY-----`.") from error


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartRefused(f"{name}: {path} cannot be read: {error.strerror}.") from error
