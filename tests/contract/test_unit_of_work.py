"""The unit of work: rollback, nesting, racing writers, shared commits, and schema changes that everybody notices."""

import threading

import pytest

from tests.contract.ground import POSTS, add, create, ids


def test_what_a_body_wrote_is_there_after_it_returned(ground):
    create(ground, POSTS)
    assert ground.run(add("a", title="Hello")) == "a"
    assert ids(ground) == ["a"]


def test_an_exception_undoes_what_the_body_wrote(ground):
    create(ground, POSTS)

    def body(stores):
        add("a")(stores)
        raise LookupError("no")

    with pytest.raises(LookupError):
        ground.run(body)
    assert ids(ground) == []
