"""Uploads that no record holds yet, and the pieces that came of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0030"
down_revision = "0029"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
_TEXTS = ("id", "owner", "collection", "field", "record", "original", "expires", "mark", "made")


def upgrade() -> None:
    op.create_table(
        "_uploads",
        *(sa.Column(name, TEXT, nullable=False) for name in _TEXTS),
        *(sa.Column(name, INTEGER, nullable=False) for name in ("length", "here", "pieces")),
        sa.PrimaryKeyConstraint("id", name="_pk__uploads"),
        sqlite_strict=True,
    )
    op.create_index("_i__uploads__expires", "_uploads", ["expires"])
    op.create_index("_i__uploads__owner", "_uploads", ["owner", "expires"])
    op.create_table(
        "_upload_pieces",
        sa.Column("upload", TEXT, nullable=False),
        sa.Column("start", INTEGER, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("upload", "start", name="_pk__upload_pieces"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("_upload_pieces")
    op.drop_table("_uploads")
