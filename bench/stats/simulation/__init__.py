"""How often tests and intervals are wrong where nothing differs."""
