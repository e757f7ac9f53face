"""The objective of tuning: similarities rescaled by controls, and their harmonic mean."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.tune.objective import Scale, scene_objectives, with_failed

SCALE = Scale(no_prompt=0.0, full_prompt=0.5, no_identity=0.1, full_identity=0.9)


def table(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["method", "scene", "picture", "prompt_similarity", "identity_similarity"])


def test_controls_give_the_scale() -> None:
    controls = table(
        ("base-model", "a", "1", 0.6, 0.0),
        ("base-model", "b", "2", 0.4, 0.2),
        ("other-scene", "a", "3", 0.0, 0.3),
        ("real", "a", "4", 0.1, 0.9),
    )
    assert Scale.of(controls, "real") == Scale(0.0, 0.5, 0.1, 0.9)


def test_controls_that_do_not_differ_give_none() -> None:
    same = table(*((name, "a", name, 0.5, 0.5) for name in ("base-model", "other-scene", "real")))
    with pytest.raises(UserError, match="the controls are not apart"):
        Scale.of(same, "real")


def test_the_harmonic_mean_by_hand() -> None:
    # P = .25 / .5 = .5; I = (.7 - .1) / .8 = .75; 2 x .5 x .75 / 1.25 = .6
    found = scene_objectives(table(("m", "a", "1", 0.25, 0.7)), SCALE, ["m"]).iloc[0]
    assert (found.prompt, found.identity, found.objective) == pytest.approx((0.5, 0.75, 0.6))


def test_a_missing_concept_counts_as_nothing_kept_and_never_beats_a_wrong_one() -> None:
    missing = table(("m", "a", "1", 0.5, 0.9), ("m", "a", "1", 0.5, math.nan))
    wrong = table(("m", "a", "1", 0.5, 0.9), ("m", "a", "1", 0.5, 0.1))
    assert scene_objectives(missing, SCALE, ["m"]).identity[0] == pytest.approx(0.5)
    assert scene_objectives(wrong, SCALE, ["m"]).identity[0] == pytest.approx(0.5)


def test_learning_nothing_is_worth_nothing() -> None:
    assert scene_objectives(table(("m", "a", "1", 0.5, 0.1)), SCALE, ["m"]).objective[0] == 0.0


def test_a_picture_counts_once_however_many_concepts_it_has() -> None:
    # pictures of P 1 (two concepts) and 0 (one): .5, not 2/3
    rows = table(("m", "a", "1", 0.5, 0.9), ("m", "a", "1", 0.5, 0.9), ("m", "a", "2", 0.0, 0.9))
    assert scene_objectives(rows, SCALE, ["m"]).prompt[0] == pytest.approx(0.5)


def test_what_failed_counts_as_nothing() -> None:
    found = scene_objectives(table(("m", "a", "1", 0.25, 0.7)), SCALE, ["m"])
    complete = with_failed(found, ["m", "n"], ["a", "b"]).set_index(["method", "scene"]).objective
    assert complete.to_dict() == pytest.approx({("m", "a"): 0.6, ("m", "b"): 0, ("n", "a"): 0, ("n", "b"): 0})


def test_values_are_clipped() -> None:
    found = scene_objectives(table(("m", "a", "1", 0.9, 1.0)), SCALE, ["m"]).iloc[0]
    assert (found.prompt, found.identity, found.objective) == (1.0, 1.0, 1.0)
