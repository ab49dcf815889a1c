"""Proof of work on sign-up: good once, for a while, for its own collection; and never in an admin's way."""

from itertools import count

import pytest

from app import testing
from domain.accounts.puzzles import Solution
from domain.actor import GUEST, SYSTEM
from domain.errors import Forbidden, Invalid, NotFound
from domain.rules.values import RequestFacts

BITS = 6
ANN = {"email": "ann@example.org", "password": "a stillroom of herbs"}


@pytest.fixture
def room():
    made = testing.backend(sign_up_bits=BITS)
    for name in ("users", "members"):
        made.collections.create({"name": name, "type": "accounts", "rules": {"create": ""}}, actor=SYSTEM)
    yield made
    made.close()


def sign_up(room, proof="", email=ANN["email"], actor=GUEST, **more):
    headers = {"x_proof_of_work": proof} if proof else {}
    return room.records.create("users", {**ANN, "email": email, **more}, actor=actor, facts=RequestFacts("POST", headers=headers))


def solved(room, name="users", right=True):
    puzzle, bits = room.puzzles.give(name)
    return next(f"{puzzle}:{n}" for n in count() if Solution(puzzle, str(n)).has(bits) is right)


def refused(room, proof, code="proof_of_work_refused", **more):
    with pytest.raises(Forbidden) as caught:
        sign_up(room, proof, **more)
    assert caught.value.code == code
    assert "/api/v1/auth/users/puzzle" in (caught.value.hint or "")
    return str(caught.value)


def test_a_solution_signs_up_once(room):
    proof = solved(room)
    sign_up(room, proof)
    assert "used before" in refused(room, proof, email="bob@example.org")
    again = proof.partition(":")[0]
    other = next(f"{again}:{n}" for n in count(int(proof.partition(":")[2]) + 1) if Solution(again, str(n)).has(BITS))
    assert "used before" in refused(room, other, email="bob@example.org")
    sign_up(room, solved(room), email="bob@example.org")


def test_without_one_nobody_signs_up(room):
    refused(room, "", "proof_of_work_required")


def test_what_is_no_solution_is_refused_with_its_reason(room):
    puzzle = solved(room).partition(":")[0]
    assert "does not solve" in refused(room, solved(room, right=False))
    assert "another collection" in refused(room, solved(room, "members"))
    for odd in ("x", puzzle, f"{puzzle}:", f"{puzzle}:-1", f"{puzzle}:1:2", "a" * 400, f"{puzzle}:é"):
        assert "not written as" in refused(room, odd)
    for forged in (f"{'A' * 40}:1", f"{puzzle[:-4]}AAAA:1", f"{puzzle}AAAA:1"):
        assert "not of this backend" in refused(room, forged)
    proof = solved(room)
    room.clock.advance(minutes=5)
    assert "expired" in refused(room, proof)


def test_a_sign_up_that_failed_may_use_it_again(room):
    proof = solved(room)
    for wrong in ({"password": "short"}, {"nothing": 1}):
        with pytest.raises(Invalid):
            sign_up(room, proof, **wrong)
    sign_up(room, proof)


def test_admins_need_none_and_others_get_no_puzzle_for_what_is_not_there(room):
    sign_up(room, actor=SYSTEM)
    with pytest.raises(NotFound):
        room.puzzles.give("nothing")


def test_where_none_is_asked_for_the_puzzle_is_solved_already():
    room = testing.backend()
    room.collections.create({"name": "users", "type": "accounts", "rules": {"create": ""}}, actor=SYSTEM)
    puzzle, bits = room.puzzles.give("users")
    assert bits == 0
    assert Solution(puzzle, "0").has(bits)
    sign_up(room)
    room.close()
