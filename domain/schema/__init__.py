"""Collections, their fields, indexes and checks, and how one schema becomes another."""
