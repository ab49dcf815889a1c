"""Before hooks of records: what they are handed, and what becomes of it. Each is asked once the rules let the actor in."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.usecases.announcing import loaded
from app.usecases.happenings import happens
from app.usecases.requests import Request
from domain.actor import Actor
from domain.hooks.changes import AccountChange, RecordCreate, RecordDelete, RecordUpdate
from domain.records.changes import Changes, Draft
from domain.records.draft import Author
from domain.records.handed import handed, handed_body, handed_draft, with_changes, with_values
from domain.schema.collection import Collection
from domain.schema.fields import Tools
from ports.unit_of_work import Stores

CREATE, UPDATE, DELETE = "records.create", "records.update", "records.delete"


def asked_of_new(stores: Stores, collection: Collection, made: Draft, actor: Actor, request: str, tools: Tools) -> Draft:
    """The new record as hooks leave it; Invalid where it lacks what is required, now that they could have filled it."""
    values = handed_draft(collection, made)
    change = RecordCreate(
        event=CREATE, actor=actor, request=request, collection=collection.name, id=made.values["id"], values=values
    )
    stores.hooks.run(change)
    return with_values(collection, made, change.values, tools)


def asked_of_change(
    stores: Stores, collection: Collection, record: Mapping[str, Any], asked: Changes, request: Request, author: Author, now: str,
    tools: Tools,
) -> Changes:  # fmt: skip
    body = request.body or {}
    change = RecordUpdate(
        event=UPDATE, actor=request.actor, request=request.facts.request_id, collection=collection.name, id=record["id"],
        values=handed_body(body), record=handed(record),
    )  # fmt: skip
    stores.hooks.run(change)
    return with_changes(collection, asked, body, change.values, author=author, now=now, tools=tools)


def ask_of_deletion(stores: Stores, collection: Collection, ids: Sequence[str], actor: Actor) -> None:
    """One by one, in the order of their ids."""
    for id, record in sorted(loaded(stores, collection, ids).items()):
        stores.hooks.run(RecordDelete(event=DELETE, actor=actor, collection=collection.name, id=id, record=handed(record)))


def password_changes(stores: Stores, collection: Collection, id: str, request: Request, now: str) -> None:
    by = "old_password" if request.actor.id == id else "admin"
    change = AccountChange(
        event="accounts.change_password", actor=request.actor, request=request.facts.request_id, collection=collection.name, account=id,
        by=by, session=request.actor.session,
    )  # fmt: skip
    happens(stores, change, now, collection, facts=request.facts)
