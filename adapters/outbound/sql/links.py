"""A connection with the session and the stores that work on it, and a pool of them."""

from collections import deque
from collections.abc import Callable
from threading import Lock
from time import monotonic, sleep

from adapters.outbound.sql.engines import Connection, Database
from adapters.outbound.sql.session import Catalogue, Session
from domain.errors import Unavailable
from ports.unit_of_work import Stores

MakeStores = Callable[[Session], Stores]


class Link:
    """Made for one catalogue; when the schema moves on, `fit` gives it a new
    session, whose stores know the new one."""

    def __init__(
        self,
        database: Database,
        connection: Connection,
        catalogue: Catalogue,
        make: MakeStores,
        *,
        writing: bool,
        limit: float,
    ) -> None:
        self.database, self.connection = database, connection
        self._make, self._writing, self._limit = make, writing, limit
        self.spent = False  # whether to close it after this use
        self.fit(catalogue)

    def fit(self, catalogue: Catalogue) -> None:
        self.session = Session(
            self.database, self.connection, catalogue, writing=self._writing, limit=self._limit
        )
        self.stores = self._make(self.session)

    @property
    def catalogue(self) -> Catalogue:
        return self.session.catalogue

    def command(self, text: str) -> list[tuple[object, ...]]:
        """Outside of the session's limits: what begins and ends transactions."""
        return self.database.execute(self.connection, text, None)

    def close(self) -> None:
        self.database.close(self.connection)


class Pool:
    """Links that nobody uses at the moment. The last one given back is taken first, so
    what it has in memory is still warm."""

    def __init__(self, open_link: Callable[[], Link], fits: Callable[[Link], bool], most_idle: int) -> None:
        """`fits`: whether a link may be used as it is now, which it may also see to."""
        self._open, self._fits, self._idle, self._most = open_link, fits, deque[Link](), most_idle
        self._counting, self._opened, self._closed = Lock(), 0, False

    def take(self) -> Link:
        while True:
            try:
                link = self._idle.pop()
            except IndexError:
                return self._one_more()
            if self._fits(link):
                return link
            self.discard(link)

    def give(self, link: Link) -> None:
        if self._closed or link.spent or len(self._idle) >= self._most:
            self.discard(link)
        else:
            self._idle.append(link)

    def discard(self, link: Link) -> None:
        with self._counting:
            self._opened -= 1
        link.close()

    def empty(self) -> None:
        """Closes what is idle: after a connection was found dead, its neighbours are too."""
        while self._idle:
            try:
                self.discard(self._idle.pop())
            except IndexError:  # another thread took the last one
                return

    def close(self, patience: float = 10.0) -> None:
        """Closes each link when it is given back; waits for that."""
        self._closed, until = True, monotonic() + patience
        self.empty()
        while self._opened and monotonic() < until:
            sleep(0.01)
            self.empty()

    def _one_more(self) -> Link:
        if self._closed:
            raise Unavailable("the backend is stopping", code="stopping")
        with self._counting:
            self._opened += 1
        try:
            return self._open()
        except BaseException:
            with self._counting:
                self._opened -= 1
            raise
