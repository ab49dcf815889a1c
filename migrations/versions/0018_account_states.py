"""Accounts may be disabled, and say their language: `disabled` and `language` in the admins and in every accounts collection."""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0018"
down_revision = "0017"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
FLAG = sa.Boolean().with_variant(sqlite.INTEGER(), "sqlite")
COLUMNS = {"language": TEXT, "disabled": FLAG}


def upgrade() -> None:
    accounts = _accounts()
    for name, fields in accounts.items():
        for column in COLUMNS:
            if column in fields:
                raise RuntimeError(f"the accounts of `{name}` have a field `{column}`, which is Stillroom's own now: rename yours first")
    for name in accounts:
        for column, kind in COLUMNS.items():
            op.add_column(name, sa.Column(column, kind))
        table = sa.table(name, sa.column("disabled", FLAG))
        op.execute(table.update().values({"disabled": sa.literal(value=False, type_=FLAG)}))


def downgrade() -> None:
    for name in _accounts():
        for column in COLUMNS:
            op.drop_column(name, column)


def _accounts() -> dict[str, list[str]]:
    """Every collection of accounts, with the names of its own fields."""
    query = sa.text("SELECT name, definition FROM _collections WHERE type = 'accounts' ORDER BY name")
    found = {name: [each["name"] for each in json.loads(text)["fields"]] for name, text in op.get_bind().execute(query)}
    return {"_admins": [], **found}
