"""Other servers that tell us what happens there, and what came of their messages. Times are milliseconds of the database's clock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0028"
down_revision = "0027"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_inbound",
        *(sa.Column(name, TEXT, nullable=False) for name in ("name", "scheme", "created", "making")),
        sa.Column("enabled", INTEGER, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("sealed_before", sa.LargeBinary),
        sa.Column("before_until", INTEGER, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("name", name="_pk__inbound"),
        sqlite_strict=True,
    )
    op.create_table(
        "_inbound_messages",
        *(sa.Column(name, TEXT, nullable=False) for name in ("source", "id", "kind", "state", "record", "reason")),
        sa.Column("came", INTEGER, nullable=False),
        # What makes a message that comes again one that is known.
        sa.PrimaryKeyConstraint("source", "id", name="_pk__inbound_messages"),
        sqlite_strict=True,
    )
    op.create_index("_ix__inbound_messages_came", "_inbound_messages", ["came"])


def downgrade() -> None:
    op.drop_table("_inbound_messages")
    op.drop_table("_inbound")
