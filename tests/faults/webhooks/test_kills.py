"""What was acknowledged is told to those who asked, whatever is killed and however they fail; `make faults` does so for minutes."""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.e2e.server import Server
from tests.faults.webhooks.experiment import Experiment, faults, two_receivers
from tests.receiver import Message, Receiver

SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"
# Acknowledges before it has sent, as who sends from a queue that forgets does.
CARELESS = """
from app.usecases import webhook_sending
from domain.webhooks.deliveries import Attempt

send = webhook_sending.WebhookSending._tried

def tried(self, lease, batch):
    import threading
    import domain.webhooks.deliveries as deliveries
    together, webhook_sending._together = webhook_sending._together, lambda attempt, some: {each.id: Attempt(1, 1, 200) for each in some}
    try:
        came = send(self, lease, batch)
    finally:
        webhook_sending._together = together
    keys = self._secrets.signing(lease.endpoint.id, lease.secrets, 0)
    together(lambda each: self._attempt(lease.endpoint.url, keys, each), batch)
    return came

webhook_sending.WebhookSending._tried = tried
"""


def moody(chance: random.Random, share: float) -> Callable[[Message], tuple[int, dict[str, str], bytes]]:
    """Fails often, and takes its time, so that a kill comes between a message and its answer."""

    def manner(_: Message) -> tuple[int, dict[str, str], bytes]:
        time.sleep(chance.uniform(0, 0.02))
        return (500 if chance.random() < share else 200), {}, b""

    return manner


def settings(engine: str, request: pytest.FixtureRequest) -> dict[str, str]:
    own = {"STILLROOM_LOOPBACK_WEBHOOKS": "on"}
    if engine == "postgresql":
        own |= {"STILLROOM_DATABASE_URL": request.getfixturevalue("postgres_url"), "STILLROOM_SECRET_KEY": SECRET}
    return own


def hurry(made: Experiment) -> None:
    """What waits for hours is due now, and nobody rests: as if the time had gone by."""
    with made.database() as database:
        database.execute(text("UPDATE _webhooks SET again = NULL"))
        database.execute(text("UPDATE _webhook_deliveries SET due = 1 WHERE state = 'waiting' AND due > 1"))


def take_over(made: Experiment) -> None:
    """As if the leases of who was killed had ended."""
    with made.database() as database:
        for table in ("_webhooks", "_subscribers"):
            database.execute(text(f"UPDATE {table} SET held_until = 0"))


def through_kills(
    made: Experiment, kills: int, every: float, patience: float, after_kill: Callable[[Experiment], None] = lambda made: None,
    share: float = 0.2,
) -> tuple[Receiver, Receiver]:
    with two_receivers() as (one, other):
        one.manner = moody(random.Random(1), share)
        made.tell(one)
        made.tell(other)
        with made.writing(pause=0.02):
            for _ in range(kills):
                time.sleep(every * made.chance.uniform(0.7, 1.3))
                made.kill(partial(after_kill, made))
            time.sleep(every)
        one.manner = lambda _: (200, {}, b"")
        made.settle(patience, again=partial(hurry, made))
    return one, other


def test_killed_once_nothing_is_lost(unstarted: Callable[..., Server], request: pytest.FixtureRequest) -> None:
    made = Experiment(unstarted(workers=1, **settings("sqlite", request)).start())
    one, other = through_kills(made, 1, 0.7, 60, take_over, share=0.03)
    assert sum(made.acknowledged.values()) > 20
    assert faults(made.acknowledged, one) == []
    assert faults(made.acknowledged, other) == []
    # What is missing, or came before its time, would be told.
    lost = next(iter(made.acknowledged))
    gone = Receiver(0, got=[each for each in one.got if (each.said["data"]["id"], each.said["data"]["version"]) != (lost, 1)])
    assert f"{lost} 1 never came" in faults(made.acknowledged, gone)
    turned = Receiver(0, got=list(reversed(one.got)))
    assert any("came as" in each for each in faults(made.acknowledged, turned))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_killed_for_minutes_nothing_is_lost(engine: str, unstarted: Callable[..., Server], request: pytest.FixtureRequest) -> None:
    made = Experiment(unstarted(workers=2, **settings(engine, request)).start())
    one, other = through_kills(made, 20, 3.0, 900)
    for name, each in (("moody", one), ("good", other)):
        told = len({(message.said["data"]["id"], message.said["data"]["version"]) for message in each.got})
        count = sum(made.acknowledged.values())
        print(f"{engine}, {name}: {count} acknowledged, {told} told, {len(each.got)} messages, {made.kills} kills")
        assert faults(made.acknowledged, each) == []


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_who_acknowledges_before_sending_loses_some(
    tmp_path: Path, unstarted: Callable[..., Server], request: pytest.FixtureRequest
) -> None:
    """The control: the experiment tells it."""
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "careless.py").write_text(CARELESS + "\nfrom stillroom import Extension\ncareless = Extension('careless')\n")
    made = Experiment(unstarted(workers=1, **settings("sqlite", request)).start())
    one, other = through_kills(made, 10, 2.0, 300)
    assert faults(made.acknowledged, one) + faults(made.acknowledged, other) != []


def test_one_that_hangs_keeps_no_other_waiting(unstarted: Callable[..., Server], request: pytest.FixtureRequest) -> None:
    made = Experiment(unstarted(workers=1, **settings("sqlite", request)).start())
    with two_receivers() as (hanging, good):
        hanging.manner = lambda _: time.sleep(3600)
        made.tell(hanging)
        made.tell(good)
        with made.writing(clients=1, pause=0.02):
            time.sleep(0.6)
        wanted = sum(made.acknowledged.values())
        began = time.monotonic()
        good.wait(wanted, 10)
        assert time.monotonic() - began < 10  # the one that hangs has not been given up by then
        assert faults(made.acknowledged, good) == []
        assert 1 <= len(hanging.got) <= 8
