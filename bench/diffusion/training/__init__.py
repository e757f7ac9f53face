"""Recipes, their losses and samples, and the trainer that executes them."""
