"""Learning from a provider who came back from it. Who that is to us, and whether they may sign in, is left to whoever opens sessions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.accounts.identities import Awaited, Identity, identity_of, identity_refused
from domain.accounts.oauth import Begun, Issuer, check_answering, discovery_address, read_issuer
from domain.errors import Unavailable
from ports.clock import Clock
from ports.oauth import IdTokens, NotAnswered, ProviderDoor, Question, TurnedDown


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows us by."""

    issuer: str
    id: str
    secret: str
    callback: str


class ProviderTalks:
    """Nothing is kept here between calls: settings and keys of one provider never meet the answer of another."""

    def __init__(self, door: ProviderDoor, tokens: IdTokens, clock: Clock, *, loopback: bool = False) -> None:
        self._door, self._tokens, self._clock, self._loopback = door, tokens, clock, loopback

    def issuer(self, client: Client) -> Issuer:
        return read_issuer(self._asked(Question(discovery_address(client.issuer))), client.issuer, loopback=self._loopback)

    def identity(self, client: Client, issuer: Issuer, began: Begun, answer: Mapping[str, str]) -> Identity:
        """`answer` is what the browser brought back, whose state was found to be this sign-in's. Invalid where it is not the answer to it;
        Unavailable where the provider does not answer. Asks the provider twice, so never inside a transaction."""
        check_answering(issuer, answer)
        given = self._asked(Question(issuer.token, _exchange(client, began, answer.get("code", ""))))
        keys = self._asked(Question(issuer.keys))
        id_token, access, published = _member(given, "id_token", str), _member(given, "access_token", str), _member(keys, "keys", list)
        try:
            token = self._tokens.signed(id_token, published)
        except NotAnswered as forged:
            raise identity_refused() from forged
        return identity_of(token, Awaited(issuer.issuer, client.id, began.nonce), access_token=access, at=self._clock.now())

    def _asked(self, question: Question) -> Any:
        try:
            return self._door.ask(question)
        except TurnedDown as refused:
            raise identity_refused() from refused
        except NotAnswered as silent:
            # In the same words whatever it was: a port that is closed is not told from one that says nothing of use.
            raise Unavailable("the provider gives no answer that can be used", hint="try again in a minute") from silent


def _exchange(client: Client, began: Begun, code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code", "code": code, "redirect_uri": client.callback, "client_id": client.id,
        "client_secret": client.secret, "code_verifier": began.verifier,
    }  # fmt: skip


def _member(answer: Any, name: str, kind: type) -> Any:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, kind):
        raise identity_refused()
    return value
