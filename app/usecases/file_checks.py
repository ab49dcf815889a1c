"""Compares all that is in the store with all that records hold: after a database or a store was restored from a backup, say. Reads both
page by page, so that memory stays constant, and asks nobody to wait."""

from collections.abc import Iterator, Sequence
from itertools import islice

from app.usecases.files import loose_among
from app.usecases.uploads import PATIENCE
from domain.accounts.roles import EDIT, require
from domain.actor import Actor
from domain.files.pending import upload_of
from domain.files.thumbs import owner
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.files import Files, StoredFile
from ports.unit_of_work import Stores, UnitOfWork

_AT_ONCE = 200


class FileCheckUseCases:
    def __init__(self, work: UnitOfWork, files: Files, clock: Clock) -> None:
        self._work, self._files, self._clock = work, files, clock

    def strangers(self, *, delete: bool = False, actor: Actor) -> Iterator[StoredFile]:
        """Files in the store that nobody knows of, and that are old enough to be nobody's. With `delete` they go with the next round of
        housekeeping."""
        require(actor, EDIT, "files are")
        before = self._clock.now() - PATIENCE
        files = (each for each in self._files.stored() if owner(each.key) == each.key and each.modified < before)
        while some := list(islice(files, _AT_ONCE)):
            keys = set(self._work.read(lambda stores: self._unknown(stores, some)))
            if delete and keys:
                now = write_instant(self._clock.now())
                self._work.run(lambda stores: stores.files.loosen(sorted(keys), now))  # noqa: B023 - run at once
            yield from (each for each in some if each.key in keys)

    def _unknown(self, stores: Stores, some: Sequence[StoredFile]) -> list[str]:
        known = stores.files.known([each.key for each in some])
        rest = {each.key: each.size for each in some if each.key not in known}
        under_way = {key for key in rest if (id := upload_of(key)) is not None and stores.uploads.find(id) is not None}
        loose = loose_among(stores, {key: size for key, size in rest.items() if key not in under_way})
        return [key for sizes in loose.values() for key in sizes]

    def missing(self, *, actor: Actor) -> Iterator[str]:
        """Keys of files that records hold, or copies in the trash, and that the store has not; one question to the store for each."""
        require(actor, EDIT, "files are")
        after = ""
        while page := self._page(after):
            after = page[-1][0]
            for key in (key for key, held in page if held):
                opened = self._files.open(key, 0, 1)
                if opened is None:
                    yield key
                else:
                    opened.close()

    def _page(self, after: str) -> Sequence[tuple[str, bool]]:
        return self._work.read(lambda stores: stores.files.page(after, _AT_ONCE))
