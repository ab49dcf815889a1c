"""Collections change under names, types and indexes while their records stay: renames, conversions, plans, history and undo."""

import pytest

from app.testing import backend as make_backend
from domain.actor import SYSTEM
from domain.errors import Conflict, Invalid, Problem
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="GET")
OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "unique": True, "rules": {"write": "title = '' || @request.auth.id != ''"}},
        {"name": "status", "type": "select", "values": ["draft", "live"]},
        {"name": "mail", "type": "email", "unique": True},
        {"name": "views", "type": "text"},
        {"name": "parent", "type": "relation", "collection": "posts"},
        {"name": "tags", "type": "relation", "collection": "tags", "many": True},
    ],
    "indexes": [{"fields": ["status", "title"]}, {"fields": ["views"], "unique": True, "where": "status = 'live'"}],
    "checks": [{"name": "titled", "rule": "title != 'forbidden'", "message": "choose another title"}],
    "rules": {**OPEN, "list": "title != 'hidden' && parent.title != 'hidden'"},
}
NOTES = {
    "name": "notes",
    "fields": [{"name": "post", "type": "relation", "collection": "posts", "on_delete": "cascade"}, {"name": "title", "type": "text"}],
    "rules": {**OPEN, "list": "post.title != 'hidden' && title != 'x'"},
}
SEEN = {
    "name": "seen", "type": "view", "rules": {"list": "", "view": ""},
    "query": {"source": "posts", "columns": [{"name": "title", "path": "title"}, {"name": "above", "path": "parent.title"}],
              "filter": "title != 'unseen'"},
}  # fmt: skip


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        for definition in ({"name": "tags", "rules": OPEN}, POSTS, NOTES, SEEN):
            made.collections.create(definition, actor=SYSTEM)
        yield made


def change(room, of="posts", **parts):
    return room.collections.change(of, parts, actor=SYSTEM)


def read(room, name="posts"):
    return room.collections.get(name, actor=SYSTEM).definition()


def fields_of(room, name="posts", **edits):
    """The fields as they are read, some of them edited; None takes one out."""
    return [{**each, **(edits.get(each["name"]) or {})} for each in read(room, name)["fields"] if edits.get(each["name"], {}) is not None]


def add(room, name="posts", **values):
    return room.records.create(name, values, actor=SYSTEM, facts=FACTS).as_object()


def rows(room, name="posts", **query):
    return room.records.list(name, ListQuery(**query), actor=SYSTEM, facts=FACTS).as_object()["items"]


# --- renaming


def test_a_renamed_field_keeps_its_values_and_everything_follows(room):
    tag = add(room, "tags")
    first = add(room, title="one", status="live", mail="Ann@Example.org", tags=[tag["id"]])
    add(room, title="two", parent=first["id"])
    made = change(room, fields=fields_of(room, title={"name": "headline", "was": "title"}, mail={"name": "address", "was": "mail"},
                                         tags={"name": "marks", "was": "tags"}, parent={"name": "above", "was": "parent"}))  # fmt: skip
    assert [row["headline"] for row in rows(room, sort="headline")] == ["one", "two"]
    assert rows(room, filter="address = 'ann@example.ORG'")[0]["marks"] == [tag["id"]]
    assert [row["headline"] for row in rows(room, filter="above.headline = 'one'")] == ["two"]
    told = made.definition()
    assert told["rules"]["list"] == "headline != 'hidden' && above.headline != 'hidden'"
    assert told["fields"][0]["rules"] == {"write": "headline = '' || @request.auth.id != ''"}
    assert told["checks"][0]["rule"] == "headline != 'forbidden'"
    assert told["indexes"][0] == {"fields": ["status", "headline"]}
    assert "was" not in str(told)
    assert read(room, "notes")["rules"]["list"] == "post.headline != 'hidden' && title != 'x'"
    assert read(room, "notes")["version"] == 2
    assert [column["path"] for column in read(room, "seen")["query"]["columns"]] == ["headline", "above.headline"]
    assert read(room, "seen")["query"]["filter"] == "headline != 'unseen'"
    assert sorted(row["title"] for row in rows(room, "seen")) == ["one", "two"]
    for values, pointer in (({"headline": "one"}, "/headline"), ({"address": "ann@example.org"}, "/address")):
        with pytest.raises(Conflict) as refused:
            add(room, **values)
        assert [fault.pointer for fault in refused.value.faults] == [pointer]
    with pytest.raises(Invalid) as refused:
        add(room, headline="three", above="nobody")
    assert [fault.pointer for fault in refused.value.faults] == ["/above"]


def test_a_renamed_collection_takes_its_relations_and_views_along(room):
    tag = add(room, "tags")
    post = add(room, title="one", tags=[tag["id"]])
    add(room, "notes", post=post["id"])
    made = change(room, name="articles")
    assert made.name == "articles"
    assert [each["tags"] for each in rows(room, "articles")] == [[tag["id"]]]
    assert rows(room, "notes", filter="post.title = 'one'", expand="post")[0]["expand"]["post"]["title"] == "one"
    assert [each["collection"] for each in read(room, "notes")["fields"][:1]] == ["articles"]
    assert read(room, "articles")["fields"][4]["collection"] == "articles"
    assert read(room, "seen")["query"]["source"] == "articles"
    with pytest.raises(Problem):
        rows(room, "posts")
    room.collections.create({"name": "posts", "fields": POSTS["fields"], "rules": OPEN}, actor=SYSTEM)
    assert rows(room) == []
    with pytest.raises(Conflict):
        change(room, "posts", name="articles")
    room.records.delete("articles", post["id"], actor=SYSTEM, facts=FACTS)
    assert rows(room, "notes") == []


def test_what_is_sent_back_as_it_was_read_follows_and_what_is_new_does_not(room):
    whole = {**read(room), "fields": fields_of(room, title={"name": "headline", "was": "title"})}
    whole["rules"] = {**whole["rules"], "view": "headline != ''"}
    made = room.collections.change("posts", whole, actor=SYSTEM)
    assert (made.rules.list, made.rules.view) == ("headline != 'hidden' && parent.headline != 'hidden'", "headline != ''")
    assert made.definition()["checks"][0]["rule"] == "headline != 'forbidden'"
    assert room.collections.change("posts", made.definition(), actor=SYSTEM).version == 3


def test_a_name_that_a_field_had_can_be_used_again(room):
    tag = add(room, "tags")
    post = add(room, title="one", tags=[tag["id"]])
    change(room, fields=fields_of(room, title={"name": "headline", "was": "title"}, tags={"name": "marks", "was": "tags"}))
    again = [{"name": "title", "type": "text", "unique": True}, {"name": "tags", "type": "relation", "collection": "tags", "many": True}]
    change(room, fields=[*fields_of(room), *again])
    add(room, headline="two", title="one", tags=[tag["id"]])
    shown = {row["headline"]: (row["title"], row["tags"], row["marks"]) for row in rows(room)}
    assert shown == {"one": (None, [], [tag["id"]]), "two": ("one", [tag["id"]], [])}
    for values, pointer in (({"title": "one"}, "/title"), ({"headline": "one"}, "/headline")):
        with pytest.raises(Conflict) as refused:
            add(room, **values)
        assert [fault.pointer for fault in refused.value.faults] == [pointer]
    change(room, fields=fields_of(room, title=None, tags=None), drop=["title", "tags"])
    change(room, fields=fields_of(room, headline={"name": "title", "was": "headline"}))
    assert room.records.get("posts", post["id"], actor=SYSTEM, facts=FACTS)


REFUSED_NAMES = {
    "a field that is not there": ({"name": "b", "was": "titel", "type": "text"}, "/fields/0/was", "unknown_field"),
    "a name that is taken": ({"name": "status", "was": "title", "type": "text"}, "/fields/0/name", "duplicate_name"),
    "a name that is none": ({"name": "Headline", "was": "title", "type": "text"}, "/fields/0/name", "invalid_name"),
    "a column of ours": ({"name": "b", "was": "_key_mail", "type": "text"}, "/fields/0/was", "unknown_field"),
    "no text": ({"name": "b", "was": ["title"], "type": "text"}, "/fields/0/was", "unknown_field"),
}


@pytest.mark.parametrize("case", REFUSED_NAMES)
def test_a_rename_that_cannot_be_is_refused_at_its_place(room, case):
    entry, pointer, code = REFUSED_NAMES[case]
    before = read(room)
    with pytest.raises(Invalid) as refused:
        change(room, fields=[entry, *fields_of(room, title=None)])
    assert (refused.value.faults[0].pointer, refused.value.faults[0].code) == (pointer, code)
    assert read(room) == before


# --- types


def test_values_that_fit_no_other_type_are_named(room):
    for title, views in (("a", "1"), ("b", "many"), ("c", "1.5"), ("d", None)):
        add(room, title=title, views=views)
    before = (read(room), rows(room, sort="id"))
    with pytest.raises(Conflict) as refused:
        change(room, fields=fields_of(room, views={"type": "integer"}))
    assert refused.value.code == "not_convertible"
    assert [fault.pointer for fault in refused.value.faults] == ["/fields/3", "/fields/3"]
    assert "many" in refused.value.faults[0].detail
    assert (read(room), rows(room, sort="id")) == before
    room.records.update("posts", before[1][1]["id"], {"views": "2"}, actor=SYSTEM, facts=FACTS)
    room.records.update("posts", before[1][2]["id"], {"views": "3"}, actor=SYSTEM, facts=FACTS)
    change(room, fields=fields_of(room, views={"type": "integer"}))
    assert [row["views"] for row in rows(room, sort="title")] == [1, 2, 3, None]
    assert [row["title"] for row in rows(room, filter="views > 1", sort="-views")] == ["c", "b"]


def test_one_and_many_become_each_other(room):
    tags = [add(room, "tags")["id"] for _ in range(2)]
    first = add(room, title="a", tags=[tags[1]])
    second = add(room, title="b", tags=tags)
    with pytest.raises(Conflict) as refused:
        change(room, fields=fields_of(room, tags={"many": False}))
    assert refused.value.code == "not_convertible"
    assert second["id"] in refused.value.faults[0].detail
    room.records.update("posts", second["id"], {"tags-": tags[0]}, actor=SYSTEM, facts=FACTS)
    change(room, fields=fields_of(room, tags={"many": False}))
    assert [row["tags"] for row in rows(room, sort="title")] == [tags[1], tags[1]]
    with pytest.raises(Conflict):
        room.records.delete("tags", tags[1], actor=SYSTEM, facts=FACTS)
    change(room, fields=fields_of(room, tags={"many": True}))
    assert room.records.update("posts", first["id"], {"tags+": tags[0]}, actor=SYSTEM, facts=FACTS)
    assert {row["title"]: row["tags"] for row in rows(room)} == {"a": [tags[1], tags[0]], "b": [tags[1]]}


def test_a_conversion_that_rules_do_not_stand_is_refused(room):
    with pytest.raises(Invalid) as refused:
        change(room, fields=fields_of(room, title={"type": "integer"}))
    assert {fault.pointer for fault in refused.value.faults} == {"/rules/list", "/fields/0/rules/write", "/checks/0/rule"}


# --- loss


def test_values_go_only_with_a_word(room):
    add(room, title="a", views="7")
    before = read(room)
    with pytest.raises(Conflict) as refused:
        change(room, fields=fields_of(room, views=None), indexes=[])
    assert (refused.value.code, "`views`" in refused.value.faults[0].detail) == ("would_lose_data", True)
    assert read(room) == before
    change(room, fields=fields_of(room, mail=None))  # nobody has one
    with pytest.raises(Invalid) as unknown:
        change(room, fields=fields_of(room, views=None), indexes=[], drop=["viws"])
    assert (unknown.value.faults[0].pointer, unknown.value.hint) == ("/drop/0", "did you mean `views`?")
    change(room, fields=fields_of(room, views=None), indexes=[], drop=["views"])
    assert "views" not in rows(room)[0]


# --- partial indexes


def test_a_unique_index_binds_the_records_of_its_condition_alone(room):
    add(room, title="a", views="same", status="draft")
    add(room, title="b", views="same", status="draft")
    add(room, title="c", views="same", status="live")
    with pytest.raises(Conflict) as refused:
        add(room, title="d", views="same", status="live")
    assert (refused.value.code, [fault.pointer for fault in refused.value.faults]) == ("not_unique", ["/views"])
    change(room, fields=fields_of(room, status={"name": "state", "was": "status"}))
    assert read(room)["indexes"][1]["where"] == "state = 'live'"
    with pytest.raises(Conflict) as refused:
        add(room, title="d", views="same", state="live")
    assert [fault.pointer for fault in refused.value.faults] == ["/views"]
    wider = [{"fields": ["views"], "unique": True, "where": "state != ''"}]
    with pytest.raises(Conflict) as refused:
        change(room, indexes=wider)
    assert "`views` = same" in refused.value.detail
    change(room, indexes=[])
    add(room, title="d", views="same", state="live")


CONDITIONS = [
    ("@request.auth.id = 'x'", "not_allowed"), ("created > @now", "not_allowed"), ("parent.title = 'x'", "not_allowed"),
    ("title ~ 'x'", "not_allowed"), ("tags = 'x'", "not_allowed"), ("title = status", "not_allowed"), ("lower(title) = 'x'", "not_allowed"),
    ("titel = 'x'", "unknown_field"),
    ("title =", "syntax_error"), ("title = 1", "type_mismatch"), ("notes_via_post.title ?= 'x'", "not_allowed"),
    ("title = 'x'); DROP TABLE posts; --", "syntax_error"), (7, "invalid_index"),
]  # fmt: skip


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize(("where", "code"), CONDITIONS)
def test_a_condition_that_is_more_than_the_record_is_refused(room, where, code):
    with pytest.raises(Invalid) as refused:
        change(room, indexes=[{"fields": ["title"], "where": where}])
    assert refused.value.faults[0].pointer == "/indexes/0/where"
    assert code in (refused.value.code, refused.value.faults[0].code)


@pytest.mark.parametrize("where", [
    'title = "it\'s"', 'title = "it\'s 100% \\\\ %s"', "status in ('draft', 'live')",
    "!(status = 'draft') && (title > 'a' || mail != null)",
    "created > '2026-01-01' && version >= 2", "mail = 'Ann@Example.org'", "title = ''",
])  # fmt: skip
def test_conditions_hold_for_the_same_records_on_every_database(room, where):
    change(room, indexes=[])
    kept = "it's", "it's 100% \\ %s", "x", None
    for at, title in enumerate(kept):
        add(room, title=title, status=("draft", "live")[at % 2], views="same", mail=f"ANN{at or ''}@example.org")
    chosen = rows(room, filter=where)
    change(room, indexes=[{"fields": ["views"], "where": where}])
    assert rows(room, filter=f"({where}) && views = 'same'") == chosen
    if len(chosen) > 1:
        with pytest.raises(Conflict):
            change(room, indexes=[{"fields": ["views"], "unique": True, "where": where}])
    else:
        change(room, indexes=[{"fields": ["views"], "unique": True, "where": where}])


# --- plans


def planned(room, **parts):
    return room.collections.plan_change("posts", parts, actor=SYSTEM).definition()


def test_a_plan_tells_and_does_nothing(room):
    add(room, title="a", views="1")
    add(room, title="b", views="many")
    before = (read(room), rows(room))
    hits = {"type": "integer", "name": "hits", "was": "views"}
    told = planned(room, fields=fields_of(room, views=hits, mail={"required": True}))
    steps = {each["step"]: each for each in told["steps"]}
    assert steps["rename_field"]["to"] == "hits"
    assert ("breaks", "views", "the field is called `hits`") in [(each["weight"], each["place"], each["what"]) for each in told["breaking"]]
    assert (steps["change_type"]["offending_count"], steps["change_type"]["offending"][0]["value"]) == (1, "many")
    assert (steps["change_type"]["rows"], steps["change_type"]["lossless"]) == (2, True)
    assert steps["require"]["offending_count"] == 2
    assert (told["possible"], told["would_lose"]) == (False, {})
    assert {each["locks"] for each in told["steps"]} <= {"none", "writers", "readers and writers"}
    lossy = planned(room, fields=fields_of(room, views=None), indexes=[])
    assert (lossy["would_lose"], lossy["possible"]) == ({"views": 2}, False)
    narrow = planned(room, fields=fields_of(room, views={"max": 2}))
    assert [(each["step"], each["offending_count"]) for each in narrow["steps"]] == [("narrow", 1)]
    assert narrow["possible"]
    fresh = {"name": "fresh", "fields": [{"name": "a", "type": "text", "unique": True}]}
    made = room.collections.plan_creation(fresh, actor=SYSTEM).definition()
    assert [each["step"] for each in made["steps"]] == ["create_collection", "add_index"]
    assert (read(room), rows(room)) == before


def test_a_plan_of_renames_looks_at_what_is_there_now(room):
    tag = add(room, "tags")["id"]
    add(room, title="a", tags=[tag], parent=None)
    told = planned(room, name="articles", fields=fields_of(room, tags={"name": "tag", "was": "tags", "many": False}))
    assert told["possible"]
    assert [each["step"] for each in told["steps"]][:2] == ["rename_collection", "rename_field"]


# --- history and undo


def undo(room):
    return room.collections.undo(actor=SYSTEM)


def test_every_change_is_kept_and_the_last_one_can_be_taken_back(room):
    add(room, title="a", views="1", status="live")
    before, records = read(room), rows(room)
    change(room, name="articles", fields=fields_of(room, title={"name": "headline", "was": "title"}, views={"type": "integer"}))
    assert rows(room, "articles")[0]["views"] == 1
    brought = undo(room)
    assert {**brought.definition(), "version": 0, "updated": ""} == {**before, "version": 0, "updated": ""}
    assert rows(room) == records
    assert read(room, "notes")["rules"] == NOTES["rules"] | {"list": "post.title != 'hidden' && title != 'x'"}
    undo(room)
    assert rows(room, "articles")[0]["headline"] == "a"
    undo(room)
    entries = room.collections.history(actor=SYSTEM, limit=4)
    assert [each.action for each in entries] == ["undo", "undo", "undo", "change"]
    assert [each.version for each in entries] == sorted((each.version for each in entries), reverse=True)
    older = room.collections.history(actor=SYSTEM, limit=10, before=entries[-1].version)
    assert [each.action for each in older] == ["create"] * 4
    told = entries[-1].definition()
    assert (told["before"]["name"], told["after"]["name"]) == ("posts", "articles")
    assert (told["renamed"], told["lossless"]) == ({"title": "headline"}, True)
    assert told["by"] == {"kind": "system", "collection": None, "id": None}


def test_a_collection_comes_back_and_goes_again(room):
    room.collections.create({"name": "fresh", "fields": [{"name": "a", "type": "text"}]}, actor=SYSTEM)
    assert undo(room) is None
    assert undo(room).name == "fresh"
    add(room, "fresh", a="x")
    room.collections.delete("fresh", actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        undo(room)
    assert (refused.value.code, "1 records" in refused.value.detail) == ("not_undoable", True)


def test_what_was_lost_is_not_brought_back(room):
    add(room, title="a", views="1")
    change(room, fields=fields_of(room, views=None), indexes=[], drop=["views"])
    with pytest.raises(Conflict) as refused:
        undo(room)
    assert (refused.value.code, "`views`" in refused.value.detail) == ("not_undoable", True)


def test_what_was_written_since_is_not_taken(room):
    change(room, fields=[*fields_of(room), {"name": "extra", "type": "integer", "default": 3}])
    add(room, title="a")
    made = undo(room)
    assert "extra" not in {each.name for each in made.fields}
    undo(room)
    add(room, title="b", extra=4)
    with pytest.raises(Conflict) as refused:
        undo(room)
    assert (refused.value.code, "`extra`" in refused.value.detail) == ("not_undoable", True)


def test_values_that_came_since_stand_against_going_back(room):
    add(room, title="a", views="1")
    change(room, fields=fields_of(room, views={"type": "integer"}), indexes=[])
    change(room, fields=fields_of(room, views={"type": "json"}))
    add(room, title="b", views={"a": 1})
    with pytest.raises(Conflict) as refused:
        undo(room)
    assert refused.value.code == "not_undoable"
    assert [row["title"] for row in rows(room, filter="views.a = 1")] == ["b"]
