"""Code of `methods/em.py` alone: masks estimated from cross-attention, refined and re-estimated."""
