"""The command line, one more door over the same use cases."""
