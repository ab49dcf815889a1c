"""Makes what is kept beside a field's values for the records that are there already, as a schema change asks for it."""

from typing import Any

from sqlalchemy import Table, bindparam, select, update

from adapters.outbound.sql.columns import decoder, derived
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import prepare
from domain.schema.fields import Field

# Read and written together: enough that statements do not count, few enough that their values do not fill the memory.
_TOGETHER = 500


def fill_derived(session: Session, table: Table, field: Field) -> None:
    """In the order of ids, so that each step goes on where the one before ended."""
    made = derived(field)
    if not made:
        return
    held = table.c[field.name]
    chunk = select(table.c.id, held).where(table.c.id > bindparam("after"), held.is_not(None))
    reading = prepare(chunk.order_by(table.c.id).limit(_TOGETHER), session.dialect)
    binds: dict[str, Any] = {name: bindparam(f"made{at}", type_=table.c[name].type) for at, name in enumerate(made)}
    writing = prepare(update(table).where(table.c.id == bindparam("which")).values(binds), session.dialect)
    decode = decoder(field, session.dialect) or (lambda value: value)
    after = ""
    while rows := session.execute(reading, {"after": after}):
        session.execute_many(
            writing,
            [{"which": id, **{binds[name].key: make(decode(value)) for name, make in made.items()}} for id, value in rows],
        )
        after = rows[-1][0]
