"""Signing in with a provider that is a real server, on every database: who becomes whose account, and who does not."""

import base64
import hashlib
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from adapters.outbound.system_clock import SystemClock
from app.testing import backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.provider import CLIENT, SECRET, Person, serving

FACTS, PASSWORD = RequestFacts("POST"), "a stillroom of herbs"
RETURN, AUTH = "https://app.example.org/in", "/api/v1/auth"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
USERS = {
    "name": "users", "type": "accounts", "fields": [{"name": "name", "type": "text"}],
    "rules": {"list": "", "view": "", "create": "@request.context = 'oauth2'", "update": "id = @request.auth.id"},
}  # fmt: skip


@pytest.fixture(scope="module")
def providers():
    with serving() as first, serving() as second:
        yield first, second


@pytest.fixture
def room(database_url):
    with backend(database=database_url, clock=SystemClock(), loopback_providers=True) as room:
        room.accounts.create_admin("root@example.org", PASSWORD)
        room.collections.create(USERS, actor=SYSTEM)
        yield room


class Browser:
    """One that goes where it is sent, and keeps its cookies."""

    def __init__(self, room):
        self.web = client(room)

    def __call__(self, method, path, body=None, token=None, **more):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.web.open(path, method=method, json=body, headers=headers, base_url="https://127.0.0.1", **more)

    def signed_in(self, identity, collection="users", password=PASSWORD):
        sent = {"identity": identity, "password": password}
        return self("POST", f"{AUTH}/{collection}/sign-in", sent).get_json()["access_token"]

    def goes(self, name="acme", c="users", **asked):
        query = urlencode({"return_to": RETURN, "challenge": CHALLENGE, **asked})
        return self("GET", f"{AUTH}/{c}/oauth/{name}?{query}")

    def brings(self, brought, name="acme", c="users", **changed):
        fields, path = brought.fields | changed, f"{AUTH}/{c}/oauth/{name}/callback"
        if brought.method == "POST":
            return self.web.post(path, data=fields, base_url="https://127.0.0.1")
        return self("GET", f"{path}?{urlencode(fields)}")

    def returns(self, provider, name="acme", **asked):
        """What the app finds in its address."""
        gone = self.goes(name, **asked)
        assert gone.status_code == 303, gone.get_data(as_text=True)
        return back(self.brings(provider.consent(gone.headers["Location"]), name))

    def exchanges(self, code, verifier=VERIFIER, token=None, c="users", **more):
        return self("POST", f"{AUTH}/{c}/oauth/exchange", {"code": code, "verifier": verifier, **more}, token)

    def signs_in(self, provider, name="acme", **more):
        return self.exchanges(self.returns(provider, name)["code"], **more)


def back(response):
    assert response.status_code == 303, response.get_data(as_text=True)
    address, _, query = response.headers["Location"].partition("?")
    assert address == RETURN
    return dict(parse_qsl(query))


def settings(provider, **changes):
    return {"issuer": provider.home, "client_id": CLIENT, "client_secret": SECRET, "return_to": [RETURN], **changes}


def named(room, provider, name="acme", **changes):
    admin = Browser(room)
    token = admin.signed_in("root@example.org", "_admins")
    made = admin("PUT", f"{AUTH}/users/providers/{name}", settings(provider, **changes), token)
    assert made.status_code == 200, made.get_data(as_text=True)
    return made.get_json()


@pytest.fixture
def acme(room, providers):
    named(room, providers[0])
    providers[0].person = Person("s-1", email="ann@example.org")
    return providers[0]


@pytest.fixture
def browser(room, acme):
    return Browser(room)


def made_user(room, email="ann@example.org", verified=False):
    return room.records.create("users", {"email": email, "password": PASSWORD, "verified": verified}, actor=SYSTEM, facts=FACTS).id


def identities(browser, token):
    return browser("GET", f"{AUTH}/users/identities", token=token).get_json()["items"]


# --- who becomes whose account


def test_a_stranger_gets_an_account_and_comes_back_to_it(browser, acme, room):
    signed = browser.signs_in(acme, values={"name": "Ann"})
    assert signed.status_code == 200, signed.get_data(as_text=True)
    account = signed.get_json()["account"]
    assert (account["email"], account["verified"], account["name"]) == ("ann@example.org", True, "Ann")
    again = Browser(room).signs_in(acme)
    assert again.get_json()["account"]["id"] == account["id"]
    assert "refresh_token" in again.get_json()
    [identity] = identities(browser, again.get_json()["access_token"])
    assert (identity["issuer"], identity["subject"], identity["provider"]) == (acme.home, "s-1", "acme")
    assert identity["used"] > identity["created"]
    assert browser("GET", f"{AUTH}/users/sessions", token=again.get_json()["access_token"]).get_json()["items"][0]["method"] == "oauth2"


def test_the_account_is_the_persons_whatever_address_comes_later(browser, acme):
    first = browser.signs_in(acme).get_json()["account"]["id"]
    acme.person = Person("s-1", email="other@example.org")
    assert browser.signs_in(acme).get_json()["account"]["id"] == first
    acme.person = Person("s-2", email="ann@example.org")
    assert browser.signs_in(acme).get_json()["account"]["id"] == first, "both prove the address"
    acme.person = Person("S-1", email="third@example.org")
    assert browser.signs_in(acme).get_json()["account"]["id"] != first


def test_a_verified_account_is_found_by_its_address(browser, acme, room):
    user = made_user(room, "Ann@Example.org", verified=True)
    assert browser.signs_in(acme).get_json()["account"]["id"] == user
    assert browser.signed_in("ann@example.org"), "its password is its own"


@pytest.mark.parametrize("verified", [False, "false", "true", None, 0])
def test_an_address_that_is_not_vouched_for_finds_nobody(browser, acme, room, verified):
    user = made_user(room, verified=True)
    acme.person = Person("s-9", email="ann@example.org", verified=verified)
    code = browser.returns(acme)["code"]
    refused = browser.exchanges(code, values={"email": "ann@example.org"})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "not_unique")
    missing = browser.exchanges(code).get_json()
    assert [each["pointer"] for each in missing["errors"]] == ["/values/email"]
    made = browser.exchanges(code, values={"email": "new@example.org"}).get_json()["account"]
    assert (made["id"] != user, made["verified"]) == (True, False)


def test_a_verified_sign_in_ends_what_was_planted(browser, acme, room, providers):
    """O01 and O02: somebody signs up with another's address, and leaves every way in that there is."""
    planter, (_, second) = Browser(room), providers
    user = made_user(room)
    token = planter.signed_in("ann@example.org")
    named(room, second, "other")
    second.person = Person("evil", email="evil@example.org")
    url = planter("POST", f"{AUTH}/users/oauth/other/link", {"return_to": RETURN, "challenge": CHALLENGE}, token).get_json()["url"]
    gone = planter("GET", url.partition("example.org")[2] if "example.org" in url else url)
    linked = back(planter.brings(second.consent(gone.headers["Location"]), "other"))
    assert planter.exchanges(linked["code"], token=token).status_code == 204
    assert len(identities(planter, token)) == 1
    planter("POST", f"{AUTH}/users/factors/totp", token=token)
    signed = browser.signs_in(acme).get_json()
    assert (signed["account"]["id"], signed["account"]["verified"]) == (user, True)
    assert planter("GET", f"{AUTH}/users/me", token=token).status_code == 401
    assert planter("POST", f"{AUTH}/users/sign-in", {"identity": "ann@example.org", "password": PASSWORD}).status_code == 401
    assert [each["provider"] for each in identities(browser, signed["access_token"])] == ["acme"]
    assert Browser(room).signs_in(second, "other", values={}).get_json()["account"]["id"] != user


def test_a_new_password_by_letter_ends_what_was_planted(browser, acme, room):
    """Somebody signs up by an identity of theirs with the address of another, who finds an account there and resets its password."""
    acme.person = Person("evil", email="evil@example.org", verified=False)
    planted = browser.signs_in(acme, values={"email": "ann@example.org"}).get_json()["account"]["id"]
    Browser(room)("POST", f"{AUTH}/users/password-reset", {"email": "ann@example.org"})
    room.mail.deliver()
    token = re.search(r"token=([\w-]+)", room.post.letters[-1].text)[1]
    reset = Browser(room)("POST", f"{AUTH}/users/password-reset/confirm", {"token": token, "password": PASSWORD})
    assert reset.status_code == 204, reset.get_data(as_text=True)
    assert browser.signed_in("ann@example.org")
    again = browser.signs_in(acme, values={"email": "evil@example.org"})
    assert again.get_json()["account"]["id"] != planted


def test_the_create_rule_binds_sign_ups(browser, acme, room):
    closed = {**USERS["rules"], "create": "@request.body.name = 'Ann'"}
    room.collections.change("users", {"rules": closed}, actor=SYSTEM)
    code = browser.returns(acme)["code"]
    assert browser.exchanges(code, values={"name": "Eve"}).get_json()["code"] == "forbidden"
    for name in ("password", "email", "verified", "id", "epoch", "nothing"):
        refused = browser.exchanges(code, values={"name": "Ann", name: "x"})
        assert refused.status_code == 400, name
        assert refused.get_json()["errors"][0]["pointer"] == f"/values/{name}"
    assert browser.exchanges(code, values={"name": "Ann"}).status_code == 200


def test_nobody_signs_up_where_they_may_not(room, acme, browser):
    named(room, acme, sign_up=False)
    refused = browser.signs_in(acme)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "sign_up_refused")
    user = made_user(room, verified=True)
    assert browser.signs_in(acme).get_json()["account"]["id"] == user


def test_the_auth_rule_binds_this_way_in_too(browser, acme, room):
    room.collections.change("users", {"rules": {**USERS["rules"], "auth": "name = 'Ann'"}}, actor=SYSTEM)
    assert browser.signs_in(acme, values={"name": "Eve"}).get_json()["code"] == "sign_in_refused"
    assert room.work.read(lambda stores: stores.accounts.count(stores.schema.collection("users"))) == 0, "nothing is kept of a refusal"


# --- the way there and back


def test_an_answer_is_good_once_and_for_its_browser(browser, acme, room):
    gone = browser.goes()
    cookie = gone.headers["Set-Cookie"]
    assert cookie.startswith("__Host-oauth=")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=None", "Path=/", "Max-Age=600"))
    brought = acme.consent(gone.headers["Location"])
    other = Browser(room)
    other.goes()
    assert other.brings(brought).status_code == 400
    assert browser.brings(brought).status_code == 400, "it is gone: another browser had it"
    brought = acme.consent(browser.goes().headers["Location"])
    assert "code" in back(browser.brings(brought))
    assert browser.brings(brought).status_code == 400
    for state in ("", "x", "s" * 43):
        assert browser.brings(brought, state=state).status_code == 400


def test_an_answer_to_one_provider_is_none_to_another(browser, acme, room, providers):
    named(room, providers[1], "other")
    brought = acme.consent(browser.goes().headers["Location"])
    assert browser.brings(brought, "other").status_code == 400


def test_pages_on_the_way_are_kept_by_nobody(browser, acme):
    gone = browser.goes()
    for response in (gone, browser.brings(acme.consent(gone.headers["Location"]))):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "token" not in response.headers["Location"]


ELSEWHERE = [
    "//evil", "https://evil.example/in", "https://app.example.org@evil.example/in", "javascript:alert(1)", "/\\evil", "/in",
    "https://app.example.org/in/", "https://app.example.org/in?x=1", "https://app.example.org/%69n", "HTTPS://app.example.org/in",
    "https://app.example.org/in#x", " https://app.example.org/in", "https://app.example.org:443/in", "",
]  # fmt: skip


def test_people_are_sent_back_to_the_list_alone(browser):
    for address in ELSEWHERE:
        refused = browser.goes(return_to=address)
        assert (refused.status_code, refused.get_json()["errors"][0]["pointer"]) == (400, "/return_to")


NO_CHALLENGES = ["", "x", "v" * 44, "+" * 43]  # fmt: skip


def test_the_way_there_needs_a_challenge(browser):
    for challenge in NO_CHALLENGES:
        assert browser.goes(challenge=challenge).get_json()["code"] == "invalid_challenge"


def test_a_code_is_for_whoever_has_the_verifier(browser, acme):
    code = browser.returns(acme)["code"]
    assert browser.exchanges(code, "w" * 43).get_json()["code"] == "invalid_one_time"
    assert browser.exchanges(code).get_json()["code"] == "invalid_one_time", "whoever guessed had found it"
    code = browser.returns(acme)["code"]
    assert browser.exchanges(code).status_code == 200
    assert browser.exchanges(code).get_json()["code"] == "invalid_one_time"
    assert browser.exchanges(code, c="_admins").status_code in (401, 404)


def test_what_the_provider_refuses_is_told_to_the_app(browser, acme):
    went = lambda: dict(parse_qsl(urlsplit(browser.goes().headers["Location"]).query))["state"]
    come = lambda **fields: back(browser("GET", f"{AUTH}/users/oauth/acme/callback?{urlencode({'state': went(), **fields})}"))
    assert come(error="access_denied") == {"error": "access_denied", "provider": "acme"}
    assert come(error="<script>", error_description="x")["error"] == "identity_refused"
    assert come(code="never given out")["error"] == "identity_refused"
    assert come()["error"] == "identity_refused"


OTHER_CLAIMS = [{"iss": "https://evil.example"}, {"aud": "another"}, {"nonce": "x"}, {"at_hash": "x"}, {"exp": 1}]  # fmt: skip


def test_a_token_for_something_else_signs_nobody_in(browser, acme):
    for claims in OTHER_CLAIMS:
        with acme.behaving(claims=claims):
            assert browser.returns(acme) == {"error": "identity_refused", "provider": "acme"}


ILLS = [({"token": "huge"}, "provider_unavailable"), ({"token": "away"}, "provider_unavailable"),
                                         ({"keys": "error"}, "provider_unavailable")]  # fmt: skip


def test_a_provider_that_is_ill_signs_nobody_in(browser, acme):
    for ills, error in ILLS:
        gone = browser.goes()
        brought = acme.consent(gone.headers["Location"])
        with acme.behaving(ills=ills):
            assert back(browser.brings(brought))["error"] == error


def test_an_answer_by_a_form_is_taken(browser, acme, room):
    gone = browser.goes().headers["Location"]
    brought = acme.consent(gone + "&response_mode=form_post")
    assert brought.method == "POST"
    assert browser.exchanges(back(browser.brings(brought))["code"]).status_code == 200
    path = f"{AUTH}/users/oauth/acme/callback"
    assert browser("POST", path, {"state": "x"}).status_code == 415
    assert browser.web.post(path, data={"state": ["x", "y"]}, base_url="https://127.0.0.1").status_code == 400
    assert browser.web.post(path, data={f"n{at}": "x" for at in range(40)}, base_url="https://127.0.0.1").status_code == 400


def test_a_browser_may_have_its_session_in_cookies(browser, acme):
    signed = browser.exchanges(browser.returns(acme)["code"], mode="cookie")
    assert (signed.status_code, "access_token" in signed.get_json()) == (201, False)
    assert any(each.startswith("__Host-stillroom_access=") for each in signed.headers.getlist("Set-Cookie"))


def test_a_second_factor_is_asked_for_afterwards(browser, acme, room):
    import pyotp

    first = browser.signs_in(acme).get_json()
    token = first["access_token"]
    secret = browser("POST", f"{AUTH}/users/factors/totp", token=token).get_json()["secret"]
    confirmed = browser("POST", f"{AUTH}/users/factors/totp/confirm", {"code": pyotp.TOTP(secret).now()}, token)
    assert confirmed.status_code == 200, confirmed.get_data(as_text=True)
    asked = Browser(room).signs_in(acme)
    assert (asked.status_code, asked.get_json()["code"]) == (401, "second_factor_required")


# --- linking


def links(browser, provider, token, name="acme"):
    asked = browser("POST", f"{AUTH}/users/oauth/{name}/link", {"return_to": RETURN, "challenge": CHALLENGE}, token)
    assert asked.status_code == 200, asked.get_data(as_text=True)
    parts = urlsplit(asked.get_json()["url"])
    gone = browser("GET", f"{parts.path}?{parts.query}")
    return back(browser.brings(provider.consent(gone.headers["Location"]), name))["code"]


def test_an_account_links_and_unlinks_an_identity(browser, acme, room):
    user = made_user(room, "bea@example.org", verified=True)
    token = browser.signed_in("bea@example.org")
    assert browser.exchanges(links(browser, acme, token), token=token).status_code == 204
    assert browser.signs_in(acme).get_json()["account"]["id"] == user
    [identity] = identities(browser, token)
    assert browser("DELETE", f"{AUTH}/users/identities/{identity['id']}", token=token).status_code == 204
    assert browser("DELETE", f"{AUTH}/users/identities/{identity['id']}", token=token).status_code == 404
    assert browser.signs_in(acme).get_json()["account"]["id"] != user


def test_a_link_is_for_the_account_that_asked(browser, acme, room):
    for name in ("bea", "eve"):
        made_user(room, f"{name}@example.org", verified=True)
    bea, eve = browser.signed_in("bea@example.org"), browser.signed_in("eve@example.org")
    for token, status in ((eve, 403), (None, 401)):
        assert browser.exchanges(links(browser, acme, bea), token=token).status_code == status
    assert browser.exchanges(links(browser, acme, bea), token=bea).status_code == 204
    taken = browser.exchanges(links(browser, acme, eve), token=eve)
    assert (taken.status_code, taken.get_json()["code"]) == (409, "identity_taken")
    assert identities(browser, eve) == []
    [identity] = identities(browser, bea)
    assert browser("DELETE", f"{AUTH}/users/identities/{identity['id']}", token=eve).status_code == 404


def test_the_last_way_in_stays(browser, acme):
    signed = browser.signs_in(acme).get_json()
    [identity] = identities(browser, signed["access_token"])
    refused = browser("DELETE", f"{AUTH}/users/identities/{identity['id']}", token=signed["access_token"])
    assert (refused.status_code, refused.get_json()["code"]) == (409, "last_way_in")
    assert len(identities(browser, signed["access_token"])) == 1


# --- providers


def test_owners_name_providers_and_never_see_the_secret(room, acme, browser):
    token = browser.signed_in("root@example.org", "_admins")
    listed = browser("GET", f"{AUTH}/users/providers", token=token)
    assert SECRET not in listed.get_data(as_text=True)
    assert listed.get_json()["items"][0]["issuer"] == acme.home
    offered = browser("GET", f"{AUTH}/users/methods").get_json()
    assert (offered["password"], offered["providers"]) == (True, [{"name": "acme", "preset": None, "sign_up": True}])
    without = {key: value for key, value in settings(acme, scopes=["openid"]).items() if key != "client_secret"}
    assert browser("PUT", f"{AUTH}/users/providers/acme", without, token).get_json()["scopes"] == ["openid"]
    assert browser.signs_in(acme, values={"email": "x@example.org"}).status_code in (200, 400), "the secret stayed"
    assert browser("DELETE", f"{AUTH}/users/providers/acme", token=token).status_code == 204
    assert browser.goes().status_code == 404
    audit = browser("GET", "/api/v1/audit", token=token).get_json()["items"]
    assert {"provider.saved", "provider.removed"} <= {each["action"] for each in audit}


def test_a_secret_does_not_move_to_another_issuer(room, acme, browser, providers):
    token = browser.signed_in("root@example.org", "_admins")
    moved = {**settings(providers[1]), "client_secret": None}
    del moved["client_secret"]
    refused = browser("PUT", f"{AUTH}/users/providers/acme", moved, token)
    assert (refused.status_code, refused.get_json()["errors"][0]["pointer"]) == (400, "/client_secret")


UNFIT = [
    ({"client_id": ""}, "/client_id"), ({"client_id": None}, "/client_id"), ({"issuer": None}, "/issuer"),
    ({"issuer": "ftp://x"}, "/issuer"),
    ({"issuer": "https://10.0.0.1\\x"}, "/issuer"), ({"preset": "gogle"}, "/preset"), ({"return_to": []}, "/return_to"),
    ({"return_to": "x"}, "/return_to"), ({"return_to": ["javascript:alert(1)"]}, "/return_to/0"),
    ({"return_to": [RETURN, "http://app.example.org"]}, "/return_to/1"), ({"return_to": ["https://a@b/"]}, "/return_to/0"),
    ({"return_to": ["https://app.example.org/#x"]}, "/return_to/0"), ({"return_to": ["data:text/html,x"]}, "/return_to/0"),
    ({"scopes": ["a b"]}, "/scopes"), ({"scopes": []}, "/scopes"), ({"sign_up": "yes"}, "/sign_up"), ({"secret": "x"}, "/secret"),
    ({"client_secret": ""}, "/client_secret"),
]  # fmt: skip


def test_what_could_not_be_signed_in_with_is_refused(room, providers):
    for changes, pointer in UNFIT:
        browser = Browser(room)
        token = browser.signed_in("root@example.org", "_admins")
        refused = browser("PUT", f"{AUTH}/users/providers/acme", settings(providers[0], **changes), token)
        assert (refused.status_code, refused.get_json()["errors"][0]["pointer"]) == (400, pointer), refused.get_data(as_text=True)
        assert browser("GET", f"{AUTH}/users/providers", token=token).get_json()["items"] == []


def test_an_issuer_that_is_none_is_refused(room, providers):
    browser = Browser(room)
    token = browser.signed_in("root@example.org", "_admins")
    with providers[0].behaving(document_issuer="https://evil.example"):
        assert browser("PUT", f"{AUTH}/users/providers/acme", settings(providers[0]), token).status_code == 400
    gone = settings(providers[0], issuer="http://127.0.0.1:9/")
    assert browser("PUT", f"{AUTH}/users/providers/acme", gone, token).status_code == 503
