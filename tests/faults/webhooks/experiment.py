"""A server that tells receivers what happens, while it is killed and they fail: what was acknowledged, what came, and what is wrong."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine

from tests.e2e.server import Server
from tests.receiver import Receiver, receiving

NOTES = {"name": "notes", "fields": [{"name": "n", "type": "integer"}], "rules": {"list": "", "view": ""}}
RECORDS = 12


def faults(acknowledged: dict[str, int], receiver: Receiver) -> list[str]:
    """What is wrong with what came: of each record every version that was acknowledged, each first one after the first of the version
    before, and the same message by the same id."""
    came: dict[str, list[int]] = defaultdict(list)
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    for message in receiver.got:
        data = message.said["data"]
        came[data["id"]].append(data["version"])
        ids[data["id"], data["version"]].add(message.id)
    wrong = [f"{record} {version} came by {len(them)} ids" for (record, version), them in ids.items() if len(them) > 1]
    for record, last in acknowledged.items():
        firsts = list(dict.fromkeys(came[record]))
        missing = set(range(1, last + 1)) - set(firsts)
        wrong += [f"{record} {version} never came" for version in sorted(missing)]
        wrong += [f"{record} came as {firsts}"] if firsts != sorted(firsts) else []
    return wrong


class Experiment:
    """Clients write without end, until told to stop; `kill` and the receivers' manners are the test's."""

    def __init__(self, server: Server, seed: int = 7) -> None:
        self.server, self.chance = server, random.Random(seed)
        # By record, the last version that was acknowledged.
        self.acknowledged: dict[str, int] = {}
        self.kills = 0
        self._token = server.admin_token()
        assert server.request("POST", "/api/v1/collections", NOTES, self._token).status == 201

    def tell(self, receiver: Receiver) -> str:
        wanted = {"url": receiver.url(), "as": "guest", "subscriptions": [{"collection": "notes"}]}
        made = self.server.request("POST", "/api/v1/webhooks", wanted, self._token)
        assert made.status == 201, made
        id: str = made.body["id"]
        return id

    @contextmanager
    def writing(self, clients: int = 2, pause: float = 0.005) -> Iterator[None]:
        over = threading.Event()
        threads = [threading.Thread(target=self._write, args=(client, over, pause), daemon=True) for client in range(clients)]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            over.set()
            for each in threads:
                each.join(30)

    def kill(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.server.kill()
        self.kills += 1
        meanwhile()
        self.server.start()

    @contextmanager
    def database(self) -> Iterator[Connection]:
        url = self.server.settings.get("STILLROOM_DATABASE_URL", f"sqlite:///{self.server.data_dir / 'stillroom.db'}")
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), connect_args={} if "post" in url else {"timeout": 20})
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    def settle(self, patience: float, *, again: Callable[[], object] = lambda: None) -> None:
        """Until nothing waits; `again` is done now and then meanwhile."""
        until = time.monotonic() + patience
        while (left := self.waiting()) and time.monotonic() < until:
            again()
            time.sleep(0.2)
        assert not left, f"{left} messages wait still"

    def waiting(self) -> int:
        token = self._token
        hooks = self.server.request("GET", "/api/v1/webhooks", token=token).body["items"]
        behind = [each["unheard"] for each in self.server.request("GET", "/api/v1/outbox", token=token).body["items"]]
        places = [f"/api/v1/webhooks/{each['id']}/deliveries?state=waiting" for each in hooks]
        return sum(behind) + sum(len(self.server.request("GET", place, token=token).body["items"]) for place in places)

    def _write(self, client: int, over: threading.Event, pause: float) -> None:
        own = [f"note{client}{at}" for at in range(RECORDS // 2)]
        while not over.is_set():
            self._one(self.chance.choice(own))
            time.sleep(pause)

    def _one(self, record: str) -> None:
        is_new = record not in self.acknowledged
        place = "/api/v1/collections/notes/records" + ("" if is_new else f"/{record}")
        body: dict[str, Any] = {"id": record, "n": 0} if is_new else {"n": self.chance.randrange(1000)}
        try:
            answer = self.server.request("POST" if is_new else "PATCH", place, body, self._token)
        except (OSError, ValueError):
            return  # it is down; what is committed and not answered any more is told too
        if answer.status in (200, 201):
            self.acknowledged[record] = answer.body["version"]
        elif answer.status == 409:
            self.acknowledged[record] = 1  # its answer was lost



@contextmanager
def two_receivers() -> Iterator[tuple[Receiver, Receiver]]:
    with receiving() as one, receiving() as other:
        yield one, other
