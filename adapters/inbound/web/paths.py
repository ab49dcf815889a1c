"""What may stand in a path where a collection's name or a record's id does: not the words that are addresses of their own beside them.

Without it these would share their methods, and `Allow` would promise what nothing answers."""

from flask import Flask
from werkzeug.routing import BaseConverter

from domain.accounts.providers import EXCHANGE
from domain.records.draft import RESERVED_IDS
from domain.schema.names import ADDRESSES


def _any_but(words: frozenset[str]) -> str:
    return rf"(?!(?:{'|'.join(sorted(words))})\Z)[^/]+"


class NameOfCollection(BaseConverter):
    regex = _any_but(ADDRESSES)


class IdOfRecord(BaseConverter):
    regex = _any_but(RESERVED_IDS)


class IdOfPasskey(BaseConverter):
    regex = _any_but(frozenset({"confirm"}))


class NameOfProvider(BaseConverter):
    regex = _any_but(frozenset({EXCHANGE}))


def install(app: Flask) -> None:
    """`<name:c>`, `<id:id>`, `<passkey:id>` and `<provider:name>` in the routes that are registered from here on."""
    app.url_map.converters.update(name=NameOfCollection, id=IdOfRecord, passkey=IdOfPasskey, provider=NameOfProvider)
