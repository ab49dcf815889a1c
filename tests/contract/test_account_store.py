"""What signing in keeps: credentials, signing keys and the token of the first admin, on every database."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.actor import ADMINS
from domain.records.changes import Changes, Draft
from domain.rules.shape import ANYTHING
from domain.schema.changes import steps
from domain.schema.collection import define_collection
from domain.schema.fields import TRUSTING
from ports.accounts import Credentials, SigningKey

NOW, LATER = "2026-11-22T13:00:00.000Z", "2026-11-22T14:00:00.000Z"
# Fields with the names that the statements might use for themselves.
USERS = {"name": "users", "type": "accounts", "fields": [{"name": name, "type": "text"} for name in ("old", "new", "account", "value")]}


@pytest.fixture
def users(work):
    collection = define_collection(USERS, id="c1", now=NOW, tools=TRUSTING)
    work.change_schema(lambda stores: stores.collections.apply(None, collection, steps(None, collection)))
    return collection


def add(work, collection, id, email, hashed="hash 1", epoch=1):
    values = dict.fromkeys(collection.every_field)
    values |= {"id": id, "version": 1, "created": NOW, "updated": NOW, "email": email, "verified": False}
    work.run(lambda stores: stores.records.insert(collection, Draft(values, {"password_hash": hashed, "epoch": epoch})))


def found(work, collection, key):
    return work.read(lambda stores: stores.accounts.credentials(collection, key))


def test_credentials_are_found_by_the_normalised_address_and_by_id(work, users):
    add(work, users, "a1", "Ann.Lee@Example.org", epoch=3)
    ann = Credentials("a1", "Ann.Lee@Example.org", "hash 1", 3)
    assert found(work, users, "ann.lee@example.org") == ann
    assert work.read(lambda stores: stores.accounts.credentials_of(users, "a1")) == ann


@pytest.mark.parametrize("key", ["", "Ann.Lee@Example.org", "bob@example.org", "a1", "%", "*)(uid=*", ".*", "' OR 1 = 1 --"])
def test_nothing_else_finds_them(work, users, key):
    add(work, users, "a1", "Ann.Lee@Example.org")
    assert found(work, users, key) is None


def test_an_unknown_id_has_none(work, users):
    assert work.read(lambda stores: stores.accounts.credentials_of(users, "nobody")) is None


def test_accounts_of_one_collection_are_none_of_another(work, users):
    add(work, users, "a1", "ann@example.org")
    admins = work.read(lambda stores: stores.schema.collection(ADMINS))
    assert found(work, admins, "ann@example.org") is None
    assert work.read(lambda stores: (stores.accounts.count(admins), stores.accounts.count(users))) == (0, 1)


def test_a_hash_is_renewed_and_nothing_else_changes(work, users):
    add(work, users, "a1", "ann@example.org", epoch=3)
    add(work, users, "b1", "bob@example.org")
    before = work.read(lambda stores: stores.records.load(users, "a1"))
    assert work.run(lambda stores: stores.accounts.renew_hash(users, "a1", old="hash 1", new="hash 2")) is True
    assert found(work, users, "ann@example.org") == Credentials("a1", "ann@example.org", "hash 2", 3)
    assert found(work, users, "bob@example.org").password_hash == "hash 1"
    assert work.read(lambda stores: stores.records.load(users, "a1")) == before


def test_a_hash_is_not_renewed_over_a_password_that_was_set_meanwhile(work, users):
    add(work, users, "a1", "ann@example.org")
    change = Changes({"updated": LATER}, secrets={"password_hash": "of another password"}, end_sessions=True)
    work.run(lambda stores: stores.records.update(users, "a1", change, ANYTHING))
    assert work.run(lambda stores: stores.accounts.renew_hash(users, "a1", old="hash 1", new="hash 2")) is False
    assert found(work, users, "ann@example.org") == Credentials("a1", "ann@example.org", "of another password", 2)


def key(kid, created=NOW):
    return SigningKey(kid, b"\x01sealed \x00" + kid.encode(), '{"kty": "OKP"}', created)


def test_signing_keys_come_back_newest_first(work):
    kept = [key("b", NOW), key("a", NOW), key("z", LATER)]
    for each in kept:
        work.run(lambda stores, each=each: stores.keys.add_signing_key(each))
    assert work.read(lambda stores: stores.keys.signing_keys()) == (key("z", LATER), key("a"), key("b"))


def test_no_signing_keys_are_an_answer_too(work):
    assert work.read(lambda stores: stores.keys.signing_keys()) == ()


def put(work, digest, expires=LATER):
    work.run(lambda stores: stores.keys.put_setup_token(digest, expires))


def take(work, digest, now=NOW):
    return work.run(lambda stores: stores.keys.take_setup_token(digest, now))


def test_a_setup_token_is_taken_once(work):
    put(work, "d1")
    assert work.read(lambda stores: stores.keys.has_setup_token("d1", NOW)) is True
    assert (take(work, "d1"), take(work, "d1")) == (True, False)
    assert work.read(lambda stores: stores.keys.has_setup_token("d1", NOW)) is False


def test_a_wrong_setup_token_leaves_the_right_one(work):
    put(work, "d1")
    assert [take(work, wrong) for wrong in ("", "d", "d11", "D1", "%")] == [False] * 5
    assert take(work, "d1") is True


@pytest.mark.parametrize("now", [LATER, "2026-11-23T00:00:00.000Z"])
def test_a_setup_token_expires(work, now):
    put(work, "d1")
    assert work.read(lambda stores: stores.keys.has_setup_token("d1", now)) is False
    assert take(work, "d1", now) is False


def test_a_later_setup_token_takes_the_place_of_an_earlier_one(work):
    put(work, "d1")
    put(work, "d2")
    assert (take(work, "d1"), take(work, "d2")) == (False, True)


def test_a_setup_token_that_was_taken_by_what_failed_is_there_again(work):
    put(work, "d1")

    def failing(stores):
        assert stores.keys.take_setup_token("d1", NOW)
        raise LookupError

    with pytest.raises(LookupError):
        work.run(failing)
    assert take(work, "d1") is True


def test_of_many_takers_one_wins(work):
    put(work, "d1")
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: take(work, "d1"), range(24)))
    assert taken.count(True) == 1
