"""The schema as files: what an export holds, what a set of definitions does to every collection at once, and what it refuses."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, SYSTEM, account
from domain.errors import Conflict, Forbidden, Invalid, Unauthenticated
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from tests.migrated import migrated_file

FACTS = RequestFacts(method="GET")
TEXT = {"name": "title", "type": "text"}
SHOP = {
    "people": {"name": "people", "type": "accounts", "fields": [{"name": "name", "type": "text", "fold": True, "searchable": True}],
               "rules": {"view": "id = @request.auth.id", "auth": "verified = true"}},
    # A ring: shops have a best product, products have a shop; each one's rules name the other.
    "shops": {"name": "shops", "fields": [{"name": "owner", "type": "relation", "collection": "people", "on_delete": "cascade"},
                                          {"name": "best", "type": "relation", "collection": "products"}],
              "rules": {"list": "best.price > 10"}, "trash": {"days": 30}},
    "products": {"name": "products",
                 "fields": [TEXT, {"name": "price", "type": "decimal", "scale": 2}, {"name": "until", "type": "date"},
                            {"name": "shop", "type": "relation", "collection": "shops", "required": True},
                            {"name": "like", "type": "relation", "collection": "products", "many": True},
                            {"name": "shape", "type": "json", "schema": {"type": "object", "required": ["b", "a"]}}],
                 "indexes": [{"fields": ["shop", "title"], "unique": True}, {"fields": ["price"], "where": "price > 0"}],
                 "checks": [{"name": "paid", "rule": "price >= 0", "message": "„kostenlos“ geht nicht"}],
                 "rules": {"create": "shop.owner = @request.auth.id"}, "expires": {"field": "until"}},
    "dear": {"name": "dear", "type": "view", "rules": {"list": ""},
             "query": {"source": "products", "columns": [{"name": "title", "path": "title"}, {"name": "owner", "path": "shop.owner.name"}],
                       "filter": "price > 100"}},
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """Memory is SQLite too, and all of tests/usecases runs there."""
    return request.getfixturevalue("postgres_migrated_url") if request.param == "postgresql" else migrated_file(tmp_path / "data.db")


@pytest.fixture
def room(database_url):
    with make_backend(database=database_url) as made:
        yield made


def apply(room, definitions, **options):
    done = room.schema.apply(definitions, actor=SYSTEM, **options)
    return [(each.action, each.name) for each in done.changes]


def plan(room, definitions, **options):
    return room.schema.plan(definitions, actor=SYSTEM, **options)


def export(room):
    return dict(room.schema.export(actor=SYSTEM).files)


def read(files):
    return {name: json.loads(text) for name, text in files.items()}


def add(room, name, **values):
    return room.records.create(name, values, actor=SYSTEM, facts=FACTS).as_object()


def rows(room, name):
    return room.records.list(name, ListQuery(), actor=SYSTEM, facts=FACTS).as_object()["items"]


def names(room):
    return [each.name for each in room.collections.list(actor=SYSTEM)]


def posts(*fields, **parts):
    return {"posts": {"name": "posts", "fields": list(fields), **parts}}


# --- out and in again


def test_what_is_exported_and_applied_and_exported_is_byte_for_byte_the_same(room):
    assert apply(room, SHOP) == [("create", name) for name in sorted(SHOP)]
    first = export(room)
    assert apply(room, read(first)) == []
    assert export(room) == first
    with make_backend() as other:
        apply(other, read(first))
        assert export(other) == first


def test_a_file_has_a_line_for_each_part_and_nothing_of_one_database(room):
    apply(room, SHOP)
    text = export(room)["products"]
    assert '\n    {"name": "title", "type": "text"},\n' in text
    assert '\n    {"fields": ["price"], "where": "price > 0"}\n' in text
    assert '\n    "create": "shop.owner = @request.auth.id",\n' in text
    assert "„kostenlos“ geht nicht" in text
    assert not {"id", "version", "created", "updated"} & json.loads(text).keys()


def test_a_ring_of_relations_works_once_it_is_applied(room):
    apply(room, SHOP)
    shop = add(room, "shops")
    product = add(room, "products", title="tea", shop=shop["id"], price="12.00")
    room.records.update("shops", shop["id"], {"best": product["id"]}, actor=SYSTEM, facts=FACTS)
    assert rows(room, "shops")[0]["best"] == product["id"]


def test_a_ring_goes_as_it_came(room):
    apply(room, SHOP)
    assert apply(room, {}, prune=True) == [("delete", name) for name in sorted(SHOP)]
    assert names(room) == []
    apply(room, SHOP)
    assert names(room) == sorted(SHOP)


def test_what_a_file_leaves_out_is_at_its_default(room):
    apply(room, posts(TEXT, rules={"list": ""}, trash={"days": 3}))
    assert apply(room, posts(TEXT)) == [("change", "posts")]
    assert read(export(room))["posts"]["rules"]["list"] is None
    assert "trash" not in read(export(room))["posts"]


def test_collections_without_a_file_stay_unless_they_are_to_be_pruned(room):
    apply(room, SHOP)
    assert apply(room, posts(TEXT)) == [("create", "posts")]
    assert names(room) == sorted([*SHOP, "posts"])


# --- changes that need each other


def test_a_field_goes_and_the_rules_of_others_that_named_it_change_with_it(room):
    apply(room, SHOP)
    new = read(export(room))
    new["products"]["fields"] = [each for each in new["products"]["fields"] if each["name"] != "price"]
    with pytest.raises(Invalid) as refused:
        apply(room, new)
    assert "/products/indexes/1/fields" in {fault.pointer for fault in refused.value.faults}
    new["products"] = {**new["products"], "checks": [], "indexes": new["products"]["indexes"][:1]}
    new["shops"]["rules"]["list"] = "best.title != ''"
    new["dear"]["query"]["filter"] = "title != ''"
    assert apply(room, new) == [("change", "dear"), ("change", "products"), ("change", "shops")]
    assert apply(room, read(export(room))) == []


def test_nothing_is_half_applied_when_the_last_one_is_refused(room):
    apply(room, posts({**TEXT, "unique": False}))
    for _ in range(2):
        add(room, "posts", title="same")
    before, history = export(room), len(room.collections.history(actor=SYSTEM, limit=100))
    new = {"aaa": {"name": "aaa", "fields": [TEXT]}, "bbb": {"name": "bbb"}, **posts({**TEXT, "unique": True})}
    assert not plan(room, new).is_possible
    with pytest.raises(Conflict) as refused:
        apply(room, new)
    assert refused.value.code == "not_unique"
    assert export(room) == before
    assert len(room.collections.history(actor=SYSTEM, limit=100)) == history
    apply(room, {"aaa": new["aaa"]})  # nothing of it is in the way


def test_everything_that_is_wrong_is_told_with_its_file(room):
    with pytest.raises(Invalid) as refused:
        apply(room, {"a": {"name": "a", "colour": 1}, "b": {"name": "c"}, "d": {"name": "d", "fields": [{"name": "x", "type": "txt"}]}})
    assert [fault.pointer for fault in refused.value.faults] == ["/b/name"]
    with pytest.raises(Invalid) as refused:
        apply(room, {"a": {"name": "a", "colour": 1}, "d": {"name": "d", "fields": [{"name": "x", "type": "txt"}]}})
    assert [fault.pointer for fault in refused.value.faults] == ["/a/colour", "/d/fields/0/type"]
    with pytest.raises(Invalid) as refused:
        apply(room, {**posts(TEXT, rules={"list": "titel = 'x'"}), "b": {"name": "b", "rules": {"view": "1 ="}}})
    assert [fault.pointer for fault in refused.value.faults] == ["/b/rules/view", "/posts/rules/list"]
    assert "did you mean `title`" in refused.value.faults[1].detail
    assert names(room) == []


def test_collections_that_nobody_changes_keep_what_they_name(room):
    apply(room, SHOP)
    with pytest.raises(Conflict) as refused:
        apply(room, {"products": {"name": "products", "fields": [TEXT]}})
    assert refused.value.code == "collection_in_use"
    assert {"/dear/query/columns/1/path", "/shops/rules/list"} <= {fault.pointer for fault in refused.value.faults}


@pytest.mark.parametrize("name", ["_admins", "_meta", "Posts", "drop table"])
def test_names_that_no_collection_may_have_are_refused(room, name):
    with pytest.raises(Invalid):
        apply(room, {name: {"name": name}})


# --- renames


def test_names_move_with_their_records_and_a_second_time_nothing_happens(room):
    apply(room, posts(TEXT, {"name": "body", "type": "text"}) | {"notes": {"name": "notes", "fields": [
        {"name": "post", "type": "relation", "collection": "posts"}], "rules": {"list": "post.title != ''"}}})  # fmt: skip
    add(room, "notes", post=add(room, "posts", title="one", body="long")["id"])
    fields = [{"name": "headline", "type": "text", "was": "title"}, {"name": "body", "type": "text", "max": 50}]
    pointing = [{"name": "post", "type": "relation", "collection": "articles"}]
    new = {
        "articles": {"name": "articles", "was": "posts", "fields": fields},
        "notes": {"name": "notes", "fields": pointing, "rules": {"list": "post.headline != ''"}},
    }
    shown = plan(room, new)
    assert [(each.action, each.name) for each in shown.changes] == [("change", "articles")]
    assert {type(step.step).__name__ for step in shown.changes[0].plan.steps} == {"RenameTable", "RenameField", "Narrow"}
    assert apply(room, new) == [("change", "articles")]
    assert [row["headline"] for row in rows(room, "articles")] == ["one"]
    assert apply(room, new) == []
    assert plan(room, new).changes == ()
    # On a fresh database there is nothing to rename.
    with make_backend() as fresh:
        apply(fresh, new)
        assert export(fresh) == export(room)


def test_a_name_that_another_one_leaves_is_free(room):
    apply(room, {"a": {"name": "a", "fields": [TEXT]}, "b": {"name": "b", "fields": [TEXT]}})
    add(room, "a", title="of a")
    add(room, "b", title="of b")
    apply(room, {"b": {"name": "b", "fields": [TEXT], "was": "a"}, "c": {"name": "c", "fields": [TEXT], "was": "b"}})
    # `b` was there, so nothing said that `a` is to take its place; `c` took it, and then it was free.
    assert {name: [row["title"] for row in rows(room, name)] for name in names(room)} == {"b": ["of a"], "c": ["of b"]}


def test_a_file_that_was_forgotten_under_the_former_name_is_told(room):
    apply(room, posts(TEXT))
    add(room, "posts", title="x")
    both = posts(TEXT) | {"articles": {"name": "articles", "fields": [TEXT], "was": "posts"}}
    with pytest.raises(Invalid) as refused:
        apply(room, both)
    assert refused.value.detail == "`articles` says that it was `posts`, which has a file too"
    apply(room, {"articles": both["articles"]})
    assert apply(room, both) == [("create", "posts")]


def test_names_that_swap_without_a_place_to_go_are_left_alone(room):
    both = {"a": {"name": "a", "was": "b"}, "b": {"name": "b", "was": "a"}}
    apply(room, both)
    assert apply(room, both) == []


# --- what is lost


def test_what_would_be_lost_is_refused_until_it_is_named(room):
    apply(room, posts(TEXT, {"name": "body", "type": "text"}) | {"old": {"name": "old", "fields": [TEXT]}})
    add(room, "posts", title="x", body="long")
    add(room, "old", title="x")
    shown = plan(room, posts(TEXT), prune=True)
    assert not shown.is_possible
    assert shown.unsaid == {"posts.body": 1, "old": 1}
    for drop in (set(), {"posts.body"}, {"old"}):
        with pytest.raises(Conflict) as refused:
            apply(room, posts(TEXT), prune=True, drop=frozenset(drop))
        assert refused.value.code == "would_lose_data"
    with pytest.raises(Invalid) as refused:
        apply(room, posts(TEXT), prune=True, drop=frozenset({"posts.bodi"}))
    assert refused.value.hint == "did you mean `posts.body`?"
    assert names(room) == ["old", "posts"]
    drop = frozenset({"posts.body", "old"})
    assert plan(room, posts(TEXT), prune=True, drop=drop).is_possible
    assert apply(room, posts(TEXT), prune=True, drop=drop) == [("change", "posts"), ("delete", "old")]
    assert [row["title"] for row in rows(room, "posts")] == ["x"]


def test_a_relation_to_what_comes_with_it_has_no_targets_yet(room):
    apply(room, posts({"name": "tag", "type": "text"}))
    add(room, "posts", tag="blue")
    new = posts({"name": "tag", "type": "relation", "collection": "tags"}) | {"tags": {"name": "tags"}}
    assert not plan(room, new).is_possible
    with pytest.raises(Conflict) as refused:
        apply(room, new)
    assert refused.value.code == "not_convertible"
    assert names(room) == ["posts"]


# --- others at the same time


def test_a_plan_that_somebody_looked_at_is_applied_or_nothing(room):
    apply(room, posts(TEXT))
    new = posts(TEXT, {"name": "body", "type": "text"})
    version = plan(room, new).version
    room.collections.change("posts", {"rules": {"list": ""}}, actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        apply(room, new, if_version=version)
    assert refused.value.code == "plan_outdated"


def test_of_two_that_apply_at_once_one_finds_nothing_to_do(database_url):
    with make_backend(database=database_url) as one, make_backend(database=database_url) as two, ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda room: apply(room, SHOP), (one, two)))
        assert sorted(map(len, done)) == [0, len(SHOP)]
        assert export(one) == export(two)


# --- drift


def test_what_somebody_changes_live_is_told_and_taken_back(room):
    definitions = posts(TEXT) | {"tags": {"name": "tags"}, "old": {"name": "old"}}
    apply(room, definitions)
    assert room.schema.drift(actor=SYSTEM) == ()
    room.collections.change("posts", {"rules": {"list": ""}}, actor=SYSTEM)
    room.collections.change("tags", {"name": "labels"}, actor=SYSTEM)
    room.collections.delete("old", actor=SYSTEM)
    assert [(each.name, each.what) for each in room.schema.drift(actor=SYSTEM)] == [
        ("old", "deleted"), ("posts", "changed"), ("tags", "renamed to `labels`")]  # fmt: skip
    assert [each.name for each in plan(room, definitions).drift] == ["old", "posts", "tags"]
    apply(room, definitions)
    assert room.schema.drift(actor=SYSTEM)[0].name == "tags"  # `labels` has no file: nobody said what becomes of it
    apply(room, definitions, prune=True)
    assert room.schema.drift(actor=SYSTEM) == ()


def test_what_was_changed_live_and_taken_over_into_the_files_is_no_drift(room):
    apply(room, posts(TEXT))
    room.collections.change("posts", {"rules": {"list": ""}}, actor=SYSTEM)
    taken_over = read(export(room))
    assert plan(room, taken_over).drift == ()
    assert apply(room, taken_over) == []
    assert room.schema.drift(actor=SYSTEM) == ()


def test_a_change_that_was_undone_is_no_drift(room):
    apply(room, posts(TEXT))
    room.collections.change("posts", {"rules": {"list": ""}}, actor=SYSTEM)
    room.collections.undo(actor=SYSTEM)
    assert room.schema.drift(actor=SYSTEM) == ()


# --- who may


@pytest.mark.parametrize(("actor", "refusal"), [(GUEST, Unauthenticated), (account("ann", "people"), Forbidden)])
def test_the_schema_is_for_admins(room, actor, refusal):
    for ask, *definitions in ((room.schema.export,), (room.schema.drift,), (room.schema.plan, {}), (room.schema.apply, {})):
        with pytest.raises(refusal):
            ask(*definitions, actor=actor)


# --- several things at once


def test_names_types_and_targets_change_together(room):
    apply(room, posts(TEXT, {"name": "tag", "type": "text"}) | {"tags": {"name": "tags", "fields": [TEXT]}})
    tag = add(room, "tags", title="7")
    add(room, "posts", title="12", tag=tag["id"])
    label = {"name": "label", "type": "relation", "collection": "labels", "was": "tag"}
    new = {
        "articles": {"name": "articles", "was": "posts", "fields": [{"name": "number", "type": "integer", "was": "title"}, label]},
        "labels": {"name": "labels", "was": "tags", "fields": [{"name": "number", "type": "integer", "was": "title", "required": True}]},
    }
    assert plan(room, new).is_possible
    assert apply(room, new) == [("change", "articles"), ("change", "labels")]
    assert [(row["number"], row["label"]) for row in rows(room, "articles")] == [(12, tag["id"])]
    assert [row["number"] for row in rows(room, "labels")] == [7]
    assert apply(room, new) == []


def test_what_stands_against_a_renamed_field_is_looked_for_under_its_present_name(room):
    apply(room, posts(TEXT))
    made = add(room, "posts", title="no number")
    new = {"articles": {"name": "articles", "was": "posts", "fields": [{"name": "number", "type": "integer", "was": "title"}]}}
    shown = plan(room, new)
    assert not shown.is_possible
    [against] = [step.misfits for step in shown.changes[0].plan.steps if step.misfits.count]
    assert against.examples == ((made["id"], "no number"),)
    with pytest.raises(Conflict):
        apply(room, new)
    assert names(room) == ["posts"]
