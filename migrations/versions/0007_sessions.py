"""Sessions of accounts, with what their refresh tokens are known by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0007"
down_revision = "0006"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_sessions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("epoch", INTEGER, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("used", TEXT, nullable=False),
        sa.Column("ends", TEXT, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("agent", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("family", TEXT, nullable=False),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("spent", TEXT),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("rotated", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__sessions"),
        sqlite_strict=True,
    )
    op.create_index("_ux__sessions_family", "_sessions", ["family"], unique=True)
    op.create_index("_ix__sessions_account", "_sessions", ["collection", "account"])
    op.create_index("_ix__sessions_expires", "_sessions", ["expires"])


def downgrade() -> None:
    op.drop_table("_sessions")
