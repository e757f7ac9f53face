"""`bench masks`: masks for pictures that have none."""
