"""Links by which a file may be had for two minutes without a token of its own: for `<img>` and `<video>`, which send none.

One is bound to one file and to whoever asked for it: when it is used, the rules are asked again as of that account, so that it opens
nothing that the account may not see any more.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.actor import GUEST, Actor, account
from domain.errors import Forbidden

LIFETIME = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class FileLink:
    """`c`, `id` and `file` as the address has them."""

    c: str
    id: str
    file: str
    actor: Actor
    expires: datetime

    def content(self) -> str:
        who = self.actor
        whose = [who.id, who.collection, who.epoch, who.session, who.role]
        return json.dumps([self.c, self.id, self.file, int(self.expires.timestamp()), whose])

    def opens(self, c: str, id: str, file: str, now: datetime) -> bool:
        return (self.c, self.id, self.file) == (c, id, file) and now < self.expires


def link_from(content: str) -> FileLink:
    """Of a content that we wrote."""
    c, id, file, expires, (who, collection, epoch, session, role) = json.loads(content)
    actor = account(who, collection, epoch, session, role) if collection else GUEST
    return FileLink(c, id, file, actor, datetime.fromtimestamp(expires, UTC))


def check_may_link(actor: Actor) -> None:
    """A key asks with its key, and an admin who acts as another person is seen to do so: a link would be neither."""
    if actor.kind == "key" or actor.key or actor.behind is not None:
        raise Forbidden("links are for accounts that signed in themselves", code="no_links", hint="ask for the file itself")
