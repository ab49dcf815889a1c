"""A passkey on a command line, kept in a file: `python -m tests.soft_passkey FILE ORIGIN` reads what the backend asks of a browser, makes
the passkey if there is none in FILE and one is wanted, and prints what a browser would answer. For walks and tests: a passkey in a file
protects nobody."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.authenticator import Authenticator, b64, raw


def answered(options: dict[str, Any], file: Path, origin: str) -> dict[str, Any]:
    if "user" in options:
        made = Authenticator(origin, str(urlsplit(origin).hostname))
        answer = made.create(options)
    else:
        made = _kept(file, origin)
        answer = made.get(options)
    _keep(made, file)
    return answer


def _keep(made: Authenticator, file: Path) -> None:
    pem = made._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file.write_text(json.dumps({"id": b64(made.id), "handle": made.handle, "counter": made.counter, "key": pem}), encoding="utf-8")
    file.chmod(0o600)


def _kept(file: Path, origin: str) -> Authenticator:
    kept = json.loads(file.read_text(encoding="utf-8"))
    made = Authenticator(origin, str(urlsplit(origin).hostname), counter=kept["counter"], id=raw(kept["id"]), handle=kept["handle"])
    made._key = load_pem_private_key(kept["key"].encode(), None)  # type: ignore[assignment]
    return made


if __name__ == "__main__":
    print(json.dumps(answered(json.load(sys.stdin), Path(sys.argv[1]), sys.argv[2])))
