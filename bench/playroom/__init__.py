"""Playroom: a small drawn world of toys whose ground truth (identity, mask, context) is known."""
