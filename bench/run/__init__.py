"""A run: plan, fit, generate, score and report; each stage writes files that the next one reads."""
