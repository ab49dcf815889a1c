"""Events of records: whole records before and after, in what JSON can say."""

from decimal import Decimal

from domain.records.events import created, deleted, imported, updated
from domain.schema.collection import define_collection
from domain.schema.fields import TRUSTING

STAMP, LATER = "2026-11-22T13:00:00.000Z", "2026-11-22T14:00:00.000Z"
FIELDS = [{"name": "title", "type": "text", "hidden": True}, {"name": "price", "type": "decimal", "scale": 2}]
GOODS = define_collection({"name": "goods", "fields": FIELDS}, id="c1", now=STAMP, tools=TRUSTING)
RECORD = {"id": "g1", "version": 1, "created": STAMP, "updated": STAMP, "title": "Tea", "price": Decimal("1.50")}
WRITTEN = {**RECORD, "price": "1.50"}


def test_a_new_record_has_nothing_before():
    event = created(GOODS, RECORD)
    assert (event.kind, event.moment, event.collection, event.collection_id, event.record, event.version) == (
        "records.created", STAMP, "goods", "c1", "g1", 1,
    )  # fmt: skip
    assert event.payload == {"before": None, "after": WRITTEN}


def test_a_change_tells_both_and_when_it_was():
    event = updated(GOODS, RECORD, {**RECORD, "version": 2, "updated": LATER, "price": Decimal("2.00")})
    assert (event.kind, event.moment, event.version) == ("records.updated", LATER, 2)
    assert event.payload == {"before": WRITTEN, "after": {**WRITTEN, "version": 2, "updated": LATER, "price": "2.00"}}


def test_a_deletion_tells_what_was():
    event = deleted(GOODS, RECORD, LATER)
    assert (event.kind, event.moment, event.version, event.payload) == ("records.deleted", LATER, 1, {"before": WRITTEN, "after": None})


def test_an_import_tells_how_many():
    event = imported(GOODS, LATER, created=3, changed=1)
    assert (event.kind, event.collection, event.record, event.payload) == ("records.imported", "goods", "", {"created": 3, "changed": 1})
