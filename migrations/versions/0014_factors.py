"""Second factors of accounts, and when a session was stepped up."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0014"
down_revision = "0013"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_totp",
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("confirmed", INTEGER, nullable=False),
        sa.Column("step", INTEGER, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("collection", "account", name="_pk__totp"),
        sqlite_strict=True,
    )
    op.create_table(
        "_recovery_codes",
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("collection", "account", "digest", name="_pk__recovery_codes"),
        sqlite_strict=True,
    )
    op.add_column("_sessions", sa.Column("proved", TEXT))


def downgrade() -> None:
    op.drop_column("_sessions", "proved")
    op.drop_table("_recovery_codes")
    op.drop_table("_totp")
