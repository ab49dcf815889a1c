"""One-time secrets put straight into the database of a running server, by its own stores: a race needs many, and letters take time."""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from unittest.mock import patch

from adapters.outbound.logging_observer import LoggingObserver
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from app.settings import Settings
from app.wiring import STORES
from domain.accounts.factors import FirstFactor, recovery_digest
from domain.accounts.one_time import SECOND_FACTOR, TOKEN_BYTES, kept, token
from domain.schema.collection import Collection
from ports.unit_of_work import Stores
from tests.e2e.server import Server

T = TypeVar("T")


class Plant:
    """For the accounts of `users`."""

    def __init__(self, server: Server) -> None:
        with patch.dict(os.environ, server.environment(), clear=True):
            settings = Settings.from_environment()
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
