"""Measures Stillroom beside an empty view and PocketBase; `python -m bench`. Figures are printed, never asserted."""
