"""Messages to other servers, through the guard of all requests that go out."""

import ssl
from collections.abc import Mapping

from adapters.outbound.guarded_http import GuardedHttp, NoAnswer, Resolve, resolved
from ports.webhooks import NotSent, Response

# As ports.webhooks.WebhookDoor says; leases are longer.
_SECONDS = 15.0
# Of an answer: enough to see what somebody has to say who refuses.
_LONGEST = 4_000
# The same for a closed port, one that says nothing, a name that is not there and an address that is not public: whoever names addresses
# would otherwise learn from it what our network is like.
_REASON = "no answer"


class HttpWebhookDoor:
    """Keeps ports.webhooks.WebhookDoor; the options are those of the guard."""

    def __init__(
        self, *, loopback: bool = False, seconds: float = _SECONDS, resolve: Resolve = resolved, tls: ssl.SSLContext | None = None
    ) -> None:
        self._http = GuardedHttp(seconds=seconds, loopback=loopback, resolve=resolve, tls=tls)

    def check(self, url: str) -> bool:
        try:
            self._http.check(url)
        except NoAnswer:
            return False
        return True

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            answer = self._http.exchange(url, headers, body, longest=_LONGEST)
        except NoAnswer as failed:
            raise NotSent(_REASON) from failed
        return Response(answer.status, answer.headers, answer.body[:_LONGEST])
