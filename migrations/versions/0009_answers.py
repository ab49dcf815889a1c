"""First answers to requests that came under an idempotency key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0009"
down_revision = "0008"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_answers",
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("status", INTEGER, nullable=False),
        sa.Column("headers", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("scope", name="_pk__answers"),
        sqlite_strict=True,
    )
    op.create_index("_ix__answers_expires", "_answers", ["expires"])


def downgrade() -> None:
    op.drop_table("_answers")
