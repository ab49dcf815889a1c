"""How others sign what they send us: what each of them puts where, and whether it is theirs.

Header names are lower case. A body is judged as the bytes that came; nothing of it is read before.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.errors import Invalid
from domain.webhooks.signatures import ID, PREFIX, SIGNATURE, TIMESTAMP, TOLERANCE, read_secret, verify

Headers = Mapping[str, str]
Secrets = Sequence[str]
_LONGEST_ID = 200
_STRIPE_PART = re.compile(r"([a-z0-9]{1,8})=([0-9a-zA-Z]{1,128})")
# Whoever sends more wants us to compare for long.
_MOST_PARTS = 20


@dataclass(frozen=True, slots=True)
class Scheme:
    """`judge` tells whether it is theirs, by one of the secrets. The id and the kind stand in one of these headers, or where none is
    named, or none came, in these members of the body."""

    judge: Callable[[Secrets, Headers, bytes, int], bool]
    ids: tuple[str, ...] = ()
    kind: str = ""
    id_member: str = ""
    kind_member: str = ""
    # Whether secrets are of the form that Standard Webhooks has.
    is_standard: bool = False


def _standard(secrets: Secrets, headers: Headers, body: bytes, now: int) -> bool:
    return verify(secrets, headers.get(ID, ""), headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, ""), body, now)


def _hub(name: str) -> Callable[[Secrets, Headers, bytes, int], bool]:
    """`sha256=` and the HMAC of the body in hex, as WebSub has it. It says nothing about when, so one that was recorded is known by its
    id alone."""

    def judge(secrets: Secrets, headers: Headers, body: bytes, now: int) -> bool:
        return _any_same([headers.get(name, "")], [f"sha256={_hex(each, body)}" for each in secrets])

    return judge


def _gitlab(secrets: Secrets, headers: Headers, body: bytes, now: int) -> bool:
    """A signing token (`whsec_…`) signs as Standard Webhooks; the older secret token is sent as it is."""
    signing = [each for each in secrets if each.startswith(PREFIX)]
    if SIGNATURE in headers:
        return _standard(signing, headers, body, now)
    plain = [each for each in secrets if not each.startswith(PREFIX)]
    return _any_same([headers.get("x-gitlab-token", "")], plain)


def _stripe(secrets: Secrets, headers: Headers, body: bytes, now: int) -> bool:
    """`t=…,v1=…`: the HMAC of `t.body` by the secret as it is written."""
    parts = [found.groups() for each in headers.get("stripe-signature", "").split(",") if (found := _STRIPE_PART.fullmatch(each.strip()))]
    times = [value for name, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isdigit() or len(times[0]) > 12 or abs(now - int(times[0])) > TOLERANCE:
        return False
    signed = times[0].encode() + b"." + body
    return _any_same([value for name, value in parts if name == "v1"], [_hex(each, signed) for each in secrets])


def _any_same(given: Sequence[str], wanted: Sequence[str]) -> bool:
    """Each is compared with each, in the same time wherever they differ."""
    matches = [
        hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode()) for one in given[:_MOST_PARTS] for other in wanted
    ]
    return any(matches)


def _hex(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


SCHEMES: Mapping[str, Scheme] = {
    "standard": Scheme(_standard, (ID,), kind_member="type", is_standard=True),
    "github": Scheme(_hub("x-hub-signature-256"), ("x-github-delivery",), "x-github-event"),
    "gitlab": Scheme(
        _gitlab, (ID, "idempotency-key", "x-gitlab-event-uuid"), "x-gitlab-event", kind_member="object_kind"
    ),
    "jira": Scheme(_hub("x-hub-signature"), ("x-atlassian-webhook-identifier",), kind_member="webhookEvent"),
    "stripe": Scheme(_stripe, id_member="id", kind_member="type"),
}
# What is as long to judge as a good one, where there is nobody whom it could be from.
NOBODY = PREFIX + "c3RpbGxyb29tIGhhcyBubyBzdWNoIHNvdXJjZSwgc29ycnk="


def check_secret(scheme: str, secret: str) -> None:
    """ValueError, with what is wrong."""
    if SCHEMES[scheme].is_standard or (scheme == "gitlab" and secret.startswith(PREFIX)):
        read_secret(secret)
    elif not 16 <= len(secret) <= 200 or not secret.isprintable() or not secret.isascii():
        # Shorter ones are guessed by whoever has seen one message.
        raise ValueError("a secret has 16 to 200 characters of printable ASCII")


def id_and_kind(scheme: Scheme, headers: Headers, body: Any) -> tuple[str, str]:
    """Invalid where it has no id by which it would be known again."""
    members = body if isinstance(body, dict) else {}
    id = next((headers[name] for name in scheme.ids if headers.get(name)), None) or members.get(scheme.id_member)
    kind = headers.get(scheme.kind) or members.get(scheme.kind_member) or ""
    if not isinstance(id, str) or not 1 <= len(id) <= _LONGEST_ID or not id.isprintable():
        raise Invalid("this message has no id by which it would be known again", code="no_message_id", hint=_hint(scheme))
    return id, kind[:_LONGEST_ID] if isinstance(kind, str) and kind.isprintable() else ""


def _hint(scheme: Scheme) -> str:
    return f"it is in the header {' or '.join(scheme.ids)}" if scheme.ids else f"it is the member `{scheme.id_member}` of the body"
