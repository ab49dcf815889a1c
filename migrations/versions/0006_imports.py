"""How far imports that are kept part by part have come."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0006"
down_revision = "0005"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_imports",
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("options", TEXT, nullable=False),
        sa.Column("rows", INTEGER, nullable=False),
        sa.Column("created", INTEGER, nullable=False),
        sa.Column("changed", INTEGER, nullable=False),
        sa.Column("unchanged", INTEGER, nullable=False),
        sa.Column("rejected", INTEGER, nullable=False),
        sa.Column("rejects_size", INTEGER, nullable=False),
        sa.Column("finished", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("collection", "digest", name="_pk__imports"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("_imports")
