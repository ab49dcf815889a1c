"""Who did what to the backend's admins and keys."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COLUMNS = ("id", "moment", "action", "kind", "collection", "actor", "target", "address", "request", "detail")


def upgrade() -> None:
    op.create_table(
        "_audit",
        *(sa.Column(name, TEXT, nullable=False) for name in COLUMNS),
        sa.PrimaryKeyConstraint("id", name="_pk__audit"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("_audit")
