"""Statistics: pure functions from the table of scores to means, intervals, tests and the Pareto front."""
