"""What must hold of a provider's token before it is believed."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.accounts.identities import Awaited, Identity, SignedToken, identity_of
from domain.errors import Invalid

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
ISSUER, CLIENT, NONCE = "https://id.example.org", "app-1", "n-0S6_WzA2Mj"
AWAITED = Awaited(ISSUER, CLIENT, NONCE)
# The example of OpenID Connect Core, A.3.
ACCESS, AT_HASH = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"


def seconds(after):
    return int((NOW + timedelta(seconds=after)).timestamp())


def claims(**changed):
    sound = {"iss": ISSUER, "aud": CLIENT, "sub": "s-1", "nonce": NONCE, "iat": seconds(-5), "exp": seconds(300)}
    return {name: value for name, value in (sound | changed).items() if value is not ...}


def judged(awaited=AWAITED, access=ACCESS, algorithm="RS256", **changed):
    return identity_of(SignedToken(claims(**changed), algorithm), awaited, access_token=access, at=NOW)


@pytest.mark.parametrize("changed", [
    {}, {"aud": [CLIENT]}, {"aud": [CLIENT, "app-2"], "azp": CLIENT}, {"azp": CLIENT}, {"at_hash": AT_HASH}, {"exp": seconds(-59)},
    {"iat": seconds(59)}, {"nbf": seconds(-5)}, {"exp": 10**400}, {"iat": 1.5},
])  # fmt: skip
def test_the_answer_to_this_sign_in_is_believed(changed):
    assert judged(**changed) == Identity(ISSUER, "s-1")


@pytest.mark.parametrize("changed", [
    # Somebody else's, or for somebody else.
    {"iss": "https://evil.example"}, {"iss": ISSUER + "/"}, {"iss": None}, {"iss": ...}, {"iss": [ISSUER]},
    {"aud": "app-2"}, {"aud": ...}, {"aud": []}, {"aud": ["app-2"]}, {"aud": [CLIENT, "app-2"]}, {"aud": [CLIENT, "app-2"], "azp": "app-2"},
    {"azp": "app-2"}, {"azp": None}, {"aud": {CLIENT: 1}},
    # Of another sign-in.
    {"nonce": "other"}, {"nonce": ...}, {"nonce": ""}, {"nonce": None}, {"nonce": [NONCE]}, {"nonce": "\ud800"},
    # Of another time.
    {"exp": seconds(-61)}, {"exp": ...}, {"exp": "9999999999"}, {"exp": True}, {"exp": float("nan")}, {"iat": seconds(61)}, {"iat": ...},
    {"iat": float("nan")}, {"nbf": seconds(61)}, {"nbf": "0"}, {"nbf": None},
    # Of nobody.
    {"sub": ...}, {"sub": ""}, {"sub": None}, {"sub": True}, {"sub": ["s-1"]}, {"sub": "s" * 256}, {"sub": "s\n1"}, {"sub": "\ud800"},
    # With another access token.
    {"at_hash": "other"}, {"at_hash": ""}, {"at_hash": 1}, {"at_hash": AT_HASH + "="}, {"at_hash": "\ud800"},
])  # fmt: skip
def test_no_other_token_is(changed):
    with pytest.raises(Invalid) as refused:
        judged(**changed)
    assert "does not belong to this sign-in" in refused.value.detail


def test_what_cannot_be_checked_is_not_believed():
    with pytest.raises(Invalid):
        judged(algorithm="EdDSA", at_hash=AT_HASH)
    with pytest.raises(Invalid):
        judged(access="", at_hash=AT_HASH)
    with pytest.raises(Invalid):
        judged(access=ACCESS + "x", at_hash=AT_HASH)


@pytest.mark.parametrize("awaited, changed", [
    (Awaited(ISSUER, "", NONCE), {"aud": ""}), (Awaited(ISSUER, CLIENT, ""), {"nonce": ""}), (Awaited(ISSUER, "", NONCE), {"aud": [""]}),
])  # fmt: skip
def test_nothing_answers_a_sign_in_that_awaits_nothing(awaited, changed):
    with pytest.raises(Invalid):
        judged(awaited, **changed)


@pytest.mark.parametrize("said", [False, ..., None, "false", "true", "True", 1, 0, [], {}])
def test_an_address_is_vouched_for_by_true_alone(said):
    assert judged(email="ann@example.org", email_verified=True).email == "ann@example.org"
    assert judged(email="ann@example.org", email_verified=said).email == ""


def test_an_address_is_text():
    assert judged(email=["ann@example.org"], email_verified=True).email == ""
    assert judged(email=..., email_verified=True).email == ""


def test_numbered_people_have_a_subject():
    assert judged(sub=1234567).subject == "1234567"
