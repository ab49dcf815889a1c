"""What is known of files that no record holds: those that are being sent, and those whose record let them go. A file that a record holds
has no row: its name in the record is all there is to know."""

from collections.abc import Sequence
from typing import Protocol


class FileRows(Protocol):
    """Keys are those of `ports.files`; instants as they are stored."""

    def expect(self, key: str, until: str) -> None:
        """A file is about to be written that no record holds yet; whoever does not come to hold it by then loses it."""
        ...

    def claim(self, keys: Sequence[str]) -> Sequence[str]:
        """In the transaction of the record that holds them from now on. Those that it comes too late for: they are gone, or going."""
        ...

    def loosen(self, keys: Sequence[str], now: str) -> None:
        """No record holds them any more; what another transaction has claimed since stays."""
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

    def sweep(self, now: str, limit: int) -> int:
        """Takes away so many memories at most whose time is over; how many they were."""
        ...
