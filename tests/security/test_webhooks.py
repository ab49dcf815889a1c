"""Messages to other servers as a way in: addresses that lead inside, receivers that answer as nobody should, and what they learn."""

import base64
import hmac
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from adapters.outbound.http_webhooks import HttpWebhookDoor
from app.sender import Sender
from app.testing import Noticed
from ports.webhooks import NotSent, Response
from tests.e2e.server import ADMIN, Server
from tests.receiver import Receiver, receiving
from tests.security.target import API, Target

HOOKS = f"{API}/webhooks"


def hook(target: Target, url: str, **said: Any) -> Any:
    return target.ask("POST", HOOKS, {"url": url, "as": "guest", "subscriptions": []} | said, by="admin")


# --- S01, S02, S04: where they may go

INSIDE = (
    "https://127.0.0.1/", "https://localhost/", "https://LOCALHOST./", "https://[::1]/", "https://0.0.0.0/", "https://0/",
    "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://017700000001/", "https://127.0.0.2:8443/",
    "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://100.64.0.1/", "https://0.1.2.3/",
    "https://224.0.0.1/", "https://255.255.255.255/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/", "https://[ff02::1]/",
)  # fmt: skip
NO_ADDRESS = (
    "http://example.org/", "file:///etc/passwd", "gopher://example.org/", "https://user:word@example.org/", "https://example.org@127.0.0.1/",
    "https://example.org#@127.0.0.1/", "https://127.0.0.1\\@example.org/", "https://exa\tmple.org/", "https://example.org/\r\nX: y",
    "https:///x", "https://example.org:0/", "https://example.org:99999/", "//example.org/", "https://ⓔxample.org/", " https://example.org/",
    "https://", "", 7, None, ["https://example.org/"], "https://example.org/" + "a" * 3000,
)  # fmt: skip


def test_addresses_inside_are_refused_when_they_are_given_and_all_alike(target: Target) -> None:
    told = {str(hook(target, url).told) for url in INSIDE}
    assert len(told) == 1, "which of them there are is nobody's business"
    assert "'status': 400" in told.pop()


def test_what_is_no_address_is_refused(target: Target) -> None:
    for url in NO_ADDRESS:
        seen = hook(target, url)  # type: ignore[arg-type]
        assert seen.status == 400, (url, seen)
        assert seen.body["errors"][0]["pointer"] == "/url"


def test_a_name_that_changes_its_mind_is_judged_again_whenever_something_is_sent() -> None:
    """One that was public when it was given, that has an address inside beside a public one, or only another way to write one."""
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (port, asked):
        for inside in (["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], []):
            answers = iter([["93.184.216.34"], inside])
            door = HttpWebhookDoor(resolve=lambda *_: next(answers), seconds=1)  # noqa: B023 - called at once
            url = f"https://rebound.example.org:{port}/"
            assert door.check(url)
            with pytest.raises(NotSent, match=r"^no answer$"):
                door.post(url, {}, b"{}")
        assert asked == []


# --- S08: what they answer

BLOCK = b"x" * 65_536
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HEADERS = b"".join(b"h%d: %s\r\n" % (at, b"y" * 60_000) for at in range(90))
# What is sent once, what is sent again and again behind it, and whether that is an answer.
ENDLESS: dict[str, tuple[bytes, bytes, bool]] = {
    "a body": (OK + b"\r\n", BLOCK, True),
    "a body of a great length": (OK + b"Content-Length: 99999999999999\r\n\r\n", BLOCK, True),
    "a chunk that is said to have less than no bytes": (CHUNKS + b"-1\r\n", BLOCK, False),
    "small chunks with much around them": (CHUNKS, b"1;" + b"e" * 60_000 + b"\r\nx\r\n", False),
    "trailers": (CHUNKS + b"0\r\n", b"t: t\r\n" * 10_000, False),
    "answers before the answer": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000, False),
    "answers before the answer with many headers": (b"", b"HTTP/1.1 100 Continue\r\n" + HEADERS + b"\r\n", False),
    "headers": (OK, HEADERS, False),
    "one header": (OK + b"X: ", BLOCK, False),
    "a status": (b"HTTP/1.1 200 ", BLOCK, False),
    "something that is no HTTP": (b"", BLOCK, False),
}


@contextmanager
def answering(first: bytes, again: bytes = b"", most: int = 400_000_000) -> Iterator[tuple[int, list[bytes]]]:
    """A server of one answer; what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=feed, args=(connection,), daemon=True).start()

        def feed(connection: socket.socket) -> None:
            with connection:
                try:
                    asked.append(connection.recv(65_536))
                    connection.sendall(first)
                    for _ in range(most // len(again) if again else 0):
                        connection.sendall(again)
                except OSError:
                    pass  # they have seen enough

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1], asked
        finally:
            server.shutdown(socket.SHUT_RDWR)


def sent_to(port: int, seconds: float = 5) -> Response | None:
    try:
        return HttpWebhookDoor(loopback=True, seconds=seconds).post(f"http://127.0.0.1:{port}/", {}, b"{}")
    except NotSent:
        return None


@pytest.mark.parametrize("what", ENDLESS)
def test_an_endless_answer_costs_nothing(what: str) -> None:
    held, busy = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.thread_time()
    first, again, is_one = ENDLESS[what]
    with answering(first, again) as (port, _):
        answer = sent_to(port)
    assert time.thread_time() - busy < 0.3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < 20 * 1024, "KiB"
    assert (answer and (answer.status, len(answer.body))) == ((200, 4_000) if is_one else None)


def test_bytes_that_come_slowly_are_waited_for_no_longer_than_others() -> None:
    def trickle(connection: socket.socket) -> None:
        with connection:
            try:
                for _ in range(100):
                    connection.sendall(b"H")
                    time.sleep(0.05)
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: trickle(server.accept()[0]), daemon=True).start()
        began = time.monotonic()
        assert sent_to(server.getsockname()[1], seconds=0.3) is None
        assert time.monotonic() - began < 1.5


# --- S10, Z24: what receivers and others learn

@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Receiver]]:
    """A server that may send to this machine, in whose environment there are a proxy and passwords; the receiver stands for the proxy."""
    folder, home = tmp_path_factory.mktemp("telling"), tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("machine 127.0.0.1 login ann password of-netrc\n")
    with receiving() as proxy:
        at = f"http://127.0.0.1:{proxy.port}"
        own = {"http_proxy": at, "HTTP_PROXY": at, "all_proxy": at, "ALL_PROXY": at, "no_proxy": "", "HOME": str(home)}
        server = Server(folder / "data", workers=1, settings={"STILLROOM_LOOPBACK_WEBHOOKS": "on", **own})
        try:
            yield server.start(), proxy
        finally:
            server.end()


def test_a_receiver_learns_no_more_than_its_message_and_the_rest_no_secret(telling: tuple[Server, Receiver]) -> None:
    server, proxy = telling
    token = server.admin_token()

    def ask(method: str, path: str, body: Any = None) -> Any:
        return server.request(method, path, body, token).body

    with receiving() as elsewhere, receiving(lambda _: (307, {"Location": elsewhere.url(), "Set-Cookie": "a=b"}, b"")) as receiver:
        made = ask("POST", HOOKS, {"url": receiver.url("/a?token=of-their-own"), "as": "guest", "subscriptions": []})
        renewed = ask("POST", f"{HOOKS}/{made['id']}/secret")
        sent = ask("POST", f"{HOOKS}/{made['id']}/test")["delivery"]
        (first,) = receiver.wait(1)
        until = time.monotonic() + 10
        while not ask("GET", f"{HOOKS}/{made['id']}/deliveries/{sent}")["tries"] and time.monotonic() < until:
            time.sleep(0.02)
        receiver.manner = lambda _: (200, {}, b"")
        assert server.request("POST", f"{HOOKS}/{made['id']}/deliveries/{sent}/replay", token=token).status == 204
        second = receiver.wait(2)[1]
        told = json.dumps([ask("GET", path) for path in (
            HOOKS, f"{HOOKS}/{made['id']}", f"{HOOKS}/{made['id']}/deliveries", f"{HOOKS}/{made['id']}/deliveries/{sent}", f"{API}/audit",
            f"{API}/outbox",
        )])  # fmt: skip
    assert (elsewhere.got, proxy.got) == ([], [])
    ours = {"host", "user-agent", "accept-encoding", "connection", "content-type", "content-length"}
    for message in (first, second):
        assert {name.lower() for name in message.headers} == ours | {"webhook-id", "webhook-timestamp", "webhook-signature"}
        message.verified(made["secret"])
        message.verified(renewed["secret"])
    kept = b"".join(path.read_bytes() for path in server.data_dir.iterdir() if path.is_file()) + server.output.encode() + told.encode()
    for secret in (made["secret"], renewed["secret"]):
        plain = secret.removeprefix("whsec_")
        assert plain.encode() not in kept
        assert base64.b64decode(plain) not in kept
    audit = json.dumps(ask("GET", f"{API}/audit"))
    for text, is_told in ((told, True), (audit, False), (server.output, False)):
        assert made["id"] in text
        assert ("of-their-own" in text) == is_told


def test_nobody_but_admins_has_messages_sent(target: Target) -> None:
    id = target.ids["alice"]  # of the shape of one
    own = f"{HOOKS}/{id}"
    asked = [("GET", HOOKS), ("POST", HOOKS), ("GET", own), ("PATCH", own), ("DELETE", own), ("POST", f"{own}/secret"),
             ("POST", f"{own}/test"), ("POST", f"{own}/replay"), ("GET", f"{own}/deliveries"), ("GET", f"{own}/deliveries/{id}"),
             ("POST", f"{own}/deliveries/{id}/replay")]  # fmt: skip
    for method, path in asked:
        body: dict[str, Any] = {"body": {}} if method in ("POST", "PATCH") else {}
        assert target.ask(method, path, **body).status == 401
        assert target.ask(method, path, by="alice", **body).status == 403


# --- X16: what comes in

def test_a_message_that_comes_fifty_times_at_once_to_two_processes_is_taken_once(target: Target) -> None:
    fresh = target.ask("POST", f"{API}/auth/_admins/sign-in", {"identity": ADMIN["email"], "password": ADMIN["password"]})
    token = fresh.body["access_token"]
    secret = b"a secret of theirs"
    source = {"scheme": "github", "secret": secret.decode(), "record": {"collection": "values", "as": "guest", "values": {"t": "/t"}}}
    assert target.ask("PUT", f"{API}/sources/theirs", source, token=token).status == 200
    body = json.dumps({"t": "fifty at once"})
    signature = f"sha256={hmac.new(secret, body.encode(), 'sha256').hexdigest()}"

    def send(headers: dict[str, str]) -> tuple[int, Any]:
        connection = target.server.connection()
        connection.request("POST", f"{API}/inbound/theirs", body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        seen = response.status, json.loads(response.read())
        connection.close()
        return seen

    good = {"X-Hub-Signature-256": signature, "X-GitHub-Delivery": "the-one", "X-GitHub-Event": "push"}
    forged = [{**good, "X-Hub-Signature-256": each} for each in ("", signature[:-1], signature.upper(), "sha256=", signature + ", x")]
    try:
        with ThreadPoolExecutor(50) as many:
            answers = list(many.map(send, [good] * 50))
        assert answers == [(200, {"id": "the-one"})] * 50
        assert {send(each)[0] for each in forged} == {401}
        (kept,) = target.ask("GET", f"{API}/sources/theirs/messages", token=token).body["items"]
        made = [each["id"] for each in target.listed("values", "admin", filter="t = 'fifty at once'").body["items"]]
        assert made == [kept["record"]]
    finally:
        for each in target.listed("values", "admin", filter="t = 'fifty at once'").body["items"]:
            target.records("DELETE", "values", each["id"], by="admin")
        target.ask("DELETE", f"{API}/sources/theirs", token=token)


# --- what fails for a reason of ours

class Failing:
    """Stands for sending to an endpoint whose secret no key opens, or from which nothing can be sent."""

    def __init__(self, send: Callable[[], int]) -> None:
        self.asked, self._send = 0, send

    def due(self) -> list[str]:
        return ["one"]

    def send(self, webhook: str, *, stopped: Callable[[], bool]) -> int:
        self.asked += 1
        return self._send()


def _broken() -> int:
    raise RuntimeError("no key opens it")


@pytest.mark.parametrize(("send", "told"), [(_broken, 1), (lambda: 0, 0)])
def test_what_cannot_be_sent_keeps_nobody_busy(send: Callable[[], int], told: int) -> None:
    sending, noticed = Failing(send), Noticed()
    sender = Sender(sending, lambda: True, noticed).start()  # type: ignore[arg-type]
    sender.rouse()
    time.sleep(0.4)
    sender.stop()
    assert 1 <= sending.asked <= 2
    assert len(noticed.observations) == told


class Slow:
    """Stands for sending to endpoints that take each message, one after another, and for which more is always due."""

    def __init__(self, count: int) -> None:
        self.names, self.served = [f"{at:02}" for at in range(count)], set[str]()

    def due(self) -> list[str]:
        return self.names

    def send(self, webhook: str, *, stopped: Callable[[], bool]) -> int:
        self.served.add(webhook)
        while not stopped():
            time.sleep(0.01)
        return 1


def test_slow_ones_keep_no_others_waiting_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sender._TURN", 0.05)
    sending = Slow(40)
    sender = Sender(sending, lambda: True, Noticed()).start()  # type: ignore[arg-type]
    sender.rouse()
    until = time.monotonic() + 5
    while len(sending.served) < 40 and time.monotonic() < until:
        time.sleep(0.01)
    sender.stop()
    assert sorted(sending.served) == sending.names
