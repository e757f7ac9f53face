"""What the builders of `datasets/` are made of."""
