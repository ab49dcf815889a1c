"""Signing in, sessions that end, and the first admin, told over the whole backend in memory."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.outbound.memory.passwords import QuickPasswords
from app import testing
from app.usecases.accounts import SignInRefused
from domain.actor import ADMINS, GUEST, SYSTEM, Actor
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="POST")
ANN, PASSWORD = "Ann.Lee@Example.org", "a quiet room at the back"
USERS = {
    "name": "users",
    "type": "accounts",
    "fields": [{"name": "name", "type": "text"}, {"name": "note", "type": "text", "hidden": True}, {"name": "meta", "type": "json"}],
    "rules": {"create": "", "update": "id = @request.auth.id", "delete": "id = @request.auth.id"},
}


@pytest.fixture
def backend():
    with testing.backend() as room:
        room.collections.create(USERS, actor=SYSTEM)
        yield room


@pytest.fixture
def ann(backend):
    return sign_up(backend)


def sign_up(backend, email=ANN, password=PASSWORD, **values):
    return backend.records.create("users", {"email": email, "password": password, **values}, actor=GUEST, facts=FACTS).id


def sign_in(backend, identity=ANN, password=PASSWORD, collection="users"):
    return backend.accounts.sign_in(collection, identity, password, facts=FACTS)


def session(backend, **who):
    return backend.accounts.identify(sign_in(backend, **who).access_token)


def with_auth_rule(backend, rule):
    backend.collections.change("users", {"rules": {**USERS["rules"], "auth": rule}}, actor=SYSTEM)


def told(problem):
    return type(problem), problem.code, problem.detail, problem.hint, problem.faults


# --- signing in


def test_who_signed_up_signs_in_and_is_known_by_the_token(backend, ann):
    signed = sign_in(backend)
    assert signed.expires_in == 900
    actor = backend.accounts.identify(signed.access_token)
    assert (actor, bool(actor.session)) == (Actor("account", ann, "users", 1, actor.session), True)


@pytest.mark.parametrize("identity", [ANN, "ann.lee@example.org", "ANN.LEE@EXAMPLE.ORG", "ａnn.lee@example.org"])
def test_the_address_is_compared_by_its_normalised_form(backend, ann, identity):
    assert sign_in(backend, identity).account.id == ann


def test_a_password_is_one_however_its_letters_were_composed(backend):
    sign_up(backend, password="caf\u00e9 au lait, twice")
    assert sign_in(backend, password="cafe\u0301 au lait, twice").account.as_object()["email"] == ANN


def test_the_account_is_shown_as_its_owner_sees_it_whatever_the_view_rule_says(backend):
    sign_up(backend, name="Ann", meta={"a": [1]})
    shown = sign_in(backend).account
    assert set(shown.names) == {"id", "version", "created", "updated", "email", "email_visible", "verified", "language", "anonymous",
                                "name", "meta"}
    assert (shown.as_object()["email"], shown.as_object()["name"], shown.as_object()["verified"]) == (ANN, "Ann", False)


def test_admins_sign_in_like_everybody_else(backend):
    backend.accounts.create_admin("root@example.org", PASSWORD)
    actor = session(backend, identity="root@example.org", collection=ADMINS)
    assert actor.kind == "admin"
    assert backend.accounts.me(ADMINS, actor=actor).as_object()["email"] == "root@example.org"


WRONG = [
    (ANN, "another password"),
    (ANN, PASSWORD.upper()),
    (ANN, PASSWORD[:-1]),
    (ANN, PASSWORD + " "),
    (ANN, ""),
    ("bob@example.org", PASSWORD),
    ("", PASSWORD),
    ("", ""),
    ("%", PASSWORD),
    ("' OR 1 = 1 --", PASSWORD),
    ("*)(uid=*", PASSWORD),
    ("ann.lee@example.org\0", PASSWORD),
    ("\ud800@example.org", PASSWORD),
    ("a" * 1_000_000, PASSWORD),
]


def test_unknown_accounts_and_wrong_passwords_are_told_exactly_the_same(backend, ann):
    answers = set()
    for identity, password in WRONG:
        with pytest.raises(Unauthenticated) as refused:
            sign_in(backend, identity, password)
        answers.add(told(refused.value))
    assert [answer[1] for answer in answers] == ["invalid_credentials"]


def test_each_of_them_costs_one_comparison(backend, ann, monkeypatch):
    compared = []
    verify = QuickPasswords.verify
    monkeypatch.setattr(QuickPasswords, "verify", lambda self, *pair: compared.append(pair) or verify(self, *pair))
    for identity, password in WRONG:
        with pytest.raises(Unauthenticated):
            sign_in(backend, identity, password)
    assert len(compared) == len(WRONG)


@pytest.mark.parametrize("collection", ["nowhere", "posts", "_meta", "_signing_keys", "", "users;", "Users"])
def test_only_collections_of_accounts_are_signed_in_to(backend, ann, collection):
    backend.collections.create({"name": "posts"}, actor=SYSTEM)
    answers = set()
    for password in (PASSWORD, "another password"):
        with pytest.raises(NotFound) as refused:
            sign_in(backend, password=password, collection=collection)
        answers.add(told(refused.value))
    assert len(answers) == 1


def test_an_account_of_one_collection_is_none_of_another(backend, ann):
    backend.collections.create({"name": "staff", "type": "accounts"}, actor=SYSTEM)
    for other in ("staff", ADMINS):
        with pytest.raises(Unauthenticated):
            sign_in(backend, collection=other)


def test_a_password_that_is_too_long_for_any_account_is_refused_before_it_is_hashed(backend, ann, monkeypatch):
    monkeypatch.setattr(QuickPasswords, "verify", lambda *_: pytest.fail("hashed"))
    with pytest.raises(Invalid) as refused:
        sign_in(backend, password="x" * 1_000_000)
    assert refused.value.code == "too_long"


def test_no_default_account_is_there(backend):
    for name in ("admin", "root", "", "admin@example.org"):
        with pytest.raises(Unauthenticated):
            sign_in(backend, name, name or "", ADMINS)


def test_refusals_are_observed_without_what_was_typed(backend, ann):
    with pytest.raises(Unauthenticated):
        sign_in(backend, password="another password")
    seen = [each for each in backend.observer.observations if isinstance(each, SignInRefused)]
    assert seen == [SignInRefused("users", "credentials")]


# --- the auth rule


@pytest.mark.parametrize("rule, admitted", [
    ("", True),
    ("verified = true", False),
    ("verified = false", True),
    ("name = 'Ann'", True),
    ("note = null", True),
    ("@request.context = 'password'", True),
    ("@request.context = 'oauth2'", False),
    ("@request.auth.id != ''", False),
    ("id = @request.auth.id", False),
    (None, False),
])  # fmt: skip
def test_the_auth_rule_says_which_accounts_sign_in(backend, rule, admitted):
    sign_up(backend, name="Ann")
    with_auth_rule(backend, rule)
    if admitted:
        assert sign_in(backend).account.as_object()["name"] == "Ann"
        return
    with pytest.raises(Forbidden) as refused:
        sign_in(backend)
    assert refused.value.code == "sign_in_refused"


def test_the_auth_rule_tells_nothing_to_those_who_do_not_know_the_password(backend, ann):
    with_auth_rule(backend, None)
    for identity in (ANN, "nobody@example.org"):
        with pytest.raises(Unauthenticated):
            sign_in(backend, identity, "another password")


def test_a_changed_auth_rule_binds_the_next_sign_in(backend, ann):
    sign_in(backend)
    with_auth_rule(backend, None)
    with pytest.raises(Forbidden):
        sign_in(backend)
    with_auth_rule(backend, "")
    assert sign_in(backend).account.id == ann


# --- me, and sessions that end


def test_me_is_the_account_of_the_token(backend, ann):
    shown = backend.accounts.me("users", actor=session(backend))
    assert (shown.id, shown.as_object()["email"]) == (ann, ANN)
    assert "note" not in shown.names


def test_a_guest_has_no_me(backend, ann):
    with pytest.raises(Unauthenticated):
        backend.accounts.me("users", actor=GUEST)


@pytest.mark.parametrize("collection", [ADMINS, "nowhere", ""])
def test_me_of_another_collection_is_refused_whether_it_is_there_or_not(backend, ann, collection):
    with pytest.raises(Forbidden):
        backend.accounts.me(collection, actor=session(backend))


def test_a_token_ends_after_its_quarter_of_an_hour(backend, ann):
    token = sign_in(backend).access_token
    backend.clock.advance(minutes=14, seconds=59)
    assert backend.accounts.identify(token).id == ann
    backend.clock.advance(seconds=1)
    with pytest.raises(Unauthenticated):
        backend.accounts.identify(token)


@pytest.mark.parametrize("change", [{"password": "another quiet room"}, {"email": "lee@example.org"}])
def test_a_new_password_or_address_ends_every_session(backend, ann, change):
    sessions = [session(backend), session(backend)]
    backend.records.update("users", ann, {**change, "old_password": PASSWORD}, actor=sessions[0], facts=FACTS)
    for actor in sessions:
        with pytest.raises(Unauthenticated):
            backend.accounts.me("users", actor=actor)
    again = session(backend, identity=change.get("email", ANN), password=change.get("password", PASSWORD))
    assert (again.id, again.epoch) == (ann, 2)


def test_another_change_ends_none(backend, ann):
    actor = session(backend)
    backend.records.update("users", ann, {"name": "Ann"}, actor=actor, facts=FACTS)
    assert backend.accounts.me("users", actor=actor).as_object()["name"] == "Ann"


def test_a_deleted_account_is_nobody_and_its_id_is_never_given_again(backend, ann):
    actor = session(backend)
    backend.records.delete("users", ann, actor=actor, facts=FACTS)
    again = sign_up(backend)
    assert again != ann
    with pytest.raises(Unauthenticated):
        backend.accounts.me("users", actor=actor)


def test_a_session_ends_with_its_collection(backend, ann):
    actor = session(backend)
    backend.collections.delete("users", actor=SYSTEM)
    with pytest.raises(Unauthenticated):
        backend.accounts.me("users", actor=actor)
    backend.collections.create(USERS, actor=SYSTEM)
    sign_up(backend)
    with pytest.raises(Unauthenticated):
        backend.accounts.me("users", actor=actor)


# --- hashes of other days


class OutdatedPasswords(QuickPasswords):
    """Hashes of another day begin with `old$`; making new ones can be made to fail."""

    fails = False

    def verify(self, password, hashed):
        return super().verify(password, hashed and hashed.replace("old$", "quick$"))

    def hash(self, password):
        if self.fails:
            raise Unavailable("too many passwords at once")
        return super().hash(password)

    def is_outdated(self, hashed):
        return hashed.startswith("old$")


@pytest.fixture
def outdated(backend, ann):
    """Ann's hash is one of another day."""
    accounts = backend.accounts
    accounts._passwords = OutdatedPasswords()
    stored = credentials(backend).password_hash
    accounts._work.run(lambda stores: stores.accounts.renew_hash(users(stores), ann, old=stored, new=stored.replace("quick$", "old$")))
    return accounts._passwords


def users(stores):
    return stores.schema.collection("users")


def credentials(backend):
    return backend.accounts._work.read(lambda stores: stores.accounts.credentials(users(stores), ANN.casefold()))


def test_an_outdated_hash_is_made_anew_when_the_password_is_known(backend, outdated):
    sign_in(backend)
    assert credentials(backend).password_hash.startswith("quick$")
    assert sign_in(backend).account.version == 1  # nothing that anybody sees has changed


def test_it_stays_when_the_password_is_wrong(backend, outdated):
    with pytest.raises(Unauthenticated):
        sign_in(backend, password="another password")
    assert credentials(backend).password_hash.startswith("old$")


def test_that_it_cannot_be_made_anew_keeps_nobody_out(backend, outdated):
    outdated.fails = True
    assert sign_in(backend).account.as_object()["email"] == ANN
    assert credentials(backend).password_hash.startswith("old$")


# --- admins


def test_the_first_admin_is_made_with_the_token_once(backend):
    token = backend.accounts.setup_token()
    shown = backend.accounts.create_first_admin(token, ANN, PASSWORD)
    assert shown.as_object()["email"] == ANN
    actor = session(backend, collection=ADMINS)
    assert actor == Actor("admin", shown.id, ADMINS, 1, actor.session, "owner")
    with pytest.raises(Forbidden) as refused:
        backend.accounts.create_first_admin(token, "bob@example.org", PASSWORD)
    assert refused.value.code == "setup_refused"


@pytest.mark.parametrize("token", ["", "x", "\ud800", "0" * 43, "a" * 100_000])
def test_a_wrong_token_makes_no_admin_and_nothing_is_hashed_for_it(backend, token, monkeypatch):
    backend.accounts.setup_token()
    monkeypatch.setattr(QuickPasswords, "hash", lambda *_: pytest.fail("hashed"))
    with pytest.raises(Forbidden):
        backend.accounts.create_first_admin(token, ANN, PASSWORD)


def test_the_token_is_good_for_an_hour(backend):
    token = backend.accounts.setup_token()
    backend.clock.advance(minutes=60)
    with pytest.raises(Forbidden):
        backend.accounts.create_first_admin(token, ANN, PASSWORD)


def test_a_later_token_takes_the_place_of_an_earlier_one(backend):
    earlier, later = backend.accounts.setup_token(), backend.accounts.setup_token()
    with pytest.raises(Forbidden):
        backend.accounts.create_first_admin(earlier, ANN, PASSWORD)
    assert backend.accounts.create_first_admin(later, ANN, PASSWORD)


def test_there_is_no_token_where_there_is_an_admin_and_one_from_before_is_worth_nothing(backend):
    token = backend.accounts.setup_token()
    backend.accounts.create_admin(ANN, PASSWORD)
    assert backend.accounts.setup_token() is None
    with pytest.raises(Forbidden):
        backend.accounts.create_first_admin(token, "bob@example.org", PASSWORD)


@pytest.mark.parametrize("email, password, code", [
    ("", PASSWORD, "required"),
    ("ann", PASSWORD, "invalid_email"),
    (ANN, "short", "too_short"),
    (ANN, "password1", "too_common"),
    (ANN, ANN, "same_as_email"),
])  # fmt: skip
def test_what_is_wrong_with_the_first_admin_can_be_mended_with_the_same_token(backend, email, password, code):
    token = backend.accounts.setup_token()
    with pytest.raises(Invalid) as refused:
        backend.accounts.create_first_admin(token, email, password)
    assert [fault.code for fault in refused.value.faults] == [code]
    assert backend.accounts.create_first_admin(token, ANN, PASSWORD)


def test_of_fifty_who_bring_the_token_at_once_one_becomes_admin(tmp_path):
    with testing.backend(database=f"sqlite:///{tmp_path}/data.db") as room:
        token = room.accounts.setup_token()

        def attempt(number):
            try:
                return room.accounts.create_first_admin(token, f"admin{number}@example.org", PASSWORD).id
            except Forbidden:
                return None

        with ThreadPoolExecutor(16) as threads:
            made = [each for each in threads.map(attempt, range(50)) if each]
        assert len(made) == 1
        assert room.accounts._work.read(lambda stores: stores.accounts.count(stores.schema.collection(ADMINS))) == 1


def test_admins_are_added_by_whoever_runs_the_backend(backend):
    backend.accounts.create_admin(ANN, PASSWORD)
    backend.accounts.create_admin("bob@example.org", PASSWORD)
    assert session(backend, identity="bob@example.org", collection=ADMINS).kind == "admin"


def test_two_admins_have_two_addresses(backend):
    backend.accounts.create_admin(ANN, PASSWORD)
    with pytest.raises(Conflict) as refused:
        backend.accounts.create_admin(ANN.upper(), PASSWORD)
    assert [fault.pointer for fault in refused.value.faults] == ["/email"]

