"""What tuning maximises: prompt and identity similarity, rescaled by controls, as their harmonic mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.core.errors import UserError
from bench.stats.scene_means import numbers

PROMPT, IDENTITY = "prompt_similarity", "identity_similarity"
EMPTY, WRONG = "base-model", "other-scene"
"""The controls that learn nothing and that show other concepts: zero of identity, zero of prompt similarity."""
BOUNDS = ("real:redrawn", "real")
"""The control that keeps all identity: the concepts drawn anew where the dataset can, else the picture itself."""


@dataclass(frozen=True)
class Scale:
    """The controls' means over the tuning scenes: what is worth 0 and 1 of either similarity."""

    no_prompt: float
    full_prompt: float
    no_identity: float
    full_identity: float

    @classmethod
    def of(cls, table: pd.DataFrame, bound: str) -> Scale:
        """Read off the rows of the controls in a table of scores; `bound` is one of `BOUNDS`.

        Raises `UserError` where the controls are not apart, so that nothing can be rescaled by them.
        """
        mean = {
            (method, column): float(numbers(rows[column]).groupby(rows["scene"]).mean().mean())
            for method, rows in table.groupby("method")
            for column in (PROMPT, IDENTITY)
        }
        scale = cls(mean[WRONG, PROMPT], mean[EMPTY, PROMPT], mean[EMPTY, IDENTITY], mean[bound, IDENTITY])
        if not (scale.full_prompt > scale.no_prompt and scale.full_identity > scale.no_identity):
            raise UserError(
                f"the controls are not apart: prompt similarity {scale.no_prompt:.3f} ({WRONG}) and "
                f"{scale.full_prompt:.3f} ({EMPTY}), identity {scale.no_identity:.3f} ({EMPTY}) and "
                f"{scale.full_identity:.3f} ({bound}); tune on more scenes, or with more sampling steps"
            )
        return scale


def with_failed(objectives: pd.DataFrame, methods: Sequence[str], scenes: Sequence[str]) -> pd.DataFrame:
    """What `scene_objectives` returned, with a row of zeros for every method and scene that has none: it failed."""
    wanted = pd.MultiIndex.from_product([methods, scenes], names=["method", "scene"])
    return objectives.set_index(["method", "scene"]).reindex(wanted, fill_value=0.0).reset_index()


def scene_objectives(table: pd.DataFrame, scale: Scale, methods: Sequence[str]) -> pd.DataFrame:
    """One row per method and scene: `method`, `scene`, `prompt` P, `identity` I and their harmonic mean `objective`.

    P = (p - other-scene) / (base-model - other-scene) and I = (i - base-model) / (bound - base-model), p and i being
    means over the scene's pictures and concepts, both clipped to [0, 1]. A concept that was not found counts as I = 0,
    so that a missing one is never better than a wrong one. The harmonic mean is 0 where either is.
    """
    rows = table[table["method"].isin(methods)]
    prompt = (numbers(rows[PROMPT]) - scale.no_prompt) / (scale.full_prompt - scale.no_prompt)
    identity = (numbers(rows[IDENTITY]) - scale.no_identity) / (scale.full_identity - scale.no_identity)
    values = rows[["method", "scene", "picture"]].assign(prompt=prompt, identity=identity.fillna(0.0))
    pictures = values.groupby(["method", "scene", "picture"], sort=False).mean().reset_index()
    scenes = pictures.groupby(["method", "scene"], sort=False)[["prompt", "identity"]].mean().clip(0.0, 1.0)
    total = scenes["prompt"] + scenes["identity"]
    harmonic = (2 * scenes["prompt"] * scenes["identity"]).div(total.where(total > 0), fill_value=None)
    return scenes.assign(objective=harmonic.fillna(0.0)).reset_index()
