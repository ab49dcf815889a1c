"""Passkeys over HTTP with an authenticator of our own: what a true one does is taken, and every lie refused; on every database."""

import pytest

from adapters.outbound.webauthn_passkeys import WebauthnPasskeys
from app import testing
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.authenticator import PRESENT, Authenticator
from tests.migrated import migrated_file

PASSWORD = "a quiet room at the back"
ORIGIN, HOST = "https://planes.example", "planes.example"
AUTH = "/api/v1/auth/users"


class Person:
    def __init__(self, room, email="ann@example.org", auth=AUTH):
        self.web, self.email, self.auth = testing.client(room), email, auth
        values, name = {"email": email, "password": PASSWORD}, auth.rpartition("/")[2]
        self.id = room.records.create(name, values, actor=SYSTEM, facts=RequestFacts("POST")).id
        self.token = self.sign_in().get_json()["access_token"]

    def post(self, path, body=None, token=""):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.web.post(f"{self.auth}/{path}", json=body, headers=headers)

    def sign_in(self):
        return self.post("sign-in", {"identity": self.email, "password": PASSWORD})

    def register(self, passkey, name="phone", **lies):
        asked = self.post("factors/passkeys", token=self.token).get_json()
        credential = passkey.create(asked["options"], **lies)
        return self.post("factors/passkeys/confirm", {"ticket": asked["ticket"], "name": name, "credential": credential}, self.token)

    def challenge(self, ticket=None):
        return self.post("passkey", {"ticket": ticket} if ticket else {}).get_json()

    def show(self, passkey, ticket=None, **lies):
        asked = self.challenge(ticket)
        return self.post("factors/confirm", {"ticket": asked["ticket"], "passkey": passkey.get(asked["options"], **lies)})


@pytest.fixture(params=["sqlite", "postgresql"])
def room(request, tmp_path):
    url = request.getfixturevalue("postgres_migrated_url") if request.param == "postgresql" else migrated_file(tmp_path / "data.db")
    with testing.backend(database=url) as room:
        for name in ("users", "others"):
            room.collections.create({"name": name, "type": "accounts"}, actor=SYSTEM)
        yield room


@pytest.fixture
def ann(room):
    return Person(room)


@pytest.fixture
def passkey(ann):
    made = Authenticator(ORIGIN, HOST)
    answer = ann.register(made)
    assert answer.status_code == 201, answer.get_json()
    assert len(answer.get_json()["recovery_codes"]) == 10
    return made


def refused(answer):
    return answer.status_code, answer.get_json()["code"]


def test_a_passkey_ends_a_sign_in_and_signs_in_by_itself(ann, passkey):
    asked = ann.sign_in()
    assert refused(asked) == (401, "second_factor_required")
    assert asked.get_json()["factors"] == ["passkey", "recovery_code"]
    assert ann.challenge(asked.get_json()["ticket"])["options"]["allowCredentials"][0]["type"] == "public-key"
    assert ann.show(passkey, asked.get_json()["ticket"]).status_code == 200
    alone = ann.show(passkey)
    assert (alone.status_code, alone.get_json()["account"]["id"]) == (200, ann.id)


def test_a_challenge_for_nobody_names_nobody(ann, passkey):
    """E07"""
    assert ann.challenge()["options"]["allowCredentials"] == []


LIES = {
    "origin": {"origin": "https://p1anes.example"}, "host": {"host": "evil.example"}, "challenge": {"challenge": "A" * 43},
    "unverified": {"flags": PRESENT}, "counter": {"counter": 0}, "handle": {"handle": "A" * 43}, "nameless": {"handle": ""},
}  # fmt: skip


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("lie", LIES)
def test_no_lie_signs_in(ann, passkey, lie):
    """A17"""
    ann.show(passkey)
    assert refused(ann.show(passkey, **LIES[lie])) == (401, "invalid_factor")
    if lie != "nameless":  # a second factor knows whose it has to be
        assert refused(ann.show(passkey, ann.sign_in().get_json()["ticket"], **LIES[lie])) == (401, "invalid_factor")
    assert ann.show(passkey).status_code == 200


@pytest.mark.parametrize("lie", ["origin", "host", "challenge", "unverified"])
def test_no_lie_is_registered(ann, lie):
    """A17"""
    assert refused(ann.register(Authenticator(ORIGIN, HOST), **LIES[lie])) == (400, "invalid_passkey")
    assert ann.sign_in().status_code == 200


def test_an_answer_is_good_once_and_for_five_minutes(room, ann, passkey):
    """A17"""
    asked = ann.challenge()
    body = {"ticket": asked["ticket"], "passkey": passkey.get(asked["options"])}
    assert [ann.post("factors/confirm", body).status_code for _ in range(2)] == [200, 401]
    late = ann.challenge()
    room.clock.advance(minutes=5)
    body = {"ticket": late["ticket"], "passkey": passkey.get(late["options"])}
    assert refused(ann.post("factors/confirm", body)) == (401, "invalid_one_time")


def test_a_passkey_is_of_its_own_account_and_collection(room, ann, passkey):
    """A18"""
    bob, carol = Person(room, "bob@example.org"), Person(room, "carol@example.org", "/api/v1/auth/others")
    own = Authenticator(ORIGIN, HOST)
    bob.register(own)
    assert refused(ann.show(own, ann.sign_in().get_json()["ticket"])) == (401, "invalid_factor")
    assert refused(carol.show(own)) == (401, "invalid_factor")
    assert refused(carol.post("factors/confirm", {"ticket": bob.challenge()["ticket"], "passkey": {}})) == (401, "invalid_one_time")
    assert bob.show(own).get_json()["account"]["id"] == bob.id


@pytest.mark.parametrize("answer", [
    {}, {"id": 1}, {"id": "x" * 5000}, {"response": None}, {"id": "é"}, {"response": {"userHandle": 7, "clientDataJSON": "{"}},
])  # fmt: skip
def test_what_is_no_answer_is_refused(ann, passkey, answer):
    asked = ann.challenge()
    whole = {**passkey.get(asked["options"]), **answer} if answer else {}
    assert refused(ann.post("factors/confirm", {"ticket": asked["ticket"], "passkey": whole})) == (401, "invalid_factor")
    asked = ann.post("factors/passkeys", token=ann.token).get_json()
    credential = {**Authenticator(ORIGIN, HOST).create(asked["options"]), **(answer or {"id": None, "rawId": None, "response": {}})}
    told = ann.post("factors/passkeys/confirm", {"ticket": asked["ticket"], "name": "x", "credential": credential}, ann.token)
    assert refused(told) == (400, "invalid_passkey")


def test_passkeys_are_named_listed_and_removed(ann, passkey):
    assert ann.register(Authenticator(ORIGIN, HOST), name="key").status_code == 201
    bearer = {"Authorization": f"Bearer {ann.token}"}
    listed = ann.web.get(f"{AUTH}/factors", headers=bearer).get_json()["passkeys"]
    assert [each["name"] for each in listed] == ["phone", "key"]
    assert refused(ann.register(passkey)) == (400, "invalid_passkey")  # it is there
    assert ann.web.delete(f"{AUTH}/factors/passkeys/{listed[0]['id']}", headers=bearer).status_code == 204
    assert refused(ann.show(passkey)) == (401, "invalid_factor")
    assert refused(ann.sign_in()) == (401, "second_factor_required")
    assert ann.web.delete(f"{AUTH}/factors/passkeys/{listed[1]['id']}", headers=bearer).status_code == 204
    assert ann.sign_in().status_code == 200


def test_a_passkey_steps_up(room, ann, passkey):
    room.clock.advance(minutes=11)
    assert refused(ann.post("factors/passkeys", token=ann.token)) == (403, "step_up_required")
    asked = ann.challenge()
    body = {"ticket": asked["ticket"], "passkey": passkey.get(asked["options"])}
    assert ann.post("step-up", body, ann.token).status_code == 204
    assert refused(ann.post("step-up", body, ann.token)) == (401, "invalid_one_time")
    assert ann.post("factors/passkeys", token=ann.token).status_code == 201


def test_what_has_its_own_address_is_no_passkey(ann):
    allowed = ann.web.options(f"{AUTH}/factors/passkeys/confirm").headers["Allow"].replace(" ", "").split(",")
    assert sorted(allowed) == ["OPTIONS", "POST"]


def test_challenges_are_limited():
    with testing.backend(limits="sign-in=10/minute") as room:
        room.collections.create({"name": "users", "type": "accounts"}, actor=SYSTEM)
        web = testing.client(room)
        assert [web.post(f"{AUTH}/passkey").status_code for _ in range(31)] == [200] * 30 + [429]


@pytest.mark.parametrize(
    ("origin", "is_taken"),
    [(ORIGIN, True), (f"https://app.{HOST}", True), (f"https://{HOST}:8443", True), (f"https://bad{HOST}", False),
     (f"https://other.{HOST}", False)],
)
def test_pages_of_origins_that_are_named_and_below_the_host_may_use_them(origin, is_taken):
    named = (f"https://app.{HOST}", f"https://{HOST}:8443", f"https://bad{HOST}")
    judge, challenge = WebauthnPasskeys(ORIGIN, named), b"c" * 32
    made = Authenticator(origin, HOST)
    options = judge.registration(challenge, handle=b"h" * 32, name="Ann", there=())
    assert (judge.registered(made.create(options), challenge) is not None) == is_taken


def test_a_passkey_is_called_otherwise_by_its_owner_alone(room, ann, passkey):
    bea = Person(room, "bea@example.org")
    listed = lambda: ann.web.get(f"{AUTH}/factors", headers={"Authorization": f"Bearer {ann.token}"}).get_json()["passkeys"]
    path = f"{AUTH}/factors/passkeys/{listed()[0]['id']}"
    rename = lambda person, name: person.web.patch(path, json={"name": name}, headers={"Authorization": f"Bearer {person.token}"})
    assert rename(ann, "work phone").get_json()["name"] == "work phone"
    assert rename(bea, "mine").status_code == 404
    assert rename(ann, "two\nlines").get_json()["errors"][0]["code"] == "invalid_passkey_name"
    assert [each["name"] for each in listed()] == ["work phone"]


def test_who_registers_a_passkey_is_anonymous_no_more(room):
    room.collections.create({"name": "guests", "type": "accounts", "anonymous": {"days": 30}}, actor=SYSTEM)
    web, auth = testing.client(room), "/api/v1/auth/guests"
    signed = web.post(f"{auth}/anonymous", json={}).get_json()
    bearer = {"Authorization": f"Bearer {signed['access_token']}"}
    asked = web.post(f"{auth}/factors/passkeys", headers=bearer).get_json()
    body = {"ticket": asked["ticket"], "name": "phone", "credential": Authenticator(ORIGIN, HOST).create(asked["options"])}
    assert web.post(f"{auth}/factors/passkeys/confirm", json=body, headers=bearer).status_code == 201
    assert (signed["account"]["anonymous"], web.get(f"{auth}/me", headers=bearer).get_json()["anonymous"]) == (True, False)
