"""When jobs come round by themselves. Times are milliseconds of the database's clock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0026"
down_revision = "0025"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_schedules",
        *(sa.Column(name, TEXT, nullable=False) for name in ("name", "job", "arguments", "cron", "zone", "missed")),
        *(sa.Column(name, INTEGER, nullable=False) for name in ("declared", "paused")),
        *(sa.Column(name, INTEGER) for name in ("every", "next", "last")),
        sa.PrimaryKeyConstraint("name", name="_pk__schedules"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("_schedules")
