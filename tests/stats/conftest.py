"""A table of scores whose means can be worked out in the head."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.core.table import COLUMNS
from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics

METRICS = compared_columns(standard_metrics(), find_preset("paper"))

NAN = math.nan
Picture = tuple[str, str, str, float, list[tuple[float, bool | None]]]


def make_table(pictures: list[Picture]) -> pd.DataFrame:
    """Rows of pictures: method, scene, template, prompt similarity, (identity, detected) a concept."""
    rows: list[dict[str, Any]] = []
    for method, scene, template, prompt, concepts in pictures:
        for index, (identity, detected) in enumerate(concepts):
            rows.append(
                {
                    "dataset": "hand",
                    "scene": scene,
                    "method": method,
                    "seed": 0,
                    "unit": f"{method}/{scene}",
                    "picture": f"{method}/{scene}/{template}",
                    "template": template,
                    "subset": "+".join(str(k) for k in range(len(concepts))),
                    "sample": 0,
                    "concept": index,
                    "label": f"toy {index}",
                    "preset": "hand",
                    "prompt_similarity": prompt,
                    "identity_similarity": identity,
                    "detected": detected,
                    "reason": "" if detected else "not found",
                    "lpips_diversity": NAN,
                    "diversity_reason": "one sample",
                    "cost_fit_seconds": 10.0 if scene == "s0" else 20.0,
                    "cost_generate_seconds": 1.0,
                }
            )
    return pd.DataFrame(rows, columns=list(dict.fromkeys([*COLUMNS, *rows[0], *(metric.name for metric in METRICS)])))


@pytest.fixture
def hand() -> pd.DataFrame:
    """Two methods, two scenes, two pictures of two concepts each; `b` misses a concept here and there."""
    return make_table(
        [
            ("a", "s0", "t0", 0.2, [(0.8, True), (0.6, True)]),
            ("b", "s0", "t0", 0.3, [(0.4, True), (NAN, False)]),
            ("a", "s0", "t1", 0.4, [(0.5, True), (NAN, False)]),
            ("b", "s0", "t1", 0.5, [(NAN, False), (NAN, False)]),
            ("a", "s1", "t0", 0.1, [(0.9, True), (NAN, None)]),
            ("b", "s1", "t0", 0.2, [(NAN, False), (NAN, None)]),
            ("a", "s1", "t1", 0.1, [(0.7, True), (NAN, None)]),
            ("b", "s1", "t1", 0.2, [(NAN, False), (NAN, None)]),
        ]
    )


@pytest.fixture
def drawn() -> Callable[[int, int], pd.DataFrame]:
    """Builds a random table: scenes of 3 pictures, methods m0, m1, ... of growing prompt similarity."""

    def build(scenes: int, methods: int) -> pd.DataFrame:
        rng = np.random.default_rng(scenes)
        noise = rng.normal(scale=0.02, size=(scenes, methods, 3, 2))
        pictures: list[Picture] = [
            (
                f"m{m}",
                f"s{s}",
                f"t{t}",
                0.2 + 0.05 * m + noise[s, m, t, 0],
                [(0.7 - 0.1 * m + noise[s, m, t, 1], True)],
            )
            for s in range(scenes)
            for m in range(methods)
            for t in range(3)
        ]
        return make_table(pictures)

    return build


@pytest.fixture
def weak() -> pd.DataFrame:
    """Methods a, b, c on six scenes of one picture; `weak` has identity on three of them and no picture of s5.

    On every scene a leads b by .1 to .15 and c by .2 to .25, in identity and in prompt similarity.
    """
    lead = {"a": 0.0, "b": 0.1, "c": 0.2, "weak": 0.5}
    return make_table(
        [
            (method, f"s{s}", "t0", 0.9 - behind - 0.01 * s * (method != "a"), [(value, not math.isnan(value))])
            for s in range(6)
            for method, behind in lead.items()
            if (method, s) != ("weak", 5)
            for value in [
                NAN if method == "weak" and s > 2 else 0.8 + 0.02 * s**2 - behind - 0.01 * s * (method != "a")
            ]
        ]
    )
