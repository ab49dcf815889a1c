"""A code exchanged with providers that are real servers on this machine: good ones, forging ones, and two at a time."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache

import pytest

from adapters.outbound.http_oauth import HttpProviderDoor
from adapters.outbound.pyjwt_id_tokens import PyjwtIdTokens
from adapters.outbound.system_clock import SystemClock
from app.testing import Noticed
from app.usecases.oauth import Client, ProviderFailed, ProviderTalks
from domain.accounts.identities import Identity
from domain.accounts.oauth import authorization_address, begun
from domain.errors import Invalid, Unavailable
from tests.provider import CLIENT, FORGED, SECRET, Person, serving

BEGAN = begun(b"s" * 32, b"n" * 32, b"v" * 32)
NOTICED = Noticed()
CALLBACK = "https://app.example.org/callback"


@pytest.fixture(scope="module")
def providers():
    with ExitStack() as stack:
        yield [stack.enter_context(serving()) for _ in range(2)]


@pytest.fixture
def provider(providers):
    return providers[0]


@cache
def talks(seconds=5.0):
    return ProviderTalks(HttpProviderDoor(loopback=True, seconds=seconds), PyjwtIdTokens(), SystemClock(), NOTICED, loopback=True)


def client(provider, **changes):
    return Client(**{"issuer": provider.home, "id": CLIENT, "secret": SECRET, "callback": CALLBACK} | changes)


def brought(provider, **changes):
    """What the browser brings back from there."""
    asked = authorization_address(talks().issuer(client(provider)), BEGAN, client_id=CLIENT, callback=CALLBACK, scopes=["openid", "email"])
    return provider.consent(asked).fields | changes


def came_back(provider, answer=None, began=BEGAN, **changes):
    answer = brought(provider) if answer is None else answer
    asking, app = talks(), client(provider, **changes)
    return asking.identity(app, asking.issuer(app), began, answer)


def test_who_came_back_is_learned(provider):
    assert came_back(provider) == Identity(provider.home, "s-1", "ann@example.org")


def test_elliptic_keys_are_read(provider):
    with provider.behaving(signing="ES256"):
        assert came_back(provider).subject == "s-1"


@pytest.mark.parametrize("claims", [
    {"iss": "https://evil.example"}, {"iss": None}, {"aud": "app-2"}, {"aud": ["app-1", "app-2"]}, {"azp": "app-2"}, {"nonce": "x"},
    {"nonce": None}, {"exp": 1}, {"iat": 9_999_999_999}, {"nbf": 9_999_999_999}, {"at_hash": "x"}, {"sub": None}, {"sub": ""},
])  # fmt: skip
def test_a_token_for_something_else_is_refused(provider, claims):
    with provider.behaving(claims=claims), pytest.raises(Invalid):
        came_back(provider)


@pytest.mark.parametrize("signing", FORGED)
def test_a_forged_token_is_refused(provider, signing):
    with provider.behaving(signing=signing), pytest.raises(Invalid):
        came_back(provider)


def test_no_address_that_a_token_brings_is_asked(provider):
    with provider.behaving(signing="jku"), pytest.raises(Invalid):
        came_back(provider)
    assert {path for _, path in provider.asked} <= {"/.well-known/openid-configuration", "/authorize", "/token", "/keys"}


@pytest.mark.parametrize("verified", [False, "false", "true", None, 1])
def test_an_unverified_address_is_none(provider, verified):
    provider.people["unsure"] = Person("s-2", verified=verified)
    asked = authorization_address(talks().issuer(client(provider)), BEGAN, client_id=CLIENT, callback=CALLBACK, scopes=["openid"])
    assert came_back(provider, provider.consent(f"{asked}&login_hint=unsure").fields) == Identity(provider.home, "s-2")


def test_a_code_that_the_provider_refuses_signs_nobody_in(provider):
    answer = brought(provider)
    for changed in ({"code": "bad"}, {"code": ""}):
        with pytest.raises(Invalid):
            came_back(provider, answer | changed)
    with pytest.raises(Invalid):
        came_back(provider, answer, began=begun(b"s" * 32, b"n" * 32, b"w" * 32))
    with pytest.raises(Invalid):
        came_back(provider, brought(provider), callback="https://app.example.org/other")
    with pytest.raises(Invalid):
        came_back(provider, brought(provider), secret="another")


@pytest.mark.parametrize("wrong, changed, reason", [
    ({"secret": "another"}, {}, "the provider answered 400: invalid_client"),
    ({}, {"error_status": 401, "error_body": {"error_description": "a secret word"}}, "the provider answered 401: invalid_grant"),
    ({}, {"error_status": 200}, "it gives no `id_token`: invalid_grant"),
    ({}, {"error_status": 500}, "the provider answered 500"),
])  # fmt: skip
def test_operators_are_told_why(provider, wrong, changed, reason):
    answer = brought(provider) | ({} if wrong else {"code": "spent"})
    NOTICED.observations.clear()
    with provider.behaving(**changed), pytest.raises((Invalid, Unavailable)):
        came_back(provider, answer, **wrong)
    assert NOTICED.observations == [ProviderFailed(provider.home, reason)]


@pytest.mark.parametrize("changed, reason", [
    ({"claims": {"nonce": "x"}}, "its id token is not the answer to this sign-in"),
    ({"signing": "none"}, "the provider's token is not good: ValueError"),
    ({"iss_parameter": "https://evil.example"}, "it is not named by whoever was asked"),
])  # fmt: skip
def test_operators_are_told_what_is_wrong_with_an_answer(provider, changed, reason):
    NOTICED.observations.clear()
    with provider.behaving(**changed), pytest.raises(Invalid):
        came_back(provider)
    assert NOTICED.observations == [ProviderFailed(provider.home, reason)]


def test_a_code_is_good_once(provider):
    answer = brought(provider)
    came_back(provider, answer)
    with pytest.raises(Invalid):
        came_back(provider, answer)


@pytest.mark.parametrize("announced, said, good", [
    (True, "{home}", True), (True, None, False), (False, "{home}", True), (False, "https://evil.example", False), (True, "", False),
])  # fmt: skip
def test_who_answers_is_who_was_asked(provider, announced, said, good):
    with provider.behaving(announces_iss=announced, iss_parameter=said):
        answer = brought(provider)
        before = len(provider.asked)
        if good:
            assert came_back(provider, answer).subject == "s-1"
        else:
            with pytest.raises(Invalid):
                came_back(provider, answer)
            assert ("POST", "/token") not in provider.asked[before:], "another's code was handed over"


@pytest.mark.parametrize("endpoint", ["discovery", "token", "keys"])
@pytest.mark.parametrize("ill", ["huge", "away", "packed", "html", "error"])
def test_answers_that_mean_harm_are_none(provider, endpoint, ill):
    answer = brought(provider)
    with provider.behaving(ills={endpoint: ill}), pytest.raises(Unavailable):
        came_back(provider, answer)
    assert ("GET", "/inside") not in provider.asked


@pytest.mark.parametrize("ill", ["hanging", "dripping"])
def test_a_provider_that_hangs_is_left(provider, ill):
    began = time.monotonic()
    with provider.behaving(ills={"discovery": ill}), pytest.raises(Unavailable):
        talks(seconds=0.3).issuer(client(provider))
    assert time.monotonic() - began < 3


def test_a_provider_that_is_gone_is_told_as_such():
    with pytest.raises(Unavailable):
        talks().issuer(Client("http://127.0.0.1:1", "app-1", "", ""))


def test_two_providers_in_parallel_are_never_mixed_up(providers):
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda each: came_back(providers[each % 2]).issuer, range(50)))
    assert found == [providers[each % 2].home for each in range(50)]
