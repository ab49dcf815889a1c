"""Endpoints of other servers, and messages for them. Times are milliseconds of the database's clock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0027"
down_revision = "0026"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_webhooks",
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "name", "url", "reader", "subscriptions", "created", "state", "reason")),
        sa.Column("failures", INTEGER, nullable=False, server_default="0"),
        sa.Column("again", INTEGER),
        sa.Column("since", INTEGER, nullable=False),
        sa.Column("holder", TEXT, nullable=False, server_default=""),
        sa.Column("held_until", INTEGER, nullable=False, server_default="0"),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("sealed_before", sa.LargeBinary),
        sa.Column("before_until", INTEGER, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="_pk__webhooks"),
        sqlite_strict=True,
    )
    op.create_table(
        "_webhook_deliveries",
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "webhook", "kind", "body", "collection", "record", "state", "attempts")),
        *(sa.Column(name, INTEGER, nullable=False) for name in ("place", "tries", "due", "created")),
        *(sa.Column(name, INTEGER) for name in ("event", "ended")),
        sa.PrimaryKeyConstraint("id", name="_pk__webhook_deliveries"),
        # Told twice of an event, an endpoint is sent one message.
        sa.UniqueConstraint("webhook", "event", name="_uq__webhook_deliveries_event"),
        sqlite_strict=True,
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "_ix__webhook_deliveries_due", "_webhook_deliveries", ["webhook", "due"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index(
        "_ix__webhook_deliveries_record", "_webhook_deliveries", ["webhook", "collection", "record", "place"],
        sqlite_where=waiting, postgresql_where=waiting,
    )  # fmt: skip
    over = sa.text("state <> 'waiting'")
    op.create_index("_ix__webhook_deliveries_over", "_webhook_deliveries", ["state", "ended"], sqlite_where=over, postgresql_where=over)
    op.create_index("_ix__webhook_deliveries_list", "_webhook_deliveries", ["webhook", "id"])


def downgrade() -> None:
    op.drop_table("_webhook_deliveries")
    op.drop_table("_webhooks")
