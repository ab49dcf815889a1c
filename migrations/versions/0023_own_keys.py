"""Keys that accounts make for themselves; of the keys themselves only the digest."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0023"
down_revision = "0022"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_own_keys",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("epoch", INTEGER, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("rules", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("expires", TEXT),
        sa.Column("used", TEXT),
        sa.Column("digest", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__own_keys"),
        sqlite_strict=True,
    )
    op.create_index("_ux__own_keys_digest", "_own_keys", ["digest"], unique=True)
    op.create_index("_ix__own_keys_account", "_own_keys", ["collection", "account"])
    op.create_index("_ix__own_keys_expires", "_own_keys", ["expires"])


def downgrade() -> None:
    op.drop_table("_own_keys")
