"""Letters go out here: after the commit that wants them, at least once, each with its own retries. What they say is left to whoever
writes them."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from app.usecases.letters import LetterWriter
from domain.accounts.wishes import Wish, pause_after, place, read_wish
from domain.errors import Unavailable
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.mail import Letter, Mailer, NotSent
from ports.mailbox import Waiting
from ports.observer import MailFailed, Observer
from ports.seals import Sealing
from ports.unit_of_work import Stores, UnitOfWork

_AT_ONCE = 50
# For whoever asks again: somebody has to change the settings first.
_A_WHILE = 3600


@dataclass(frozen=True, slots=True)
class Delivery:
    """What letters are written, kept and sent with."""

    mailer: Mailer | None
    seal: Sealing
    writer: LetterWriter


class MailUseCases:
    def __init__(self, work: UnitOfWork, delivery: Delivery, clock: Clock, ids: Ids, observer: Observer) -> None:
        self._work, self._mailer, self._seal, self._writer = work, delivery.mailer, delivery.seal, delivery.writer
        self._clock, self._ids, self._observer = clock, ids, observer

    @property
    def sends(self) -> bool:
        return self._mailer is not None

    @property
    def links(self) -> bool:
        return self.sends and bool(self._writer.public_url)

    def check(self, *, links: bool) -> None:
        """Unavailable where no mail goes out, or where there is no address that links could lead to."""
        if not self.sends:
            raise Unavailable("this backend sends no mail", code="mail_not_configured", retry_after=_A_WHILE, hint="ask whoever runs it")
        if links and not self.links:
            raise no_links("this backend does not know its public address, so it sends no links")

    def want(self, stores: Stores, wish: Wish) -> None:
        """Part of the caller's transaction. The wish is sealed: a ticket in it is a secret, and so is who asks for what."""
        id = self._ids.new()
        stores.mailbox.post(Waiting(id, self._seal.close(wish.as_text().encode(), about=place(id)), self._now()))

    def deliver(self, *, stopped: Callable[[], bool] = lambda: False) -> int:
        """Sends what is due, one after another; how many went out. Any number of processes may do it at once."""
        if self._mailer is None:
            return 0
        now = self._now()
        waiting = self._work.read(lambda stores: stores.mailbox.due(now, _AT_ONCE))
        return sum(self._forward(self._mailer, each) for each in waiting if not stopped())

    def _forward(self, mailer: Mailer, mail: Waiting) -> bool:
        try:
            letter = self._work.run(lambda stores: self._claimed(stores, mail))
            if letter is None:
                return False
            mailer.send(letter)
        except NotSent as failed:
            self._failed(mail, str(failed), give_up=failed.permanent)
            return False
        except Exception as error:  # noqa: BLE001 - one that cannot be read or written holds up nobody else's
            self._failed(mail, type(error).__name__, give_up=False)
            return False
        self._work.run(lambda stores: stores.mailbox.done(mail.id))
        return True

    def _claimed(self, stores: Stores, mail: Waiting) -> Letter | None:
        """None where another process has it, or where nobody is to get one. Its secret is made once: sent again, it is the same letter."""
        if not stores.mailbox.claim(mail, self._next_attempt(mail)):
            return None
        kept = self._seal.open(mail.sealed, about=place(mail.id)).decode()
        if mail.is_written:
            return Letter(**json.loads(kept))
        letter = self._writer.write(stores, read_wish(kept), mail.id)
        if letter is None:
            stores.mailbox.done(mail.id)
            return None
        stores.mailbox.written(mail.id, self._seal.close(json.dumps(asdict(letter)).encode(), about=place(mail.id)))
        return letter

    def _failed(self, mail: Waiting, reason: str, *, give_up: bool) -> None:
        is_last = give_up or pause_after(mail.attempts + 1) is None
        self._observer.observe(MailFailed(reason, mail.attempts + 1, is_last))
        if is_last:
            self._work.run(lambda stores: stores.mailbox.done(mail.id))
        else:
            # Where the claim was undone with what failed, it is made up for; else another has it in hand, and this changes nothing.
            self._work.run(lambda stores: stores.mailbox.claim(mail, self._next_attempt(mail)))

    def _next_attempt(self, mail: Waiting) -> str:
        return write_instant(self._clock.now() + (pause_after(mail.attempts + 1) or pause_after(1)))  # type: ignore[operator]

    def _now(self) -> str:
        return write_instant(self._clock.now())


def no_links(detail: str) -> Unavailable:
    return Unavailable(detail, code="links_not_configured", retry_after=_A_WHILE, hint="ask whoever runs it")
