"""How others sign: their own published vectors, and what is not theirs."""

import hashlib
import hmac

import pytest

from domain.errors import Invalid
from domain.webhooks.inbound import MISSING, at
from domain.webhooks.schemes import SCHEMES, check_secret, id_and_kind
from domain.webhooks.signatures import sign, write_secret

NOW = 1_614_265_330
# GitHub and Atlassian publish these.
EVERYBODY = "It's a Secret to Everybody"
GITHUB = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", "x-github-delivery": "d1"}
JIRA = {"x-hub-signature": "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"}
STRIPE_SECRET = "whsec_a secret of theirs"
KEY = write_secret(b"k" * 32)
BODY = b'{"id": "evt_1", "type": "paid"}'


def stripe(body=BODY, at=NOW, secret=STRIPE_SECRET):
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def standard(message="m1"):
    return {"webhook-id": message, "webhook-timestamp": str(NOW), "webhook-signature": sign([KEY], message, NOW, BODY)}


GOOD = {
    "github": ("github", [EVERYBODY], GITHUB, b"Hello, World!"),
    "jira": ("jira", [EVERYBODY], JIRA, b"Hello World!"),
    "gitlab by its token": ("gitlab", ["a long token"], {"x-gitlab-token": "a long token"}, BODY),
    "gitlab signed": ("gitlab", [KEY], standard(), BODY),
    "stripe": ("stripe", [STRIPE_SECRET], {"stripe-signature": f"t={NOW},v0=abc,v1={stripe()}"}, BODY),
    "stripe while it rolls": ("stripe", [STRIPE_SECRET], {"stripe-signature": f"t={NOW},v1=00ff,v1={stripe()}"}, BODY),
    "standard": ("standard", [KEY], standard(), BODY),
    "two secrets": ("github", ["another secret of theirs", EVERYBODY], GITHUB, b"Hello, World!"),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_theirs_is_known(name):
    scheme, secrets, headers, body = GOOD[name]
    assert SCHEMES[scheme].judge(secrets, headers, body, NOW)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_not_theirs_is_refused(name):
    scheme, secrets, headers, body = GOOD[name]
    judge = SCHEMES[scheme].judge
    assert not judge(secrets, {}, body, NOW)
    assert not judge(["another secret altogether"] if KEY not in secrets else [write_secret(b"x" * 32)], headers, body, NOW)
    assert not judge([], headers, body, NOW)
    assert not judge(secrets, {each: value + "é" for each, value in headers.items()}, body, NOW)
    if name != "gitlab by its token":
        assert not judge(secrets, headers, body + b" ", NOW)


@pytest.mark.parametrize("name", ["stripe", "standard", "gitlab signed"])
def test_what_was_recorded_long_ago_is_refused(name):
    scheme, secrets, headers, body = GOOD[name]
    assert not SCHEMES[scheme].judge(secrets, headers, body, NOW + 301)
    assert not SCHEMES[scheme].judge(secrets, headers, body, NOW - 301)


@pytest.mark.parametrize("signature", [
    f"v1={stripe()}", f"t={NOW}", f"t={NOW},t={NOW},v1={stripe()}", f"t={NOW + 1},v1={stripe()}", f"t= {NOW},v1={stripe()}",
    f"t={NOW},v0={stripe()}", "t=,v1=", ",,,", f"t={NOW},v1={stripe()[:-1]}", f"t=٣,v1={stripe()}",
])  # fmt: skip
def test_stripes_header_is_read_strictly(signature):
    assert not SCHEMES["stripe"].judge([STRIPE_SECRET], {"stripe-signature": signature}, BODY, NOW)


def test_a_token_of_gitlab_is_no_signing_key():
    """Sent as it is, it would be one that everybody has seen."""
    assert not SCHEMES["gitlab"].judge([KEY], {"x-gitlab-token": KEY}, BODY, NOW)


@pytest.mark.parametrize("scheme, headers, body, found", [
    ("github", {"x-github-delivery": "d1", "x-github-event": "push"}, {}, ("d1", "push")),
    ("gitlab", {"idempotency-key": "k1", "x-gitlab-event-uuid": "u1", "x-gitlab-event": "Push Hook"}, {}, ("k1", "Push Hook")),
    ("gitlab", {"x-gitlab-event-uuid": "u1"}, {"object_kind": "push"}, ("u1", "push")),
    ("jira", {"x-atlassian-webhook-identifier": "j1"}, {"webhookEvent": "jira:issue_created"}, ("j1", "jira:issue_created")),
    ("stripe", {}, {"id": "evt_1", "type": "paid"}, ("evt_1", "paid")),
    ("standard", {"webhook-id": "m1"}, {"type": 5}, ("m1", "")),
])  # fmt: skip
def test_where_the_id_and_the_kind_are(scheme, headers, body, found):
    assert id_and_kind(SCHEMES[scheme], headers, body) == found


@pytest.mark.parametrize("scheme, headers, body", [
    ("github", {}, {"id": "x"}), ("stripe", {"id": "x"}, {"id": 5}), ("stripe", {}, [1]), ("stripe", {}, {"id": "x" * 201}),
    ("stripe", {}, {"id": "a\nb"}),
])  # fmt: skip
def test_without_an_id_it_would_not_be_known_again(scheme, headers, body):
    with pytest.raises(Invalid, match="no id"):
        id_and_kind(SCHEMES[scheme], headers, body)


@pytest.mark.parametrize("scheme, secret", [
    ("github", "short"), ("stripe", "x" * 201), ("jira", "naïve but rather long"), ("standard", "of words"),
    ("gitlab", "whsec_short"),
])  # fmt: skip
def test_what_is_no_secret(scheme, secret):
    with pytest.raises(ValueError, match="secret"):
        check_secret(scheme, secret)


@pytest.mark.parametrize("pointer, found", [
    ("", {"a": [1, {"b/c": None}], "~": 2}), ("/a/0", 1), ("/a/1/b~1c", None), ("/~0", 2), ("/a/2", MISSING), ("/a/-1", MISSING),
    ("/a/x", MISSING), ("/b", MISSING), ("/a/0/c", MISSING), ("/a/٠", MISSING),
])  # fmt: skip
def test_places_in_a_message(pointer, found):
    assert at({"a": [1, {"b/c": None}], "~": 2}, pointer) == found
