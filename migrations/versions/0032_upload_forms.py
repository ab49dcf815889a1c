"""Uploads that go straight to the store, by a form for one file of this type."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("_uploads", sa.Column("form", TEXT, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("_uploads", "form")
