"""One-time secrets of accounts, and letters that are to go out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0010"
down_revision = "0009"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_one_time",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("epoch", INTEGER, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("tries", INTEGER, nullable=False),
        sa.Column("bound", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="_pk__one_time"),
        sqlite_strict=True,
    )
    op.create_index("_ix__one_time_account", "_one_time", ["collection", "account"])
    op.create_index("_ix__one_time_expires", "_one_time", ["expires"])
    op.create_table(
        "_mails",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("due", TEXT, nullable=False),
        sa.Column("is_written", INTEGER, nullable=False),
        sa.Column("attempts", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__mails"),
        sqlite_strict=True,
    )
    op.create_index("_ix__mails_due", "_mails", ["due"])


def downgrade() -> None:
    op.drop_table("_mails")
    op.drop_table("_one_time")
