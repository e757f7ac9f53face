"""Metrics by number of concepts: values worked out by hand, scenes as the unit, changes within scenes."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy import stats

from bench.plugins.metric import Column
from bench.stats.by_concepts import ConceptCountMean, by_concepts_frame, by_number_of_concepts

IDENTITY = Column("identity", "likeness", better="higher", range=(0.0, 1.0), grain="concept")


def table(values: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    """Rows of `ours` by scene and subset: the value of each of the subset's concepts."""
    rows = [
        {"method": "ours", "seed": 0, "scene": scene, "template": "t", "subset": subset, "sample": 0, "identity": value}
        for scene, subsets in values.items()
        for subset, found in subsets.items()
        for value in found
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def rows() -> dict[int, ConceptCountMean]:
    """Four scenes of two concepts, the last of which has three."""
    of_two = {
        f"s{number}": {"0": [0.8], "1": [0.6], "0+1": [0.5 - drop, 0.5 - drop]}
        for number, drop in enumerate((0.0, 0.1, 0.2, 0.3))
    }
    of_two["s3"] |= {"2": [0.4], "0+1+2": [0.1, math.nan, 0.3]}
    return {one.concepts: one for one in by_number_of_concepts(table(of_two), [IDENTITY])}


def test_values_are_means_over_pictures_and_then_scenes(rows: dict[int, ConceptCountMean]) -> None:
    assert list(rows) == [1, 2, 3]
    assert rows[1].value == pytest.approx((3 * 0.7 + 0.6) / 4)
    assert rows[2].value == pytest.approx(0.35)
    assert rows[3].value == pytest.approx(0.2), "what was not found has no value"
    assert [one.n_scenes for one in rows.values()] == [4, 4, 1]


def test_changes_are_within_scenes(rows: dict[int, ConceptCountMean]) -> None:
    changes = [-0.2, -0.3, -0.4, -0.4]  # the last scene's single concepts are .6 on average, its pair .2
    assert rows[2].change == pytest.approx(sum(changes) / 4)
    low, high = stats.t.interval(0.95, 3, loc=sum(changes) / 4, scale=stats.sem(changes))
    assert rows[2].change_interval is not None
    assert (rows[2].change_interval.low, rows[2].change_interval.high) == pytest.approx((low, high))
    assert rows[3].change == pytest.approx(0.2 - 0.6), "not .2 less the mean of all scenes"
    assert rows[3].change_interval is None
    assert math.isnan(rows[1].change)
    assert rows[1].n_paired == 0


def test_the_table_has_every_number(rows: dict[int, ConceptCountMean]) -> None:
    frame = by_concepts_frame(list(rows.values()))
    assert frame["concepts"].tolist() == [1, 2, 3]
    assert frame["change"].iloc[1] == pytest.approx(-0.325)
    assert frame["n_paired"].tolist() == [0, 4, 1]


def test_a_method_is_compared_on_the_pictures_that_all_have() -> None:
    ours = table({"s0": {"0": [0.8], "1": [0.2]}})
    other = ours[ours["subset"] == "0"].assign(method="ti-m")
    first, second = by_number_of_concepts(pd.concat([ours, other]), [IDENTITY])
    assert (first.value, second.value) == pytest.approx((0.8, 0.8))
