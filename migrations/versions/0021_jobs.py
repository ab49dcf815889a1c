"""Jobs: what is to be done, who holds it, and what came of it. Times are milliseconds of the database's clock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0021"
down_revision = "0020"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_jobs",
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "name", "queue", "arguments", "state", "once")),
        # `same` is the key for as long as it binds, `key` what was asked.
        *(sa.Column(name, TEXT) for name in ("key", "same", "holder", "result", "progress")),
        sa.Column("reason", TEXT, nullable=False, server_default=""),
        *(sa.Column(name, INTEGER, nullable=False) for name in ("priority", "due", "created")),
        *(sa.Column(name, INTEGER, nullable=False, server_default="0") for name in ("tries", "lost")),
        *(sa.Column(name, INTEGER) for name in ("held_until", "started", "ended", "expires")),
        sa.PrimaryKeyConstraint("id", name="_pk__jobs"),
        sqlite_strict=True,
    )
    _index("_ix__jobs_waiting", [sa.text("priority DESC"), "due", "id"], "state = 'waiting'")
    _index("_ix__jobs_running", ["held_until"], "state = 'running'")
    _index("_ix__jobs_expires", ["expires"], "expires IS NOT NULL")
    _index("_ux__jobs_same", ["name", "same"], "same IS NOT NULL", unique=True)


def _index(name: str, columns: list[object], where: str, *, unique: bool = False) -> None:
    op.create_index(name, "_jobs", columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    op.drop_table("_jobs")
