"""`bench tune`: the same effort of tuning for every method, on scenes that no result is reported on."""
