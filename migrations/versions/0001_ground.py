"""The ground: which schema version this is, the collections, the admins, signing keys, the token of the first admin."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0001"
down_revision = None

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
FLAG = sa.Boolean().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    meta = op.create_table(
        "_meta",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("format", TEXT, nullable=False),
        sa.Column("schema_version", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__meta"),
        sa.CheckConstraint("id = 1", name="_ck__meta_single"),
        sqlite_strict=True,
    )
    op.bulk_insert(meta, [{"id": 1, "format": "stillroom", "schema_version": 1}])
    op.create_table(
        "_collections",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("definition", TEXT, nullable=False),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("updated", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__collections"),
        sqlite_strict=True,
    )
    op.create_index("_ux__collections_name", "_collections", ["name"], unique=True)
    op.create_table(
        "_admins",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("updated", TEXT, nullable=False),
        sa.Column("email", TEXT),
        sa.Column("_key_email", TEXT),
        sa.Column("verified", FLAG),
        sa.Column("_password", TEXT),
        sa.Column("_epoch", INTEGER, nullable=False, server_default="1"),
        sa.PrimaryKeyConstraint("id", name="_pk__admins"),
        sqlite_strict=True,
    )
    op.create_index("_ux__admins_email_3c7e1c864edf", "_admins", ["_key_email"], unique=True)
    op.create_table(
        "_signing_keys",
        sa.Column("kid", TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("public", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("kid", name="_pk__signing_keys"),
        sqlite_strict=True,
    )
    op.create_table(
        "_setup_tokens",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="_pk__setup_tokens"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT count(*) FROM _collections")).scalar_one():
        raise RuntimeError("there are collections: what describes them is not dropped while they exist")
    for table in ("_setup_tokens", "_signing_keys", "_admins", "_collections", "_meta"):
        op.drop_table(table)
