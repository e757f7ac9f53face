"""Builds a dataset and records beside its manifest which training budget its builder recommends."""

from __future__ import annotations

from pathlib import Path

from bench.core.errors import UserError
from bench.core.files import json_bytes, read_json, write_bytes, written_with
from bench.core.leftovers import sweep_below
from bench.plugins.builder import Builder, RecommendsBudget

RECOMMENDED = "recommended.json"
"""The file beside the manifest; not part of its hash, since it changes no scene, no prompt and no noise."""
SCHEMA = 1


def build_dataset(builder: Builder, out: Path) -> None:
    """Let the builder write its dataset into `out`, and record the budget that it recommends.

    What a killed process had begun in `out` is removed first. Raises `UserError` as the builder does.
    """
    sweep_below(out)
    if not isinstance(builder, RecommendsBudget):
        builder.build(out)
        return
    word = json_bytes({"training_budget": builder.training_budget}, SCHEMA)
    with written_with(out, {RECOMMENDED: word}):  # whoever finds the dataset, also after a kill, finds it too
        builder.build(out)
    write_bytes(out / RECOMMENDED, word)  # of a dataset that was there already


def builders_budget(builder: Builder) -> str | None:
    """The name of the budget that the builder recommends, if any."""
    return builder.training_budget if isinstance(builder, RecommendsBudget) else None


def recommended_budget(dataset: Path) -> str | None:
    """The name of the budget recommended for the dataset in a folder, if any.

    Raises `UserError` for a damaged file.
    """
    path = dataset / RECOMMENDED
    if not path.is_file():
        return None
    budget = read_json(path, SCHEMA).get("training_budget")
    if not isinstance(budget, str):
        raise UserError(f"{path} names no training_budget; delete it, or build the dataset again")
    return budget
