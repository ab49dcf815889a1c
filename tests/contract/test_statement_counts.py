"""How many statements a request costs: counted where every statement passes, on every database."""

import pytest

from adapters.outbound.sql.session import SCHEMA_VERSION, Session
from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import NotFound
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="GET")
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
USERS = {"name": "users", "type": "accounts", "fields": [{"name": "team", "type": "text"}], "rules": OPEN}
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "unique": True},
        {"name": "author", "type": "relation", "collection": "users"},
        {"name": "editor", "type": "relation", "collection": "users"},
    ],
    "rules": OPEN,
}


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        made.collections.create(USERS, actor=SYSTEM)
        made.collections.create(POSTS, actor=SYSTEM)
        yield made


@pytest.fixture
def ann(room):
    made = room.records.create("users", {"email": "ann@example.org", "password": "correct horse"}, actor=GUEST, facts=FACTS)
    return Actor("account", made.id, "users", 1)


@pytest.fixture
def post(room, ann):
    return room.records.create("posts", {"title": "Hello", "author": ann.id, "editor": ann.id}, actor=GUEST, facts=FACTS).id


@pytest.fixture
def statements(monkeypatch, post):
    """Every statement that sessions run from now on."""
    seen: list[str] = []
    run = Session._run

    def noted(self, text, arguments):
        seen.append(text)
        return run(self, text, arguments)

    monkeypatch.setattr(Session, "_run", noted)
    return seen


def told(statements, kinds):
    """Statements of the requests themselves; what frames a transaction is the unit of work's."""
    return [text for text in statements if text.split(" ", 1)[0].split("\n", 1)[0] in kinds]


@pytest.mark.parametrize("query", [
    ListQuery(),
    ListQuery(count=True),
    ListQuery(filter="author.team = 'blue' || title ~ 'H'", sort="-title", limit=5),
    ListQuery(filter="title != 'x'", count=True, page=1),
])  # fmt: skip
def test_a_list_is_one_statement(room, ann, statements, query):
    room.records.list("posts", query, actor=ann, facts=FACTS)
    assert len(told(statements, ("SELECT", "WITH"))) == 1


def test_a_list_going_on_by_cursor_is_one_statement(room, ann, statements):
    room.records.create("posts", {"title": "Second"}, actor=GUEST, facts=FACTS)
    cursor = room.records.list("posts", ListQuery(limit=1, sort="-title"), actor=ann, facts=FACTS).next
    statements.clear()
    room.records.list("posts", ListQuery(limit=1, sort="-title", cursor=cursor), actor=ann, facts=FACTS)
    assert len(told(statements, ("SELECT", "WITH"))) == 1


def test_expand_costs_one_statement_for_each_relation_whatever_the_rows(room, ann, statements):
    for at in range(5):
        room.records.create("posts", {"title": f"{at}", "author": ann.id}, actor=GUEST, facts=FACTS)
    statements.clear()
    room.records.list("posts", ListQuery(expand="author,editor"), actor=ann, facts=FACTS)
    assert len(told(statements, ("SELECT", "WITH"))) == 3


def test_a_get_is_one_statement_for_guests_and_accounts_found_or_not(room, ann, post, statements):
    for actor in (GUEST, ann):
        statements.clear()
        room.records.get("posts", post, actor=actor, facts=FACTS)
        assert len(told(statements, ("SELECT", "WITH"))) == 1
    statements.clear()
    with pytest.raises(NotFound):
        room.records.get("posts", "nothing", actor=ann, facts=FACTS)
    # A refusal is checked once more against the database, in case it rests on an old schema.
    assert len(told(statements, ("SELECT", "WITH"))) <= 2


def test_a_rule_that_reads_the_actor_costs_one_keyed_select_more(room, ann, post, statements):
    room.collections.change("posts", {"rules": {"view": "@request.auth.team != 'red'"}}, actor=SYSTEM)
    room.records.get("posts", post, actor=ann, facts=FACTS)
    statements.clear()
    room.records.get("posts", post, actor=ann, facts=FACTS)
    assert len(told(statements, ("SELECT", "WITH"))) == 2


def test_a_create_and_an_update_are_one_write_each_and_their_event(room, post, statements):
    room.records.create("posts", {"title": "New"}, actor=GUEST, facts=FACTS)
    assert [text.split("(")[0].strip() for text in told(statements, ("INSERT",))] == ["INSERT INTO posts", "INSERT INTO _outbox"]
    statements.clear()
    room.records.update("posts", post, {"title": "Other"}, actor=GUEST, facts=FACTS)
    written = [text for text in told(statements, ("UPDATE", "WITH", "INSERT")) if "UPDATE posts" in text or "INSERT INTO _outbox" in text]
    assert len(written) == len(told(statements, ("UPDATE", "WITH", "INSERT"))) == 2


def test_signing_in_is_four_statements_and_a_refresh_two(room, ann, statements):
    signed = room.accounts.sign_in("users", "ann@example.org", "correct horse", facts=FACTS)
    assert len(_own(statements)) == 4  # the last one is its entry in the audit trail
    statements.clear()
    room.sessions.refresh("users", signed.refresh_token, facts=FACTS)
    assert len(_own(statements)) == 2


def _own(statements):
    """SQLite's transactions begin by asking for the schema version."""
    return [text for text in told(statements, ("SELECT", "INSERT", "UPDATE", "DELETE")) if text != SCHEMA_VERSION]


def test_a_session_costs_no_statement_of_its_own(room, ann, post, statements):
    who = room.accounts.identify(room.accounts.sign_in("users", "ann@example.org", "correct horse", facts=FACTS).access_token)
    statements.clear()
    room.records.list("posts", ListQuery(), actor=who, facts=FACTS)
    assert len(told(statements, ("SELECT", "WITH"))) == 1
