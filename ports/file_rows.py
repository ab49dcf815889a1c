"""What is known of each file besides its bytes: whether it is being sent, held by a record, or let go; and how much room files take, and
whose. Subjects of tallies are those of `domain.files.quotas`."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.files.quotas import Tally


class FileRows(Protocol):
    """Keys are those of `ports.files`; instants as they are stored."""

    def expect(self, key: str, until: str, owner: str = "") -> None:
        """A file is about to be written that no record holds yet; whoever does not come to hold it by then loses it. `owner` is the
        subject for which it counts once it is held."""
        ...

    def hold(self, collection: str, sizes: Mapping[str, int]) -> Sequence[str]:
        """In the transaction of the record that holds them from now on, with their sizes in bytes, by which they count. Those that it comes
        too late for: they are gone, or going. TooLarge where they are more than some quota allows."""
        ...

    def let_go(self, collection: str, sizes: Mapping[str, int], now: str) -> None:
        """No record holds them any more, and they count no more; what is being sent stays."""
        ...

    def claim(self, keys: Sequence[str]) -> Sequence[str]:
        """As `hold`, of what no record holds and nobody counts: pieces of uploads."""
        ...

    def loosen(self, keys: Sequence[str], now: str) -> None:
        """What was claimed is nobody's any more."""
        ...

    def take(self, now: str, until: str, limit: int) -> Sequence[str]:
        """So many at most that nobody may claim from now on, to be deleted. Those that were taken before and not `forgotten` are among
        them once `until` is over. What another process is taking is passed over."""
        ...

    def release(self, keys: Sequence[str], until: str) -> Sequence[str]:
        """As `take`, of those that were expected and never claimed."""
        ...

    def forget(self, keys: Sequence[str], until: str) -> None:
        """They are deleted. That they were is remembered until then, for those that are late."""
        ...

    def doubt(self, folder: str, now: str) -> None:
        """Records that held files there went all at once, or the field that named them did: nobody counted which."""
        ...

    def doubted(self) -> str | None:
        """A folder whose files are to be looked at, if there is one."""
        ...

    def settle(self, folder: str) -> None:
        """It was looked at."""
        ...

    def known(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of them that have a row."""
        ...

    def tallies(self, subjects: Sequence[str]) -> Mapping[str, Tally]:
        """Of each of them, nothing counted included."""
        ...

    def disown(self, owner: str) -> None:
        """What it sent is nobody's in particular, and is counted for it no more."""
        ...

    def page(self, after: str, limit: int) -> Sequence[tuple[str, bool]]:
        """So many keys in their order, behind this one, and whether a record holds that file."""
        ...

    def sweep(self, now: str, limit: int) -> int:
        """Takes away so many memories at most whose time is over; how many they were."""
        ...
