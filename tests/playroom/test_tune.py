"""The rule that finds Playroom's budgets: which factors win, and that no trial is made twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.core.device import resolve
from bench.core.scenes import Dataset, Scene
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.playroom.tune import STARTS, TRIED, TUNING_SEED, Tuner, _means
from bench.plugins.backbone_settings import Budget
from bench.plugins.spec import configure

START = Budget(steps=0.5, handle_learning_rate=8, weights_learning_rate=40)


class Pretender(Tuner):
    """A tuner whose units score by how far the factors are from 16 and 20."""

    asked: list[tuple[int, str, Budget]]

    def _try(self, number: int, method: Any, budget: Budget) -> dict[str, float]:
        self.asked.append((number, method.spec, budget))
        handles = abs(np.log2(budget.handle_learning_rate / 16))
        return {
            "prompt_similarity": 1 - 0.1 * handles,
            "identity_similarity": 1 - 0.1 * abs(np.log2(budget.weights_learning_rate / 20)),
        }


@pytest.fixture
def tuner(tmp_path: Path) -> Pretender:
    scenes = tuple(Scene(name, np.zeros((8, 8, 3), np.uint8), ()) for name in ("a", "b"))
    nothing: Any = None
    made = Pretender(
        backbone=BackboneSpec("nowhere"),
        hardware=resolve("cpu", "fp32"),
        content="sha256:0",
        scorer=nothing,
        dataset=Dataset("tuning", scenes),
        methods=(configure("methods", "ours"), configure("methods", "ti-m")),
        trials=tmp_path / "tuning.csv",
    )
    object.__setattr__(made, "asked", [])
    return made


def test_the_best_of_the_tried_factors_wins(tuner: Pretender) -> None:
    best = tuner.tune(START)

    assert (best.handle_learning_rate, best.weights_learning_rate) == (16, 20)
    assert best.steps == START.steps


def test_handles_are_settled_before_weights(tuner: Pretender) -> None:
    tuner.tune(START)

    settled = [budget.handle_learning_rate for _, _, budget in tuner.asked if budget.weights_learning_rate != 40]
    assert set(settled) == {16}


def test_every_method_and_scene_is_tried_once_a_budget_and_kept(tuner: Pretender) -> None:
    tuner.tune(START)
    count = len(tuner.asked)
    tuner.tune(START)

    budgets = sum(map(len, TRIED.values())) - 1  # the second factor's start is the first one's winner
    assert len(tuner.asked) == count == budgets * 2 * 2
    assert len(pd.read_csv(tuner.trials)) == count


def test_another_backbone_is_tried_anew(tuner: Pretender) -> None:
    tuner.value(START)
    object.__setattr__(tuner, "content", "sha256:1")
    tuner.value(START)

    assert len(tuner.asked) == 8


def test_an_object_that_is_not_found_counts_as_no_likeness() -> None:
    rows = [
        {"prompt_similarity": 0.5, "identity_similarity": 0.8},
        {"prompt_similarity": 0.7, "identity_similarity": float("nan")},
    ]
    assert _means(rows) == pytest.approx({"prompt_similarity": 0.6, "identity_similarity": 0.4})


def test_tuning_scenes_are_not_those_that_are_reported() -> None:
    reported = configure("datasets", "playroom").instance
    assert reported.seed != TUNING_SEED
    assert set(STARTS) == {"full", "quick"}
