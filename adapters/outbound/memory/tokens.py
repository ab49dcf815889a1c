"""Tokens for tests: cheap to make and to check, ended by the clock that the test tells, and good within one process only."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.accounts.tokens import ACCESS, LIFETIMES
from domain.actor import Actor, account
from domain.errors import Unauthenticated
from ports.clock import Clock
from ports.tokens import Issued


def _said(actor: Actor) -> list[Any]:
    return [actor.id, actor.collection, actor.epoch, actor.session, actor.role]


class QuickTokens:
    def __init__(self, clock: Clock, *, lifetimes: Mapping[str, timedelta] = LIFETIMES) -> None:
        self._clock, self._lifetimes = clock, lifetimes
        self._secret = secrets.token_bytes(32)

    def prepare(self) -> None:
        """The secret is there from the beginning."""

    def rotate(self, *, revoke: bool = False) -> str:
        """There is one secret: what was signed with it before is refused, whether that was asked for or not."""
        self._secret = secrets.token_bytes(32)
        return "another"

    def issue(self, actor: Actor, purpose: str = ACCESS) -> Issued:
        lifetime = self._lifetimes[purpose]
        said = [_said(actor), actor.behind and _said(actor.behind), purpose, (self._clock.now() + lifetime).timestamp()]
        text = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
        return Issued(f"{text}.{self._signature(text)}", int(lifetime.total_seconds()))

    def read(self, token: str, purpose: str = ACCESS) -> Actor:
        text, _, signature = token.partition(".")
        if not token.isascii() or not hmac.compare_digest(self._signature(text), signature):
            raise Unauthenticated("this token is not good", code="invalid_token", hint="sign in again")
        whose, behind, said_purpose, expires = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if said_purpose != purpose:
            raise Unauthenticated("this token is not good", code="invalid_token", hint="sign in again")
        if expires <= self._clock.now().timestamp():
            raise Unauthenticated("this token has expired", code="token_expired", hint="sign in again")
        return replace(account(*whose), behind=account(*behind) if behind else None)

    def public_keys(self) -> Sequence[dict[str, Any]]:
        return []

    def _signature(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
