"""Rule texts after a rename: what changes, what stays, and that the meaning is the same."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Conflict, Invalid
from domain.rules.check import Scope, check
from domain.rules.rename import Rename, renamed
from domain.rules.tree import And, Call, Compare, Constant, In, Not, Or, Path, Request, Shift, Step
from domain.schema.collection import Schema
from domain.schema.fields import RelationField
from tests.unit.rules.test_shape import RULES
from tests.unit.rules.worlds import POSTS, SCHEMA, TAGS, USERS, collection, to


def anew(text, change, own=POSTS, schema=SCHEMA):
    return renamed(text, Scope(schema, own, "/rules/list"), change)


TITLE, AUTHOR, TAGGED = (Rename("posts", {old: new}) for old, new in (("title", "name"), ("author", "writer"), ("tags", "topics")))
NAME, TEAM, PEOPLE = Rename("users", {"name": "nick"}), Rename("users", {"team": "group"}), Rename("users", to="people")


@pytest.mark.parametrize("text,change,expected", [
    ("title = 'title'", TITLE, "name = 'title'"), ("( title='a' )&&\n\ttitle !~\"title\" // title", TITLE, None),
    ("author.name = title", TITLE, "author.name = name"), ("meta.title = 'a' && @request.query.title = 'b'", TITLE, None),
    ("title:lower = 'x' || lower(title) = 'y' || length( title ) > 2", TITLE,
     "name:lower = 'x' || lower(name) = 'y' || length( name ) > 2"),
    ("@request.body.title:isset && @request.body.title != title", TITLE, "@request.body.name:isset && @request.body.name != name"),
    ("parent.parent.title = 'x' && comments_via_post.post.title ?= 'y'", TITLE,
     "parent.parent.name = 'x' && comments_via_post.post.name ?= 'y'"),
    ("title in ('title', subtitle, title)", TITLE, "name in ('title', subtitle, name)"),
    ("@collection.posts.title ?= title && @collection.posts:title.title ?= 'a'", TITLE,
     "@collection.posts.name ?= name && @collection.posts:title.name ?= 'a'"),
    ("author.posts_via_author.title ?= 'a'", AUTHOR, "writer.posts_via_writer.title ?= 'a'"),
    ("author.posts_via_author:length > 1", AUTHOR, "writer.posts_via_writer:length > 1"),
    ("editor.posts_via_author.author ?= 'u1'", AUTHOR, "editor.posts_via_writer.writer ?= 'u1'"),
    ("tags ?= 'g1' && tags.name ?= 'a' && tags:length > 1", TAGGED, "topics ?= 'g1' && topics.name ?= 'a' && topics:length > 1"),
    ("tags.posts_via_tags.tags.akin.name ?= 'a'", TAGGED, "topics.posts_via_topics.topics.akin.name ?= 'a'"),
    ("author.name = 'Ann' && tags.name ?= 'new'", NAME, "author.nick = 'Ann' && tags.name ?= 'new'"),
    ("@request.auth.name = 'Ann' && @request.auth.team.name = 'Red'", NAME,
     "@request.auth.nick = 'Ann' && @request.auth.team.name = 'Red'"),
    ("@request.auth.team.lead.team.name = 'x'", TEAM, "@request.auth.group.lead.group.name = 'x'"),
    ("@request.auth.team.users_via_team.posts_via_author.title ?= 'title'", TITLE,
     "@request.auth.team.users_via_team.posts_via_author.name ?= 'title'"),
    ("@request.auth.team.users_via_team.posts_via_author.title ?= 'a'", AUTHOR,
     "@request.auth.team.users_via_team.posts_via_writer.title ?= 'a'"),
    ("@request.auth.team.users_via_team:length > 1", TEAM, "@request.auth.group.users_via_group:length > 1"),
    ("@request.auth.team.users_via_team.name ?= 'a'", PEOPLE, "@request.auth.team.people_via_team.name ?= 'a'"),
    ("@request.body.author.team.users_via_team.name ?= title", NAME, "@request.body.author.team.users_via_team.nick ?= title"),
    ("@request.body.author.name = title && @request.body.author:isset", AUTHOR,
     "@request.body.writer.name = title && @request.body.writer:isset"),
    ("@request.body.meta.title = 'a'", TITLE, None),
    ("author.team.users_via_team.name ?= 'a'", TEAM, "author.group.users_via_group.name ?= 'a'"),
    ("author.team.users_via_team.name ?= 'a' && @collection.users:users.id ?= 'users'", PEOPLE,
     "author.team.people_via_team.name ?= 'a' && @collection.people:users.id ?= 'users'"),
    ("@request.auth.collectionName = 'users' && title = 'users'", PEOPLE, "@request.auth.collectionName = 'people' && title = 'users'"),
    ("@request.auth.collectionName in (\"admins\", \"users\")", PEOPLE, "@request.auth.collectionName in (\"admins\", \"people\")"),
    ("due + 1d > @now && geoDistance(score, score, 1, 2) < 5", Rename("posts", {"due": "until", "score": "mark"}),
     "until + 1d > @now && geoDistance(mark, mark, 1, 2) < 5"),
    ("title = subtitle", Rename("posts", {"title": "subtitle", "subtitle": "title"}), "subtitle = title"),
    ("live", Rename("posts", {"live": "is_open"}), "is_open"), ("", TITLE, ""), ("@request.auth.id != ''", NAME, None),
])  # fmt: skip
def test_names_change_where_they_mean_what_is_renamed(text, change, expected):
    if text.startswith("( title"):
        expected = "( name='a' )&&\n\tname !~\"title\" // title"
    assert anew(text, change) == (text if expected is None else expected)


def test_a_rule_of_the_renamed_collection_itself():
    assert anew("tags_via_akin.name ?= name", Rename("tags", {"name": "word"}, to="topics"), TAGS) == "topics_via_akin.word ?= word"


def test_a_name_that_several_accounts_collections_answer_to_is_refused():
    staff = collection("staff", "accounts", name="text", team=to("teams"))
    schema = Schema(1, {**SCHEMA.collections, "staff": staff})
    with pytest.raises(Conflict) as refused:
        anew("live && @request.auth.name = 'Ann'", NAME, schema=schema)
    assert refused.value.code == refused.value.faults[0].code == "ambiguous_rename"
    assert refused.value.faults[0].pointer == "/rules/list"
    assert "column 9: `@request.auth.name` asks `name` of `staff` too" in refused.value.detail
    assert anew("@request.auth.team.name = 'Red'", Rename("teams", {"name": "word"}), schema=schema) == "@request.auth.team.word = 'Red'"


def test_a_role_that_is_found_by_its_name_is_refused():
    with pytest.raises(Conflict) as refused:
        anew("hasRole('chief')", Rename("users", {"role": "rank"}))
    assert refused.value.code == "ambiguous_rename"
    assert anew("hasRole('chief')", Rename("posts", {"status": "state"})) == "hasRole('chief')"
    assert anew("hasRole('chief')", NAME) == "hasRole('chief')"


# --- whatever the text


def after(schema, change):
    """The schema after the change."""

    def changed(each):
        fields = tuple(
            replace(field, name=change.fields.get(field.name, field.name) if each.name == change.collection else field.name,
                    **({"collection": change.to} if change.to and isinstance(field, RelationField) and field.collection == change.collection
                       else {}))
            for field in each.fields
        )  # fmt: skip
        return replace(each, name=change.to or each.name if each.name == change.collection else each.name, fields=fields)

    made = [changed(each) for each in schema.collections.values()]
    return Schema(2, {each.name: each for each in made})


def meaning(node, schema):
    """The tree with ids and positions for names."""
    if isinstance(node, (And, Or)):
        return type(node), [meaning(item, schema) for item in node.items]
    if isinstance(node, Not):
        return Not, meaning(node.item, schema)
    if isinstance(node, Compare):
        return node.op, node.any, node.kind, meaning(node.left, schema), meaning(node.right, schema)
    if isinstance(node, In):
        return node.any, node.negated, [meaning(each, schema) for each in (node.operand, *node.items)]
    if isinstance(node, Path):
        root = node.root and schema.collections[node.root].id
        return field_of(node.collection, node.name, schema), [meaning(step, schema) for step in node.steps], root, node.alias, node.json
    if isinstance(node, Step):
        return field_of(node.target if node.back else node.source, node.field, schema), node.back, node.many
    if isinstance(node, Call):
        return node.name, [meaning(arg, schema) for arg in node.args]
    if isinstance(node, Shift):
        return node.seconds, meaning(node.operand, schema)
    if isinstance(node, Request):
        return node.modifier, node.lists, len(node.path), node.stored and meaning(node.stored, schema)
    assert isinstance(node, Constant) or hasattr(node, "value")
    return node


def field_of(collection, name, schema):
    found = schema.collections[collection]
    return found.id, list(found.every_field).index(name)


CHANGES = [
    Rename("posts", {"title": "head", "author": "writer", "tags": "topics", "views": "seen", "meta": "extra", "due": "until"}, to="notes"),
    Rename("posts", {"title": "subtitle", "subtitle": "title", "live": "pinned", "pinned": "live"}),
    Rename("users", {"name": "nick", "team": "crew", "level": "rank"}, to="people"),
    Rename("comments", {"text": "words", "by": "whose", "post": "on", "stars": "points"}, to="remarks"),
    Rename("teams", {"name": "called"}, to="crews"),
]


@given(text=RULES, change=st.sampled_from(CHANGES))
@settings(max_examples=max(400, settings.default.max_examples), deadline=None)
def test_the_renamed_text_means_the_same_under_the_renamed_schema(text, change):
    try:
        old = check(text, Scope(SCHEMA, POSTS))
    except Invalid:
        return
    schema = after(SCHEMA, change)
    own = change.to if change.to and change.collection == "posts" else "posts"
    new = check(anew(text, change), Scope(schema, schema.collections[own]))
    assert meaning(old, SCHEMA) == meaning(new, schema)


def test_the_generated_texts_name_what_is_renamed():
    """Else the test above would say little."""
    assert USERS.name == "users"
    assert all(anew("title = author.name && comments_via_post.text ?= '' && author.team.name = ''", each) != "" for each in CHANGES)
    changed = [anew("title = author.name && comments_via_post.text ?= '' && author.team.name = ''", each) for each in CHANGES]
    assert len(set(changed)) == len(CHANGES)
