"""What signing in decides: which passwords are good, what a token says and how long it lasts, what ends sessions."""
