"""Letters go out as jobs: what they say stays apart from those, sealed, and goes with them."""

import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0024"
down_revision = "0023"

# By code point on both engines, as in collections.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "_letters",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.Column("is_written", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__letters"),
        sa.ForeignKeyConstraint(["id"], ["_jobs.id"], name="_fk__letters_job", ondelete="CASCADE"),
        sqlite_strict=True,
    )
    # What a letter is for cannot be read here. A day is more than most are good for, and one that is sent late opens nothing.
    values = {"now": int(time.time() * 1000), "expires": _instant(timedelta(days=1))}
    _run(
        "INSERT INTO _jobs (id, name, queue, arguments, state, once, priority, due, created, tries) SELECT id, 'mail.send', 'mail', "
        "'{\"letter\":\"' || id || '\"}', 'waiting', 'kept', 0, :now, :now, attempts FROM _mails", values,
    )  # fmt: skip
    _run("INSERT INTO _letters (id, sealed, expires, is_written) SELECT id, sealed, :expires, is_written FROM _mails", values)
    op.drop_table("_mails")


def downgrade() -> None:
    op.create_table(
        "_mails",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("due", TEXT, nullable=False),
        sa.Column("is_written", INTEGER, nullable=False),
        sa.Column("attempts", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="_pk__mails"),
        sqlite_strict=True,
    )
    op.create_index("_ix__mails_due", "_mails", ["due"])
    _run(
        "INSERT INTO _mails (id, sealed, due, is_written, attempts) SELECT l.id, l.sealed, :due, l.is_written, 0 FROM _letters AS l "
        "JOIN _jobs AS j ON j.id = l.id WHERE j.state IN ('waiting', 'running')", {"due": _instant(timedelta(0))},
    )  # fmt: skip
    op.drop_table("_letters")
    op.execute("DELETE FROM _jobs WHERE name = 'mail.send'")


def _run(statement: str, values: dict[str, object]) -> None:
    bound = sa.text(statement)
    op.execute(bound.bindparams(**{name: value for name, value in values.items() if f":{name}" in statement}))


def _instant(ahead: timedelta) -> str:
    return (datetime.now(UTC) + ahead).strftime("%Y-%m-%dT%H:%M:%S.000Z")
