"""Providers, identities and begun sign-ins in SQL; statements are written out, for each is one and the same on both engines."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import LargeBinary, bindparam, text

from adapters.outbound.sql.id_sets import ids_value
from adapters.outbound.sql.session import Session
from domain.accounts.providers import Provider
from domain.schema.collection import Collection
from ports.identities import KeptIdentity

_PROVIDER = "name, preset, issuer, client_id, scopes, return_to, signs_up, created, updated"
_IDENTITY = "id, issuer, subject, account, provider, email, created, used"
_STATEMENTS = {
    "put": "INSERT INTO _providers (collection, sealed, {provider}) VALUES (:here, :sealed, :name, :preset, :issuer, :client_id, "
    ":scopes, :return_to, :signs_up, :created, :updated) ON CONFLICT (collection, name) DO UPDATE SET sealed = excluded.sealed, "
    "preset = excluded.preset, issuer = excluded.issuer, client_id = excluded.client_id, scopes = excluded.scopes, "
    "return_to = excluded.return_to, signs_up = excluded.signs_up, updated = excluded.updated",
    "provider": "SELECT {provider}, sealed FROM _providers WHERE collection = :here AND name = :name",
    "providers": "SELECT {provider} FROM _providers WHERE collection = :here ORDER BY name",
    "remove provider": "DELETE FROM _providers WHERE collection = :here AND name = :name RETURNING name",
    "find": "SELECT account FROM _identities WHERE collection = :here AND issuer = :issuer AND subject = :subject",
    "add": "INSERT INTO _identities (collection, {identity}) VALUES (:here, :id, :issuer, :subject, :account, :provider, :email, "
    ":created, :used) ON CONFLICT (collection, issuer, subject) DO NOTHING RETURNING id",
    "use": "UPDATE _identities SET used = :now WHERE collection = :here AND issuer = :issuer AND subject = :subject RETURNING id",
    "of account": "SELECT {identity} FROM _identities WHERE collection = :here AND account = :account ORDER BY id",
    "remove": "DELETE FROM _identities WHERE collection = :here AND account = :account AND id = :id RETURNING id",
    "begin": "INSERT INTO _sign_ins (digest, collection, step, sealed, expires) VALUES (:digest, :here, :step, :sealed, :expires)",
    "find begun": "SELECT sealed FROM _sign_ins WHERE digest = :digest AND collection = :here AND step = :step AND expires > :now",
    "take begun": "DELETE FROM _sign_ins WHERE digest = :digest AND collection = :here AND step = :step AND expires > :now "
    "RETURNING sealed",
    "sweep": "DELETE FROM _sign_ins WHERE digest IN (SELECT digest FROM _sign_ins WHERE expires <= :now LIMIT :most) RETURNING digest",
}  # fmt: skip
_TEXTS = {key: each.format(provider=_PROVIDER, identity=_IDENTITY) for key, each in _STATEMENTS.items()}
_FORGET = {
    "sqlite": "DELETE FROM _identities WHERE collection = :here AND account IN (SELECT value FROM json_each(:ids))",
    "postgresql": "DELETE FROM _identities WHERE collection = :here AND account = ANY(CAST(:ids AS text[]))",
}
_BYTES = ("put", "begin")


class _Rows:
    def __init__(self, session: Session) -> None:
        self._session = session

    def _run(self, key: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("identities", key), lambda: self._statement(key)), values)

    def _statement(self, key: str) -> Any:
        written = text(_FORGET[self._session.dialect] if key == "forget" else _TEXTS[key])
        return written.bindparams(bindparam("sealed", type_=LargeBinary)) if key in _BYTES else written


class SqlProviderStore(_Rows):
    """Keeps ports.identities.ProviderStore on one session."""

    def put(self, collection: Collection, provider: Provider, sealed: bytes) -> None:
        row = {
            "here": collection.id, "sealed": sealed, "name": provider.name, "preset": provider.preset, "issuer": provider.issuer,
            "client_id": provider.client_id, "scopes": json.dumps(provider.scopes), "return_to": json.dumps(provider.return_to),
            "signs_up": "yes" if provider.signs_up else "no", "created": provider.created, "updated": provider.updated,
        }  # fmt: skip
        self._run("put", row)

    def find(self, collection: Collection, name: str) -> tuple[Provider, bytes] | None:
        found = self._run("provider", {"here": collection.id, "name": name})
        return (_provider(found[0]), bytes(found[0][-1])) if found else None

    def all(self, collection: Collection) -> Sequence[Provider]:
        return [_provider(row) for row in self._run("providers", {"here": collection.id})]

    def remove(self, collection: Collection, name: str) -> bool:
        return bool(self._run("remove provider", {"here": collection.id, "name": name}))


class SqlIdentityStore(_Rows):
    """Keeps ports.identities.IdentityStore on one session."""

    def find(self, collection: Collection, issuer: str, subject: str) -> str | None:
        found = self._run("find", {"here": collection.id, "issuer": issuer, "subject": subject})
        return found[0][0] if found else None

    def add(self, collection: Collection, identity: KeptIdentity) -> bool:
        row = {name: getattr(identity, name) for name in _IDENTITY.split(", ")}
        return bool(self._run("add", {"here": collection.id, **row}))

    def use(self, collection: Collection, issuer: str, subject: str, now: str) -> None:
        self._run("use", {"here": collection.id, "issuer": issuer, "subject": subject, "now": now})

    def of_account(self, collection: Collection, account: str) -> Sequence[KeptIdentity]:
        return [KeptIdentity(*row) for row in self._run("of account", {"here": collection.id, "account": account})]

    def remove(self, collection: Collection, account: str, id: str) -> bool:
        return bool(self._run("remove", {"here": collection.id, "account": account, "id": id}))

    def forget(self, collection: Collection, accounts: Sequence[str]) -> None:
        self._run("forget", {"here": collection.id, "ids": ids_value(accounts, self._session.dialect)})

    # --- sign-ins that are under way

    def begin(self, digest: str, collection: Collection, step: str, sealed: bytes, expires: str) -> None:
        self._run("begin", {"digest": digest, "here": collection.id, "step": step, "sealed": sealed, "expires": expires})

    def find_begun(self, digest: str, collection: Collection, step: str, now: str) -> bytes | None:
        return self._begun("find begun", digest, collection, step, now)

    def take_begun(self, digest: str, collection: Collection, step: str, now: str) -> bytes | None:
        return self._begun("take begun", digest, collection, step, now)

    def sweep(self, now: str, limit: int) -> int:
        return len(self._run("sweep", {"now": now, "most": limit}))

    def _begun(self, key: str, digest: str, collection: Collection, step: str, now: str) -> bytes | None:
        found = self._run(key, {"digest": digest, "here": collection.id, "step": step, "now": now})
        return bytes(found[0][0]) if found else None


def _provider(row: Sequence[Any]) -> Provider:
    name, preset, issuer, client_id, scopes, return_to, signs_up, created, updated = row[:9]
    return Provider(
        name, preset, issuer, client_id, tuple(json.loads(scopes)), tuple(json.loads(return_to)), signs_up == "yes", created, updated
    )
