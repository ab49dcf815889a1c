"""Providers of sign-in, whose people are which accounts, and sign-ins that are under way."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "_providers",
        *(sa.Column(name, TEXT, nullable=False) for name in ("collection", "name", "preset", "issuer", "client_id")),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("scopes", "return_to", "signs_up", "created", "updated")),
        sa.PrimaryKeyConstraint("collection", "name", name="_pk__providers"),
        sqlite_strict=True,
    )
    op.create_table(
        "_identities",
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "collection", "issuer", "subject", "account", "provider", "email")),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("used", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__identities"),
        sqlite_strict=True,
    )
    op.create_index("_ux__identities_subject", "_identities", ["collection", "issuer", "subject"], unique=True)
    op.create_index("_ix__identities_account", "_identities", ["collection", "account"])
    op.create_table(
        "_sign_ins",
        *(sa.Column(name, TEXT, nullable=False) for name in ("digest", "collection", "step", "expires")),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="_pk__sign_ins"),
        sqlite_strict=True,
    )
    op.create_index("_ix__sign_ins_expires", "_sign_ins", ["expires"])


def downgrade() -> None:
    for name in ("_sign_ins", "_identities", "_providers"):
        op.drop_table(name)
