"""What applying the schema's files left of each collection, so that later changes by somebody else can be told."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "_schema_applied",
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("collection", name="_pk__schema_applied"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("_schema_applied")
