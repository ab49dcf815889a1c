"""The database's own clock, which all processes and machines share: what ends by it ends for everybody at once."""

# Milliseconds since 1970, and not the moment at which the transaction began: one that waited would be late from its first statement.
DATABASE_NOW = {
    "sqlite": "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
}
