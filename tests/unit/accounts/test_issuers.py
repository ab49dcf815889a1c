"""What a token of another issuer must say, and when its issuer is asked for keys."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from domain.accounts.identities import SignedToken
from domain.accounts.issuers import (
    APART,
    FRESH,
    LONGEST_LIFE,
    STALE,
    Claimed,
    Keys,
    TrustedIssuer,
    claimed,
    statement_of,
    trusted_for,
)
from domain.errors import Unauthenticated

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
AT = int(NOW.timestamp())
BY = TrustedIssuer("https://id.example.org", "users", "my-api")
SOUND = {"iss": BY.issuer, "aud": "my-api", "sub": "s-1", "iat": AT, "exp": AT + 600}


def test_a_token_for_us_is_believed_though_nobody_looked_at_it_before():
    said = statement_of(SignedToken(SOUND, "RS256"), BY, NOW)
    assert (said.subject, said.expires, said.email) == ("s-1", AT + 600, "")
    assert statement_of(SignedToken(SOUND | {"aud": ["x", "my-api"], "sub": 7}, "RS256"), BY, NOW).subject == "7"


@pytest.mark.parametrize("changed", [
    {"iss": "https://id.example.org/"}, {"iss": None}, {"aud": "my-api "}, {"aud": ["x"]}, {"aud": None}, {"sub": None}, {"exp": AT - 61},
    {"iat": AT + 61}, {"nbf": AT + 61}, {"exp": AT + LONGEST_LIFE.total_seconds() + 1}, {"exp": 10**400},
])  # fmt: skip
def test_no_other_token_is(changed):
    with pytest.raises(Unauthenticated):
        statement_of(SignedToken(SOUND | changed, "RS256"), BY, NOW)


def written(header, claims):
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in (header, claims))
    return ".".join((*parts, "x"))


def test_whom_to_ask_is_read_from_the_token_and_nothing_else():
    assert claimed(written({"alg": "RS256", "kid": "k"}, SOUND)) == Claimed("k", BY.issuer, ("my-api",))
    assert claimed(written({"alg": "ES256", "kid": ["k"]}, SOUND | {"aud": [1, "a"]})) == Claimed(None, BY.issuer, ("a",))
    for header in ({"alg": "EdDSA"}, {"alg": "none"}, {"alg": "HS256"}, {"alg": ["RS256"]}, {"alg": None}, {}, []):
        assert claimed(written(header, SOUND)) is None
    for claims in ([], "x", None, 7):
        assert claimed(written({"alg": "RS256"}, claims)) is None


def test_an_issuer_is_chosen_by_its_whole_name_and_one_audience():
    staff = TrustedIssuer(BY.issuer, "staff", "staff-api")
    assert trusted_for(Claimed(None, BY.issuer, ("x", "staff-api")), (BY, staff)) == staff
    for said in (Claimed(None, BY.issuer, ()), Claimed(None, BY.issuer + "/", ("my-api",)), Claimed(None, BY.issuer, ("my",))):
        assert trusted_for(said, (BY, staff)) is None


def test_keys_are_asked_for_when_they_are_old_or_lack_one_and_never_often():
    fresh = Keys(({"kid": "k"},), NOW, NOW)
    assert Keys().is_to_be_asked("k", NOW)
    assert not Keys((), None, NOW).is_to_be_asked("k", NOW + APART - timedelta(seconds=1))
    assert not fresh.is_to_be_asked("k", NOW + FRESH - timedelta(seconds=1))
    assert fresh.is_to_be_asked("k", NOW + FRESH)
    assert fresh.is_to_be_asked("other", NOW + APART)
    assert not fresh.is_to_be_asked("other", NOW + APART - timedelta(seconds=1))
    assert not fresh.is_to_be_asked(None, NOW + APART)
    assert fresh.are_good(NOW + STALE - timedelta(seconds=1))
    assert not fresh.are_good(NOW + STALE)
