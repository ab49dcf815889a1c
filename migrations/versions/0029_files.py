"""Files that no record holds: those that are being sent, and those that were let go."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "_files",
        *(sa.Column(name, TEXT, nullable=False) for name in ("key", "state", "due")),
        sa.PrimaryKeyConstraint("key", name="_pk__files"),
        sqlite_strict=True,
    )
    op.create_index("_i__files__due", "_files", ["due"])


def downgrade() -> None:
    op.drop_table("_files")
