"""What Stillroom needs of the world, as promises; adapters keep them."""
