"""Accounts without a name: `anonymous` in the admins and in every accounts collection."""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0020"
down_revision = "0019"

FLAG = sa.Boolean().with_variant(sqlite.INTEGER(), "sqlite")
COLUMN = "anonymous"


def upgrade() -> None:
    accounts = _accounts()
    for name, fields in accounts.items():
        if COLUMN in fields:
            raise RuntimeError(f"the accounts of `{name}` have a field `{COLUMN}`, which is Stillroom's own now: rename yours first")
    for name in accounts:
        op.add_column(name, sa.Column(COLUMN, FLAG))
        table = sa.table(name, sa.column(COLUMN, FLAG))
        op.execute(table.update().values({COLUMN: sa.literal(value=False, type_=FLAG)}))


def downgrade() -> None:
    for name in _accounts():
        op.drop_column(name, COLUMN)


def _accounts() -> dict[str, list[str]]:
    """Every collection of accounts, with the names of its own fields."""
    query = sa.text("SELECT name, definition FROM _collections WHERE type = 'accounts' ORDER BY name")
    found = {name: [each["name"] for each in json.loads(text)["fields"]] for name, text in op.get_bind().execute(query)}
    return {"_admins": [], **found}
