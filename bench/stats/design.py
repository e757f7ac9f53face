"""What a design of scenes, prompts and samples can see: where values vary, and how many of them count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from bench.stats.scene_means import Floats


@dataclass(frozen=True)
class IntraclassCorrelation:
    """How alike values of one cluster are: `value` with its interval, and what that makes of the sample size.

    `n` values in `clusters` are worth `effective` independent ones (n over the design effect). All NaN where nothing
    varies, or there are fewer than 2 clusters or no cluster of 2.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int
    effective: float


@dataclass(frozen=True)
class VarianceSplit:
    """Variance components of a nested design, as variances; `sample` is NaN where no prompt has two samples.

    `prompt` then holds both.
    """

    scene: float
    prompt: float
    sample: float

    @property
    def shares(self) -> tuple[float, float, float]:
        """The parts of the whole; NaN where nothing varies or a part is unknown."""
        parts = np.array([self.scene, self.prompt, self.sample])
        whole = float(np.nansum(parts))
        scene, prompt, sample = (parts / whole if whole > 0 else parts * math.nan).tolist()
        return scene, prompt, sample


def intraclass_correlation(values: Floats, clusters: pd.Series[str], level: float = 0.95) -> IntraclassCorrelation:
    """ICC(1) of values float [n] in clusters (their names, [n]), by one-way analysis of variance.

    Shrout and Fleiss (1979), ICC(1, 1), with the mean size of Donner (1986) for clusters of unequal sizes; the interval
    is theirs, exact for equal sizes. The effective sample size is n / (1 + (size - 1) ICC) (Kish
    1965), never more than n; a negative ICC counts as 0.
    """
    groups = pd.Series(values).groupby(np.asarray(clusters), sort=False)
    sizes = groups.size().to_numpy(dtype=np.float64)
    n, k = len(values), len(sizes)
    nothing = IntraclassCorrelation(math.nan, math.nan, math.nan, n, k, math.nan)
    if k < 2 or n == k:
        return nothing
    within = float((groups.var(ddof=0) * sizes).sum()) / (n - k)
    between = float((sizes * (groups.mean() - values.mean()) ** 2).sum()) / (k - 1)
    size = (n - float((sizes**2).sum()) / n) / (k - 1)
    if between + (size - 1) * within <= 0:
        return nothing
    ratio = between / within if within > 0 else math.inf
    ends = [ratio / float(scipy.stats.f.ppf(1 - (1 - level) / 2, k - 1, n - k))]
    ends.append(ratio * float(scipy.stats.f.ppf(1 - (1 - level) / 2, n - k, k - 1)))
    value, low, high = (_of_ratio(one, size) for one in (ratio, *ends))
    return IntraclassCorrelation(value, low, high, n, k, n / (1 + (size - 1) * max(value, 0.0)))


def split_variance(values: Floats, scenes: pd.Series[str], prompts: pd.Series[str]) -> VarianceSplit:
    """The variance of values float [n] between scenes, between a scene's prompts, and between a prompt's samples.

    Nested analysis of variance for unequal sizes (Searle, Casella and McCulloch 1992, section 5.6); negative estimates
    are 0. NaN where a level has nothing to compare: then it is part of the level above it.
    """
    table = pd.DataFrame({"scene": np.asarray(scenes), "prompt": np.asarray(prompts), "value": values})
    cells = table.groupby(["scene", "prompt"], sort=False)["value"].agg(["size", "mean", "sum"])
    rows = cells.groupby("scene", sort=False)[["size", "sum"]].sum()
    n, b, a = len(table), len(cells), len(rows)
    if a < 2 or b == a:
        return VarianceSplit(float(np.var(values, ddof=1)) if n > 1 else math.nan, math.nan, math.nan)
    sizes, totals = cells["size"].to_numpy(np.float64), rows["size"].to_numpy(np.float64)
    scene_means = rows["sum"] / rows["size"]
    places = cells.index.get_level_values("scene")
    own, whole = scene_means.loc[places].to_numpy(np.float64), rows["size"].loc[places].to_numpy(np.float64)
    inner = float((sizes**2 / whole).sum())
    between = float((totals * (scene_means - values.mean()) ** 2).sum()) / (a - 1)
    middle = float((sizes * (cells["mean"].to_numpy(np.float64) - own) ** 2).sum()) / (b - a)
    means = cells["mean"].loc[list(zip(table["scene"], table["prompt"], strict=True))].to_numpy(np.float64)
    left = float(((values - means) ** 2).sum()) / (n - b) if n > b else math.nan
    noise = 0.0 if math.isnan(left) else left
    prompt = max(0.0, (middle - noise) / ((n - inner) / (b - a)))
    of_prompts = (inner - float((sizes**2).sum()) / n) / (a - 1)
    of_scenes = (n - float((totals**2).sum()) / n) / (a - 1)
    scene = max(0.0, (between - noise - of_prompts * prompt) / of_scenes)
    return VarianceSplit(scene, prompt, left)


def _of_ratio(ratio: float, size: float) -> float:
    """The intraclass correlation that a ratio of mean squares stands for."""
    return 1.0 if math.isinf(ratio) else (ratio - 1) / (ratio + size - 1)
