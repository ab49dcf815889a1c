"""Each preset from the browser's way there to the session, over our HTTP: as the provider is, and as it is imitated on this machine."""

from dataclasses import replace

import pytest

from adapters.outbound.system_clock import SystemClock
from app.testing import backend
from domain.accounts.presets import PRESETS
from domain.actor import SYSTEM
from tests.contract.test_oauth_sign_in import PASSWORD, RETURN, USERS, Browser, identities
from tests.contract.test_presets import ANN, KNOWN
from tests.provider import CLIENT, Manner, serving
from tests.provider.imitations import imitate, moved, secret_of


@pytest.fixture(scope="module")
def provider():
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def room(provider):
    presets = {name: moved(preset, provider.home) for name, preset in PRESETS.items()}
    # No database could tell anything new here: test_oauth_sign_in is on all of them.
    with backend(clock=SystemClock(), loopback_providers=True, presets=presets) as room:
        room.accounts.create_admin("root@example.org", PASSWORD)
        room.collections.create(USERS, actor=SYSTEM)
        yield room


@pytest.fixture(scope="module")
def admin(room):
    browser = Browser(room)
    return browser, browser.signed_in("root@example.org", "_admins")


@pytest.fixture
def known(provider, admin, request):
    """The provider behaves as this preset's, and owners have named it."""
    name = request.param
    preset = imitate(provider, name)
    browser, token = admin
    body = {"issuer": preset.issuer, "preset": name, "client_id": CLIENT, "client_secret": secret_of(preset), "return_to": [RETURN]}
    named = browser("PUT", f"/api/v1/auth/users/providers/{name}", body, token)
    assert named.status_code == 200, named.get_data(as_text=True)
    assert named.get_json()["scopes"] == list(PRESETS[name].scopes)
    yield name
    provider.manner = Manner()


@pytest.mark.parametrize("known", PRESETS, indirect=True)
def test_people_sign_in_by_each(room, provider, known):
    where, subject, email = KNOWN[known]
    # One server plays them all, so its people are told apart.
    number, address = str(1_000 + list(PRESETS).index(known)), f"ann-{known}@example.org"
    provider.person = replace(ANN, subject=number, email=address)
    browser = Browser(room)
    # Whom nobody vouches for brings an address of their own, which is not verified by that.
    values = {"name": "Ann"} | ({} if email else {"email": address})
    signed = browser.signs_in(provider, known, values=values)
    assert signed.status_code == 200, signed.get_data(as_text=True)
    account, token = signed.get_json()["account"], signed.get_json()["access_token"]
    assert (account["email"], account["verified"]) == (address, bool(email))
    linked = [(each["issuer"], each["subject"]) for each in identities(browser, token)]
    assert linked == [(provider.home + where, subject.replace(ANN.subject, number))]
    again = Browser(room).signs_in(provider, known)
    assert again.get_json()["account"]["id"] == account["id"]


@pytest.mark.parametrize("known", ["apple"], indirect=True)
def test_the_name_of_a_first_sign_in_is_kept(provider, known, room):
    """Apple tells it once, through the browser, with an address that is nobody's."""
    provider.person = replace(ANN, subject="named", email="first@example.org", name="")
    account = Browser(room).signs_in(provider, known).get_json()["account"]
    assert (account["name"], account["email"]) == ("Ann Ames", "first@example.org")


@pytest.mark.parametrize("known", ["google"], indirect=True)
def test_what_the_app_says_of_a_new_account_goes_before(provider, known, room):
    provider.person = replace(ANN, subject="other", email="other@example.org")
    assert Browser(room).signs_in(provider, known, values={"name": "Bea"}).get_json()["account"]["name"] == "Bea"


@pytest.mark.parametrize("known", ["apple"], indirect=True)
def test_a_secret_that_cannot_sign_is_refused_when_it_is_given(known, admin, provider):
    browser, token = admin
    body = {"issuer": provider.home, "preset": known, "client_id": CLIENT, "client_secret": "a word", "return_to": [RETURN]}
    refused = browser("PUT", f"/api/v1/auth/users/providers/{known}", body, token)
    assert (refused.status_code, refused.get_json()["errors"][0]["pointer"]) == (400, "/client_secret")
    assert "a word" not in refused.get_data(as_text=True)
