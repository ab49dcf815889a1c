"""How often somebody may ask for something: quotas, whom they count, and what is told of them."""
