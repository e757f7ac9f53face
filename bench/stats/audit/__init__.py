"""Published tables, audited: what their means, spreads and counts say against the p values and sums they print."""
