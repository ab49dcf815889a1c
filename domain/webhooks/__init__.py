"""What is told to other servers as it happens, and what they tell us."""
