"""Code of `methods/clic.py` alone: its losses and its two-stage sampling."""
