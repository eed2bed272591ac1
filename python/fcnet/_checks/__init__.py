"""What arguments are checked with, and what messages are made of."""
