"""Letters as jobs, over a real mail server that fails in all the ways such servers do; on every database where that has a part in it."""

import asyncio
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from time import sleep

import pytest
from aiosmtpd.controller import Controller

from adapters.outbound import smtp_mail
from adapters.outbound.embedded_carrier import EmbeddedCarrier
from adapters.outbound.sealed_secrets import Seal
from adapters.outbound.smtp_mail import Relay, SmtpMailer
from app.settings import Settings
from app.testing import PUBLIC_URL, backend
from app.usecases.job_runs import JobRuns
from app.wiring import build, migrate
from domain.accounts.one_time import PASSWORD_RESET
from domain.actor import GUEST, SYSTEM
from domain.errors import Conflict, Invalid, Unavailable
from domain.mail import SEND
from domain.rules.values import RequestFacts
from ports.observer import JobFailed
from tests.e2e.server import free_port

# Longer than a round of sending, so that one round is one try.
SOON = timedelta(milliseconds=200)


class Post:
    """A mail server that can be down; `answers` is what it says to the next letters, "cut" to hang up in place of an answer."""

    def __init__(self):
        self.answers, self.received, self.port, self._server = [], [], free_port(), None

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.answers and self.answers[0].endswith("mailbox"):
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250") or answer == "cut":
            self.received.append(message_from_bytes(envelope.original_content, policy=default))
        if answer == "250 at last":
            await asyncio.sleep(1)
        if answer == "cut":
            server.transport.close()
        return answer

    def start(self):
        self._server = Controller(self, hostname="127.0.0.1", port=self.port)
        self._server.start()
        return self

    def stop(self):
        if self._server is not None:
            self._server.stop()


@pytest.fixture
def post():
    post = Post()
    yield post
    post.stop()


@pytest.fixture
def room(post):
    with sending("sqlite:///:memory:", post) as room:
        yield room


@pytest.fixture
def stored(database_url, post):
    with sending(database_url, post) as room:
        yield room


def sending(url, post):
    """A process of its own, as far as the database can tell."""
    room = backend(database=url)
    room.mail._mailer = SmtpMailer(Relay("smtp+plain", "127.0.0.1", post.port), "hello@planes.example")
    room.mail._seal = Seal(b"k" * 32)
    room.jobs._tasks[SEND] = replace(room.jobs.tasks[SEND], wait=SOON, tries=3)
    return room


def send(room, to="bea@example.org", **more):
    return room.mail.send(to, "News", "Nothing new.", **more)


def job(room, id):
    return room.jobs.inspect(id, actor=SYSTEM)


def kept(room):
    return len(room.work.read(lambda stores: stores.mailbox.all("", 100)))


def test_a_letter_waits_for_a_server_that_is_down(room, post):
    id = send(room)
    room.mail.deliver()
    assert (job(room, id).state, job(room, id).tries, job(room, id).reason) == ("waiting", 1, "Unavailable: ConnectionRefusedError")
    assert kept(room) == 1
    post.start()
    until_tried(room)
    assert [each["Message-ID"] for each in post.received] == [f"<{id}@planes.example>"]
    assert (job(room, id).state, job(room, id).result, kept(room)) == ("done", "sent", 0)


def until_tried(room):
    for _ in range(100):
        if room.mail.deliver():
            return
        sleep(0.02)
    raise AssertionError("nothing came due")


@pytest.mark.parametrize("answer, reason", [("451 later", "the server answered 451"), ("450 busy mailbox", "the recipient was refused")])
def test_what_is_refused_for_now_is_sent_later(room, post, answer, reason):
    post.start().answers = [answer]
    id = send(room)
    room.mail.deliver()
    assert (job(room, id).tries, job(room, id).reason, post.received) == (1, f"Unavailable: {reason}", [])
    until_tried(room)
    assert (job(room, id).state, len(post.received)) == ("done", 1)


@pytest.mark.parametrize("answer, reason", [("550 no such mailbox", "the recipient was refused"), ("554 spam", "the server answered 554")])
def test_what_is_refused_for_good_is_dead_at_once_until_an_admin_tries_it(room, post, answer, reason):
    post.start().answers = [answer]
    id = send(room)
    room.mail.deliver()
    assert (job(room, id).state, job(room, id).tries, job(room, id).reason) == ("dead", 1, reason)
    [failed] = [each for each in room.observer.observations if isinstance(each, JobFailed)]
    for told in (repr(job(room, id)), failed.trace):
        assert "bea@" not in told
    room.jobs.retry(id, actor=SYSTEM)
    room.mail.deliver()
    assert (job(room, id).state, len(post.received)) == ("done", 1)


def test_a_server_that_is_down_for_too_long_leaves_a_dead_letter(room):
    id = send(room)
    for _ in range(3):
        until_tried(room)
    assert (job(room, id).state, job(room, id).tries, kept(room)) == ("dead", 3, 1)
    room.jobs.drop(id, actor=SYSTEM)
    assert kept(room) == 0


def test_one_whose_answer_is_cut_off_is_sent_again_as_the_same_letter(room, post):
    """Nobody can know whether it was taken."""
    post.start().answers = ["cut"]
    id = send(room)
    room.mail.deliver()
    assert job(room, id).reason == "Unavailable: SMTPServerDisconnected"
    until_tried(room)
    assert [each["Message-ID"] for each in post.received] == [f"<{id}@planes.example>"] * 2
    assert job(room, id).state == "done"


@pytest.mark.parametrize("at", ["before it was sent", "after it was sent"])
def test_a_letter_survives_the_end_of_its_sender(stored, post, at):
    """At most one more copy comes of one that was killed."""
    room = stored
    post.start()
    id = send(room)
    runs = JobRuns(room.work, room.jobs, EmbeddedCarrier(), _Ids(), room.observer, lease=timedelta(milliseconds=1))
    [claim] = runs.claim(1)
    if at == "after it was sent":
        done, room.mail._work = room.mail._work, _Dying(room.mail._work)
        runs.run(claim)
        room.mail._work = done
    for _ in range(100):
        if job(room, id).state == "done":
            break
        runs.drain(limit=1)
    assert {each["Message-ID"] for each in post.received} == {f"<{id}@planes.example>"}
    assert len(post.received) == (2 if at == "after it was sent" else 1)
    assert (job(room, id).state, job(room, id).lost, kept(room)) == ("done", 1, 0)


class _Ids:
    def __init__(self):
        self._last = 0

    def new(self):
        self._last += 1
        return f"holder {self._last}"


class _Dying:
    """Does nothing any more once the letter was read."""

    def __init__(self, work):
        self._run, self._times = work.run, 0

    def run(self, body):
        self._times += 1
        if self._times > 1:
            raise SystemError("killed")
        return self._run(body)


@pytest.fixture
def shared_url(database_url):
    if ":memory:" in database_url:
        pytest.skip("two processes cannot share it")
    return database_url


def test_of_many_senders_one_sends_a_letter(shared_url, post):
    post.start()
    with sending(shared_url, post) as first, sending(shared_url, post) as second:
        sent = [send(first, f"bea{at}@example.org") for at in range(20)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda room: room.mail.deliver(), [first, second] * 2))
        assert Counter(each["Message-ID"] for each in post.received) == {f"<{id}@planes.example>": 1 for id in sent}


def test_a_letter_is_held_for_as_long_as_its_server_takes(shared_url, post):
    post.start().answers = ["250 at last"]
    with sending(shared_url, post) as first, sending(shared_url, post) as second:
        id = send(first)
        for each in (first, second):
            each.job_runs.lease = timedelta(milliseconds=300)
        with ThreadPoolExecutor(1) as pool:
            sending_it = pool.submit(first.mail.deliver)
            while not sending_it.done():
                second.mail.deliver()
                sleep(0.05)
        assert ([each["Message-ID"] for each in post.received], job(first, id).lost) == ([f"<{id}@planes.example>"], 0)


def test_a_server_that_takes_its_time_is_hung_up_on(room, monkeypatch):
    monkeypatch.setattr(smtp_mail, "_SECONDS_IN_ALL", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        room.mail._mailer = SmtpMailer(Relay("smtp+plain", *silent.getsockname()), "hello@planes.example")
        with ThreadPoolExecutor(1) as pool:
            greeted = pool.submit(_greet, silent)
            id = send(room)
            room.job_runs.settle([(claim, room.job_runs.run(claim)) for claim in room.job_runs.claim(1)])
            greeted.result(5)
    assert (job(room, id).state, job(room, id).reason) == ("waiting", "Unavailable: SMTPServerDisconnected")


def _greet(silent):
    """Answers each time but to the letter."""
    peer, _ = silent.accept()
    with peer:
        peer.sendall(b"220 hello\r\n")
        for answer in (b"250 hello\r\n", b"250 OK\r\n"):
            peer.recv(1000)
            peer.sendall(answer)
        while peer.recv(1000):
            pass


# --- who sends


def test_a_process_that_was_told_of_no_mail_server_leaves_letters_to_those_that_were(tmp_path, capfd):
    """On its terminal they would lie before whoever looks after workers, and the mail server's would never see them."""
    settings = Settings(data_dir=tmp_path)
    migrate(settings)
    worker = build(settings)
    try:
        id = worker.backend.mail.send("bea@example.org", "News", "Nothing new.")
        assert (worker.backend.job_runs.drain(), worker.backend.jobs.inspect(id, actor=SYSTEM).state) == (0, "waiting")
    finally:
        worker.close()
    server = build(settings, counting=True)
    try:
        assert (server.backend.mail.deliver(), server.backend.jobs.inspect(id, actor=SYSTEM).state) == (1, "done")
    finally:
        server.close()
    assert "Nothing new." in capfd.readouterr().err


def test_links_lead_where_the_process_says_that_was_asked():
    with backend() as room:
        room.collections.create({"name": "users", "type": "accounts", "fields": [], "rules": {"create": ""}}, actor=SYSTEM)
        account = {"email": "bea@example.org", "password": "a quiet room at the back"}
        room.records.create("users", account, actor=GUEST, facts=RequestFacts("POST"))
        room.proofs.ask(PASSWORD_RESET, "users", "bea@example.org", facts=RequestFacts("POST"))
        room.mail._writer.public_url = ""
        room.mail.deliver()
        assert f"{PUBLIC_URL}/auth/users/password-reset?token=sot_" in room.post.letters[0].text


# --- what extensions send


def test_a_letter_comes_and_goes_with_the_transaction(stored, post):
    room = stored
    post.start()

    def both(refuses):
        send(room)
        if refuses:
            raise Conflict("not this one")

    with pytest.raises(Conflict):
        room.work.run(lambda stores: both(True))
    assert (kept(room), room.jobs.list({}, actor=SYSTEM)) == (0, [])
    room.work.run(lambda stores: both(False))
    assert room.mail.deliver() == 1


def test_of_one_intent_there_is_one_letter(stored, post):
    room = stored
    post.start()
    first = send(room, key="welcome 1")
    assert send(room, key="welcome 1") == first
    room.mail.deliver()
    assert send(room, key="welcome 1") == first
    assert send(room, key="welcome 2") != first
    room.mail.deliver()
    assert len(post.received) == 2


def test_a_letter_arrives_as_it_was_written(room, post):
    post.start()
    values = {"name": "Bea <b>", "what": "{name}"}
    room.mail.send("bea@example.org", "Hello {name}", "{name}: {what} {}", html="<i>{name}</i>", values=values)
    room.mail.deliver()
    [message] = post.received
    assert (message["To"], message["Subject"]) == ("bea@example.org", "Hello Bea <b>")
    assert message.get_body(("plain",)).get_content().strip() == "Bea <b>: {name} {}"
    assert message.get_body(("html",)).get_content().strip() == "<i>Bea &lt;b&gt;</i>"


REFUSED = [
    ({"to": "bea@example.org\r\nBcc: all@example.org"}, "/to"),
    ({"to": "Bea <bea@example.org>"}, "/to"),
    ({"to": ""}, "/to"),
    ({"subject": "News\r\nBcc: all@example.org"}, "/subject"),
    ({"subject": "News\u2028"}, "/subject"),
    ({"subject": " "}, "/subject"),
    ({"subject": "x" * 201}, "/subject"),
    ({"text": ""}, "/text"),
    ({"html": 7}, "/html"),
    ({"text": "Hello {name}", "values": {}}, "/values/name"),
    ({"text": "Hello {name}", "values": {"name": "Bea", "nmae": "Bea"}}, "/values/nmae"),
    ({"text": "Hello {name}", "values": {"name": 7}}, "/values/name"),
]


@pytest.mark.parametrize("what, pointer", REFUSED)
def test_what_cannot_be_sent_is_refused_by_name(what, pointer):
    with backend() as room, pytest.raises(Invalid) as refused:
        room.mail.send(**{"to": "bea@example.org", "subject": "News", "text": "None.", **what})
    assert refused.value.faults[0].pointer == pointer


def test_what_is_put_in_begins_no_header():
    with backend() as room:
        room.mail.send("bea@example.org", "Hello {name}", "…", values={"name": "Bea\r\nBcc: all@example.org"})
        room.mail.deliver()
        assert room.post.letters[0].subject == "Hello Bea Bcc: all@example.org"


def test_where_no_mail_goes_out_none_is_taken():
    with backend() as room:
        room.mail._mailer = None
        with pytest.raises(Unavailable) as refused:
            send(room)
    assert refused.value.code == "mail_not_configured"
