"""Who hands the events of a subscriber over, until when, and the events that it could not handle yet."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0016"
down_revision = "0015"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    for name in ("fence", "held_until", "seen"):  # the last two in milliseconds of the database's clock
        op.add_column("_subscribers", sa.Column(name, INTEGER, nullable=False, server_default="0"))
    op.create_table(
        "_deferred",
        sa.Column("event", INTEGER, nullable=False),
        sa.Column("subscriber", TEXT, nullable=False),
        sa.Column("position", INTEGER, nullable=False),
        sa.Column("collection_id", TEXT, nullable=False),
        sa.Column("record", TEXT, nullable=False),
        sa.Column("tries", INTEGER, nullable=False),
        sa.Column("again", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("dead_since", TEXT),
        sa.PrimaryKeyConstraint("event", "subscriber", name="_pk__deferred"),
        sqlite_strict=True,
    )
    op.create_index("_ix__deferred_record", "_deferred", ["subscriber", "collection_id", "record", "position"])


def downgrade() -> None:
    op.drop_table("_deferred")
    for name in ("fence", "held_until", "seen"):
        op.drop_column("_subscribers", name)
