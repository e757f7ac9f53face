"""Defaults of the command line. No other module of `bench/` names a drop-in."""

from __future__ import annotations

DATASET = "playroom:quick"
"""The dataset of `bench run`: a builder that needs no data."""
BUILDER = "playroom"
"""The builder of `bench build-dataset` without a name."""
BACKBONE = "playroom"
"""One of `bench.core.checkpoints.BACKBONES`: the one whose weights are in the package."""
METHODS = "ours,ti-m"
COHORT = 8
"""Scenes whose fits are begun as one batch: a step on handles alone then costs about half as much per scene."""
REPORT = "pareto"
PARETO_AXES = ("prompt-similarity", "identity-similarity")
"""The two metrics of the Pareto front, across and upwards (Break-A-Scene, Figure 5)."""
