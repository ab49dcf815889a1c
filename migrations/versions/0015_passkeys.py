"""Passkeys of accounts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0015"
down_revision = "0014"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_passkeys",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("credential", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("counter", INTEGER, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("used", TEXT),
        sa.PrimaryKeyConstraint("id", name="_pk__passkeys"),
        sqlite_strict=True,
    )
    op.create_index("_ux__passkeys_credential", "_passkeys", ["collection", "credential"], unique=True)
    op.create_index("_ix__passkeys_account", "_passkeys", ["collection", "account"])


def downgrade() -> None:
    op.drop_table("_passkeys")
