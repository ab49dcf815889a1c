"""Files as a way in: names that lead elsewhere, files that are not what they say, bodies without an end, and other people's files."""

import base64
import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.security.target import API, COLLECTIONS, Seen, Target

OWNED = "owner = @request.auth.id"
DRAWERS = {
    "name": "drawers",
    "fields": [
        {"name": "owner", "type": "relation", "collection": "users", "on_delete": "cascade"}, {"name": "text", "type": "text"},
        {"name": "any", "type": "file", "max_size": 5_000_000}, {"name": "few", "type": "file", "many": True, "max": 3},
        {"name": "picture", "type": "file", "types": ["image/png", "image/gif"]},
        {"name": "locked", "type": "file", "rules": {"view": None}},
    ],
    "rules": {"list": OWNED, "view": OWNED, "create": f"@request.auth.id != '' && {OWNED}", "update": OWNED, "delete": OWNED},
}  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200)
BOUNDARY = "----a"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture
def drawers(target: Target) -> Iterator[Target]:
    yield from _with_drawers(target)


@pytest.fixture
def one_target(sqlite_target: Target) -> Iterator[Target]:
    """For what no database has a part in."""
    yield from _with_drawers(sqlite_target)


def _with_drawers(target: Target) -> Iterator[Target]:
    made = target.ask("POST", COLLECTIONS, DRAWERS, by="admin")
    assert made.status == 201, made
    yield target
    target.ask("DELETE", f"{COLLECTIONS}/drawers", by="admin")


def part(name: str, content: bytes, filename: bytes | None = None, kind: str = "") -> bytes:
    named = b'; filename="' + filename + b'"' if filename is not None else b""
    typed = f"Content-Type: {kind}\r\n".encode() if kind else b""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'.encode() + named + b"\r\n" + typed + b"\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def sent(target: Target, *parts: bytes, by: str = "alice", id: str = "") -> Seen:
    whole = form(*([] if id else [part("owner", target.ids[by].encode())]), *parts)
    path = f"{COLLECTIONS}/drawers/records" + (f"/{id}" if id else "")
    return target.ask("PATCH" if id else "POST", path, by=by, raw=whole, headers=FORM)


def served(target: Target, id: str, name: str, by: str = "alice", method: str = "GET") -> Seen:
    headers = {"Authorization": f"Bearer {target.tokens[by]}"} if by else {}
    return target._once(method, f"{API}/files/drawers/{id}/{name}", None, headers)


# --- F01, F02, F03, F04, F16: what files are called and what they are

NAMES = (
    b"../../../../tmp/evil.txt", b"..\\\\..\\\\evil.txt", b"/etc/passwd", b"\\\\\\\\host\\\\share", b".htaccess", b"a%00.png", b"a/b",
    b"x" * 1000,
    "gnp.\u202eexe".encode(), b"CON", b"nul.txt", b"a...", b"  ", b"-rf", "é\u0301😀.png".encode(), b"a;b.html", b"a\tb",
    b"%2e%2e%2f",
)  # fmt: skip


def test_a_name_leads_nowhere(one_target: Target) -> None:
    for name in NAMES:
        made = sent(one_target, part("any", b"text", name))
        assert made.status == 201, (name, made)
        file = made.body["any"]
        assert not {"/", "\\"} & set(file["original"]), file
        assert file["original"].strip(". "), file
        assert len(file["original"]) <= 150, file
        assert file["original"].isprintable(), file
        answer = served(one_target, made.body["id"], file["name"])
        assert (answer.status, answer.content) == (200, b"text")
    id = made.body["id"]
    for name in ("..", "%2e%2e", "..%2f..%2fsecret.key", "x" * 5000, "%00", "a" * 24, "a" * 24 + ".png"):
        assert served(one_target, id, name).status in (404, 414, 400), name


RUNNING = (
    (b"<!DOCTYPE html><script>alert(1)</script>", "a.png"), (b"\xef\xbb\xbf  <svg xmlns='x' onload='alert(1)'/>", "a.svgz"),
    (b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><script/></html>", "a.xht"),
    (b"%PDF-1.7 /JS (app.alert(1))", "a.pdf"),
    (b"From: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n<html>", "a.mhtml"), (b"<!--#exec cmd='id'-->", "a.shtml"),
    (b"<html>", "a.html;"), (b"<body onload=alert(1)>", "a.svg%20"), (b"alert(1)", "a.js"),
)  # fmt: skip


def test_nothing_runs_whatever_it_says_that_it_is(one_target: Target) -> None:
    for content, name in RUNNING:
        for kind in ("image/png", "image/png; x=text/html", ""):
            made = sent(one_target, part("any", content, name.encode(), kind)).body
            answer = served(one_target, made["id"], made["any"]["name"])
            shown = answer.headers["content-type"].partition(";")[0]
            assert shown not in ("text/html", "image/svg+xml", "application/xml", "application/xhtml+xml", "text/javascript"), name
            assert shown == "text/plain" or answer.headers["content-disposition"].startswith("attachment;"), (name, answer)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "private, no-store"
            refused = sent(one_target, part("picture", content, name.encode(), "image/png"))
            assert (refused.status, refused.code) == (400, "type_not_taken"), (name, refused)


# --- F05, F15, F20: how much, how many, how long

def test_what_is_too_much_is_refused_early(one_target: Target) -> None:
    assert sent(one_target, part("any", bytes(5_000_001), b"a")).code == "file_too_large"
    assert sent(one_target, part("any", bytes(5_000_000), b"a")).status == 201
    assert sent(one_target, *[part("few", b"x", b"a")] * 50).code == "too_many"
    assert sent(one_target, *[part(f"x{at}", b"x") for at in range(10_000)]).status == 413
    assert sent(one_target, b"\r\n" * 5_000_000).status in (400, 413)
    assert sent(one_target, f"--{BOUNDARY}\r\n".encode() + b"X: " + b"y" * 1_000_000).status in (400, 413)
    assert sent(one_target, part("text", bytes(40_000_000))).status == 413
    assert sent(one_target, part("nothing", b"x", b"a")).code == "unknown_field"
    assert sent(one_target, part("text", b"x", b"a")).code == "not_a_file_field"
    bare = f"--{BOUNDARY}\r\n\r\nx\r\n".encode()
    for broken in (b"", b"x", b"--" + BOUNDARY.encode(), form(part("any", b"x", b"a"))[:-20], form(bare)):
        seen = one_target.ask("POST", f"{COLLECTIONS}/drawers/records", by="alice", raw=broken, headers=FORM)
        assert seen.status in (400, 403), (broken[:100], seen)
    form_data = "multipart/form-data"
    for kind in (form_data, f"{form_data}; boundary={'x' * 500}", f'{form_data}; boundary=""', "multipart/mixed; boundary=x"):
        seen = one_target.ask("POST", f"{COLLECTIONS}/drawers/records", by="alice", raw=b"x", headers={"Content-Type": kind})
        assert seen.status in (400, 415), (kind, seen)


def test_a_length_beyond_all_fields_is_refused_before_it_comes(one_target: Target) -> None:
    with socket.create_connection(("127.0.0.1", one_target.server.port), timeout=5) as line:
        head = f"POST {COLLECTIONS}/drawers/records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {one_target.tokens['alice']}\r\n"
        line.sendall(head.encode() + f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: 99000000000\r\n\r\n".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 413")


def test_half_an_upload_leaves_nothing(drawers: Target) -> None:
    folder = drawers.server.data_dir / "files"
    before = {each for each in folder.rglob("*") if each.is_file()}
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", drawers.server.port), timeout=5) as line:
            head = f"POST {COLLECTIONS}/drawers/records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {drawers.tokens['alice']}\r\n"
            line.sendall(head.encode() + f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: 4000000\r\n\r\n".encode())
            line.sendall(part("any", b"whole", b"a") + part("few", bytes(100_000), b"b")[:-20])
    deadline = time.monotonic() + 10
    while left := {each for each in folder.rglob("*") if each.is_file()} - before:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    assert drawers.listed("drawers", "alice").body["items"] == []


# --- F10, F11, F12, F14: other people's files


def test_files_are_as_hidden_as_their_record(drawers: Target) -> None:
    made = sent(drawers, part("any", b"hers", b"a"), part("few", b"1", b"1")).body
    other = sent(drawers, part("any", b"his", b"a"), by="bob").body
    id, name = made["id"], made["any"]["name"]
    assert served(drawers, id, name).content == b"hers"
    for by in ("", "bob"):
        for method in ("GET", "HEAD"):
            seen, missing = served(drawers, id, name, by, method), served(drawers, "0" * 20, name, by, method)
            assert (seen.status, missing.status) == (404, 404), (by, method)
    assert served(drawers, other["id"], name, "bob").status == 404
    for change in (part("any", b"evil", b"a"), part("few+", b"evil", b"a"), part("few-", made["few"][0]["name"].encode())):
        assert sent(drawers, change, by="bob", id=id).status == 404
    # A name that another record holds opens nothing from one's own.
    stolen = drawers.records("PATCH", "drawers", other["id"], {"any": made["any"]}, by="bob")
    assert (stolen.status, stolen.body["errors"][0]["code"]) == (400, "not_a_file")
    assert served(drawers, id, name).content == b"hers"
    replaced = sent(drawers, part("any", b"new", b"a"), id=id).body
    assert served(drawers, id, name).status == 404
    drawers.records("DELETE", "drawers", id, by="alice")
    assert served(drawers, id, replaced["any"]["name"]).status == 404


def test_a_field_that_one_may_not_view_serves_nothing(drawers: Target) -> None:
    owner = drawers.ids["alice"].encode()
    whole = form(part("owner", owner), part("locked", b"secret", b"a"), part("any", b"open", b"a"))
    made: Any = drawers.ask("POST", f"{COLLECTIONS}/drawers/records", by="admin", raw=whole, headers=FORM).body
    assert served(drawers, made["id"], made["any"]["name"]).content == b"open"
    assert served(drawers, made["id"], made["locked"]["name"]).status == 404
    assert served(drawers, made["id"], made["locked"]["name"], "admin").content == b"secret"
    assert http.client.responses[served(drawers, made["id"], made["locked"]["name"], "").status] == "Not Found"


# --- F14, F15: other people's uploads, halves, and more than fits

TUS = {"Tus-Resumable": "1.0.0"}


def _said(**metadata: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())


def _begun(target: Target, length: int, by: str = "alice", **metadata: str) -> Seen:
    said = _said(collection="drawers", field="any", **metadata)
    return target.ask("POST", f"{API}/uploads", by=by, raw=b"", headers={**TUS, "Upload-Length": str(length), "Upload-Metadata": said})


def test_f14_an_upload_replaces_no_file_of_somebody_else(drawers: Target) -> None:
    theirs = sent(drawers, part("any", b"hers", b"a.txt")).body
    refused = _begun(drawers, 4, by="bob", record=theirs["id"])
    assert refused.status == 404, refused
    mine = _begun(drawers, 4, by="bob").headers["location"]
    bytes_of = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    for by in ("alice", ""):
        for method in ("PATCH", "GET", "DELETE"):
            seen = drawers.ask(method, mine, by=by, raw=b"evil", headers=bytes_of)
            assert seen.status == 404, (by, method, seen)
    assert drawers.ask("PATCH", mine, by="bob", raw=b"evil", headers=bytes_of).status == 204
    named = {"any": {"upload": mine.rpartition("/")[2]}}
    for by in ("bob", "alice"):
        # To bob the record is not there; of alice the upload is not.
        seen = drawers.ask("PATCH", f"{COLLECTIONS}/drawers/records/{theirs['id']}", named, by=by)
        assert seen.status == 404, (by, seen)
    assert served(drawers, theirs["id"], theirs["any"]["name"]).content == b"hers"
    drawers.ask("DELETE", mine, by="bob", raw=b"", headers=TUS)


def test_f15_a_thousand_halves_are_a_hundred(one_target: Target) -> None:
    begun = [_begun(one_target, 5_000_000, by="bob") for _ in range(130)]
    kept = [each.headers["location"] for each in begun if each.status == 201]
    assert (len(kept), {each.status for each in begun[100:]}) == (100, {409})
    assert {each.body["code"] for each in begun[100:]} == {"too_many_uploads"}
    for each in kept:
        one_target.ask("DELETE", each, by="bob", raw=b"", headers=TUS)


def test_f15_fifty_at_once_hold_no_more_than_the_quota(drawers: Target) -> None:
    """Over both workers: each is counted in the transaction that holds it."""
    assert drawers.ask("PATCH", f"{COLLECTIONS}/drawers", {"file_quota": {"total": 5_000}}, by="admin").status == 200
    whole = form(part("owner", drawers.ids["alice"].encode()), part("any", b"x" * 900, b"a.txt"))
    headers = {**FORM, "Authorization": f"Bearer {drawers.tokens['alice']}"}

    def send(at: int) -> tuple[int, Any]:
        line = drawers.server.connection()
        line.request("POST", f"{COLLECTIONS}/drawers/records", whole, headers)
        answer = line.getresponse()
        told = json.loads(answer.read())
        line.close()
        return answer.status, told

    with ThreadPoolExecutor(50) as crowd:
        seen = list(crowd.map(send, range(50)))
    made = [told for status, told in seen if status == 201]
    assert len(made) == 5
    assert {(status, told["code"]) for status, told in seen if status != 201} <= {(413, "quota_exceeded"), (503, "busy")}
    for each in made:
        assert served(drawers, each["id"], each["any"]["name"]).content == b"x" * 900
    assert sent(drawers, part("any", b"x" * 500, b"a.txt")).status == 201
    full = sent(drawers, part("any", b"x", b"a.txt"))
    assert (full.status, full.body["code"]) == (413, "quota_exceeded")
