"""TLS by the server itself: a real handshake, HTTP/1.1 and HTTP/2, and nothing for those who come without."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backends import missing
from tests.certificates import certificate, curve_key, key_file
from tests.e2e.server import ADMIN, Server


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    key = curve_key()
    chain = certificate(tmp_path / "chain.pem", key)
    return {"STILLROOM_TLS_CERTIFICATE": str(chain), "STILLROOM_TLS_KEY": str(key_file(tmp_path / "key.pem", key))}


def test_the_server_speaks_tls_and_nothing_else(server: Callable[..., Server], tls: dict[str, str]) -> None:
    running = server(workers=1, **tls)
    assert f"Serving on https://127.0.0.1:{running.port}" in running.output
    # By a client that checks the certificate: sign-in and all.
    answer = running.request("GET", "/api/v1/auth/_admins/me", token=running.admin_token())
    assert (answer.status, answer.body["email"]) == (200, ADMIN["email"])
    for path in ("/livez", "/nothing"):
        assert running.request("GET", path).headers["strict-transport-security"].startswith("max-age=31536000")
    assert _spoken(running, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert _spoken(running, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.warns(DeprecationWarning, match="TLSv1_1"), pytest.raises(ssl.SSLError):
        _spoken(running, ssl.TLSVersion.TLSv1_1)
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1" not in plain.recv(1000)
    assert _by_curl(running) == "200 2"


def test_a_wrong_key_is_told_before_anything_is_served(unstarted: Callable[..., Server], tls: dict[str, str], tmp_path: Path) -> None:
    wrong = {**tls, "STILLROOM_TLS_KEY": str(key_file(tmp_path / "other.pem", curve_key()))}
    ended = unstarted(workers=1, **wrong).command("serve")
    assert ended.returncode != 0
    assert "STILLROOM_TLS_KEY" in ended.stderr
    assert "Traceback" not in ended.stderr


def _spoken(running: Server, version: ssl.TLSVersion) -> str | None:
    trusting = ssl.create_default_context(cafile=running.certificate)
    trusting.minimum_version = trusting.maximum_version = version
    raw = socket.create_connection(("127.0.0.1", running.port), timeout=5)
    with raw, trusting.wrap_socket(raw, server_hostname="localhost") as spoken:
        return spoken.version()


def _by_curl(running: Server) -> str:
    """Status and version of HTTP that a client gets who knows HTTP/2."""
    curl = shutil.which("curl")
    if curl is None:
        missing("curl", "install the package `curl`")
    command = [str(curl), "-s", "--http2", "--cacert", running.certificate, "-o", "/dev/null", "-w", "%{http_code} %{http_version}"]
    return subprocess.run([*command, f"{running.url}/livez"], capture_output=True, text=True, timeout=20).stdout
