"""Work outside of a request: what may be asked of it, how often it is tried, and when it is over."""
