"""What a PocketBase data folder means here: its collections, rules, indexes and values. Reading the folder is left to an adapter."""
