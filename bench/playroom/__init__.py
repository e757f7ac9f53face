"""Playroom: a small drawn world of toys whose truth (identity, mask, context) is known."""
