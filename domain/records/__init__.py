"""What a record may become, what of it may be seen, and what a list asks for."""
