"""On both engines stored values become what the function of their pair says, and the same records stand against a change."""

import pytest
from sqlalchemy import bindparam, insert, text, update

from adapters.outbound.sql.columns import decoder, derived, encoder, is_linked
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.statements import prepare
from app.usecases import schema_preparations
from domain.schema.conversions import convert, is_converted, way_between
from domain.schema.fields import RelationField, Unfit
from domain.schema.misfits import MOST_SHOWN
from tests.contract.ground import STAMP, add, change, change_prepared, create, defined
from tests.unit.schema.convertible import FIELDS, field, values

TARGETS = {"targets": ("t1", "t2"), "others": ("t1",)}


def ways(before):
    """(name of the column, name in FIELDS) of every type that this one can become."""
    afters = [each for each in FIELDS if is_converted(field(before), field(each)) and way_between(field(before), field(each))]
    return [(f"f{at}", each) for at, each in enumerate(afters)]


def counterpart(before, after, value):
    """What the functions say, or None."""
    try:
        new = convert(before, after)(value)
    except (Unfit, ArithmeticError, ValueError):
        return None
    if isinstance(after, RelationField):
        named = new if after.many else (new,)
        return new if all(each in TARGETS[after.collection] for each in named) else None
    return new


@pytest.fixture
def ground_with_targets(ground):
    for at, (name, ids) in enumerate(TARGETS.items()):
        create(ground, {"name": name}, id=f"t{at}")
        for id in ids:
            ground.run(add(id, name))
    return ground


def fill(work, collection, held):
    """Records r000 … that hold the values in each of their fields."""

    def body(stores):
        session = stores.records
        for at, value in enumerate(held):
            row = {"id": f"r{at:03}", "version": 1, "created": STAMP, "updated": STAMP}
            links = []
            for each in collection.fields:
                encode = encoder(each, session.dialect)
                if is_linked(each):
                    links += [(link_name(collection, each.name), row["id"], target, place) for place, target in enumerate(value)]
                    continue
                row[each.name] = encode(value) if encode else value
                row |= {name: derive(value) for name, derive in derived(each).items()}
            put(session, collection.name, row)
            for table, source, target, place in links:
                put(session, table, {"source": source, "target": target, "position": place})

    work.run(body)


def put(session, table, row):
    target = session.tables[table]
    binds = {name: bindparam(f"b_{name}", type_=target.c[name].type) for name in row}
    session.execute(prepare(insert(target).values(binds), session.dialect), {f"b_{name}": value for name, value in row.items()})


def clear(work, collection, name, ids):
    def body(stores):
        session = stores.records
        if is_linked(collection.every_field[name]):
            gone = prepare(text(f'DELETE FROM "{link_name(collection, name)}" WHERE source = :id'), session.dialect)
        else:
            table = session.tables[collection.name]
            gone = prepare(update(table).where(table.c.id == bindparam("id")).values({name: None}), session.dialect)
        for id in ids:
            session.execute(gone, {"id": id, name: None})

    work.run(body)


def held_in(work, collection, name):
    """By id, in Python form."""
    one = collection.every_field[name]

    def body(stores):
        stores.current()
        session = stores.records
        if is_linked(one):
            rows = session.command(f'SELECT source, target FROM "{link_name(collection, name)}" ORDER BY source, position')
            return {id: tuple(target for source, target in rows if source == id) for id, _ in rows}
        decode = decoder(one, session.dialect)
        rows = session.command(f'SELECT id, "{name}" FROM "{collection.name}" WHERE "{name}" IS NOT NULL')
        return {id: decode(value) if decode else value for id, value in rows}

    return work.read(body)


def comparable(one, value):
    """PostgreSQL writes a large double in JSON out to its last digit, as it does with those that are sent to it."""
    is_large = one.type == "json" and type(value) in (int, float) and abs(value) >= 1e15
    return float(value) if is_large else value


# Each of them once made aside in every run, and all of them in the long one.
_ALWAYS = ("text", "json", "folded text", "many relation")
_WAYS = [
    *((change, before) for before in FIELDS),
    *(pytest.param(change_prepared, before, marks=() if before in _ALWAYS else pytest.mark.long) for before in FIELDS),
]


@pytest.fixture(autouse=True)
def few_are_worth_it(monkeypatch):
    monkeypatch.setattr(schema_preparations, "MOST_UNPREPARED", 0)


@pytest.mark.parametrize(("carry_out", "before"), _WAYS)
def test_engines_and_functions_agree(ground_with_targets, carry_out, before):
    work, there = ground_with_targets, ways(before)
    definition = {"name": "things", "fields": [{"name": name, **FIELDS[before]} for name, _ in there]}
    old, held = defined(definition), values(before)
    create(work, definition)
    fill(work, old, held)
    becomes = {name: defined({"name": "things", "fields": [{"name": name, **FIELDS[after]}]}).fields[0] for name, after in there}
    expected = {}
    for name, after in becomes.items():
        told = {f"r{at:03}": counterpart(old.every_field[name], after, value) for at, value in enumerate(held)}
        wrong = [id for id, value in told.items() if value is None]
        found = work.read(lambda stores, name=name, after=after: stores.collections.misfits(old, old.every_field[name], after))
        assert (name, after.type, found.count) == (name, after.type, len(wrong))
        assert [id for id, _ in found.examples] == wrong[:MOST_SHOWN], (after.type, [held[int(id[1:])] for id in wrong])
        clear(work, old, name, wrong)
        expected[name] = {id: value for id, value in told.items() if value is not None}
    new = carry_out(work, {"name": "things", "fields": [{"name": name, **FIELDS[after]} for name, after in there]})
    for name, told in expected.items():
        found = held_in(work, new, name)
        one = new.every_field[name]
        found, told = ({id: comparable(one, value) for id, value in each.items()} for each in (found, told))
        assert (one.type, found) == (one.type, told)
        assert [type(found[id]) for id in told] == [type(value) for value in told.values()]


def test_an_email_gets_its_key_and_loses_it(ground_with_targets):
    work = ground_with_targets
    definition = {"name": "things", "fields": [{"name": "x", "type": "text"}]}
    create(work, definition)
    fill(work, defined(definition), ["Ann@Example.org", "bob@example.org"])
    new = change(work, {"name": "things", "fields": [{"name": "x", "type": "email", "unique": True}]})
    keys = work.read(lambda stores: stores.records.command('SELECT "_key_x" FROM things ORDER BY id'))
    assert [key for (key,) in keys] == ["ann@example.org", "bob@example.org"]
    back = change(work, {"name": "things", "fields": [{"name": "x", "type": "text"}]})
    assert held_in(work, back, "x") == held_in(work, new, "x")
