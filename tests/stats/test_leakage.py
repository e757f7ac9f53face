"""Leakage rates worked out by hand: scenes are the unit, and nothing that could not be told counts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.stats.leakage import LeakageRate, leakage_frame, leakage_matrix, leakage_rates, similarity_matrices

Row = dict[str, Any]


def picture(method: str, scene: str, subset: str, concepts: list[Row], intruded: bool | None) -> list[Row]:
    about = {"method": method, "scene": scene, "seed": 0, "template": "t", "subset": subset, "sample": 0}
    return [about | {"intruded": intruded} | concept for concept in concepts]


def found(index: int, similar: list[float], swapped: bool | None = False, duplicated: bool = False) -> Row:
    told = {"detected": True, "swapped": swapped, "duplicated": duplicated, "similarity_to": similar}
    return {"concept": index, "label": "cat" if index == 0 else "dog", **told}


def missing(index: int, detected: bool | None = False) -> Row:
    told = {"detected": detected, "swapped": None, "duplicated": None, "similarity_to": None}
    return {"concept": index, "label": "cat" if index == 0 else "dog", **told}


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        *picture("a", "s0", "0+1", [found(0, [0.9, 0.1]), found(1, [0.6, 0.4], swapped=True)], None),
        *picture("a", "s0", "0", [found(0, [0.7, 0.3], duplicated=True)], True),
        *picture("a", "s0", "1", [missing(1)], False),
        *picture("a", "s1", "0+1", [found(0, [0.5, 0.5]), missing(1, detected=None)], None),
    ]
    return pd.DataFrame(rows)


def rate(rates: tuple[LeakageRate, ...], event: str, by: str = "all", group: str = "all") -> tuple[float, int, int]:
    (one,) = [each for each in rates if (each.event, each.by, each.group) == (event, by, group)]
    return one.rate, one.n_scenes, one.n


def test_rates_are_means_over_scenes_of_what_could_be_told(table: pd.DataFrame) -> None:
    rates = leakage_rates(table)
    assert rate(rates, "omission") == (pytest.approx((1 / 4 + 0) / 2), 2, 5), "an unknown class is no omission"
    assert rate(rates, "swap") == (pytest.approx((1 / 3 + 0) / 2), 2, 4)
    assert rate(rates, "duplication") == (pytest.approx((1 / 3 + 0) / 2), 2, 4)
    assert rate(rates, "intrusion") == (pytest.approx(1 / 2), 1, 2), "where all are asked for none can intrude"


def test_rates_are_told_apart(table: pd.DataFrame) -> None:
    rates = leakage_rates(table)
    assert rate(rates, "swap", "concepts", "1") == (0, 1, 1)
    assert rate(rates, "swap", "concepts", "2") == (pytest.approx((1 / 2 + 0) / 2), 2, 3)
    assert rate(rates, "omission", "class", "dog") == (pytest.approx(1 / 2), 1, 2)
    assert rate(rates, "omission", "template", "t") == rate(rates, "omission")
    assert not [each for each in rates if each.event == "intrusion" and each.by == "class"]


def test_an_intrusion_counts_once_a_picture() -> None:
    two = picture("a", "s0", "0+1", [found(0, [0.9, 0.1, 0.2]), found(1, [0.1, 0.9, 0.2])], True)
    assert rate(leakage_rates(pd.DataFrame(two)), "intrusion") == (1, 1, 1)


def test_the_matrix_is_the_mean_cosine_of_requested_and_identity(table: pd.DataFrame) -> None:
    matrix = leakage_matrix(table).set_index(["scene", "requested", "identity"])
    assert matrix.loc[("s0", 0, 0), "similarity"] == pytest.approx((0.9 + 0.7) / 2)
    assert matrix.loc[("s0", 0, 1), "similarity"] == pytest.approx((0.1 + 0.3) / 2)
    assert matrix.loc[("s0", 1, 0), "similarity"] == pytest.approx(0.6)
    assert list(matrix.loc["s0"]["n"]) == [2, 2, 1, 1]
    (like,) = similarity_matrices(table)
    assert like.own == pytest.approx(((0.8 + 0.4) / 2 + 0.5) / 2)
    assert like.others == pytest.approx(((0.2 + 0.6) / 2 + 0.5) / 2)


def test_only_what_all_methods_drew_is_compared(table: pd.DataFrame) -> None:
    other = pd.DataFrame(picture("b", "s0", "1", [missing(1)], False))
    rates = leakage_rates(pd.concat([table, other], ignore_index=True))
    both = {each.method: each for each in rates if (each.event, each.by) == ("omission", "all")}
    assert both["a"].n == both["b"].n == 1
    frame = leakage_frame(rates)
    assert set(frame["method"]) == {"a", "b"}
    assert frame["interval"].eq("none").all(), "below 4 scenes there is no interval"


def test_nothing_found_at_all_has_omissions_only() -> None:
    rates = leakage_rates(pd.DataFrame(picture("a", "s0", "0", [missing(0)], None)))
    assert {each.event for each in rates} == {"omission"}
    assert similarity_matrices(pd.DataFrame(picture("a", "s0", "0", [missing(0)], None))) == ()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=10))
def test_rates_are_shares_within_their_intervals(drawn: list[tuple[bool, bool, bool]]) -> None:
    rows = [
        row
        for number, (there, swapped, intruded) in enumerate(drawn)
        for row in picture("a", f"s{number}", "0", [found(0, [0.5, 0.4], swapped) if there else missing(0)], intruded)
    ]
    rates = leakage_rates(pd.DataFrame(rows))
    assert rate(rates, "omission")[0] == pytest.approx(sum(not there for there, _, _ in drawn) / len(drawn))
    for each in rates:
        assert 0 <= each.rate <= 1
        if each.interval is not None:
            assert 0 <= each.interval.low <= each.rate + 1e-12
            assert each.rate - 1e-12 <= each.interval.high <= 1
