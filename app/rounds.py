"""Work that comes round every so many seconds, in a thread of its own that ends with the process."""

from collections.abc import Callable
from threading import Event, Thread

from ports.observer import HousekeepingFailed, Observer, trace

# A round that is under way ends between two transactions; the process does not wait longer for it than this.
_PATIENCE = 5.0


class Rounds:
    """Begins at once, with a wait. `every` 0 does nothing at all. `once` is called with a function that says whether to stop; what it
    raises is observed as a failure of `part`, and the next round comes all the same."""

    def __init__(self, every: float, once: Callable[[Callable[[], bool]], object], part: str, observer: Observer) -> None:
        self._every, self._once, self._part, self._observer, self._over = every, once, part, observer, Event()
        self._thread = Thread(target=self._go, name="stillroom-rounds", daemon=True)
        if every:
            self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def before(self, close: Callable[[], None]) -> Callable[[], None]:
        """Closes what the work uses, once it has stopped."""

        def stop_and_close() -> None:
            self.stop()
            close()

        return stop_and_close

    def _go(self) -> None:
        while not self._over.wait(self._every):
            try:
                self._once(self._over.is_set)
            except Exception as error:  # noqa: BLE001 - the next round may go well, and this thread is the only one
                self._observer.observe(HousekeepingFailed(self._part, "\n".join(trace(error))))
