"""Whose files are whose, and how many bytes they have: files that a record holds keep their row."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0031"
down_revision = "0030"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.add_column("_files", sa.Column("owner", TEXT, nullable=False, server_default=""))
    op.create_index("_i__files__owner", "_files", ["owner"], sqlite_where=sa.text("owner <> ''"), postgresql_where=sa.text("owner <> ''"))
    # Most rows are of files that are held, and nothing is due of those.
    op.drop_index("_i__files__due", "_files")
    op.create_index("_i__files__due", "_files", ["state", "due"])
    op.create_table(
        "_file_tallies",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("bytes", INTEGER, nullable=False),
        sa.Column("files", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="_pk__file_tallies"),
        sqlite_strict=True,
    )
    empty = sa.text("files = 0")
    op.create_index("_i__file_tallies__empty", "_file_tallies", ["files"], sqlite_where=empty, postgresql_where=empty)


def downgrade() -> None:
    op.drop_table("_file_tallies")
    op.drop_index("_i__files__due", "_files")
    op.create_index("_i__files__due", "_files", ["due"])
    op.drop_index("_i__files__owner", "_files")
    op.execute("DELETE FROM _files WHERE state = 'held'")
    op.drop_column("_files", "owner")
