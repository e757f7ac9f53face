"""Editing: a fitted method's handles painted into a region of another picture."""
