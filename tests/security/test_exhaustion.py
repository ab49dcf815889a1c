"""Requests that cost a server more than their sender: refused at once, or answered in bounded time and memory, others undisturbed."""

import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.security.target import API, COLLECTIONS, Target

VALUES = f"{COLLECTIONS}/values/records"
MAX_GROWTH = 60 * 1024  # KiB over both workers: caches and allocators settle, nothing grows by what was sent


def _nested(depth: int, open: str = "[", close: str = "]") -> bytes:
    return b'{"j": ' + (open * depth).encode() + b"1" + (close * depth).encode() + b"}"


# D01: body, and whether the server may close the connection before it has read all of it
BODIES: dict[str, Callable[[], bytes]] = {
    "65 arrays deep": lambda: _nested(70),
    "5,000 arrays deep": lambda: _nested(5_000),
    "20,000 objects deep": lambda: _nested(20_000, '{"a":', "}"),
    "400,000 arrays never closed": lambda: b'{"j": ' + b"[" * 400_000,
    "deep in turn": lambda: b'{"j": ' + b'[{"a":' * 50_000,
    "100,000 keys": lambda: json.dumps({"j": {str(at): 1 for at in range(80_000)}}).encode(),
    "a million elements": lambda: b'{"j": [' + b"1," * 450_000 + b"1]}",
    "empty arrays": lambda: b'{"j": [' + b"[]," * 300_000 + b"[]]}",
    "a number of a megabyte": lambda: b'{"i": 1' + b"0" * 1_000_000 + b"}",
    "a fraction of a megabyte": lambda: b'{"n": 0.' + b"1" * 1_000_000 + b"}",
    "a long exponent": lambda: b'{"n": 1e' + b"9" * 1_000_000 + b"}",
    "one key a thousand times": lambda: b'{"j": {' + b'"a": 1,' * 15_000 + b'"a": 1}}',
    "keys that collide as hashes might": lambda: json.dumps({"j": {f"{at * (2**61 - 1)}": 1 for at in range(30_000)}}).encode(),
    "unknown fields": lambda: json.dumps({f"x{at}": 1 for at in range(15_000)}).encode(),
    "fields near to known ones": lambda: json.dumps({f"shor{at}": 1 for at in range(5_000)}).encode(),
    "a quote that is never closed": lambda: b'{"t": "' + b"\\\\" * 400_000,
    "nothing but backslashes": lambda: b'{"t": "' + b"\\" * 800_001 + b'"}',
    "nothing but quotes": lambda: b'{"t": ' + b'"' * 800_000 + b"}",
    "white space": lambda: b" " * 1_000_000,
    "escapes": lambda: b'{"t": "' + b"\\u0000" * 150_000 + b'"}',
    "surrogates": lambda: b'{"j": [' + b'"\\ud800",' * 90_000 + b'1]}',
    "a large decimal": lambda: json.dumps({"d": "9" * 900_000}).encode(),
    "an address that regular expressions choke on": lambda: json.dumps({"e": "a@" + "a." * 400_000}).encode(),
    "another": lambda: json.dumps({"e": "a." * 400_000 + "@"}).encode(),
    "a date of digits": lambda: json.dumps({"at": "1" * 900_000}).encode(),
    "an id of a megabyte": lambda: json.dumps({"id": "a" * 900_000}).encode(),
    "a link of a megabyte": lambda: json.dumps({"u": "http://" + "a." * 450_000}).encode(),
    "a choice of a megabyte": lambda: json.dumps({"s": "one" * 300_000}).encode(),
    "text beyond its maximum": lambda: json.dumps({"short": "a" * 900_000}).encode(),
    "more than a body may hold": lambda: json.dumps({"t": "a" * 3_000_000}).encode(),
}  # fmt: skip


def test_large_and_crooked_bodies(target: Target) -> None:
    """Twice each, so that memory which the first time took for good does not count."""
    with target.unchanged():
        _send_all(target)
        before = target.memory()
        _send_all(target)
        grown = target.memory() - before
    assert grown < MAX_GROWTH, f"{grown} KiB"


def _send_all(target: Target) -> None:
    for name, make in BODIES.items():
        seen = target.ask("POST", VALUES, raw=make())
        assert seen.status in (400, 413), (name, seen)
    for name in ("5,000 arrays deep", "100,000 keys", "unknown fields", "one key a thousand times"):
        for path, by in ((f"{API}/auth/users/sign-in", ""), (COLLECTIONS, "admin"), (f"{API}/setup", "")):
            seen = target.ask("POST", path, raw=BODIES[name](), by=by)
            assert seen.status in (400, 413), (name, path, seen)


def test_a_refusal_is_small_whatever_was_sent(target: Target) -> None:
    """Nobody makes us answer more than was asked: fault lists and echoes are bounded."""
    for body in ({f"unknown_{at}": 1 for at in range(15_000)}, {"x" * 900_000: 1}, {"t": ["a" * 900_000]},
            {f"near{'x' * 500}{at}": 1 for at in range(1_500)}):
        seen = target.ask("POST", VALUES, body)
        assert seen.status in (400, 413)
        assert len(seen.content) < 65_536, len(seen.content)
    for query in ({"filter": "x" * 3_900}, {"sort": "x" * 3_900}, {"expand": "x" * 20_000}, {"fields": "x" * 20_000}, {"x" * 20_000: "1"},
            {"cursor": "x" * 20_000}, {"limit": "1" * 20_000}):
        seen = target.ask("GET", f"{COLLECTIONS}/posts/records", query=query)
        assert seen.status == 400
        assert len(seen.content) < 16_384, (query, len(seen.content))


FILTERS = (
    "(" * 31 + "n = 1" + ")" * 31, " || ".join(["n = 1"] * 200), " && ".join(["n != 1"] * 200),
    "n in (" + ",".join(map(str, range(199))) + ")", "!(" * 30 + "n = 1" + ")" * 30,
    " || ".join(f"(n = {at} && title ~ 'x{at}')" for at in range(90)),
    " && ".join(["vault.owner.name != 'x'"] * 100), " && ".join(["title ~ 'a%b%c%d%e'"] * 100), "title ~ '" + "%a" * 99 + "'",
    "title ~ '" + "a" * 200 + "'", "title ~ '" + "%_" * 100 + "'", "lower(lower(lower(title))) = 'x'", "title = '" + "a" * 3_800 + "'",
    "created + 9999w > @now", "title = 'x' //" + "y" * 3_000,
)  # fmt: skip
TOO_MUCH = (
    "(" * 33 + "n = 1" + ")" * 33, "(" * 1_900 + "n = 1" + ")" * 1_900, " || ".join(["n = 1"] * 201),
    "n in (" + ",".join(["1"] * 500) + ")", "!(" * 40 + "n = 1" + ")" * 40, "title ~ '" + "a" * 201 + "'", "title ~ '" + "%a" * 101 + "'",
    "title ~ '" + "_" * 200 + "%'", "lower(" * 600 + "title" + ")" * 600 + " = 'x'", "'" + "a" * 4_000 + "' = title", "n=1" + " " * 4_000,
    "(" * 3_999, "'" * 3_999, "!(" * 1_999, "owner." * 600 + "name = 'x'", "a" * 3_999, "-" * 3_999, "1" * 3_999 + " = n",
    "n = 1" + "e1" * 1_500, "n = " + "9" * 3_900, "@" * 3_999, "n = 1" + "&&" * 1_900, "//" * 1_999, "\\" * 3_999,
)  # fmt: skip


def test_filters_are_bounded(target: Target) -> None:
    """D02: what is within the limits is answered, what is beyond them is refused by name; soon, both."""
    for filter in FILTERS:
        seen = target.listed("posts", "bob", filter=filter, count="exact")
        assert seen.status == 200, (filter[:100], seen)
        assert seen.seconds < 5
    for filter in TOO_MUCH:
        seen = target.listed("posts", "bob", filter=filter)
        if filter == "n = " + "9" * 3_900:
            # A whole number of any length has a meaning: no record holds it.
            assert (seen.status, seen.code) in ((200, ""), (400, "limit_exceeded"), (400, "syntax_error")), seen
            continue
        assert seen.status == 400, (filter[:100], seen)


def test_a_search_in_long_texts_ends(target: Target) -> None:
    """Looking for a long text in long texts that almost hold it, at every place anew."""
    made = [target.make("values", t="a" * 900_000, short="needle") for _ in range(3)]
    try:
        for condition in (f"t ~ '{'a' * 199}b'", f"t ~ '%{'a' * 197}b%'", f"t ~ '%{'_' * 197}b%'", f"t ~ '{'a%' * 99}b'",
                f"t !~ '{'a' * 199}b' && n = 1", f"contains(t, '{'a' * 3_800}b')", f"startsWith(t, '{'a' * 3_800}b')", "lower(t) = 'x'",
                "t ~ t && n = 1"):
            began = time.perf_counter()
            seen = target.listed("values", filter=f"short = 'needle' && {condition}", fields="id")
            assert (seen.status, seen.body["items"]) == (200, []), condition
            assert time.perf_counter() - began < 5, condition
        assert target.listed("values", filter=f"t ~ '{'a' * 3_800}b'").status == 400
        assert target.listed("values", filter=f"t ~ '%{'a' * 3_800}b%'").status == 400
    finally:
        for id in made:
            target.records("DELETE", "values", id)


def test_lists_are_bounded(target: Target) -> None:
    """D04, D05."""
    for query, status in (
        ({"limit": "500"}, 200), ({"limit": "501"}, 400), ({"limit": "100000"}, 400), ({"limit": "-1"}, 400), ({"limit": "0"}, 400),
        ({"page": "1000000", "limit": "500"}, 200), ({"page": "1000001"}, 400), ({"page": "9" * 30}, 400),
        ({"sort": ",".join(["-title"] * 9)}, 400), ({"sort": "title,-title"}, 400), ({"sort": "," * 500}, 400),
        ({"expand": "owner," * 500 + "owner"}, 400), ({"expand": ".".join(["vault"] * 7)}, 400),
        ({"expand": ".".join(["owner"] * 1_000)}, 400),
        ({"fields": ",".join(["id"] * 2_000)}, 200), ({"fields": "," * 2_000}, 400),
    ):  # fmt: skip
        seen = target.listed("posts", "bob", **query)
        assert seen.status == status, (query, seen.status)
        assert seen.seconds < 5
    # A relation to itself, followed as deep as it goes, costs a statement for each step and no more.
    ids = [target.make("values")]
    for _ in range(5):
        ids.append(target.make("values", r=ids[-1]))
    deep = target.ask("GET", f"{VALUES}/{ids[-1]}?expand={'.'.join(['r'] * 6)}")
    assert deep.status in (200, 400)
    assert target.ask("GET", f"{VALUES}/{ids[-1]}?expand={'.'.join(['r'] * 7)}").status == 400


def test_many_parameters(target: Target) -> None:
    for query in ("&" * 5_000, "a&" * 5_000, "&".join(f"p{at}=1" for at in range(2_000)), "filter=n%3D1&" * 2_000, "%" * 5_000,
            "=" * 5_000, "%00" * 5_000, "a=%ff" * 3_000, ";" * 5_000):
        seen = target.ask("GET", f"{COLLECTIONS}/posts/records?{query}")
        assert seen.status == 400, query[:50]


def test_bodies_that_lie_about_their_length(target: Target) -> None:
    """A length that is never sent, more than was announced, chunks without end: one connection is lost, nothing else."""
    head = b"POST /api/v1/collections/values/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    plugs = []
    try:
        for sent in (
            head + b"Content-Length: 1000000\r\n\r\n{", head + b"Content-Length: 99999999999999\r\n\r\n{}",
            head + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n{", head + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
            head + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
            head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", head + b"Expect: 100-continue\r\nContent-Length: 900000\r\n\r\n",
            head + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 50_000,
        ):  # fmt: skip
            plug = socket.create_connection(("127.0.0.1", target.server.port), timeout=5)
            plug.sendall(sent)
            plugs.append(plug)
        # While they hang, others are answered.
        for _ in range(20):
            began = time.perf_counter()
            assert target.listed("posts", "bob", limit="1").status == 200
            assert time.perf_counter() - began < 2
    finally:
        for plug in plugs:
            plug.close()
    assert target.ask("GET", "/livez").status == 200


def test_a_flood_of_sign_ins_leaves_room_for_others(target: Target) -> None:
    """D17: hashing is slow, so there is a bounded number of it; who waits too long is told to come back."""

    def sign_in(at: int) -> Any:
        answer = target.server.request("POST", f"{API}/auth/users/sign-in",
            {"identity": f"nobody{at}@example.org", "password": "not the one at all"})
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}

    with ThreadPoolExecutor(40) as pool:
        running = [pool.submit(sign_in, at) for at in range(40)]
        took = []
        while not all(each.done() for each in running):
            began = time.perf_counter()
            assert target.ask("GET", "/livez").status == 200
            took.append(time.perf_counter() - began)
            time.sleep(0.02)
    assert took == [] or max(took) < 5
    answers = [each.result() for each in running]
    assert {status for status, _ in answers} <= {401, 429, 503}
    assert all("retry-after" in headers for status, headers in answers if status in (429, 503))


@pytest.mark.parametrize("text", ["title = 'zz{}'", "n = {}", "title ~ 'x{}%' && n > {}", "(title = '{}' || id = '{}')",
        "title = 'x' //{}"])
def test_ever_new_filters_leave_no_memory_behind(target: Target, text: str) -> None:
    """What is kept per text is bounded."""
    def ask(start: int, count: int) -> None:
        for at in range(start, start + count):
            seen = target.listed("posts", "bob", filter=text.replace("{}", f"{at}" + ("" if text.startswith("n") else "k" * 1_500)))
            assert seen.status in (200, 400)

    ask(0, 20)
    before = target.memory()
    ask(1_000, 150)
    assert target.memory() - before < 20 * 1024
