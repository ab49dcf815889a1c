"""Expanding lists and back relations: what comes, in which order, who sees it and what it costs, on every database alike."""

import re

import pytest

from adapters.outbound.sql.session import Session
from app.testing import backend as make_backend
from app.usecases import expanding
from domain.actor import GUEST, SYSTEM, Actor
from domain.errors import Invalid
from domain.records.changes import Draft
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="GET")
STAMP = "2026-11-22T13:00:00.000Z"
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
FIELDS = {
    "tags": [{"name": "name", "type": "text"}, {"name": "secret", "type": "bool"}],
    "users": [{"name": "name", "type": "text"}, {"name": "tags", "type": "relation", "collection": "tags", "many": True}],
    "posts": [
        {"name": "title", "type": "text"},
        {"name": "author", "type": "relation", "collection": "users"},
        {"name": "tags", "type": "relation", "collection": "tags", "many": True},
        {"name": "vault", "type": "relation", "collection": "tags", "many": True, "hidden": True},
    ],
    "comments": [
        {"name": "text", "type": "text"},
        {"name": "post", "type": "relation", "collection": "posts"},
        {"name": "about", "type": "relation", "collection": "posts", "many": True},
        {"name": "shy", "type": "relation", "collection": "posts", "rules": {"view": "text != 'shy'"}},
        {"name": "inner", "type": "relation", "collection": "posts", "hidden": True},
    ],
}


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        for name, fields in FIELDS.items():
            made.collections.create({"name": name, "fields": fields, "rules": OPEN}, actor=SYSTEM)
        for id, name in (("t2", "two"), ("t1", "one"), ("t3", "three")):
            create(made, "tags", id=id, name=name)
        create(made, "users", id="u1", name="Ann", tags=["t3", "t1"])
        create(made, "posts", id="p1", title="first", author="u1", tags=["t2", "t1", "t3"])
        create(made, "posts", id="p2", title="second", tags=[])
        for at, post in enumerate(("p1", "p2", "p1")):
            create(made, "comments", id=f"c{at}", text=f"comment {at}", post=post, about=["p2", "p1"] if at else ["p2"], shy=post)
        yield made


def create(room, collection, **values):
    return room.records.create(collection, values, actor=SYSTEM, facts=FACTS).as_object()


def rules(room, collection, **changed):
    room.collections.change(collection, {"rules": changed}, actor=SYSTEM)


def get(room, id, expand, collection="posts", actor=GUEST):
    return room.records.get(collection, id, actor=actor, facts=FACTS, expand=expand).as_object()


def listed(room, expand, collection="posts", actor=GUEST, **query):
    return room.records.list(collection, ListQuery(expand=expand, **query), actor=actor, facts=FACTS).as_object()["items"]


def ids(records):
    return [each["id"] for each in records]


def test_a_list_expands_to_records_in_its_own_order(room):
    shown = get(room, "p1", "tags,author.tags")
    assert ids(shown["expand"]["tags"]) == shown["tags"] == ["t2", "t1", "t3"]
    assert shown["expand"]["tags"][0]["name"] == "two"
    author = shown["expand"]["author"]
    assert ids(author["expand"]["tags"]) == author["tags"] == ["t3", "t1"]


def test_an_empty_list_expands_to_an_empty_one_and_fields_need_not_name_it(room):
    first, second = listed(room, "tags", fields="title")
    assert (set(first), ids(first["expand"]["tags"])) == ({"title", "expand"}, ["t2", "t1", "t3"])
    assert second == {"title": "second", "expand": {"tags": []}}


def test_targets_that_their_view_rule_hides_are_left_out_and_their_ids_stay(room):
    room.records.update("tags", "t1", {"secret": True}, actor=SYSTEM, facts=FACTS)
    rules(room, "tags", view="secret != true")
    shown = get(room, "p1", "tags")
    assert shown["tags"] == ["t2", "t1", "t3"]
    assert ids(shown["expand"]["tags"]) == ["t2", "t3"]
    assert ids(get(room, "p1", "tags", actor=SYSTEM)["expand"]["tags"]) == ["t2", "t1", "t3"]
    rules(room, "tags", view=None)
    assert get(room, "p1", "tags")["expand"] == {"tags": []}


def test_back_relations_expand_to_those_that_point_here_by_a_column_or_by_a_list(room):
    first, second = listed(room, "comments_via_post,comments_via_about")
    assert ids(first["expand"]["comments_via_post"]) == ["c0", "c2"]
    assert ids(first["expand"]["comments_via_about"]) == ["c1", "c2"]
    assert ids(second["expand"]["comments_via_post"]) == ["c1"]
    assert ids(second["expand"]["comments_via_about"]) == ["c0", "c1", "c2"]
    assert get(room, "u1", "posts_via_author", "users")["expand"]["posts_via_author"][0]["title"] == "first"


def test_paths_go_on_behind_lists_and_back_relations(room):
    shown = get(room, "u1", "posts_via_author.comments_via_post.about.tags", "users")
    [post] = shown["expand"]["posts_via_author"]
    comments = post["expand"]["comments_via_post"]
    assert ids(comments) == ["c0", "c2"]
    assert [ids(each["expand"]["about"]) for each in comments] == [["p2"], ["p2", "p1"]]
    assert ids(comments[1]["expand"]["about"][1]["expand"]["tags"]) == ["t2", "t1", "t3"]


def test_back_relations_need_the_list_rule_and_the_view_rule_both(room):
    rules(room, "comments", list="text != 'comment 0'")
    assert ids(get(room, "p1", "comments_via_post")["expand"]["comments_via_post"]) == ["c2"]
    rules(room, "comments", view="text != 'comment 2'")
    assert get(room, "p1", "comments_via_post")["expand"]["comments_via_post"] == []
    assert len(get(room, "p1", "comments_via_post", actor=SYSTEM)["expand"]["comments_via_post"]) == 2


def test_a_relation_that_a_record_does_not_show_does_not_lead_to_it(room):
    room.records.update("comments", "c0", {"text": "shy"}, actor=SYSTEM, facts=FACTS)
    assert ids(get(room, "p1", "comments_via_shy")["expand"]["comments_via_shy"]) == ["c2"]
    assert ids(get(room, "p1", "comments_via_shy", actor=SYSTEM)["expand"]["comments_via_shy"]) == ["c0", "c2"]


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize("name", [
    "comments_via_posts", "comments_via_text", "comments_via_inner", "nobody_via_post", "_via_", "comments_via_", "_via_post",
    "users_via_tags", "vault", "tags_via_tags", "_admins_via_post", "comments_via_post_via_post", "COMMENTS_via_post",
])  # fmt: skip
def test_what_leads_nowhere_and_what_is_hidden_are_refused_alike(room, name):
    with pytest.raises(Invalid) as refused:
        listed(room, name)
    assert (refused.value.code, refused.value.detail) == ("unknown_field", f"no relation `{name}`")


def test_a_misspelt_back_relation_is_answered_with_the_one_that_is_there(room):
    with pytest.raises(Invalid) as refused:
        listed(room, "coments_via_post")
    assert refused.value.hint == "did you mean `comments_via_post`?"


@pytest.mark.parametrize("closed", ["list", "view"])
def test_a_back_relation_of_a_closed_collection_is_not_known(room, closed):
    rules(room, "comments", **{closed: None})
    with pytest.raises(Invalid) as refused:
        listed(room, "comments_via_post")
    unknown = refused.value.detail.replace("comments", "nothings")
    with pytest.raises(Invalid) as other:
        listed(room, "nothings_via_post")
    assert (unknown, refused.value.hint) == (other.value.detail, other.value.hint)
    assert len(listed(room, "comments_via_post", actor=SYSTEM)) == 2


def test_an_account_sees_by_its_own_rules(room):
    room.collections.create({"name": "people", "type": "accounts", "rules": OPEN}, actor=SYSTEM)
    notes = [{"name": "post", "type": "relation", "collection": "posts"}, {"name": "by", "type": "relation", "collection": "people"}]
    own = {**OPEN, "list": "by = @request.auth.id"}
    room.collections.create({"name": "notes", "fields": notes, "rules": own}, actor=SYSTEM)
    actors = []
    for name in ("ann", "bob"):
        body = {"email": f"{name}@example.org", "password": "correct horse"}
        actors.append(Actor("account", room.records.create("people", body, actor=GUEST, facts=FACTS).id, "people", 1))
        create(room, "notes", id=f"of-{name}", post="p1", by=actors[-1].id)
    seen = [ids(get(room, "p1", "notes_via_post", actor=actor)["expand"]["notes_via_post"]) for actor in (*actors, GUEST)]
    assert seen == [["of-ann"], ["of-bob"], []]


def fill(room, collection, rows):
    drafts = [Draft({"version": 1, "created": STAMP, "updated": STAMP, **row}) for row in rows]
    room.records._work.run(lambda stores: stores.records.insert_many(stores.schema.collection(collection), drafts), alone=True)


BLANK = {"text": "x", "post": None, "about": (), "shy": None, "inner": None}


def test_of_many_that_point_here_the_first_come_and_no_walk_reads_the_others(room):
    rows = [{**BLANK, "id": f"x{at:05}", "post": "p2" if at % 2 else "p1", "about": ("p1",)} for at in range(400)]
    fill(room, "comments", rows)
    first, second = listed(room, "comments_via_post,comments_via_about")
    assert ids(first["expand"]["comments_via_post"]) == ["c0", "c2", *(f"x{at * 2:05}" for at in range(98))]
    assert ids(second["expand"]["comments_via_post"]) == ["c1", *(f"x{at * 2 + 1:05}" for at in range(99))]
    assert ids(first["expand"]["comments_via_about"]) == ["c1", "c2", *(f"x{at:05}" for at in range(98))]


@pytest.mark.parametrize("expand", ["comments_via_post", "comments_via_about", "tags"])
def test_expanding_reads_by_indexes_alone(room, monkeypatch, expand):
    fill(room, "comments", [{**BLANK, "id": f"x{at:05}", "post": "p2" if at % 2 else "p1", "about": ("p1",)} for at in range(3000)])
    fill(room, "tags", [{"id": f"x{at:05}", "name": "x", "secret": None} for at in range(3000)])
    run_all(room, "ANALYZE")
    seen = []
    run = Session._run

    def noted(self, text, arguments):
        seen.append((self.dialect, text, arguments))
        return run(self, text, arguments)

    monkeypatch.setattr(Session, "_run", noted)
    get(room, "p1", expand)
    dialect, text, arguments = seen[-1]
    explain = "EXPLAIN QUERY PLAN " if dialect == "sqlite" else "EXPLAIN "
    rows = room.records._work.read(lambda stores: stores.records._session._run(explain + text, arguments))
    told = "\n".join(str(row[-1]) for row in rows)
    scanned = [line for line in told.splitlines() if re.search(r"SCAN (?!_given|anon_|json_each)|Seq Scan on (?!comments _shown)", line)]
    assert scanned == [], told  # PostgreSQL may fetch the rows that it answers in any way
    # What points at a record comes in the order of its index; only the few that are answered are sorted.
    assert told.count("Sort Key") + told.count("FOR ORDER BY") <= 2, told


def run_all(room, text):
    room.records._work.run(lambda stores: stores.records._session.command(text), alone=True)


def test_an_answer_that_would_grow_without_end_is_refused(room, monkeypatch):
    monkeypatch.setattr(expanding, "MOST_EXPANDED", 20)
    fill(room, "comments", [{**BLANK, "id": f"x{at}", "post": "p1", "about": ("p1", "p2")} for at in range(4)])
    assert len(get(room, "p1", "comments_via_post")["expand"]["comments_via_post"]) == 6
    with pytest.raises(Invalid) as refused:
        get(room, "p1", "comments_via_post.about.comments_via_post")
    assert (refused.value.code, refused.value.faults[0].pointer) == ("limit_exceeded", "expand")


@pytest.fixture
def statements(monkeypatch, room):
    seen: list[str] = []
    run = Session._run

    def noted(self, text, arguments):
        if text.lstrip().split()[0] in ("SELECT", "WITH"):
            seen.append(text)
        return run(self, text, arguments)

    monkeypatch.setattr(Session, "_run", noted)
    return seen


@pytest.mark.parametrize("expand, count", [
    ("", 1), ("tags", 2), ("tags,author", 3), ("tags,author.tags", 4), ("comments_via_post", 2), ("comments_via_about.post.tags", 4),
])  # fmt: skip
def test_each_relation_of_each_level_costs_one_statement_whatever_the_rows(room, statements, expand, count):
    fill(room, "posts", [{"id": f"y{at}", "title": "y", "author": "u1", "tags": ("t1", "t3"), "vault": ()} for at in range(20)])
    statements.clear()
    assert len(listed(room, expand)) == 22
    assert len(statements) == count


def test_writes_of_lists_cost_few_statements_however_long_they_are(room, monkeypatch):
    seen: list[str] = []
    run = Session._run

    def noted(self, text, arguments):
        seen.append(text.lstrip().split()[0])
        return run(self, text, arguments)

    create(room, "posts", id="warm", tags=["t1", "t2", "t3"])
    monkeypatch.setattr(Session, "_run", noted)
    create(room, "posts", id="p9", tags=["t1", "t2", "t3"])
    assert seen.count("INSERT") == 3  # the record, its links, its event
    seen.clear()
    room.records.update("posts", "p9", {"tags-": ["t1", "t3"], "title": "x"}, actor=SYSTEM, facts=FACTS)
    # On PostgreSQL the update begins with what the record was.
    assert (seen.count("UPDATE") + seen.count("WITH"), seen.count("DELETE"), seen.count("INSERT")) == (1, 1, 1)
    assert seen.count("SELECT") <= 3  # what it was, the links; on SQLite also the schema version, with which its transaction begins
