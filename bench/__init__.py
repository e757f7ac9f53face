"""SceneBench: a benchmark of methods that learn several concepts from one image."""
