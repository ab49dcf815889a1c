"""What the owner's own code is asked before something happens."""

from typing import Protocol

from domain.hooks.changes import Change


class BeforeHooks(Protocol):
    """Those of the running transaction. Calls of use cases that a hook makes join it."""

    def any_of(self, event: str, collection: str = "") -> bool:
        """Whether `run` would ask anybody: what a change is made of need not be gathered where nobody asks."""
        ...

    def is_heard(self, event: str) -> bool:
        """Whether an after hook wants to hear of it."""
        ...

    def run(self, change: Change) -> None:
        """Hands the change to each hook in turn; they may change its values. A Problem that one raises refuses it. Unavailable where they
        take longer than the body may, HookMistake where they cause each other without end."""
        ...
