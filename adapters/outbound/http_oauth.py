"""Asking providers of sign-in, through the guard of all requests that go out."""

import json
import re
import ssl
from typing import Any
from urllib.parse import urlencode

from adapters.outbound.guarded_http import Answer, GuardedHttp, NoAnswer, Resolve, resolved
from ports.oauth import NotAnswered, Question, TurnedDown

_SECONDS = 10.0
LONGEST = 1_000_000  # bytes of an answer
_LONGEST_REFUSAL = 10_000
_ERROR = re.compile(rb'"error"\s*:\s*"([a-z_]{1,50})"')
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class HttpProviderDoor:
    """Keeps ports.oauth.ProviderDoor; the options are those of the guard."""

    def __init__(
        self, *, loopback: bool = False, seconds: float = _SECONDS, resolve: Resolve = resolved, tls: ssl.SSLContext | None = None
    ) -> None:
        self._http = GuardedHttp(seconds=seconds, loopback=loopback, resolve=resolve, tls=tls)

    def ask(self, question: Question) -> Any:
        form = None if question.form is None else urlencode(question.form).encode()
        headers = {"Accept": "application/json", **question.headers, **({} if form is None else _FORM)}
        try:
            return json.loads(_whole(self._http.exchange(question.url, headers, form, longest=LONGEST)))
        except NoAnswer as failed:
            raise NotAnswered(f"the provider gave no answer: {failed}") from failed
        except (ValueError, RecursionError) as failed:
            raise NotAnswered(f"the provider gave no answer that can be used: {type(failed).__name__}") from failed


def _whole(answer: Answer) -> bytes:
    if answer.status in (400, 401):
        kind = TurnedDown if answer.status == 400 else NotAnswered
        raise kind(f"the provider answered {answer.status}{_word_of(answer.body[:_LONGEST_REFUSAL])}")
    if answer.status != 200:
        raise NotAnswered(f"the provider answered {answer.status}")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise NotAnswered("the provider packed an answer that was to come as it is")
    if len(answer.body) > LONGEST:
        raise NotAnswered(f"the provider's answer has more than {LONGEST} bytes")
    return answer.body


def _word_of(refusal: bytes) -> str:
    """The code of the error (RFC 6749, 5.2), which tells an operator of a wrong secret from a code that is spent. Nothing else of it is
    kept: what a provider says in words may hold anything."""
    found = _ERROR.search(refusal)
    return f": {found[1].decode()}" if found else ""
