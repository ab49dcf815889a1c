"""Letters handed to a real SMTP server on this machine, over TLS, and what becomes of those that it does not take."""

import datetime as dt
import ssl
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.outbound.smtp_mail import Relay, SmtpMailer, read_relay
from ports.mail import Letter, NotSent
from tests.e2e.server import free_port

LETTER = Letter("0198-a", "ann@example.org", "Grüße: your code", "Your code:\n\n12345678\n.\n", "<p>Your code: <b>12345678</b></p>")
SENDER = '"Planes, Inc." <hello@planes.example>'


class Inbox:
    """`says` is what it answers to a letter, by who it is for."""

    def __init__(self):
        self.received, self.refusals = [], {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if "DATA" in self.refusals:
            return self.refusals["DATA"]
        message = message_from_bytes(envelope.original_content, policy=default)
        self.received.append((envelope.mail_from, envelope.rcpt_tos, message, server.transport.get_extra_info("ssl_object")))
        return "250 OK"


def authenticated(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (b"app", b"s3cret word")
    # What is not handled is answered by the server.
    return AuthResult(success=known, handled=known)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False).sign(key, SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def relay(certificate, inbox):
    """`relay("smtp", user=…)`: a running server of this kind."""
    running = []

    def start(scheme, *, offers_tls=True, **how):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        starttls = {"tls_context": context, "require_starttls": True} if scheme == "smtp" and offers_tls else {}
        signing_in = {"authenticator": authenticated, "auth_required": True} if "user" in how else {}

        class Server(Controller):
            def factory(self):
                return SMTP(self.handler, **starttls, **signing_in)

        server = Server(inbox, hostname="127.0.0.1", port=free_port(), ssl_context=context if scheme == "smtps" else None)
        server.start()
        running.append(server)
        return Relay(scheme, "127.0.0.1", server.port, **how)

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def trusting(certificate):
    return ssl.create_default_context(cafile=certificate)


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+plain"])
def test_a_letter_arrives_as_it_was_written(relay, inbox, trusting, scheme):
    SmtpMailer(relay(scheme), SENDER, trusting).send(LETTER)
    ((sender, to, message, tls),) = inbox.received
    assert (sender, to) == ("hello@planes.example", ["ann@example.org"])
    assert (tls is not None) == (scheme != "smtp+plain")
    assert message["From"] == '"Planes, Inc." <hello@planes.example>'
    assert (message["To"], message["Subject"]) == ("ann@example.org", LETTER.subject)
    assert (message["Message-ID"], message["Auto-Submitted"]) == ("<0198-a@planes.example>", "auto-generated")
    assert message.get_body(("plain",)).get_content().replace("\r\n", "\n") == LETTER.text
    assert message.get_body(("html",)).get_content().strip() == LETTER.html


def test_it_signs_in_where_the_server_asks_for_it(relay, inbox, trusting):
    SmtpMailer(relay("smtp", user="app", password="s3cret word"), SENDER, trusting).send(LETTER)
    assert len(inbox.received) == 1


def not_sent(relay, trusting, letter=LETTER):
    with pytest.raises(NotSent) as refused:
        SmtpMailer(relay, SENDER, trusting).send(letter)
    assert "ann" not in str(refused.value)
    assert "s3cret" not in str(refused.value)
    return refused.value.permanent


def test_a_wrong_password_is_worth_another_try_later(relay, inbox, trusting):
    assert not_sent(relay("smtp", user="app", password="s3cret words"), trusting) is False
    assert inbox.received == []


def test_nothing_is_said_to_a_server_without_tls(relay, inbox, trusting):
    assert not_sent(relay("smtp", offers_tls=False), trusting) is False
    assert inbox.received == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_vouches_for_is_refused(relay, inbox, scheme):
    assert not_sent(relay(scheme), ssl.create_default_context()) is False
    assert inbox.received == []


@pytest.mark.parametrize("place", ["ann@example.org", "DATA"])
@pytest.mark.parametrize("answer, permanent", [("550 no such mailbox", True), ("451 later", False)])
def test_what_the_server_refuses_for_good_is_not_tried_again(relay, inbox, trusting, place, answer, permanent):
    inbox.refusals[place] = answer
    assert not_sent(relay("smtps"), trusting) is permanent


def test_a_server_that_is_not_there_is_tried_again(relay, trusting):
    gone = Relay("smtp", "127.0.0.1", 1)
    assert not_sent(gone, trusting) is False


@pytest.mark.parametrize("part", ["to", "subject"])
def test_no_header_can_be_slipped_in(relay, inbox, trusting, part):
    """What comes this far was checked twice; the library's policy is the last to refuse it."""
    hostile = Letter(**{"id": "i", "to": "ann@example.org", "subject": "s", "text": "t", part: "ann@example.org\r\nBcc: bob@example.org"})
    with pytest.raises(ValueError):
        SmtpMailer(relay("smtps"), SENDER, trusting).send(hostile)
    assert inbox.received == []


def test_a_url_names_the_relay():
    assert read_relay("smtps://app:p%40ss@mail.example") == Relay("smtps", "mail.example", 465, "app", "p@ss")
    assert read_relay("smtp://mail.example:2525") == Relay("smtp", "mail.example", 2525)
    for wrong in ("http://mail.example", "smtp://", "smtp://mail.example/x"):
        with pytest.raises(ValueError):
            read_relay(wrong)
