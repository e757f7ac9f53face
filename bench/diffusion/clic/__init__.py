"""What serves `methods/clic.py` alone: its losses and its drawing in two stages."""
