"""Tokens of other issuers that stand for accounts here, by setting. What such a token must say is decided in domain.accounts.issuers."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.usecases.issuer_keys import IssuerKeys
from domain.accounts.issuers import (
    Claimed,
    Statement,
    TrustedIssuer,
    claimed,
    statement_of,
    token_refused,
    trusted_for,
)
from domain.errors import Unauthenticated
from ports.clock import Clock
from ports.oauth import IdTokens, NotAnswered

_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class _Kept:
    """A statement, and the keys that it was verified with."""

    said: Statement
    kid: str | None
    keys: Sequence[Mapping[str, Any]]


class ForeignTokens:
    """Verifying costs about as much as serving, so it is done once for each token and set of keys."""

    def __init__(self, keys: IssuerKeys, tokens: IdTokens, trusted: Sequence[TrustedIssuer], clock: Clock) -> None:
        self._keys, self._tokens, self._trusted, self._clock = keys, tokens, trusted, clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, token: str) -> Statement | None:
        """None for a token of ours, and for every one where nobody else is trusted. Unauthenticated for one that is not good; Unavailable
        where that cannot be told at the moment."""
        if not self._trusted:
            return None
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        said = self._known(digest) or self._verified(token, digest)
        if said is not None and said.expires <= self._clock.now().timestamp():
            raise Unauthenticated("this token has expired", code="token_expired", hint="get a new one from its issuer")
        return said

    def _known(self, digest: bytes) -> Statement | None:
        """What its issuer signed with a key that it has taken back since is verified again, and refused."""
        kept = self._kept.get(digest)
        if kept is None or self._keys.of(kept.said.by.issuer, kept.kid) is not kept.keys:
            return None
        return kept.said

    def _verified(self, token: str, digest: bytes) -> Statement | None:
        says = claimed(token)
        if says is None:
            return None
        by = trusted_for(says, self._trusted)
        if by is None:
            raise token_refused()
        kept = self._judged(token, says, by)
        self._keep(digest, kept)
        return kept.said

    def _judged(self, token: str, says: Claimed, by: TrustedIssuer) -> _Kept:
        keys = self._keys.of(by.issuer, says.kid)
        try:
            signed = self._tokens.signed(token, keys)
        except NotAnswered as forged:
            raise token_refused() from forged
        return _Kept(statement_of(signed, by, self._clock.now()), says.kid, keys)

    def _keep(self, digest: bytes, kept: _Kept) -> None:
        with self._lock:
            self._kept[digest] = kept
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
