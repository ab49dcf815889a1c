"""What `rq info` and RQ's dashboards see of a process that runs jobs: one of RQ's workers, with its queues."""

from collections.abc import Collection, Sequence
from time import monotonic

import redis
from rq import worker_registration
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker import BaseWorker

# It is taken for dead when it was not seen for so long.
_EVERY, _KEPT = 30.0, 90


class Presence(BaseWorker):
    """Shows itself, and does nothing of what RQ's own workers do."""

    def __init__(self, asked: Collection[str], queues: Sequence[str], connection: redis.Redis) -> None:
        super().__init__(list(queues), connection=connection, serializer=JSONSerializer)
        self.asked, self._shown = frozenset(asked), float("-inf")

    @property
    def connection_timeout(self) -> int:
        """As the connection has it: RQ would wait for minutes."""
        return 0

    def show(self) -> None:
        if monotonic() - self._shown < _EVERY:
            return
        self.last_heartbeat = now()
        self.birth_date = self.birth_date or self.last_heartbeat
        with self.connection.pipeline() as pipeline:
            pipeline.hset(self.key, mapping={**self.serialize(), "state": "started"})
            worker_registration.register(self, pipeline)
            pipeline.expire(self.key, _KEPT)
            pipeline.execute()
        self._shown = monotonic()

    def unseen(self) -> None:
        """The Redis that comes back may know nothing of us."""
        self._shown = float("-inf")

    def leave(self) -> None:
        self.register_death()
