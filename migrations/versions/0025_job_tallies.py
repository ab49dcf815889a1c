"""How runs of jobs end is counted, and dead jobs are found without looking at the others."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0025"
down_revision = "0024"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_job_tallies",
        *(sa.Column(name, TEXT, nullable=False) for name in ("name", "outcome")),
        *(sa.Column(name, INTEGER, nullable=False) for name in ("within", "runs", "took", "waited")),
        sa.PrimaryKeyConstraint("name", "outcome", "within", name="_pk__job_tallies"),
        sqlite_strict=True,
    )
    dead = sa.text("state = 'dead'")
    op.create_index("_ix__jobs_dead", "_jobs", ["queue", "ended"], sqlite_where=dead, postgresql_where=dead)


def downgrade() -> None:
    op.drop_index("_ix__jobs_dead", "_jobs")
    op.drop_table("_job_tallies")
