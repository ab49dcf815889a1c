"""What a history of appends and reads says about isolation: the anomalies of Adya's and Elle's list-append test.

Each list only ever grows by values that are appended once, so a read of it tells who wrote before whom. Nothing here knows how a
history was made.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

Key = str
Value = int
Node = int | tuple[str, int]
Kind = Literal["ww", "wr", "rw", "time"]


@dataclass(frozen=True, slots=True)
class Transaction:
    """`appends` in their order; `reads` hold whole lists. `began` and `ended` are the client's, and may be left out.

    `committed` is None where nobody knows: it then counts as committed if something of it was ever read."""

    id: int
    appends: tuple[tuple[Key, Value], ...] = ()
    reads: Mapping[Key, tuple[Value, ...]] = field(default_factory=dict)
    committed: bool | None = True
    began: float | None = None
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Anomaly:
    name: str
    why: str


def anomalies(history: Sequence[Transaction]) -> list[Anomaly]:
    """All kinds that the history shows, one example of each cycle's kind; nothing where it is serializable in the order of time."""
    seen = {value for each in history for read in each.reads.values() for value in read}
    kept = [each for each in history if _counts(each, seen)]
    orders = _orders(kept)
    found = [*_of_reads(history), *_lost(kept, orders)]
    edges = _edges(kept, orders)
    return [*found, *_cycles(edges)]


def names(history: Sequence[Transaction]) -> set[str]:
    return {each.name for each in anomalies(history)}


def _counts(one: Transaction, seen: Collection[Value]) -> bool:
    if one.committed is None:
        return any(value in seen for _, value in one.appends)
    return one.committed


# --- what a single read tells


def _of_reads(history: Sequence[Transaction]) -> Iterator[Anomaly]:
    writer = {value: each for each in history for _, value in each.appends}
    longest = _orders(history)
    for reader in history:
        if reader.committed is False:
            continue
        for key, read in reader.reads.items():
            yield from _of_read(reader, key, read, writer, longest[key])


def _of_read(
    reader: Transaction, key: Key, read: tuple[Value, ...], writer: Mapping[Value, Transaction], longest: tuple[Value, ...]
) -> Iterator[Anomaly]:
    if len(set(read)) < len(read):
        yield Anomaly("duplicate", f"{key} = {read}")
    if read != longest[: len(read)]:
        yield Anomaly("incompatible order", f"{key} = {read}, and {longest}")
    for value in read:
        if value not in writer:
            yield Anomaly("unwritten", f"{key} holds {value}, which nobody appended")
        elif writer[value].committed is False:
            yield Anomaly("G1a", f"{key} holds {value} of {writer[value].id}, which was refused")
    if read and read[-1] in writer and _is_intermediate(writer[read[-1]], key, read[-1], reader):
        yield Anomaly("G1b", f"{reader.id} read {key} = {read} in the midst of {writer[read[-1]].id}")


def _is_intermediate(writer: Transaction, key: Key, value: Value, reader: Transaction) -> bool:
    return writer is not reader and value != [each for at, each in writer.appends if at == key][-1]


def _lost(kept: Sequence[Transaction], orders: Mapping[Key, tuple[Value, ...]]) -> Iterator[Anomaly]:
    """The longest read of each list is taken to come after all appends: a history ends with one."""
    for each in kept:
        for key, value in each.appends:
            if key in orders and value not in orders[key]:
                yield Anomaly("lost", f"{value} of {each.id} is not in {key}")


def _orders(kept: Iterable[Transaction]) -> dict[Key, tuple[Value, ...]]:
    longest: dict[Key, tuple[Value, ...]] = {}
    for each in kept:
        for key, read in each.reads.items():
            longest[key] = max(longest.get(key, ()), read, key=len)
    return longest


# --- who came before whom


Edges = dict[Node, dict[Node, set[Kind]]]


def _edges(kept: Sequence[Transaction], orders: Mapping[Key, tuple[Value, ...]]) -> Edges:
    edges: Edges = defaultdict(lambda: defaultdict(set))
    writer = {value: each.id for each in kept for _, value in each.appends}

    def add(one: Node | None, other: Node | None, kind: Kind) -> None:
        if one is not None and other is not None and one != other:
            edges[one][other].add(kind)

    for order in orders.values():
        for before, after in pairwise(order):
            add(writer.get(before), writer.get(after), "ww")
    for each in kept:
        for key, read in each.reads.items():
            # Who appended to what it read depends on the last value that is not its own.
            others = [value for value in read if writer.get(value) != each.id]
            add(writer.get(others[-1]) if others else None, each.id, "wr")
            rest = [value for value in orders[key][len(read) :] if writer.get(value) != each.id]
            add(each.id, writer.get(rest[0]) if rest else None, "rw")
    _add_time(kept, edges)
    return edges


def _add_time(kept: Sequence[Transaction], edges: Edges) -> None:
    """What had been answered before another began comes before it. A chain of moments says so with few edges."""
    moments = [(each.ended, 0, each.id) for each in kept if each.ended is not None]
    moments += [(each.began, 1, each.id) for each in kept if each.began is not None]
    last: Node | None = None
    for at, (_, is_begin, id) in enumerate(sorted(moments)):
        if is_begin:
            if last is not None:
                edges[last][id].add("time")
            continue
        here: Node = ("moment", at)
        edges[id][here].add("time")
        if last is not None:
            edges[last][here].add("time")
        last = here


# --- cycles


_KINDS: tuple[tuple[str, frozenset[Kind]], ...] = (
    ("G0", frozenset({"ww"})),
    ("G1c", frozenset({"ww", "wr"})),
)
_TIMED: tuple[tuple[str, frozenset[Kind]], ...] = (("against time", frozenset({"ww", "wr", "rw", "time"})),)


def _cycles(edges: Edges) -> Iterator[Anomaly]:
    for name, kinds in _KINDS:
        rings = components(_only(edges, kinds))
        if rings:
            yield Anomaly(name, _told(rings[0]))
            return
    rings = components(_only(edges, frozenset({"ww", "wr", "rw"})))
    if rings:
        single = any(_closes_without_another(edges, ring) for ring in rings)
        yield Anomaly("G-single" if single else "G2", _told(rings[0]))
        return
    for name, kinds in _TIMED:
        rings = components(_only(edges, kinds))
        if rings:
            yield Anomaly(name, _told(rings[0]))


def _only(edges: Edges, kinds: frozenset[Kind]) -> dict[Node, list[Node]]:
    return {one: [other for other, of in others.items() if of & kinds] for one, others in edges.items()}


def _closes_without_another(edges: Edges, ring: Collection[Node]) -> bool:
    """Whether one rw edge inside of the ring is closed to a cycle by reads-from and overwrites alone."""
    plain = _only(edges, frozenset({"ww", "wr"}))
    return any(
        "rw" in kinds and other in ring and _reaches(plain, other, one)
        for one in ring
        for other, kinds in edges.get(one, {}).items()
    )


def _reaches(graph: Mapping[Node, Sequence[Node]], start: Node, goal: Node) -> bool:
    seen, open = {start}, [start]
    while open:
        here = open.pop()
        if here == goal:
            return True
        fresh = [each for each in graph.get(here, ()) if each not in seen]
        seen.update(fresh)
        open += fresh
    return False


def _told(ring: Collection[Node]) -> str:
    return "a ring of " + ", ".join(str(each) for each in list(ring)[:8])


def components(graph: Mapping[Node, Sequence[Node]]) -> list[list[Node]]:
    """The strongly connected parts of more than one node, by Tarjan's algorithm with a stack of its own: histories are long."""
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    waiting: set[Node] = set()
    found: list[list[Node]] = []
    for root in graph:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        waiting.add(root)
        work = [(root, iter(graph.get(root, ())))]
        while work:
            node, others = work[-1]
            for other in others:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    waiting.add(other)
                    work.append((other, iter(graph.get(other, ()))))
                    break
                if other in waiting:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    ring = stack[stack.index(node) :] if stack[-1] != node else [node]
                    del stack[len(stack) - len(ring) :]
                    waiting.difference_update(ring)
                    if len(ring) > 1:
                        found.append(ring)
    return found
