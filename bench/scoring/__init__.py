"""Scoring of pictures: presets, the features that metrics share, and the scorer."""
