"""Invitations to have an account, until they are accepted."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "_invitations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("email_key", TEXT, nullable=False),
        sa.Column("preset", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("digest", TEXT),
        sa.PrimaryKeyConstraint("id", name="_pk__invitations"),
        sqlite_strict=True,
    )
    op.create_index("_uq__invitations_address", "_invitations", ["collection", "email_key"], unique=True)
    op.create_index("_ix__invitations_digest", "_invitations", ["digest"])


def downgrade() -> None:
    op.drop_table("_invitations")
