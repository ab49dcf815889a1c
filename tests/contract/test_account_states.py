"""What accounts may by their state, on every database: who is disabled is out at once, whichever way they would come in."""

from dataclasses import replace

import pytest

from app.testing import backend
from domain.accounts.one_time import PASSWORD_RESET
from domain.actor import GUEST, SYSTEM
from domain.errors import Conflict, Forbidden, Invalid, Unauthenticated
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from tests.usecases.test_proofs import letters, token

PASSWORD, FACTS = "a stillroom of herbs", RequestFacts("POST", headers={"accept_language": "en"})
OWN = "id = @request.auth.id"
USERS = {
    "name": "users", "type": "accounts", "fields": [{"name": "name", "type": "text"}],
    "rules": {"list": "", "view": "", "create": "", "update": OWN}, "mail": {"pages": {"link": "https://app.example/in"}},
}  # fmt: skip


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as room:
        room.collections.create(USERS, actor=SYSTEM)
        for role in ("owner", "editor"):
            room.accounts.create_admin(f"{role}@example.org", PASSWORD, role)
        for name in ("ann", "bob"):
            room.records.create("users", {"email": f"{name}@example.org", "password": PASSWORD}, actor=GUEST, facts=FACTS)
        yield room


def signed(room, name, collection="users"):
    return room.accounts.sign_in(collection, f"{name}@example.org", PASSWORD, facts=FACTS)


def known(room, name, collection="users"):
    return room.accounts.identify(signed(room, name, collection).access_token)


def change(room, who, by=SYSTEM, **values):
    return room.records.update(who.collection, who.id, values, actor=by, facts=FACTS)


def refused(attempt):
    with pytest.raises(Forbidden) as told:
        attempt()
    return told.value.code, told.value.detail


def test_who_is_disabled_is_out_with_the_next_request_and_comes_in_by_no_way(room):
    session, bob = signed(room, "ann"), known(room, "bob")
    ann = room.accounts.identify(session.access_token)
    reset, link = (ask(room, "ann") for ask in (reset_link, sign_in_link))
    code = room.proofs.ask_code("users", "ann@example.org", facts=FACTS)
    typed = letters(room)[0].text.split()
    change(room, ann, disabled=True)
    with pytest.raises(Unauthenticated):
        room.records.list("users", ListQuery(), actor=ann, facts=FACTS)
    with pytest.raises(Unauthenticated):
        room.sessions.refresh("users", session.refresh_token, facts=FACTS)
    for spent in (
        lambda: room.proofs.set_password("users", reset, "another room of herbs"),
        lambda: room.proofs.sign_in_by_link("users", link, facts=FACTS),
        lambda: room.proofs.sign_in_by_code("users", code, next(each for each in typed if each.isdigit()), facts=FACTS),
    ):
        with pytest.raises(Unauthenticated):
            spent()
    disabled = refused(lambda: signed(room, "ann"))
    change(room, ann, disabled=False)
    room.collections.change("users", {"rules": {**USERS["rules"], "auth": "email != 'ann@example.org'"}}, actor=SYSTEM)
    assert disabled == refused(lambda: signed(room, "ann")), "the same words as where a rule says no"
    assert room.accounts.me("users", actor=bob, facts=FACTS).id == bob.id


def reset_link(room, name):
    room.proofs.ask(PASSWORD_RESET, "users", f"{name}@example.org", facts=FACTS)
    return token(letters(room)[0])


def sign_in_link(room, name):
    room.proofs.ask_link("users", f"{name}@example.org", facts=FACTS)
    return token(letters(room)[0])


def test_sessions_of_before_do_not_come_back_with_the_account(room):
    session = signed(room, "ann")
    ann = room.accounts.identify(session.access_token)
    change(room, ann, disabled=True)
    change(room, ann, disabled=False)
    with pytest.raises(Unauthenticated):
        room.sessions.refresh("users", session.refresh_token, facts=FACTS)
    assert room.sessions.list("users", actor=known(room, "ann"))[1:] == []


def test_nobody_writes_or_finds_it_but_admins(room):
    ann = known(room, "ann")
    for values in ({"disabled": False}, {"disabled": True}, {"name": "x", "disabled": None}):
        with pytest.raises(Invalid, match="no field `disabled`"):
            change(room, ann, by=ann, **values)
    with pytest.raises(Invalid, match="no field `disabled`"):
        room.records.create("users", {"email": "eve@example.org", "password": PASSWORD, "disabled": False}, actor=GUEST, facts=FACTS)
    with pytest.raises(Invalid, match="disabled"):
        room.records.list("users", ListQuery(filter="disabled = true"), actor=ann, facts=FACTS)
    assert "disabled" not in room.accounts.me("users", actor=ann, facts=FACTS).as_object()
    assert change(room, ann, by=known(room, "editor", "_admins"), disabled=True).as_object()["disabled"] is True


def test_no_letter_goes_to_who_is_disabled(room):
    change(room, known(room, "ann"), disabled=True)
    room.proofs.ask(PASSWORD_RESET, "users", "ann@example.org", facts=FACTS)
    room.proofs.ask_code("users", "ann@example.org", facts=FACTS)
    assert letters(room) == []


def test_only_owners_disable_admins_and_one_stays(room):
    owner, editor = known(room, "owner", "_admins"), known(room, "editor", "_admins")
    for who in (owner, editor):
        with pytest.raises(Forbidden, match="owners"):
            change(room, who, by=editor, disabled=True)
    with pytest.raises(Conflict, match="last owner"):
        change(room, owner, by=owner, disabled=True)
    room.accounts.create_admin("second@example.org", PASSWORD)
    second = known(room, "second", "_admins")
    key = room.api_keys.create({"name": "news", "scopes": {"users": ["list"]}}, actor=second, facts=FACTS)[1]
    program = room.api_keys.identify(key)
    assert room.records.list("users", ListQuery(), actor=program, facts=FACTS)
    change(room, second, by=owner, disabled=True)
    with pytest.raises(Unauthenticated):
        room.records.list("users", ListQuery(), actor=program, facts=FACTS)
    assert [each.action for each in room.audit.list(limit=2, actor=owner)] == ["admin.changed", "key.revoked"]
    with pytest.raises(Conflict, match="last owner"):
        change(room, owner, by=owner, disabled=True)
    with pytest.raises(Conflict, match="last owner"):
        change(room, owner, by=owner, admin_role="editor")


def test_letters_are_in_the_language_of_the_account(room):
    ann = known(room, "ann")
    change(room, ann, by=ann, language="de-AT")
    room.proofs.ask(PASSWORD_RESET, "users", "ann@example.org", facts=FACTS)
    assert "neues Passwort" in letters(room)[0].subject
    change(room, ann, by=ann, language="fr")
    room.proofs.ask(PASSWORD_RESET, "users", "ann@example.org", facts=replace(FACTS, headers={"accept_language": "de"}))
    assert "neues Passwort" in letters(room)[0].subject, "ours are in no French, and whoever asked reads German"
    for wrong in ("german", "de_AT", "d", "de-", "x" * 36):
        with pytest.raises(Invalid):
            change(room, ann, by=ann, language=wrong)
    seen = room.records.get("users", ann.id, actor=known(room, "bob"), facts=FACTS).as_object()
    assert seen["language"] is None
    with pytest.raises(Invalid):
        room.records.list("users", ListQuery(filter="language = 'fr'"), actor=ann, facts=FACTS)
