"""Names in the document follow from the collection's alone and meet no other."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbound.web.document.names import SUFFIXES, VERBS, component, operation_id

# As names of ours are, and as they may come to be.
TAKEN = frozenset({"Problem", "Record", "RecordPage", "Status", "CollectionList", "TrashPage"})
IDS = frozenset({"list_collections", "create_collection", "list_trash", "get_own_account", "list_records", "create_record", "livez"})

TOLD = [
    ("posts", "Posts", "list_posts"),
    ("order_lines", "OrderLines", "list_order_lines"),
    ("a__b", "A_B", "list_a__b"),
    ("v_2", "V_2", "list_v_2"),
    ("v2", "V2", "list_v2"),
    ("_admins", "_Admins", "list__admins"),
    ("posts_create", "PostsCreateRecord", "list_posts_create"),
    ("status", "StatusRecord", "list_status"),
    ("record", "RecordRecord", "list_record_records"),
    ("collections", "Collections", "list_collections_records"),
    ("trash", "TrashRecord", "list_trash_records"),
    ("my_records", "MyRecords", "list_my_records_records"),
]


@pytest.mark.parametrize(("collection", "schema", "operation"), TOLD)
def test_names_that_can_be_foretold(collection, schema, operation):
    assert (component(collection, TAKEN), operation_id("list", collection, IDS)) == (schema, operation)


# Short, of the pieces that could be taken for something else.
PIECES = st.sampled_from(["a", "b", "_", "1", "create", "update", "page", "expand", "record", "records", "posts", "status", "list", "get"])
NAMES = st.lists(PIECES, min_size=1, max_size=5).map("".join).filter(lambda name: re.fullmatch("[a-z][a-z0-9_]{0,49}", name))


@given(NAMES, NAMES)
def test_no_two_collections_share_a_name(one, other):
    schemas = [{f"{component(name, TAKEN)}{end}" for end in ("", *SUFFIXES)} for name in (one, other)]
    operations = [{operation_id(verb, name, IDS) for verb in VERBS} for name in (one, other)]
    for each, taken in ((schemas, TAKEN), (operations, IDS)):
        assert not (each[0] | each[1]) & taken
        assert one == other or not each[0] & each[1]
    assert all(re.fullmatch("[A-Za-z0-9_]+", name) for name in schemas[0] | operations[0])
