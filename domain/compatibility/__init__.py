"""Which changes of an API break the programs that were written for it: two OpenAPI documents, read as plain data and compared."""
