"""A run: plan, fit, generate, score and report, each stage leaving files that the next one reads."""
