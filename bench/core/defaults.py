"""What stands where nothing was asked for. Nothing else in `bench/` names a drop-in."""

from __future__ import annotations

DATASET = "playroom:quick"
"""What `bench run` runs on: a recipe that needs no data."""
RECIPE = "playroom"
"""What a bare `bench build-dataset` builds."""
BACKBONE = "playroom"
"""One of `bench.core.checkpoints.BACKBONES`: the one whose weights are in the package."""
METHODS = "ours,ti-m"
REPORT = "pareto"
PARETO_AXES = ("prompt-similarity", "identity-similarity")
"""The two metrics of the Pareto front, across and upwards (Break-A-Scene, Figure 5)."""
