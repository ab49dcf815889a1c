"""Signatures of Standard Webhooks (https://www.standardwebhooks.com), version 1: how ours are made, and how those that come are judged.

Times are whole seconds since 1970. A body is signed as the bytes that travel: one that was read and written again is another.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
# Of a key: between these the standard wants them to be.
FEWEST_BYTES, MOST_BYTES = 24, 64
# A message that was signed longer ago, or later from now, may be one that somebody has recorded.
TOLERANCE = 300

_VERSION = "v1"
_WHEN = re.compile(r"[0-9]{1,12}")
# Whoever sends more wants us to compare for long.
_MOST_SIGNATURES = 20


def write_secret(key: bytes) -> str:
    return PREFIX + base64.b64encode(key).decode()


def read_secret(secret: str) -> bytes:
    """The key of a secret; ValueError for what is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"a secret is `{PREFIX}` and base64") from error
    if not FEWEST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"the key of a secret has {FEWEST_BYTES} to {MOST_BYTES} bytes")
    return key


def sign(secrets: Sequence[str], message: str, timestamp: int, body: bytes) -> str:
    """The header's value: a signature by each secret, so that a receiver who knows one of them is served while they change. ValueError
    for an id with a point, which would let one signature stand for two messages."""
    if not message or "." in message:
        raise ValueError("the id of a message is not empty and has no point")
    return " ".join(f"{_VERSION},{_digest(read_secret(each), message, timestamp, body)}" for each in secrets)


def verify(secrets: Sequence[str], message: str, timestamp: str, signature: str, body: bytes, now: int) -> bool:
    """Whether one of the signatures is by one of the secrets, and not from long ago."""
    if not message or "." in message or not _WHEN.fullmatch(timestamp) or abs(now - int(timestamp)) > TOLERANCE:
        return False
    given = [value for version, _, value in (each.partition(",") for each in signature.split(" ")) if version == _VERSION]
    wanted = [_digest(read_secret(each), message, int(timestamp), body) for each in secrets]
    # Compared in the same time wherever they differ, and each with each: which of the secrets it was is nobody's business.
    matches = [_same(one, other) for one in given[:_MOST_SIGNATURES] for other in wanted]
    return any(matches)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _digest(key: bytes, message: str, timestamp: int, body: bytes) -> str:
    signed = f"{message}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
