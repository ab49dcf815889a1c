"""Each preset against a real server that has the provider's quirks; and that without the handling of each the sign-in goes wrong."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from adapters.outbound.http_oauth import HttpProviderDoor
from adapters.outbound.pyjwt_id_tokens import PyjwtIdTokens
from adapters.outbound.system_clock import SystemClock
from app.testing import Noticed
from app.usecases.oauth import Client, ProviderTalks
from domain.accounts.identities import STANDARD, Identity, verified_email
from domain.accounts.oauth import authorization_address, begun, is_itself
from domain.accounts.presets import POST, PRESETS
from domain.errors import Invalid, Problem
from tests.provider import CLIENT, TENANT, Manner, Person, serving
from tests.provider.imitations import MANNERS, TEAM, apple_secret, imitate, secret_of

BEGAN = begun(b"s" * 32, b"n" * 32, b"v" * 32)
CALLBACK = "https://app.example.org/callback"
ANN = Person("583231", "ann@example.org", name="Ann Ames")
# Who Ann is to each, by the provider's own words: issuer below its home, subject, address that counts.
KNOWN = {
    "google": ("", "583231", "ann@example.org"),
    "github": ("", "583231", "ann@example.org"),
    "apple": ("", "583231", "ann@example.org"),
    "microsoft": (f"/{TENANT}/v2.0", "583231", "ann@example.org"),
    "gitlab": ("", "583231", "ann@example.org"),
    "facebook": ("", "583231", ""),
    "discord": ("", "583231", "ann@example.org"),
    "x": ("", "583231", ""),
    "linkedin": ("", "583231", "ann@example.org"),
    "slack": ("", f"{TEAM}-583231", "ann@example.org"),
    "spotify": ("", "583231", ""),
    "twitch": ("", "583231", "ann@example.org"),
    "bitbucket": ("", "583231", "ann@example.org"),
}
TALKS = ProviderTalks(HttpProviderDoor(loopback=True), PyjwtIdTokens(), SystemClock(), Noticed(), loopback=True)


@pytest.fixture(scope="module")
def provider():
    with serving() as running:
        yield running


@contextmanager
def imitating(provider, name, person=ANN, **changes):
    """The preset, while the provider behaves as that one does."""
    provider.person = person
    preset = imitate(provider, name)
    provider.manner = replace(provider.manner, **changes)
    yield preset
    provider.manner = Manner()


def signed_in(provider, preset, secret="", **answered):
    client = Client(preset.issuer, CLIENT, secret or secret_of(preset), CALLBACK, preset)
    issuer = TALKS.issuer(client)
    address = authorization_address(issuer, BEGAN, client_id=CLIENT, callback=CALLBACK, scopes=preset.scopes)
    answer = provider.consent(address).fields
    assert answer["state"] == BEGAN.state
    return TALKS.identity(client, issuer, BEGAN, answer | answered)


def who(provider, preset):
    """The identity, or that there is none."""
    try:
        found = signed_in(provider, preset)
    except (Problem, AssertionError):
        return None
    return found.issuer, found.subject, found.email


def test_every_preset_is_imitated():
    assert set(PRESETS) == set(MANNERS) == set(KNOWN)


@pytest.mark.parametrize("name", PRESETS)
def test_who_came_back_is_learned(provider, name):
    where, subject, email = KNOWN[name]
    with imitating(provider, name) as preset:
        assert who(provider, preset) == (provider.home + where, subject, email)


@dataclass(frozen=True)
class Naive:
    """A client that does not know of a quirk: what it leaves out of the preset, for whom, and what it then takes them for."""

    name: str
    without: dict[str, Any]
    verified: Any = True
    email: str = "ann@example.org"
    manner: Any = None
    taken_for: tuple[str, str] | None = None  # subject and address; nobody, where it fails


def reading(name, **without):
    return {"reading": replace(PRESETS[name].reading, **without)}


def known(name, **without):
    return lambda preset: {"known": replace(preset.known, **without)}


NAIVE = [
    Naive("google", reading("google", email=verified_email), email="ann@elsewhere.example", manner={"claims": {}},
          taken_for=("583231", "ann@elsewhere.example")),
    Naive("google", reading("google", issuer=STANDARD.issuer), manner={"issuer": "{host}", "document_issuer": "{home}"}),
    Naive("github", reading("github", subject=lambda claims: claims["login"]), taken_for=("ann", "ann@example.org")),
    Naive("github", reading("github", email=lambda claims: claims["email"]), taken_for=("583231", "shown@example.org")),
    Naive("github", reading("github", email=lambda claims: claims["emails"][0]["email"]), taken_for=("583231", "old@example.org")),
    Naive("github", reading("github", email=lambda claims: claims["emails"][2]["email"]), verified=False,
          taken_for=("583231", "ann@example.org")),
    Naive("apple", {"asks": ()}),
    Naive("apple", {"secret": POST}),
    Naive("apple", reading("apple", email=verified_email), verified="true", taken_for=("583231", "")),
    Naive("apple", reading("apple", email=lambda claims: claims["email"] if claims["email_verified"] else ""), verified="false",
          taken_for=("583231", "ann@example.org")),
    Naive("microsoft", {"is_own": is_itself}),
    Naive("microsoft", reading("microsoft", issuer=STANDARD.issuer)),
    Naive("microsoft", reading("microsoft", issuer=lambda awaited, token: token.claims["iss"]), manner={"issuer": "https://evil.example"},
          taken_for=("583231", "ann@example.org")),
    Naive("microsoft", reading("microsoft", issuer=lambda awaited, token: token.claims["iss"]),
          manner={"key_issuer": "{home}/00000000-0000-0000-0000-000000000000/v2.0"}, taken_for=("583231", "ann@example.org")),
    Naive("microsoft", reading("microsoft", email=lambda claims: claims["email"]), manner={"claims": {"tid": TENANT}},
          taken_for=("583231", "ann@example.org")),
    Naive("facebook", reading("facebook", email=verified_email), taken_for=("583231", "ann@example.org")),
    Naive("facebook", {"proves": None}),
    Naive("discord", reading("discord", email=lambda claims: claims["email"]), verified=False, taken_for=("583231", "ann@example.org")),
    Naive("discord", {"reading": STANDARD}),
    Naive("x", {"secret": POST}),
    Naive("x", {"reading": STANDARD}),
    Naive("linkedin", {"reading": STANDARD}),
    Naive("linkedin", {"proof": True}),
    Naive("slack", {"reading": STANDARD}, taken_for=("583231", "ann@example.org")),
    Naive("spotify", {"secret": POST}),
    Naive("spotify", reading("spotify", email=verified_email), taken_for=("583231", "ann@example.org")),
    Naive("twitch", {"asks": ()}, taken_for=("583231", "")),
    Naive("twitch", {"scopes": ("openid",)}, taken_for=("583231", "")),
    Naive("bitbucket", {"secret": POST}),
    Naive("bitbucket", reading("bitbucket", email=lambda claims: claims["emails"]["values"][2]["email"]), verified=False,
          taken_for=("583231", "ann@example.org")),
]  # fmt: skip


@pytest.mark.parametrize("naive", NAIVE, ids=lambda each: f"{each.name}-{'-'.join(each.without)}")
def test_without_the_handling_of_a_quirk_it_goes_wrong(provider, naive):
    person = replace(ANN, email=naive.email, verified=naive.verified)
    with imitating(provider, naive.name, person, **(naive.manner or {})) as preset:
        wrong, right = who(provider, replace(preset, **naive.without)), who(provider, preset)
    assert (wrong[1:] if wrong else None) == naive.taken_for
    assert wrong != right


# What only the other side of the table can say: people whose address does not count, and that they are signed in without it.
@pytest.mark.parametrize("name, person, manner", [
    ("google", {"email": "ann@elsewhere.example"}, {"claims": {}}), ("google", {"verified": False}, {}),
    ("github", {"verified": False}, {}), ("github", {"verified": "true"}, {}),
    ("apple", {"verified": "false"}, {}), ("apple", {"verified": False}, {}),
    ("microsoft", {"verified": True}, {"claims": {"tid": TENANT}}), ("microsoft", {}, {"claims": {"tid": TENANT, "xms_edov": False}}),
    ("microsoft", {}, {"claims": {"tid": TENANT, "xms_edov": "0"}}), ("gitlab", {"verified": False}, {}), ("facebook", {}, {}),
    ("discord", {"verified": False}, {}), ("discord", {"email": None}, {}), ("linkedin", {"verified": "false"}, {}),
    ("slack", {"verified": None}, {}), ("spotify", {}, {}), ("twitch", {"verified": False}, {}), ("bitbucket", {"verified": False}, {}),
    ("bitbucket", {"email": None}, {}),
])  # fmt: skip
def test_an_address_that_the_provider_does_not_vouch_for_is_none(provider, name, person, manner):
    with imitating(provider, name, replace(ANN, **person), **manner) as preset:
        found = signed_in(provider, preset)
    assert (found.subject, found.email) == (KNOWN[name][1], "")


@pytest.mark.parametrize("said", [True, 1, "1", "true"])
def test_microsoft_says_that_a_domain_is_known_in_many_ways(provider, said):
    with imitating(provider, "microsoft", claims={"tid": TENANT, "xms_edov": said}) as preset:
        assert signed_in(provider, preset).email == "ann@example.org"


@pytest.mark.parametrize("claims", [
    {"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}, {"tid": None}, {"tid": "."}, {"tid": f"{TENANT}/v2.0/../{TENANT}"}, {"tid": 1},
])  # fmt: skip
def test_a_token_of_another_tenant_is_refused(provider, claims):
    with imitating(provider, "microsoft", claims={"xms_edov": True} | claims) as preset, pytest.raises(Invalid):
        signed_in(provider, preset)


def test_a_tenant_of_ones_own_is_the_only_one(provider):
    with imitating(provider, "microsoft", document_issuer=f"{{home}}/{TENANT}/v2.0") as preset:
        own = replace(preset, issuer=f"{provider.home}/{TENANT}/v2.0")
        assert signed_in(provider, own).issuer == own.issuer
        other = "9188040d-6c67-4c5b-b112-36a304b66dad"
        provider.manner = replace(provider.manner, issuer=f"{{home}}/{other}/v2.0", claims={"tid": other})
        with pytest.raises(Invalid):
            signed_in(provider, own)


def test_the_name_of_a_first_sign_in_is_kept_and_its_address_is_not(provider):
    with imitating(provider, "apple", replace(ANN, name="", email=None)) as preset:
        assert signed_in(provider, preset) == Identity(provider.home, "583231", "", "Ann Ames")
        for user in ("", "{", "[]", '{"name": null}', '{"name": {"firstName": 1, "lastName": "\\n"}}', "[" * 5_000):
            assert signed_in(provider, preset, user=user).name in ("", "1")
    with imitating(provider, "apple", replace(ANN, name=""), user_field=None) as preset:
        assert signed_in(provider, preset).name == ""


@pytest.mark.parametrize("secret", ["", "word", "[]", '{"team_id": "T"}', apple_secret(team_id=""), apple_secret(private_key="word")])
def test_a_secret_that_cannot_sign_is_refused_before_anybody_is_asked(provider, secret):
    with imitating(provider, "apple") as preset, pytest.raises(Invalid) as refused:
        TALKS.check_secret(Client(preset.issuer, CLIENT, secret, CALLBACK, preset))
    assert refused.value.faults[0].pointer == "/client_secret"
    assert "word" not in refused.value.detail


@pytest.mark.parametrize("changed", [{"team_id": "OTHER"}, {"key_id": "OTHER"}])
def test_a_secret_of_another_team_signs_nobody_in(provider, changed):
    with imitating(provider, "apple") as preset:
        TALKS.check_secret(Client(preset.issuer, CLIENT, apple_secret(), CALLBACK, preset))
        with pytest.raises(Invalid):
            signed_in(provider, preset, apple_secret(**changed))


@pytest.mark.parametrize("name", PRESETS)
def test_a_code_is_good_once_and_a_wrong_secret_for_nothing(provider, name):
    with imitating(provider, name) as preset:
        if name != "apple":
            assert who(provider, replace(preset)) is not None
            with pytest.raises(Problem):
                signed_in(provider, preset, "another secret")
        with pytest.raises(Invalid):
            signed_in(provider, preset, code="bad")


@pytest.mark.parametrize("name", [name for name in PRESETS if PRESETS[name].known])
@pytest.mark.parametrize("endpoint, ill", [("user", "huge"), ("user", "away"), ("user", "html"), ("user", "error")])
def test_answers_about_people_that_mean_harm_are_none(provider, name, endpoint, ill):
    with imitating(provider, name, ills={endpoint: ill}) as preset, pytest.raises(Problem):
        signed_in(provider, preset)
    assert ("GET", "/inside") not in provider.asked


@pytest.mark.parametrize("emails", [None, [], {}, "x", [None], [{"primary": True, "verified": True}], {"values": "x"}, {"values": [[]]}])
@pytest.mark.parametrize("name", ["github", "bitbucket"])
def test_addresses_that_are_none_are_none(provider, name, emails):
    with imitating(provider, name, emails=lambda person: emails if emails is not None else {}) as preset:
        assert signed_in(provider, preset).email == ""


@pytest.mark.parametrize("told", [[], "x", {}, {"id": None}, {"id": True}, {"id": ""}, {"id": "a\nb"}, {"id": {}}, {"data": []}])
@pytest.mark.parametrize("name", [name for name in PRESETS if PRESETS[name].known])
def test_somebody_without_an_id_is_nobody(provider, name, told):
    with imitating(provider, name, profile=lambda person: told) as preset, pytest.raises(Invalid):
        signed_in(provider, preset)


def test_a_provider_that_names_itself_is_held_to_it(provider):
    with imitating(provider, "github", iss_parameter="https://evil.example") as preset, pytest.raises(Invalid):
        signed_in(provider, preset)


def test_the_unverified_are_told_by_no_reading_of_ours():
    """A preset that takes any address for verified would be found here."""
    for name, preset in PRESETS.items():
        for said in ({"email": "a@example.org"}, {"email": "a@gmail.com", "email_verified": False, "verified": False, "hd": "x"}):
            assert preset.reading.email(said) == "", name
