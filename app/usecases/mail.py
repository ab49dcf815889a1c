"""Letters go out here: as jobs, so after the commit that wants them, at least once, each with its own tries. What those of accounts say is
left to whoever writes them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from app.usecases.job_runs import JobRuns
from app.usecases.jobs import JobUseCases
from app.usecases.letters import LetterWriter
from domain.accounts.wishes import Wish, place, read_wish
from domain.errors import Unavailable
from domain.jobs.outcomes import GiveUp
from domain.mail import FIRST_WAIT, KEPT, QUEUE, SEND, TIMEOUT, TRIES, own_letter
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.mail import Letter, Mailer, NotSent
from ports.mailbox import Waiting
from ports.seals import Sealing
from ports.unit_of_work import Stores, UnitOfWork

# For whoever asks again: somebody has to change the settings first.
_A_WHILE = 3600
# What a job says that had nothing to send, for those who look after it.
_NO_READER, _NO_LETTER = "nobody is to get it", "there is no such letter any more: it was sent before, or erased"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What letters are written, kept and sent with. Without `carries` this process asks for letters, and others send them."""

    mailer: Mailer | None
    seal: Sealing
    writer: LetterWriter
    carries: bool = True


class MailUseCases:
    def __init__(self, work: UnitOfWork, delivery: Delivery, jobs: JobUseCases, runs: JobRuns, clock: Clock, ids: Ids) -> None:
        self._work, self._mailer, self._seal, self._writer = work, delivery.mailer, delivery.seal, delivery.writer
        self._jobs, self._runs, self._clock, self._ids = jobs, runs, clock, ids
        # Where no mail is sent from, none is taken over: a worker with a mail server may be elsewhere.
        if self._mailer is not None:
            jobs.register(SEND, self._carry, queue=QUEUE, tries=TRIES, wait=FIRST_WAIT, timeout=TIMEOUT, once="kept")
        if not delivery.carries:
            jobs.leave(SEND)

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
        # How many of them there are, limits of asking say: whatever else floods the jobs, people can sign in.
        whole = replace(wish, base=self._writer.public_url)
        self._post(stores, self._ids.new(), whole.as_text(), wish.lasts, priority=wish.priority, however_many=True)

    def send(
        self, to: str, subject: str, text: str, *, html: str = "", values: Mapping[str, str] | None = None, key: str | None = None,
        at: datetime | timedelta | None = None, priority: int | None = None,
    ) -> str:  # fmt: skip
        """The id of the job that sends it, once the caller's transaction is committed. With `values`, `{name}` is put in wherever it
        stands, escaped in HTML. With a `key` that was used within a day, that letter's id is answered, and no other is sent. Invalid
        names what cannot be sent; Unavailable where this backend sends no mail."""
        self.check(links=False)
        letter, id = own_letter(to, subject, text, html, values), self._ids.new()
        kept = json.dumps({"id": id, **asdict(letter)})
        return self._work.run(lambda stores: self._post(stores, id, kept, KEPT, priority=priority, key=key, at=at, is_written=True))

    def deliver(self, *, stopped: Callable[[], bool] = lambda: False) -> int:
        """Sends here what is due, one after another, so that each is held no longer than it takes; how many were tried."""
        if not self._work.read(lambda stores: stores.mailbox.is_due()):
            return 0
        return self._runs.drain(limit=1, names=(SEND,), hold=True, stopped=stopped)

    def _post(
        self, stores: Stores, id: str, kept: str, lasts: timedelta, *, priority: int | None, key: str | None = None,
        at: datetime | timedelta | None = None, is_written: bool = False, however_many: bool = False,
    ) -> str:  # fmt: skip
        """The letter's id is its job's, and one that goes with it: of one intent there is one letter."""
        job = self._jobs.add(stores, id, SEND, key=key, at=at, priority=priority, however_many=however_many, letter=id)
        if job == id:
            goes = at if isinstance(at, datetime) else self._clock.now() + (at or timedelta(0))
            expires = write_instant(goes + lasts)
            stores.mailbox.post(Waiting(id, self._seal.close(kept.encode(), about=place(id)), expires, is_written))
        return job

    # --- as a job

    def _carry(self, letter: str) -> str:
        """Killed between the two steps at the end, it goes out once more, with the same Message-ID."""
        ready = self._work.run(lambda stores: self._ready(stores, letter))
        if isinstance(ready, str):
            return ready
        try:
            self._mailer.send(ready)  # type: ignore[union-attr]  # it is there wherever this is registered
        except NotSent as failed:
            if failed.permanent:
                raise GiveUp(str(failed)) from failed
            raise Unavailable(str(failed)) from failed
        self._work.run(lambda stores: stores.mailbox.done(letter))
        return "sent"

    def _ready(self, stores: Stores, id: str) -> Letter | str:
        """Or why there is none. Its secret is made once: sent again, it is the same letter."""
        mail = stores.mailbox.find(id)
        if mail is None:
            return _NO_LETTER
        if mail.expires <= write_instant(self._clock.now()):
            raise GiveUp("what it holds is good no more: whoever wants it asks again")
        kept = self._seal.open(mail.sealed, about=place(id)).decode()
        if mail.is_written:
            return Letter(**json.loads(kept))
        letter = self._writer.write(stores, read_wish(kept), id)
        if letter is None:
            stores.mailbox.done(id)
            return _NO_READER
        stores.mailbox.written(id, self._seal.close(json.dumps(asdict(letter)).encode(), about=place(id)))
        return letter


def no_links(detail: str) -> Unavailable:
    return Unavailable(detail, code="links_not_configured", retry_after=_A_WHILE, hint="ask whoever runs it")
