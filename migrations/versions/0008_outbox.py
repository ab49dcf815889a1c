"""Events, in the order in which they are told, and how far each subscriber has heard them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0008"
down_revision = "0007"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    # On PostgreSQL numbers are given before the commit, so the order comes later, as a place of its own.
    place = [] if is_sqlite else [sa.Column("position", INTEGER)]
    op.create_table(
        "_outbox",
        sa.Column("seq", INTEGER, sa.Identity(always=True), primary_key=True),
        *place,
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("moment", TEXT, nullable=False),
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("collection_id", TEXT, nullable=False),
        sa.Column("record", TEXT, nullable=False),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("actor_kind", TEXT, nullable=False),
        sa.Column("actor_collection", TEXT, nullable=False),
        sa.Column("actor_id", TEXT, nullable=False),
        sa.Column("request", TEXT, nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sqlite_strict=True,
        sqlite_autoincrement=True,  # a number is never given twice, also when all events are gone
    )
    if not is_sqlite:
        op.execute("CREATE SEQUENCE _outbox_positions AS bigint")
        op.create_index("_ix__outbox_position", "_outbox", ["position"], unique=True)
        op.create_index("_ix__outbox_waiting", "_outbox", ["seq"], postgresql_where=sa.text("position IS NULL"))
    op.create_table(
        "_subscribers",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("position", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="_pk__subscribers"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("_subscribers")
    op.drop_table("_outbox")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP SEQUENCE _outbox_positions")
