"""What Stillroom decides: plain Python, the standard library only, no input and no output."""
