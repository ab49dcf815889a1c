"""Tokens of an issuer that is a real server on this machine: which are believed, which not, and how often it is asked for its keys."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache

import jwt
import pytest

from adapters.outbound.http_oauth import HttpProviderDoor
from adapters.outbound.memory.clock import ToldClock
from adapters.outbound.pyjwt_id_tokens import PyjwtIdTokens
from app.testing import Noticed
from app.usecases.foreign_tokens import ForeignTokens
from app.usecases.issuer_keys import IssuerKeys, IssuerSilent
from domain.accounts.issuers import APART, FRESH, STALE, TrustedIssuer
from domain.errors import Unauthenticated, Unavailable
from tests.provider import FORGED, serving
from tests.provider.signing import stranger

AUDIENCE = "my-api"
KEYS = ("GET", "/keys")


@pytest.fixture(scope="module")
def provider():
    with serving() as running:
        yield running


@pytest.fixture
def clock():
    return ToldClock(datetime.now(UTC))


@pytest.fixture
def foreign(provider, clock):
    provider.asked.clear()
    return reading(provider, clock)


@cache
def door(seconds):
    return HttpProviderDoor(loopback=True, seconds=seconds)


def reading(provider, clock, seconds=5.0):
    trusted = (TrustedIssuer(provider.home, "users", AUDIENCE), TrustedIssuer(provider.home, "staff", "staff-api"))
    keys = IssuerKeys(door(seconds), [provider.home], clock, Noticed(), loopback=True)
    return ForeignTokens(keys, PyjwtIdTokens(), trusted, clock)


def token(provider, clock, signing="RS256", **changed):
    now = int(clock.now().timestamp())
    claims = {"iss": provider.home, "aud": AUDIENCE, "sub": "s-1", "iat": now, "exp": now + 600} | changed
    return provider.keys.token({name: value for name, value in claims.items() if value is not ...}, signing)


def asked(provider):
    return provider.asked.count(KEYS)


def test_a_token_of_a_trusted_issuer_is_believed(provider, foreign, clock):
    said = foreign.read(token(provider, clock, email="ann@example.org", email_verified=True, name="Ann"))
    assert (said.subject, said.email, said.name, said.by.collection) == ("s-1", "ann@example.org", "Ann", "users")
    assert foreign.read(token(provider, clock, signing="ES256")).subject == "s-1"


def test_the_audience_says_which_collection(provider, foreign, clock):
    assert foreign.read(token(provider, clock, aud="staff-api")).by.collection == "staff"
    assert foreign.read(token(provider, clock, aud=["other", AUDIENCE])).by.collection == "users"


def test_it_is_verified_once(provider, foreign, clock, monkeypatch):
    text, times = token(provider, clock), []
    signed = PyjwtIdTokens.signed
    monkeypatch.setattr(PyjwtIdTokens, "signed", lambda *given: times.append(1) or signed(*given))
    assert {foreign.read(text).subject for _ in range(5)} == {"s-1"}
    assert (len(times), asked(provider)) == (1, 1)


@pytest.mark.parametrize("signing", FORGED)
def test_a_forged_token_is_refused(provider, foreign, clock, signing):
    """Where it says that it is signed by none of the algorithms of others, it is left to whoever reads ours, and refused there."""
    left = signing == "none" or signing.startswith("HS256")
    assert refusal(foreign, token(provider, clock, signing)) == ("not one of others" if left else "invalid_token")
    assert {path for _, path in provider.asked} <= {"/.well-known/openid-configuration", "/keys"}


@pytest.mark.parametrize("changed", [
    {"iss": "https://evil.example"}, {"iss": ...}, {"aud": "app-2"}, {"aud": ...}, {"aud": []}, {"aud": {AUDIENCE: 1}}, {"sub": ...},
    {"sub": ""}, {"sub": ["s-1"]}, {"sub": "s" * 256}, {"exp": ...}, {"exp": "9999999999"}, {"exp": -1}, {"exp": 10**400}, {"exp": True},
    {"exp": 9_999_999_999}, {"iat": ...}, {"iat": 9_999_999_999}, {"iat": -10_000_000_000}, {"nbf": 9_999_999_999}, {"nbf": "0"},
    {"exp": float("nan")}, {"exp": float("inf")}, {"iat": float("-inf")},
])  # fmt: skip
def test_a_token_that_is_not_for_us_now_is_refused(provider, foreign, clock, changed):
    with pytest.raises(Unauthenticated):
        foreign.read(token(provider, clock, **changed))


def test_it_ends_at_its_time_though_it_is_known(provider, foreign, clock):
    text = token(provider, clock)
    assert foreign.read(text).subject == "s-1"
    clock.advance(minutes=9, seconds=59)
    assert foreign.read(text).subject == "s-1"
    clock.advance(seconds=1)
    with pytest.raises(Unauthenticated) as late:
        foreign.read(text)
    assert late.value.code == "token_expired"


def test_a_key_that_is_taken_back_ends_what_it_signed(provider, foreign, clock):
    text = token(provider, clock, exp=int(clock.now().timestamp()) + 3_000)
    assert foreign.read(text).subject == "s-1"
    provider.keys.rotate("k2")
    try:
        clock.advance(seconds=FRESH.total_seconds() - 1)
        assert foreign.read(text).subject == "s-1"
        clock.advance(seconds=1)
        with pytest.raises(Unauthenticated):
            foreign.read(text)
    finally:
        provider.keys.rotate("k1")


def test_a_new_key_is_asked_for_once(provider, foreign, clock):
    foreign.read(token(provider, clock))
    clock.advance(seconds=APART.total_seconds())
    provider.keys.rotate("k3")
    try:
        assert foreign.read(token(provider, clock)).subject == "s-1"
        assert asked(provider) == 2
    finally:
        provider.keys.rotate("k1")


def test_invented_keys_do_not_make_us_ask_again_and_again(provider, foreign, clock):
    good = token(provider, clock)
    foreign.read(good)
    clock.advance(seconds=APART.total_seconds())
    for each in range(50):
        invented = jwt.encode(jwt.decode(good, options={"verify_signature": False}), stranger(), "RS256", {"kid": f"../../dev/null{each}"})
        assert refusal(foreign, invented) == "invalid_token"
    assert asked(provider) == 2
    assert foreign.read(good).subject == "s-1"


def test_many_at_once_ask_once(provider, foreign, clock):
    texts = [token(provider, clock, sub=f"s-{each}") for each in range(20)]
    with ThreadPoolExecutor(4) as pool:  # no more may wait while the keys are asked for
        assert [said.subject for said in pool.map(foreign.read, texts)] == [f"s-{each}" for each in range(20)]
    assert asked(provider) == 1


def test_while_the_issuer_is_silent_its_keys_are_good_for_a_while(provider, foreign, clock):
    text = token(provider, clock, exp=int(clock.now().timestamp()) + 20_000)
    foreign.read(text)
    with provider.behaving(ills={"discovery": "error"}):
        clock.advance(seconds=STALE.total_seconds() - 1)
        assert foreign.read(text).subject == "s-1"
        clock.advance(seconds=1)
        with pytest.raises(Unavailable):
            foreign.read(text)
    clock.advance(seconds=APART.total_seconds())
    assert foreign.read(text).subject == "s-1"


@pytest.mark.parametrize("endpoint", ["discovery", "keys"])
@pytest.mark.parametrize("ill", ["huge", "away", "packed", "html", "error"])
def test_keys_that_do_not_come_whole_are_none(provider, foreign, clock, endpoint, ill):
    with provider.behaving(ills={endpoint: ill}), pytest.raises(Unavailable):
        foreign.read(token(provider, clock))
    assert ("GET", "/inside") not in provider.asked


def test_an_issuer_that_hangs_holds_up_one(provider, clock):
    foreign = reading(provider, clock, seconds=0.5)
    began = time.monotonic()
    with provider.behaving(ills={"discovery": "hanging"}), ThreadPoolExecutor(8) as pool:
        refused = list(pool.map(lambda each: refusal(foreign, token(provider, clock, sub=str(each))), range(40)))
    assert set(refused) == {"issuer_silent"}
    assert time.monotonic() - began < 3


def test_an_issuer_that_hangs_leaves_room_for_others(provider, clock):
    """Whoever invents tokens in its name holds up half of a worker's eight threads and no more."""
    foreign, took = reading(provider, clock, seconds=2.0), []

    def ask(at):
        began = time.monotonic()
        refused = refusal(foreign, token(provider, clock, sub=str(at)))
        took.append(time.monotonic() - began)
        return refused

    with provider.behaving(ills={"discovery": "hanging"}), ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"issuer_silent"}
    assert sum(each < 1 for each in took) == 4


def test_who_speaks_for_another_issuer_is_not_heard(provider, foreign, clock):
    with provider.behaving(document_issuer="https://evil.example"), pytest.raises(Unavailable):
        foreign.read(token(provider, clock))


def test_that_an_issuer_is_silent_is_told_without_its_address_being_shown(provider, clock):
    noticed = Noticed()
    keys = IssuerKeys(HttpProviderDoor(), [provider.home], clock, noticed)
    with pytest.raises(Unavailable) as refused:
        keys.of(provider.home, None)
    assert provider.home not in refused.value.detail
    assert isinstance(noticed.observations[0], IssuerSilent)


def test_ours_are_left_to_us(provider, foreign, clock):
    """And what is no token of anybody."""
    for text in ("", "a.b.c", "..", "x" * 9_000, token(provider, clock, "none"), "\udc00.a.b"):
        assert foreign.read(text) is None
    nobody = ForeignTokens(IssuerKeys(HttpProviderDoor(), [], clock, Noticed()), PyjwtIdTokens(), (), clock)
    assert nobody.read(token(provider, clock)) is None
    assert provider.asked == []
    assert FRESH < STALE < timedelta(days=1)


def refusal(foreign, text):
    try:
        return "taken" if foreign.read(text) else "not one of others"
    except (Unauthenticated, Unavailable) as refused:
        return refused.code
