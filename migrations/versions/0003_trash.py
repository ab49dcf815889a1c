"""The trash: deleted records as documents, and the relations that were cleared when they went."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0003"
down_revision = "0002"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_trash",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("record", TEXT, nullable=False),
        sa.Column("deletion", TEXT, nullable=False),
        sa.Column("went_with", TEXT, nullable=False),
        sa.Column("deleted", TEXT, nullable=False),
        sa.Column("actor_kind", TEXT, nullable=False),
        sa.Column("actor_collection", TEXT, nullable=False),
        sa.Column("actor_id", TEXT, nullable=False),
        sa.Column("kept_until", TEXT, nullable=False),
        # Text on both engines: what the engine does not read, it does not write in another way.
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__trash"),
        sqlite_strict=True,
    )
    op.create_index("_ix__trash_collection", "_trash", ["collection", "id"])
    op.create_index("_ix__trash_record", "_trash", ["collection", "record"])
    op.create_index("_ix__trash_deletion", "_trash", ["deletion"])
    op.create_index("_ix__trash_kept_until", "_trash", ["kept_until"])
    op.create_table(
        "_trash_cleared",
        sa.Column("entry", TEXT, nullable=False),
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("relation", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("position", INTEGER),
        sa.PrimaryKeyConstraint("entry", "collection", "relation", "holder", name="_pk__trash_cleared"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT count(*) FROM _trash")).scalar_one():
        raise RuntimeError("there are deleted records in the trash: they are not dropped; restore them or empty it first")
    op.drop_table("_trash_cleared")
    op.drop_table("_trash")
