"""Before hooks in a running transaction: each under the body's time limit. What it did says nothing of whose name the rest happens in."""

from collections.abc import Callable

from adapters.outbound.sql.session import Session
from domain.errors import HookMistake
from domain.hooks.changes import Change

# So deep may a hook cause what other hooks are asked about.
_DEEPEST = 8


class SqlBeforeHooks:
    """Keeps ports.hooks.BeforeHooks on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def any_of(self, event: str, collection: str = "") -> bool:
        return bool(self._session.hooks.of(event, collection))

    def is_heard(self, event: str) -> bool:
        return event in self._session.hooks.heard

    def run(self, change: Change) -> None:
        chain = self._session.hooks
        for hook in chain.of(change.event, change.collection):
            self._ask(hook.name, lambda: hook.run(change, chain.backend))  # noqa: B023 - called at once

    def _ask(self, name: str, hook: Callable[[], object]) -> None:
        session, events = self._session, self._session.events
        if session.hooks_deep >= _DEEPEST:
            raise HookMistake(f"hooks cause each other more than {_DEEPEST} deep, `{name}` among them")
        kept = events.origin, events.each_record
        session.hooks_deep += 1
        try:
            hook()
        finally:
            session.hooks_deep -= 1
            events.origin, events.each_record = kept
        session.check_time()
