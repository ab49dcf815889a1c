"""Keys of other programs may have rules of their own, by collection."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("_api_keys", sa.Column("rules", TEXT, nullable=False, server_default="[]"))


def downgrade() -> None:
    # Without its rule a key could do more than it was made for.
    op.execute("DELETE FROM _api_keys WHERE rules != '[]'")
    op.drop_column("_api_keys", "rules")
