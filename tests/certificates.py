"""Certificates for tests, made on the spot: signed by themselves, for this machine alone."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
_NAMES = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def curve_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key() -> Key:
    return rsa.generate_private_key(65537, 2048)


def certificate(path: Path, key: Key, *, begins: int = -1, ends: int = 90) -> Path:
    """Days from now."""
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(_NAME).issuer_name(_NAME).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now + timedelta(days=begins)).not_valid_after(now + timedelta(days=ends))
        .add_extension(_NAMES, critical=False).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )  # fmt: skip
    path.write_bytes(made.public_bytes(Encoding.PEM))
    return path


def key_file(path: Path, key: Key, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes = b"") -> Path:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, form, lock))
    return path
