"""Writes the letters that accounts wished for, behind the answer: finds the account, makes the secret, fills in the template."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from domain.accounts.languages import chosen, languages_of
from domain.accounts.letters import DEFAULT_LANGUAGE, OURS, write
from domain.accounts.one_time import (
    DIGITS,
    EMAIL_COMES,
    EMAIL_LEAVES,
    INVITATION,
    LIFETIMES,
    PASSWORD_RESET,
    SIGN_IN_CODE,
    SIGN_IN_LINK,
    TOKEN_BYTES,
    VERIFICATION,
    code,
    kept,
    presented,
    token,
)
from domain.accounts.wishes import Wish
from domain.schema.account_fields import DISABLED, LANGUAGE
from domain.schema.collection import Collection
from domain.schema.fields.text import email_key
from domain.schema.letters import Letters, Template
from ports.accounts import Credentials
from ports.clock import Clock
from ports.mail import Letter
from ports.unit_of_work import Stores

# Where a link leads: the app's own page of this name, or ours below the public address.
PAGES: Mapping[str, str] = {
    VERIFICATION: "verification", PASSWORD_RESET: "password_reset", EMAIL_LEAVES: "email_change", EMAIL_COMES: "email_change",
    SIGN_IN_LINK: "link", INVITATION: "invitation",
}  # fmt: skip
_NOTHING_SAID = Letters()


class LetterWriter:
    """`public_url` is where links lead: from the settings alone, never from what a request says about itself, which its sender
    chooses. "" where there is none."""

    def __init__(self, clock: Clock, public_url: str) -> None:
        self._clock, self.public_url = clock, public_url

    def write(self, stores: Stores, wish: Wish, id: str) -> Letter | None:
        """None where nobody is to get one: there is no such account, or what was wished for is done already."""
        collection = next((each for each in stores.schema.collections.values() if each.id == wish.collection), None)
        if collection is not None and wish.purpose == INVITATION:
            return self._invitation(stores, collection, wish, id)
        account = _account(stores, collection, wish) if collection else None
        record = stores.records.load(collection, account.id) if collection and account else None
        if collection is None or account is None or record is None or not _is_due(stores, collection, account, record, wish):
            return None
        if account.email is None:
            return None
        values = self._values(stores, collection, account, account.email, wish)
        written = write(_template(collection.mail or _NOTHING_SAID, wish.purpose, languages_of(record[LANGUAGE], wish.languages)), values)
        to = wish.bound if wish.purpose == EMAIL_COMES else account.email
        return Letter(id, to, written.subject, written.text, written.html)

    def _invitation(self, stores: Stores, collection: Collection, wish: Wish, id: str) -> Letter | None:
        """To somebody who has no account; who got one meanwhile is asked nothing."""
        text = token(secrets.token_bytes(TOKEN_BYTES))
        if stores.accounts.credentials(collection, email_key(wish.email)) is not None:
            return None
        if not stores.invitations.issue(wish.bound, presented(INVITATION, text).digest):
            return None
        told = {"app": _app(collection), "email": wish.email, "link": self._link(collection, INVITATION, text, wish.base),
                "minutes": str(int(LIFETIMES[INVITATION].total_seconds() // 60))}  # fmt: skip
        written = write(_template(collection.mail or _NOTHING_SAID, INVITATION, wish.languages), told)
        return Letter(id, wish.email, written.subject, written.text, written.html)

    def _values(self, stores: Stores, collection: Collection, account: Credentials, email: str, wish: Wish) -> Mapping[str, str]:
        told = {"app": _app(collection), "email": email, "new_email": wish.bound,
                "minutes": str(int(LIFETIMES[wish.purpose].total_seconds() // 60))}  # fmt: skip
        typed = code(secrets.randbelow(10**DIGITS)) if wish.purpose == SIGN_IN_CODE else ""
        text = wish.ticket or token(secrets.token_bytes(TOKEN_BYTES))
        stores.one_time.put(
            kept(wish.purpose, text, account.id, collection=collection.id, epoch=account.epoch, at=self._clock.now(), typed=typed,
                 bound=wish.bound)
        )  # fmt: skip
        return {**told, **({"code": typed} if typed else {"link": self._link(collection, wish.purpose, text, wish.base)})}

    def _link(self, collection: Collection, purpose: str, text: str, base: str) -> str:
        """To a page of the app behind a `#`: what follows it is sent to no server and stands in no log."""
        page = PAGES[purpose]
        own = (collection.mail or _NOTHING_SAID).page(page)
        if own:
            return f"{own}#token={quote(text)}"
        return f"{base or self.public_url}/auth/{quote(collection.name)}/{page.replace('_', '-')}?token={quote(text)}"


def _account(stores: Stores, collection: Collection, wish: Wish) -> Credentials | None:
    if wish.account:
        return stores.accounts.credentials_of(collection, wish.account)
    return stores.accounts.credentials(collection, email_key(wish.email))


def _is_due(stores: Stores, collection: Collection, account: Credentials, record: Mapping[str, Any], wish: Wish) -> bool:
    if record[DISABLED]:
        return False  # nothing that a letter opens would be open to it
    if wish.purpose == VERIFICATION:
        return not record["verified"]
    if wish.purpose == EMAIL_COMES:
        # Whoever asked for an address that has an account learns nothing by it.
        return stores.accounts.credentials(collection, email_key(wish.bound)) in (None, account)
    return True


def _app(collection: Collection) -> str:
    return (collection.mail or _NOTHING_SAID).app or collection.name


def _template(letters: Letters, purpose: str, languages: Sequence[str]) -> Template:
    """The owner's texts stand in place of all of ours: where they wrote none in any language that its reader knows, the first of theirs."""
    own = letters.texts(purpose)
    known = own or {language: texts[purpose] for language, texts in OURS.items()}
    return known[chosen(languages, known, DEFAULT_LANGUAGE if DEFAULT_LANGUAGE in known else next(iter(known)))]
