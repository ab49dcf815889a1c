"""Run by Alembic: carries the revisions out on the connection that it was handed,
in the transaction that is open there."""

from alembic import context

from migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # on SQLite too: we say BEGIN ourselves there
)
with context.begin_transaction():
    context.run_migrations()
