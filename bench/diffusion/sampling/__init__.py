"""Sampling pictures: DDIM in batches, and step by step."""
