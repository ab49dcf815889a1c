"""Secrets at rest: sealed with the backend's own key (AES-256-GCM), so that a stolen database or backup alone opens nothing."""

import hmac
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SHORTEST = 32  # bytes of a secret
_FORM = b"\x01"  # the form of what follows, so that another one can come beside it
_NONCE = 12


class BrokenSeal(Exception):
    """What was sealed does not open: another secret sealed it, or it was changed."""


class WeakSecret(ValueError):
    """The secret is too short to keep anything."""


class Seal:
    """`about` is bound into what is sealed: a text that stands beside it, so that it opens in its own place only."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SHORTEST:
            raise WeakSecret(f"the secret key has {len(secret)} bytes; it needs {SHORTEST} or more")
        # The secret may be a text that somebody typed; the cipher wants 32 bytes that look random.
        self._cipher = AESGCM(_derived(secret, b"stillroom: secrets at rest"))
        self._marking = _derived(secret, b"stillroom: marks")

    def close(self, plain: bytes, *, about: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return _FORM + nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, *, about: str) -> bytes:
        nonce, text = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        if sealed[:1] != _FORM:
            raise BrokenSeal("this was not sealed by us")
        try:
            return self._cipher.decrypt(nonce, text, about.encode())
        except (InvalidTag, ValueError) as broken:
            raise BrokenSeal("the secret key is not the one that sealed this") from broken

    def mark(self, text: str, *, about: str) -> bytes:
        # HMAC and not the cipher: its random nonces are not enough for things that are handed out for ever.
        return hmac.digest(self._marking, f"{about}\0{text}".encode(), "sha256")


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret)


def load_or_make_secret(path: Path) -> bytes:
    """The secret kept in this file; made at the first call, readable by its owner alone. Of processes that start at once
    all get the same one. WeakSecret where the file holds less than a secret; OSError where it cannot be read or made."""
    path = Path(path)
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    secret = path.read_bytes().strip()
    if len(secret) < SHORTEST:
        raise WeakSecret(f"{path.name} holds no secret key: put the one that was there back, or remove the file of a backend without data")
    return secret


def _make(path: Path) -> None:
    """Written whole beside its place and then linked there: nobody reads half of it, and a second maker finds the first one's."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
        _keep_entry(path.parent)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def _keep_entry(folder: Path) -> None:
    """The name too survives a power cut: without the secret the signing keys would never open again."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
