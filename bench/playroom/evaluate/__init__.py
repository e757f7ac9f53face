"""Evaluation of Playroom's checkpoints on held-out scenes."""
