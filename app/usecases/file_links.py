"""Making and honouring links to files. They are kept nowhere: what they say is sealed in them."""

import base64
from datetime import datetime

from app.usecases.files import FileUseCases
from domain.actor import Actor
from domain.errors import NotFound
from domain.files.links import LIFETIME, FileLink, check_may_link, link_from
from domain.rules.values import RequestFacts
from ports.clock import Clock
from ports.seals import Sealing

_ABOUT = "file link"


class FileLinks:
    def __init__(self, files: FileUseCases, seal: Sealing, clock: Clock) -> None:
        self._files, self._seal, self._clock = files, seal, clock

    def make(self, c: str, id: str, file: str, *, actor: Actor, facts: RequestFacts) -> tuple[str, datetime]:
        """What opens this file for this actor, and until when; NotFound where it may not have the file."""
        check_may_link(actor)
        self._files.find(c, id, file, actor=actor, facts=facts)
        link = FileLink(c, id, file, actor, self._clock.now() + LIFETIME)
        sealed = self._seal.close(link.content().encode(), about=_ABOUT)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("="), link.expires

    def whose(self, token: str, c: str, id: str, file: str) -> Actor:
        """Who asked for the link to this file. NotFound where it is over, of another file or none of ours, as where there is no file."""
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            link = link_from(self._seal.open(sealed, about=_ABOUT).decode())
        except Exception as error:  # whatever is wrong with it, we did not give it out
            raise _missing() from error
        if not link.opens(c, id, file, self._clock.now()):
            raise _missing()
        return link.actor


def _missing() -> NotFound:
    return NotFound("there is no such file, or you may not see it", hint="links end after two minutes: ask for another")
