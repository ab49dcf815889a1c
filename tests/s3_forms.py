"""What S3 does with forms, by the letter of its documentation, before the S3 server of these tests, which takes none: the policy is read,
its signature and its time are checked, each field has to be named by a condition and to fulfil it, and only then is the object put.

(https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html)
"""

import base64
import hashlib
import hmac
import io
import json
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from werkzeug.formparser import parse_form_data

# Fields that no condition has to name.
_FREE = {"file", "policy", "x-amz-signature"}


class Refused(Exception):
    pass


def judged(bucket: str, fields: Mapping[str, str], size: int, secrets: Mapping[str, str], now: datetime) -> None:
    """Refused where S3 would say 403 or 400."""
    sent = {name.lower(): value for name, value in fields.items()}
    access, day, region, service, last = sent["x-amz-credential"].split("/")
    key = f"AWS4{secrets[access]}".encode()
    for part in (day, region, service, last):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(hmac.new(key, sent["policy"].encode(), hashlib.sha256).hexdigest(), sent["x-amz-signature"]):
        raise Refused("SignatureDoesNotMatch")
    policy = json.loads(base64.b64decode(sent["policy"]))
    if now >= datetime.fromisoformat(policy["expiration"]):
        raise Refused("Policy expired")
    named = {"bucket"}
    for condition in policy["conditions"]:
        if isinstance(condition, dict):
            condition = ["eq", *(f"${name}" if at == 0 else name for each in condition.items() for at, name in enumerate(each))]
        kind, name, value = condition
        if kind == "content-length-range":
            if not name <= size <= value:
                raise Refused("EntityTooLarge")
            continue
        name = name.removeprefix("$").lower()
        named.add(name)
        given = bucket if name == "bucket" else sent.get(name, "")
        if not (given == value if kind == "eq" else given.startswith(value)):
            raise Refused(f"Policy Condition failed: {name}")
    if extra := set(sent) - named - _FREE:
        raise Refused(f"Extra input fields: {', '.join(sorted(extra))}")


@contextmanager
def form_server(store: str, secrets: Mapping[str, str]) -> Iterator[str]:
    """The address at which forms are taken for the buckets of the S3 server at `store`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bucket = self.path.strip("/")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            environ: dict[str, Any] = {
                "REQUEST_METHOD": "POST", "CONTENT_TYPE": self.headers["Content-Type"], "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": io.BytesIO(body),
            }  # fmt: skip
            _, form, files = parse_form_data(environ)
            data = files["file"].read()
            try:
                judged(bucket, form, len(data), secrets, datetime.now(UTC))
            except (Refused, KeyError, ValueError) as refused:
                self._answer(403, str(refused))
                return
            about = {"Content-Type": form["Content-Type"], "Content-Disposition": form["Content-Disposition"]}
            put = urllib.request.Request(f"{store}/{bucket}/{form['key']}", data, about, method="PUT")
            with urllib.request.urlopen(put):
                self._answer(204)

        def _answer(self, status: int, text: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
