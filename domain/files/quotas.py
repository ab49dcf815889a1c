"""How much room there is for files, and whose it takes: what an account sent counts for that account wherever it lies, and what lies in a
collection counts for the collection, in its trash too."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.actor import Actor
from domain.errors import TooLarge
from domain.schema.collection import Collection, Schema


@dataclass(frozen=True, slots=True)
class Tally:
    """Bytes and number of files."""

    bytes: int = 0
    files: int = 0


def account_subject(schema: Schema, actor: Actor) -> str:
    """For whom files of this actor are counted: an account, whatever it asks with; nobody where a guest, an admin or a program sends."""
    return f"{schema.collection(actor.collection).id}/{actor.id}" if actor.kind == "account" else ""


def allowed(schema: Schema, subject: str) -> int | None:
    """How many bytes files of this subject may have: the id of a collection, or that of an accounts collection and of its account."""
    collection_id, _, account = subject.partition("/")
    for each in schema.collections.values():
        if each.id == collection_id and each.file_quota is not None:
            return each.file_quota.account if account else each.file_quota.total
    return None


def check_room(schema: Schema, subject: str, used: int) -> None:
    """TooLarge where these are more bytes than allowed. How full a collection is, is not for everybody to know; an account is told of its
    own."""
    most = allowed(schema, subject)
    if most is None or used <= most:
        return
    if "/" in subject:
        raise TooLarge(f"your files would have {used} of {most} bytes", code="quota_exceeded", hint="delete some of them first")
    raise TooLarge("the files here have all the room that they may have", code="quota_exceeded", hint="ask whoever runs this to allow more")


def subjects(collection: Collection, owner: str) -> tuple[str, ...]:
    """In the order in which everybody counts them: transactions that took them in different orders would wait for each other."""
    return tuple(sorted((collection.id, owner))) if owner else (collection.id,)


def check_room_for(schema: Schema, used: Mapping[str, Tally], more: int) -> None:
    for subject in sorted(used):
        check_room(schema, subject, used[subject].bytes + more)
