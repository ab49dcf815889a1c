"""What each admin may do. Those that are here may do everything, as before."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("_admins", sa.Column("admin_role", TEXT))
    op.execute("UPDATE _admins SET admin_role = 'owner'")


def downgrade() -> None:
    op.drop_column("_admins", "admin_role")
