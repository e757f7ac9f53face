"""Editing: the concepts that a method learned, painted into a region of another picture."""
