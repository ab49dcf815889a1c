"""Signatures of Standard Webhooks, beside the official package and its vectors."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from domain.webhooks.signatures import (
    ID,
    SIGNATURE,
    TIMESTAMP,
    TOLERANCE,
    read_secret,
    sign,
    verify,
    write_secret,
)

# As the standard's own libraries test it.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = write_secret(b"another key of 32 bytes, that is")


def test_the_standards_vector():
    assert sign([SECRET], MESSAGE, AT, BODY) == SIGNED


@pytest.mark.parametrize("secrets", [[SECRET], [SECRET, OTHER], [OTHER, SECRET]])
def test_the_official_package_takes_what_we_sign(secrets):
    now = int(datetime.now(UTC).timestamp())
    headers = {ID: MESSAGE, TIMESTAMP: str(now), SIGNATURE: sign(secrets, MESSAGE, now, BODY)}
    assert Webhook(SECRET).verify(BODY, headers) == {"test": 2432232314}
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + b" ", headers)


def test_we_take_what_the_official_package_signs():
    signature = Webhook(SECRET).sign(MESSAGE, datetime.fromtimestamp(AT, UTC), BODY.decode())
    assert verify([OTHER, SECRET], MESSAGE, str(AT), signature, BODY, AT)


@pytest.mark.parametrize(
    ("message", "at", "signature", "body", "now"),
    [
        ("msg_other", str(AT), SIGNED, BODY, AT),
        (MESSAGE, str(AT + 1), SIGNED, BODY, AT),
        (MESSAGE, str(AT), SIGNED, b'{"test":2432232314}', AT),  # read, and written again
        (MESSAGE, str(AT), "", BODY, AT),
        (MESSAGE, str(AT), SIGNED.removeprefix("v1,"), BODY, AT),
        (MESSAGE, str(AT), SIGNED.replace("v1,", "v1a,"), BODY, AT),
        (MESSAGE, str(AT), SIGNED[:-1], BODY, AT),
        (MESSAGE, str(AT), "v1,é\udc80", BODY, AT),
        (MESSAGE, str(AT), SIGNED, BODY, AT + TOLERANCE + 1),
        (MESSAGE, str(AT), SIGNED, BODY, AT - TOLERANCE - 1),
        (MESSAGE, f" {AT}", SIGNED, BODY, AT),
        (MESSAGE, "٣", SIGNED, BODY, AT),
        ("", str(AT), SIGNED, BODY, AT),
        (MESSAGE, str(AT), "v1,x " * 20 + SIGNED, BODY, AT),  # behind more than are looked at
    ],
)
def test_what_is_not_so_is_refused(message, at, signature, body, now):
    assert verify([SECRET], MESSAGE, str(AT), SIGNED, BODY, AT)
    assert not verify([SECRET], message, at, signature, body, now)


def test_an_id_with_a_point_lets_no_signature_stand_for_two_messages():
    with pytest.raises(ValueError, match="no point"):
        sign([SECRET], "one.1614265330", AT, BODY)
    forged = Webhook(SECRET).sign("one.1", datetime.fromtimestamp(AT, UTC), BODY.decode())
    assert not verify([SECRET], "one.1", str(AT), forged, BODY, AT)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", "whsec_" + base64.b64encode(b"x" * 65).decode(), "not base64!", "é"])
def test_what_is_no_secret(secret):
    with pytest.raises(ValueError, match="secret"):
        read_secret(secret)


def test_a_secret_is_read_as_it_was_written():
    assert read_secret(write_secret(b"k" * 32)) == b"k" * 32
