"""Which methods are best, or may be, where they lack scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats.reference import compare_with_reference

METRICS = compared_columns(standard_metrics(), find_preset("paper"))
PROMPT = next(metric for metric in METRICS if metric.label == "prompt-similarity")

Drawn = Callable[[int, int], pd.DataFrame]
NAMES = {"m0": "bold", "m1": "ahead", "m2": "behind", "m3": "short", "m4": "sparse"}


@pytest.fixture
def holes(drawn: Drawn) -> pd.DataFrame:
    """Twenty scenes: `short` has pictures of the first four, `sparse` a value on the first three, the highest.

    On the first four `bold` leads `ahead` by .01, on the others it trails by .1 and more; `behind` trails everywhere.
    """
    table = drawn(20, 5)
    table["method"] = table["method"].map(NAMES)
    number, method = table["scene"].str[1:].astype(int), table["method"]
    early = number < 4
    leads = {
        "bold": np.where(early, 0.1, 0.0),
        "ahead": np.where(early, 0.09, 0.1 + number / 1000),
        "behind": -0.1 - number / 1000,
        "short": 0.05 + number / 1000,
        "sparse": np.where(number < 3, 0.3, np.nan),
    }
    table["prompt_similarity"] = 0.2 + number / 100 + sum(np.where(method == name, leads[name], 0) for name in leads)
    return table[(method != "short") | early]


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_marked_is_what_is_not_shown_to_be_worse_on_common_scenes(holes: pd.DataFrame, better: str) -> None:
    """A mean over three scenes is not bold; what is surely better than the bold one, or not tested, is marked."""
    metric = replace(PROMPT, better=better)
    if better == "lower":
        holes["prompt_similarity"] *= -1
    found = compare_with_reference(holes, [metric], "bold")
    values = {method: found.values[method, metric.label] for method in found.methods}
    assert {name: each.estimate.n_scenes for name, each in values.items()} == {**dict.fromkeys(values, 4), "sparse": 3}
    ahead = values["ahead"].difference
    assert ahead is not None
    assert ahead.p is not None
    assert ahead.p < 0.05
    assert (ahead.effect > 0) == metric.higher_is_better
    assert {name: each.rank for name, each in values.items()} == {
        "bold": "best",
        "ahead": "level",
        "behind": "",
        "short": "level",
        "sparse": "level",
    }


def test_below_four_scenes_nothing_is_best(drawn: Drawn) -> None:
    found = compare_with_reference(drawn(3, 3), METRICS, "m0")
    assert {value.rank for value in found.values.values()} == {""}


def test_what_is_equal_to_the_best_on_common_scenes_is_marked(drawn: Drawn) -> None:
    """There is no test where all differences are zero: `m1` has no value on the best four of eight scenes."""
    table = drawn(8, 2)
    number = table["scene"].str[1:].astype(int)
    table["prompt_similarity"] = (number / 100).mask((table["method"] == "m1") & (number > 3))
    found = compare_with_reference(table, [PROMPT], "m0")
    assert [found.values[method, PROMPT.label].rank for method in ("m0", "m1")] == ["best", "level"]
