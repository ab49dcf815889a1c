"""The second factor that has to be there before a session, over HTTP and on every database: by an app, by a passkey, and raced."""

from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest

from app import testing
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.authenticator import Authenticator

PASSWORD = "a quiet room at the back"
AUTH = "/api/v1/auth/staff"
STAFF = {"name": "staff", "type": "accounts", "rules": {"second_factor": ""}}
PARALLEL = 8


@pytest.fixture
def room(database_url):
    with testing.backend(database=database_url) as room:
        room.collections.create(STAFF, actor=SYSTEM)
        values = {"email": "ann@example.org", "password": PASSWORD}
        room.records.create("staff", values, actor=SYSTEM, facts=RequestFacts("POST"))
        yield room


@pytest.fixture
def post(room):
    web = testing.client(room)
    return lambda path, body: web.post(f"{AUTH}/{path}", json=body)


def ticket(post):
    answer = post("sign-in", {"identity": "ann@example.org", "password": PASSWORD})
    told = answer.get_json()
    assert (answer.status_code, told["code"]) == (401, "second_factor_to_set_up")
    return told["ticket"]


def test_an_app_is_set_up_and_ends_the_sign_in(room, post):
    asked = ticket(post)
    proposal = post("factors/enrolment/totp", {"ticket": asked})
    assert (proposal.status_code, proposal.get_json().keys()) == (201, {"secret", "uri", "qr"})
    code = pyotp.TOTP(proposal.get_json()["secret"]).at(room.clock.now())
    ended = post("factors/enrolment/totp/confirm", {"ticket": asked, "code": code}).get_json()
    assert len(ended["recovery_codes"]) == 10
    me = testing.client(room).get(f"{AUTH}/me", headers={"Authorization": f"Bearer {ended['access_token']}"})
    assert me.get_json()["email"] == "ann@example.org"
    assert post("sign-in", {"identity": "ann@example.org", "password": PASSWORD}).get_json()["code"] == "second_factor_required"


def test_a_passkey_is_registered_and_ends_the_sign_in_and_every_later_one(post):
    asked, passkey = ticket(post), Authenticator("https://planes.example", "planes.example")
    proposal = post("factors/enrolment/passkeys", {"ticket": asked}).get_json()
    credential = passkey.create(proposal["options"])
    ended = post("factors/enrolment/passkeys/confirm", {"ticket": asked, "name": "phone", "credential": credential})
    assert (ended.status_code, len(ended.get_json()["recovery_codes"])) == (200, 10)
    challenge = post("passkey", {}).get_json()
    alone = post("factors/confirm", {"ticket": challenge["ticket"], "passkey": passkey.get(challenge["options"])})
    assert (alone.status_code, "recovery_codes" in alone.get_json()) == (200, False)


def test_an_answer_to_another_challenge_is_refused_and_the_ticket_kept(post):
    asked, passkey = ticket(post), Authenticator("https://planes.example", "planes.example")
    first = post("factors/enrolment/passkeys", {"ticket": asked}).get_json()
    second = post("factors/enrolment/passkeys", {"ticket": asked}).get_json()
    send = lambda options: post(
        "factors/enrolment/passkeys/confirm", {"ticket": asked, "name": "phone", "credential": passkey.create(options["options"])}
    )
    assert send(first).get_json()["code"] == "invalid_passkey"
    assert send(second).status_code == 200


def test_of_many_that_use_a_ticket_at_once_one_is_signed_in(room, post):
    asked = ticket(post)
    proposal = post("factors/enrolment/totp", {"ticket": asked}).get_json()
    code = pyotp.TOTP(proposal["secret"]).at(room.clock.now())
    webs = [testing.client(room) for _ in range(PARALLEL)]
    ask = lambda web: web.post(f"{AUTH}/factors/enrolment/totp/confirm", json={"ticket": asked, "code": code})
    with ThreadPoolExecutor(PARALLEL) as threads:
        answers = list(threads.map(ask, webs))
    assert sorted(each.status_code for each in answers) == [200, *[401] * (PARALLEL - 1)]
    staff = room.work.read(lambda stores: stores.schema.collection("staff"))
    id = next(each for each in answers if each.status_code == 200).get_json()["account"]["id"]
    assert len(room.work.read(lambda stores: stores.sessions.of_account(staff, id, "2020"))) == 1


def test_unknown_members_and_kinds_are_refused_by_name(post):
    asked = ticket(post)
    for path, body in (
        ("factors/enrolment/totp", {"ticket": asked, "kode": "1"}), ("factors/enrolment/totp/confirm", {"ticket": asked}),
        ("factors/enrolment/passkeys/confirm", {"ticket": asked, "name": "phone", "credential": 7}),
    ):  # fmt: skip
        assert post(path, body).status_code == 400, path
    cookie = post("factors/enrolment/totp/confirm", {"ticket": asked, "code": "123456", "mode": "biscuit"}).get_json()
    assert cookie["code"] == "invalid_mode"
