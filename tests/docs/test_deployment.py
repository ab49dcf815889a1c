"""The files of deploy/ are taken by the programs that they are for, and nginx stands before a real server as docs/deployment.md says."""

import http.client
import json
import os
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.settings import Settings
from tests.e2e.server import ROOT, Server, free_port, stillroom

DEPLOY = ROOT / "deploy"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
SYSTEMD = shutil.which("systemd-analyze")
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
SIGN_IN, WRONG = "/api/v1/auth/_admins/sign-in", b'{"identity": "a@example.org", "password": "not this one"}'
UPGRADING = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")


def test_each_file_stands_on_the_page() -> None:
    assert [each.name for each in sorted(DEPLOY.iterdir()) if f"(../deploy/{each.name})" not in PAGE] == []


# --- the service


def test_the_settings_are_taken() -> None:
    lines = (DEPLOY / "stillroom.env").read_text(encoding="utf-8").splitlines()
    settings = Settings.from_environment(dict(line.split("=", 1) for line in lines if line and not line.startswith("#")))
    unit = (DEPLOY / "stillroom.service").read_text(encoding="utf-8")
    assert f"StateDirectory={settings.data_dir.name}\n" in unit
    assert settings.data_dir.parent == Path("/var/lib")
    assert f"server 127.0.0.1:{settings.port};" in (DEPLOY / "nginx.conf").read_text(encoding="utf-8")


@pytest.mark.skipif(SYSTEMD is None, reason="there is no systemd-analyze here")
@pytest.mark.parametrize(("broken", "said"), [("", ""), ("KillMode=gently", "gently"), ("Restarted=on-failure", "Restarted")])
def test_systemd_takes_the_unit(broken: str, said: str, tmp_path: Path) -> None:
    """And refuses a broken one, by which we know that it looks."""
    unit = (DEPLOY / "stillroom.service").read_text(encoding="utf-8")
    own = unit.replace("/opt/stillroom/.venv/bin/stillroom", "/bin/true").replace("[Install]", f"{broken}\n[Install]")
    (tmp_path / "stillroom.service").write_text(own, encoding="utf-8")
    command = [str(SYSTEMD), "verify", "--man=no", str(tmp_path / "stillroom.service")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    told = [line for line in (ran.stdout + ran.stderr).splitlines() if "stillroom.service" in line]
    assert bool(told) == bool(broken), told
    assert said in "".join(told)


# --- nginx


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "files").mkdir()
    settings = {
        "STILLROOM_TRUSTED_PROXIES": "127.0.0.1", "STILLROOM_LIMITS": "sign-in-address=3/minute",
        "STILLROOM_FILES_URL": f"file://{tmp_path}/files", "STILLROOM_FILES_SERVED": "x-accel-redirect",
    }  # fmt: skip
    server = Server(tmp_path / "data", workers=1, settings=settings)
    yield server.start()
    server.end()


@pytest.mark.skipif(NGINX is None, reason="there is no nginx here")
def test_nginx_stands_before_it(server: Server, tmp_path: Path) -> None:
    tls, token = free_port(), server.admin_token()
    config = _nginx(tmp_path, backend=server.port, tls=tls)
    checked = subprocess.run([str(NGINX), "-t", "-p", str(tmp_path), "-c", str(config)], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stderr
    running = subprocess.Popen([str(NGINX), "-p", str(tmp_path), "-c", str(config)], stderr=subprocess.PIPE)
    try:
        _wait_for(tls)
        status, headers = _asked(tls, tmp_path, "/readyz")
        assert (status, headers["Strict-Transport-Security"]) == (200, "max-age=31536000")
        # A client that tells another origin each time is counted as the one that it is; signing in was the first.
        assert [_asked(tls, tmp_path, SIGN_IN, WRONG, f"9.9.9.{n}")[0] for n in range(3)] == [401, 401, 429]
        _sends_files(server, tls, tmp_path, token)
        _takes_uploads(tls, tmp_path)
    finally:
        running.terminate()
        running.wait(20)


def _sends_files(server: Server, tls: int, folder: Path, token: str) -> None:
    """By nginx, with what protects browsers, whole and in part; and only those that the backend named."""
    large = {"name": "large", "type": "file", "max_size": 50_000_000}
    fields = [{"name": "shown", "type": "bool"}, {"name": "page", "type": "file"}, large]
    rules = {"view": "shown = true", "create": ""}
    papers = {"name": "papers", "fields": fields, "rules": rules}
    server.request("POST", "/api/v1/collections", papers, token)
    page = b"<script>alert(1)</script>" * 400
    shown, hidden = (_uploaded(server, page, is_shown) for is_shown in ("true", "false"))
    status, told = _asked(tls, folder, shown)
    headers = {name.title(): value for name, value in told.items()}
    assert (status, headers["Server"], headers["Content-Length"]) == (200, "nginx", str(len(page)))
    assert (headers["X-Content-Type-Options"], headers["Content-Type"]) == ("nosniff", "application/octet-stream")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    assert headers["Content-Disposition"].startswith("attachment;")
    assert _asked(tls, folder, shown, Range="bytes=0-9")[0] == 206
    assert _asked(tls, folder, shown, If_None_Match=headers["Etag"])[0] == 304
    assert _asked(tls, folder, hidden)[0] == 404
    place = next((folder / "files").rglob("*.*")).relative_to(folder / "files")
    assert _asked(tls, folder, f"/stillroom-files/{place}")[0] == 404


def _takes_uploads(tls: int, folder: Path) -> None:
    """Of which what came stays, though the client goes away in the middle: nginx passes it on as it comes."""
    whole, part, spoken = 40_000_000, 24_000_000, {"Tus-Resumable": "1.0.0"}
    said = ",".join(f"{key} {b64encode(value).decode()}" for key, value in (("collection", b"papers"), ("field", b"large")))
    trusting = ssl.create_default_context(cafile=folder / "fullchain.pem")
    line = http.client.HTTPSConnection("localhost", tls, timeout=20, context=trusting)
    line.request("POST", "/api/v1/uploads", b"", {**spoken, "Upload-Length": str(whole), "Upload-Metadata": said})
    answer = line.getresponse()
    assert (answer.status, answer.read()) == (201, b"")
    place = answer.headers["Location"]
    line.putrequest("PATCH", place)
    sent = {**spoken, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", "Content-Length": str(whole)}
    for name, value in sent.items():
        line.putheader(name, value)
    line.endheaders(bytes(part))
    time.sleep(0.5)
    line.close()
    until, here = time.monotonic() + 15, 0
    while here < part - 1_000_000 and time.monotonic() < until:
        time.sleep(0.1)
        here = int({name.title(): value for name, value in _asked(tls, folder, place)[1].items()}["Upload-Offset"])
    assert part - 1_000_000 <= here <= part


def _uploaded(server: Server, page: bytes, is_shown: str) -> str:
    """The path of a file of a new record. One that is not shown tells nobody its file's name: that is found on the disk."""
    form = "".join(
        f'--line\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'
        for name, more, value in (("shown", "", is_shown), ("page", '; filename="page.html"', page.decode()))
    ) + "--line--\r\n"  # fmt: skip
    asked = urllib.request.Request(
        f"{server.url}/api/v1/collections/papers/records", form.encode(), {"Content-Type": "multipart/form-data; boundary=line"}
    )
    with urllib.request.urlopen(asked, timeout=20) as answer:
        made = json.load(answer)
    kept = Path(server.settings["STILLROOM_FILES_URL"].removeprefix("file://"))
    (lies,) = kept.glob(f"*/*/{made['id']}/*")
    return f"/api/v1/files/papers/{made['id']}/{lies.name}"


def _nginx(folder: Path, *, backend: int, tls: int) -> Path:
    """The block as it stands, for this run: other ports, a certificate of its own, no place that belongs to root."""
    _certificate(folder)
    changes = {
        r"/etc/letsencrypt/live/api\.example\.org": str(folder), r"listen 80;": f"listen 127.0.0.1:{free_port()};",
        r"/srv/stillroom-files/": f"{folder}/files/",
        r"listen 443 ": f"listen 127.0.0.1:{tls} ", r"127\.0\.0\.1:8000": f"127.0.0.1:{backend}",
    }  # fmt: skip
    block = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for written, own in changes.items():
        block, found = re.subn(written, own, block)
        assert found, written
    places = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    top = f"daemon off;\n{user}pid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n"
    config = folder / "nginx.conf"
    config.write_text(f"{top}{places}{block}}}\n", encoding="utf-8")
    return config


def _certificate(folder: Path) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    unsealed = serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unsealed))


def _wait_for(port: int, patience: float = 15) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)


def _asked(
    port: int, folder: Path, path: str, body: bytes | None = None, origin: str = "9.9.9.9", **more: str
) -> tuple[int, dict[str, str]]:
    own = {name.replace("_", "-"): value for name, value in more.items()}
    headers = {"X-Forwarded-For": origin, **({"Content-Type": "application/json"} if body else {}), **own}
    asked = urllib.request.Request(f"https://localhost:{port}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=20, context=ssl.create_default_context(cafile=folder / "fullchain.pem")) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers)


# --- upgrading


def test_check_says_what_the_page_quotes(tmp_path: Path) -> None:
    said = [_checked(tmp_path)]
    stillroom("migrate", cwd=tmp_path)
    said.append(_checked(tmp_path))
    with closing(sqlite3.connect(tmp_path / "data" / "stillroom.db", isolation_level=None)) as database:
        database.execute("UPDATE _migrations SET version_num = '0005'")
    said.append(_checked(tmp_path))
    assert re.findall(r"^\| (The database is .+?|There is .+?) \|", UPGRADING, re.M) == said


def _checked(folder: Path) -> str:
    return stillroom("check", cwd=folder).stdout.splitlines()[-1]
