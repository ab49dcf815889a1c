"""The history of collections: every change of a definition, with what was before and what came after."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_schema_changes",
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("before", TEXT),
        sa.Column("after", TEXT),
        sa.Column("renamed", TEXT, nullable=False),
        sa.Column("loss", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("version", name="_pk__schema_changes"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("_schema_changes")
