"""Storage on SQL: one ground for SQLite and PostgreSQL, the stores on it, and rules compiled to both dialects."""
