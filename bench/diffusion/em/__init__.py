"""What serves `methods/em.py` alone: masks from cross-attention, refined and estimated anew."""
