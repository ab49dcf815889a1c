"""One-time secrets put straight into the database of a running server, by its own stores: a race needs many, and letters take time."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from unittest.mock import patch

from adapters.outbound.logging_observer import LoggingObserver
from adapters.outbound.sealed_secrets import Seal
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from app.settings import Settings
from app.usecases.oauth_sign_in import Arrival
from app.wiring import STORES, _secret
from domain.accounts.factors import FirstFactor, recovery_digest
from domain.accounts.invitations import Invitation
from domain.accounts.one_time import (
    INVITATION,
    LIFETIMES,
    SECOND_FACTOR,
    TOKEN_BYTES,
    kept,
    presented,
    token,
)
from domain.records.changes import Changes
from domain.rules.shape import ANYTHING
from domain.schema.collection import Collection
from domain.schema.fields.text import email_key
from domain.schema.fields.times import write_instant
from ports.identities import KeptIdentity
from ports.unit_of_work import Stores
from tests.e2e.server import Server

T = TypeVar("T")
ISSUER = "https://id.planes.example"


class Plant:
    """For the accounts of `users`."""

    def __init__(self, server: Server) -> None:
        with patch.dict(os.environ, server.environment(), clear=True):
            settings = Settings.from_environment()
        self._seal = Seal(_secret(settings))
        self._work = SqlUnitOfWork(settings.database, STORES, LoggingObserver("error"))

    def close(self) -> None:
        self._work.close()

    def secret(self, purpose: str, account: str, *, typed: str = "", bound: str = "", tries: int = 0) -> str:
        """One that stands, as it is to be presented."""
        text = token(secrets.token_bytes(TOKEN_BYTES))

        def body(stores: Stores, users: Collection) -> None:
            credentials = stores.accounts.credentials_of(users, account)
            assert credentials is not None
            stores.one_time.put(kept(
                purpose, text, account, collection=users.id, epoch=credentials.epoch, at=datetime.now(UTC), typed=typed, bound=bound,
                tries=tries,
            ))  # fmt: skip

        self._run(body)
        return text

    def ticket(self, account: str) -> str:
        """What somebody gets who has given the password of an account with a second factor."""
        return self.secret(SECOND_FACTOR, account, bound=FirstFactor("password", "").text(), tries=5)

    def recovery(self, account: str) -> str:
        """One recovery code, in place of all others."""
        code = "abcd-efgh-jkmn"
        self._run(lambda stores, users: stores.factors.put_recovery(users, account, [recovery_digest(users.id, account, code)]))
        return code

    def invitation(self, email: str) -> str:
        """The token of a letter to this address."""
        text, id, at = token(secrets.token_bytes(TOKEN_BYTES)), secrets.token_hex(16), datetime.now(UTC)
        digest = presented(INVITATION, text).digest

        def body(stores: Stores, users: Collection) -> None:
            invitation = Invitation(id, users.id, email, {}, write_instant(at), write_instant(at + LIFETIMES[INVITATION]), "ann")
            assert stores.invitations.add(invitation, email_key(email))
            assert stores.invitations.issue(id, digest)

        self._run(body)
        return text

    def identity(self, account: str, subject: str) -> str:
        """By which a provider knows the account; its id."""
        id, now = secrets.token_hex(16), write_instant(datetime.now(UTC))
        identity = KeptIdentity(id, ISSUER, subject, account, "planes", "", now, now)
        assert self._run(lambda stores, users: stores.identities.add(users, identity))
        return id

    def came(self, subject: str, verifier: str, email: str = "") -> str:
        """The code of a person who has just come back from the provider."""
        code = secrets.token_urlsafe(32)
        digest = hashlib.sha256(code.encode()).hexdigest()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        arrival = json.dumps(asdict(Arrival("planes", challenge, "", ISSUER, subject, email)))
        sealed = self._seal.close(arrival.encode(), about=f"sign-in:{digest}")
        expires = write_instant(datetime.now(UTC) + timedelta(minutes=2))
        self._run(lambda stores, users: stores.identities.begin(digest, users, "came", sealed, expires))
        return code

    def identities(self, account: str) -> int:
        return self._run(lambda stores, users: len(stores.identities.of_account(users, account)))

    def without_password(self, account: str) -> None:
        """As of somebody who only ever came by a provider."""
        changes = Changes({"updated": write_instant(datetime.now(UTC))}, secrets={"password_hash": None})
        self._run(lambda stores, users: stores.records.update(users, account, changes, ANYTHING))

    def forget_step(self, account: str) -> None:
        """The app's codes of now are good once more."""

        def body(stores: Stores, users: Collection) -> None:
            app = stores.factors.totp(users, account)
            assert app is not None
            stores.factors.remove_totp(users, account)
            stores.factors.propose_totp(users, account, app.sealed, app.created)
            assert stores.factors.confirm_totp(users, account, app.sealed, 1)

        self._run(body)

    def sessions(self, account: str) -> int:
        now = datetime.now(UTC).isoformat()
        return self._run(lambda stores, users: len(stores.sessions.of_account(users, account, now)))

    def _run(self, body: Callable[[Stores, Collection], Any]) -> Any:
        return self._work.run(lambda stores: body(stores, stores.schema.collection("users")))
