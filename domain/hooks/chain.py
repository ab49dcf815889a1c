"""Hooks in the order in which they run: by priority, the lowest number first, then as they were declared.

A hook is known by its full name, `extension.name`. Another extension that declares one under that name replaces it, in its place.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.errors import did_you_mean
from domain.hooks.catalogue import CATALOGUE

BEFORE, AFTER = "before", "after"


class Undeclarable(Exception):
    """Declarations that contradict each other; `place` is where the wrong one stands."""

    def __init__(self, detail: str, place: str) -> None:
        super().__init__(detail)
        self.place = place


@dataclass(frozen=True, slots=True)
class Hook:
    """`name` is a full one. `collection` None means every one. `place` is the file and line of its function."""

    when: str
    event: str
    name: str
    run: Callable[..., object]
    collection: str | None = None
    priority: int = 0
    extension: str = ""
    place: str = ""

    @property
    def replaces(self) -> bool:
        """Whether it goes by the name of another extension's hook."""
        return not self.name.startswith(f"{self.extension}.")

    @property
    def key(self) -> tuple[str, str, str]:
        return self.when, self.event, self.name


def in_order(declared: Iterable[Hook]) -> tuple[Hook, ...]:
    """Undeclarable where two hooks have one name, or one is to replace what is not there."""
    kept: dict[tuple[str, str, str], Hook] = {}
    declared = list(declared)
    for hook in declared:
        if not hook.replaces:
            if hook.key in kept:
                raise Undeclarable(f"there are two hooks `{hook.name}` {hook.when} {hook.event}; give one another name=", hook.place)
            kept[hook.key] = hook
    for hook in declared:
        if hook.replaces:
            kept[hook.key] = _in_place_of(hook, kept)
    return tuple(sorted(kept.values(), key=lambda hook: hook.priority))


def _in_place_of(hook: Hook, kept: dict[tuple[str, str, str], Hook]) -> Hook:
    replaced = kept.get(hook.key)
    if replaced is None:
        there = [name for when, event, name in kept if (when, event) == (hook.when, hook.event)]
        hint = did_you_mean(hook.name, there) or "a name with a dot is that of another extension's hook"
        raise Undeclarable(f"there is no hook `{hook.name}` {hook.when} {hook.event} to replace; {hint}", hook.place)
    return replace(hook, priority=hook.priority or replaced.priority, collection=hook.collection or replaced.collection)


class Chain:
    """The before hooks of a backend, which is what each is called with beside its change. `heard` are the events with an after hook."""

    def __init__(self, hooks: Iterable[Hook] = (), backend: Any = None) -> None:
        self.backend = backend
        hooks = tuple(hooks)
        self._hooks = tuple(each for each in hooks if each.when == BEFORE)
        self._events = frozenset(each.event for each in self._hooks)
        self.heard = frozenset(each.event for each in hooks if each.when == AFTER)
        self._found: dict[tuple[str, str], tuple[Hook, ...]] = {}

    def of(self, event: str, collection: str) -> Sequence[Hook]:
        if event not in self._events:
            return ()
        found = self._found.get((event, collection))
        if found is None:
            found = tuple(each for each in self._hooks if each.event == event and each.collection in (None, collection))
            if len(self._found) < _MOST_FOUND:
                self._found[event, collection] = found
        return found


# Names of collections are many over the life of a process, and only guests' typos would have no end.
_MOST_FOUND = 10_000
NO_HOOKS = Chain()


def kind_of(hook: Hook) -> str:
    """The committed event that an after hook is told."""
    return CATALOGUE[hook.event].committed


def check_collections(hooks: Iterable[Hook], known: Sequence[str]) -> list[tuple[Hook, str]]:
    """Hooks for collections that are not there, each with the name that was probably meant, or ""."""
    from_typo = []
    for hook in hooks:
        if hook.collection is not None and hook.collection not in known:
            hint = did_you_mean(hook.collection, list(known)) or ""
            from_typo.append((hook, hint))
    return from_typo
