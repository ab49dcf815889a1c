"""Letters by SMTP, over TLS: from the first byte (`smtps://`) or from STARTTLS on (`smtp://`), never without, except where the settings
say so (`smtp+plain://`, for a relay on this machine)."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from threading import Timer
from urllib.parse import unquote, urlsplit

from ports.mail import Letter, NotSent

# For each answer of the server before the letter.
_SECONDS = 10
# For each to the letter: some look through it first, and one that we do not wait for has it, and is given it again. All of them together.
_SECONDS_FOR_LETTER, _SECONDS_IN_ALL = 60, 90
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


@dataclass(frozen=True, slots=True)
class Relay:
    """The server that takes our letters."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""


def read_relay(url: str) -> Relay:
    """ValueError where it is none."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("no SMTP URL")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Relay(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], user, password)


class SmtpMailer:
    """Keeps ports.mail.Mailer. `sender` may have a name before its address. `tls` is for tests, which have certificates of their own."""

    def __init__(self, relay: Relay, sender: str, tls: ssl.SSLContext | None = None) -> None:
        self._relay, self._sender = relay, sender
        self._tls = tls or ssl.create_default_context()

    def send(self, letter: Letter) -> None:
        message = self._message(letter)
        try:
            with self._conversation() as server:
                server.send_message(message, to_addrs=[letter.to])
                _leave(server)
        except smtplib.SMTPRecipientsRefused as refused:
            codes = [code for code, _ in refused.recipients.values()]
            raise NotSent("the recipient was refused", permanent=all(map(_is_final, codes))) from refused
        except smtplib.SMTPNotSupportedError as refused:
            raise NotSent("the server lacks what this needs: TLS, signing in, or addresses in other scripts", permanent=False) from refused
        except smtplib.SMTPResponseException as refused:
            # An answer to the letter itself is final; one to our signing in is a setting that somebody will mend.
            is_final = _is_final(refused.smtp_code) and isinstance(refused, smtplib.SMTPDataError)
            raise NotSent(f"the server answered {refused.smtp_code}", permanent=is_final) from refused
        except (OSError, smtplib.SMTPException) as failed:
            raise NotSent(type(failed).__name__) from failed

    @contextmanager
    def _conversation(self) -> Iterator[smtplib.SMTP]:
        server = self._greeted()
        # One that answers each time just before its time is over is hung up on.
        timer = Timer(_SECONDS_IN_ALL, _hang_up, (server,))
        timer.daemon = True
        timer.start()
        try:
            if self._relay.scheme == "smtp":
                # Refused by the library where the server does not offer it: nothing goes on in clear.
                server.starttls(context=self._tls)
            if self._relay.user:
                server.login(self._relay.user, self._relay.password)
            if server.sock is not None:
                server.sock.settimeout(_SECONDS_FOR_LETTER)
            yield server
        finally:
            timer.cancel()
            server.close()

    def _greeted(self) -> smtplib.SMTP:
        if self._relay.scheme == "smtps":
            return smtplib.SMTP_SSL(self._relay.host, self._relay.port, timeout=_SECONDS, context=self._tls)
        return smtplib.SMTP(self._relay.host, self._relay.port, timeout=_SECONDS)

    def _message(self, letter: Letter) -> EmailMessage:
        """The library's policy refuses a line break in a header; addresses and subjects were checked long before."""
        message = EmailMessage(policy=SMTP)
        name, address = parseaddr(self._sender)
        message["From"] = Address(display_name=name, addr_spec=address)
        message["To"] = Address(addr_spec=letter.to)
        message["Subject"] = letter.subject
        message["Date"] = formatdate(usegmt=True)
        # The same when it is sent again, so that a mailbox may know the copy.
        message["Message-ID"] = f"<{letter.id}@{address.partition('@')[2]}>"
        # No vacation notice answers it (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        if letter.html:
            message.add_alternative(letter.html, subtype="html")
        return message


def _leave(server: smtplib.SMTP) -> None:
    """The letter is the server's by now, whatever it says to this."""
    with suppress(OSError, smtplib.SMTPException):
        server.quit()


def _hang_up(server: smtplib.SMTP) -> None:
    with suppress(OSError):  # it was over just then
        if server.sock is not None:
            server.sock.shutdown(socket.SHUT_RDWR)


def _is_final(code: int) -> bool:
    return 500 <= code < 600
