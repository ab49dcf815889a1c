"""What a change of a document means: said for each kind of change, both for what clients send and for what they read."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compatibility.compare import breaks, compared
from domain.compatibility.documents import Document
from domain.errors import Invalid


def document(sent=None, read=None, **operation):
    answer = {"content": _json(read), "headers": {"ETag": {}}}
    return {
        "openapi": "3.1.0",
        "paths": {
            "/posts/{id}": {
                "parameters": [{"in": "query", "name": "fields", "schema": {"type": "string"}}],
                "patch": {
                    "operationId": "update_posts",
                    "requestBody": {"content": _json(sent)},
                    "responses": {"200": answer, "404": {}},
                    **operation,
                },
            }
        },
    }


def _json(schema):
    return {"application/json": {"schema": {} if schema is None else schema}}


def findings(old, new):
    return compared(Document(old), Document(new))


def weights(old, new):
    return [each.weight.told for each in findings(old, new)]


TEXT = {"type": "string", "maxLength": 100}
OBJECT = {"type": "object", "properties": {"title": TEXT, "status": {"enum": ["a", "b"]}}, "required": ["title"]}


def changed(base, *path, to=None):
    made = copy.deepcopy(base)
    at = made
    for key in path[:-1]:
        at = at[key]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return made


# a schema, what it became, the weight where it is sent, and where it is read
SCHEMAS = [
    (OBJECT, OBJECT, [], []),
    (OBJECT, changed(OBJECT, "properties", "status"), ["breaks"], ["breaks"]),
    (OBJECT, changed(OBJECT, "properties", "extra", to=TEXT), ["harmless"], ["harmless"]),
    (OBJECT, changed(OBJECT, "required", to=["title", "status"]), ["breaks"], ["harmless"]),
    (OBJECT, changed(OBJECT, "required"), ["harmless"], ["may break"]),
    (OBJECT, changed(OBJECT, "properties", "title", "maxLength", to=50), ["breaks"], ["harmless"]),
    (OBJECT, changed(OBJECT, "properties", "title", "maxLength", to=200), ["harmless"], ["may break"]),
    (OBJECT, changed(OBJECT, "properties", "title", "maxLength"), ["harmless"], ["may break"]),
    (OBJECT, changed(OBJECT, "properties", "status", "enum", to=["a"]), ["breaks"], ["harmless"]),
    (OBJECT, changed(OBJECT, "properties", "status", "enum", to=["a", "b", "c"]), ["harmless"], ["may break"]),
    (OBJECT, changed(OBJECT, "properties", "title", "type", to="integer"), ["breaks"], ["breaks"]),
    (OBJECT, changed(OBJECT, "properties", "title", "type", to=["string", "null"]), ["harmless"], ["may break"]),
    (OBJECT, changed(OBJECT, "properties", "title", "pattern", to="^a"), ["breaks"], ["harmless"]),
    (OBJECT, {**OBJECT, "additionalProperties": False}, ["breaks"], ["harmless"]),
    ({"type": "number"}, {"type": "integer"}, ["breaks"], ["harmless"]),
    ({"type": "integer"}, {"type": "number"}, ["harmless"], ["may break"]),
    ({"items": {"type": "string"}}, {"items": {"type": "string", "minLength": 1}}, ["breaks"], ["harmless"]),
    ({"oneOf": [TEXT, OBJECT]}, {"oneOf": [TEXT]}, ["breaks"], ["breaks"]),
    ({"oneOf": [TEXT, OBJECT]}, {"oneOf": [{**TEXT, "maxLength": 9}, OBJECT]}, ["breaks"], ["harmless"]),
    ({}, {"const": 1}, ["breaks"], ["harmless"]),
    (True, False, ["breaks"], ["harmless"]),
]


@pytest.mark.parametrize(("old", "new", "sent", "read"), SCHEMAS)
def test_the_same_change_weighs_differently_for_who_sends_and_who_reads(old, new, sent, read):
    assert weights(document(sent=old), document(sent=new)) == sent
    assert weights(document(read=old), document(read=new)) == read


def parameter(name, **more):
    return {"in": "query", "name": name, "schema": {"type": "string"}, **more}


OPERATIONS = [
    ({"operationId": "change_posts"}, "breaks", "was called `update_posts`"),
    ({"parameters": [parameter("dry", required=True)]}, "breaks", "a new parameter that has to be there"),
    ({"parameters": [parameter("dry")]}, "harmless", "a new parameter"),
    ({"security": [{"bearer": []}]}, "breaks", "without signing in"),
    ({"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}, "breaks", "a body has to be sent"),
    ({"requestBody": {"content": {"text/plain": {"schema": {}}}}}, "breaks", "`application/json` is not taken"),
    ({"responses": {"201": {}}}, "breaks", "not answered any more"),
]


@pytest.mark.parametrize(("operation", "weight", "what"), OPERATIONS)
def test_operations(operation, weight, what):
    told = findings(document(), document(**operation))
    assert (told[0].weight.told, what in told[0].what) == (weight, True), told


def test_what_is_gone_breaks_and_what_is_new_does_not():
    none = {"openapi": "3.0.3", "paths": {}}
    assert weights(document(), none) == ["breaks"]
    assert weights(none, document()) == ["harmless"]
    headless = document()
    del headless["paths"]["/posts/{id}"]["patch"]["responses"]["200"]["headers"]
    assert weights(document(), headless) == ["may break"]
    assert weights({**none, "components": {"schemas": {"A": {}}}}, none) == ["may break"]


def test_the_name_of_a_path_parameter_means_nothing():
    other = document()
    other["paths"]["/posts/{post}"] = other["paths"].pop("/posts/{id}")
    assert findings(document(), other) == ()


def test_parameters_are_followed_and_shared():
    old = document(parameters=[{"$ref": "#/components/parameters/limit"}])
    old["components"] = {"parameters": {"limit": {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 500}}}}
    new = copy.deepcopy(old)
    new["components"]["parameters"]["limit"]["schema"]["maximum"] = 100
    told = findings(old, new)
    assert breaks(told)
    assert told[0].place == "PATCH /posts/{id}, query parameter `limit`"
    del new["paths"]["/posts/{id}"]["parameters"]
    assert any("`fields`" in each.place for each in findings(old, new))


def test_rings_end():
    ring = {"type": "object", "properties": {"parent": {"$ref": "#/components/schemas/Post"}, "title": TEXT}}
    old = {**document(read={"$ref": "#/components/schemas/Post"}), "components": {"schemas": {"Post": ring}}}
    new = changed(old, "components", "schemas", "Post", "properties", "title")
    told = findings(old, new)
    assert [each.what for each in told] == ["`title` is gone"]


def test_a_reference_to_itself_leads_nowhere():
    old = {**document(read={"$ref": "#/components/schemas/A"}), "components": {"schemas": {"A": {"$ref": "#/components/schemas/A"}}}}
    assert findings(old, copy.deepcopy(old)) == ()


def test_what_is_made_to_cost_time_is_refused_by_name():
    deep = leaf = {}
    for _ in range(100):
        leaf["items"] = {}
        leaf = leaf["items"]
    leaf["type"] = "string"
    with pytest.raises(Invalid, match="schemas"):
        findings(document(sent=deep), document(sent=changed(deep, *["items"] * 99, to={"type": "integer"})))


@pytest.mark.parametrize("content", [{}, [], 7, None, {"openapi": "2.0"}, {"swagger": "2.0"}, {"openapi": "3.1.0", "paths": []}])
def test_what_is_no_document_says_so(content):
    with pytest.raises(Invalid, match="no OpenAPI 3 document"):
        Document(content)


WORDS = ["$ref", "type", "properties", "required", "items", "get", "parameters", "in", "name", "schema", "requestBody", "responses",
         "content", "enum", "security", "200", "headers", "allOf"]  # fmt: skip
nonsense = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["string", "#/paths", "get", "object"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@given(nonsense, nonsense)
def test_no_document_breaks_the_comparison(one, other):
    docs = [{"openapi": "3.1.0", "paths": {"/a": each}, "components": {"schemas": {"X": each}}} for each in (one, other)]
    told = findings(*docs)
    json.dumps([each.as_object() for each in told])
    assert findings(docs[0], docs[0]) == ()


def test_types_are_named_in_one_order():
    """Two processes that answer the same plan say the same."""
    (found,) = findings(document({"type": ["string", "null", "boolean", "array"]}), document({"type": ["number", "object"]}))
    assert "`array`, `boolean`, `null`, `string` became `integer`, `number`, `object`" in found.what
