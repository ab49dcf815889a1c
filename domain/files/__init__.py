"""Files of records: what they are called where they are kept."""
