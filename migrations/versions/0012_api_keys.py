"""Keys of other programs; of the keys themselves only the digest."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0012"
down_revision = "0011"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_api_keys",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("expires", TEXT),
        sa.Column("used", TEXT),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("epoch", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__api_keys"),
        sqlite_strict=True,
    )
    op.create_index("_ux__api_keys_digest", "_api_keys", ["digest"], unique=True)


def downgrade() -> None:
    op.drop_table("_api_keys")
