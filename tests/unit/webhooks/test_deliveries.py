"""What attempts tell of an endpoint, and what only of one message."""

import pytest

from domain.webhooks.deliveries import Attempt, Delivery, settled
from domain.webhooks.endpoints import Breaker

MINUTE = 60_000


def after(statuses: list[int | None], breaker: Breaker | None = None) -> Breaker:
    tried = [(Delivery(str(at), "w", "records.created", "{}"), Attempt(0, 1, status)) for at, status in enumerate(statuses)]
    return settled(breaker or Breaker(), tried, 0, 0.5).breaker


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_whoever_refuses_a_message_is_there(status: int) -> None:
    assert after([status] * 50) == Breaker()
    assert after([500, 500, 500, 500, status, 500]).again is None
    found = settled(Breaker(9, 1), [(Delivery("a", "w", "records.created", "{}"), Attempt(0, 1, status))], 0, 0.5)
    assert found.healed
    assert found.deliveries[0].state == "waiting"


@pytest.mark.parametrize(("status", "longest"), [
    (None, 10), (502, 10), (503, 10), (504, 10), (429, 10), (500, 1), (404, 1), (302, 1),
])  # fmt: skip
def test_one_that_answers_is_asked_again_soon(status: int | None, longest: int) -> None:
    assert after([status] * 4).again is None
    assert after([status] * 5).again == 10_000
    assert after([status] * 50).again == longest * MINUTE
