"""A method that learns more than the dataset asks for says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.core.scenes import Dataset, Scene, with_background
from bench.plugins.spec import configure
from bench.run.plan import Conditions, Unit, make_plan
from bench.run.undrawn import warn_of_undrawn


def units(*scenes: Scene) -> tuple[Unit, ...]:
    methods = [configure("methods", name) for name in ("ours", "ours:background", "real")]
    return make_plan(Dataset("d", scenes), methods, Conditions("sha256:abc", "fp32", {"steps": 1.0}, 20, 4.0, seed=0))


def test_a_background_that_no_prompt_asks_for_is_told_once(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_undrawn(units(scene, replace(scene, name="other")))
    (line,) = capsys.readouterr().out.strip().splitlines()
    assert line.startswith("ours:background learns [v3] (background), which no prompt of this dataset asks for;")


def test_a_scene_with_its_background_has_nothing_more(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_undrawn(units(with_background(scene)))
    assert capsys.readouterr().out == ""


def test_a_scene_without_a_background_is_no_matter_of_this_warning(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    full = replace(scene, concepts=tuple(replace(one, mask=np.ones_like(one.mask)) for one in scene.concepts))
    warn_of_undrawn(units(full))
    assert capsys.readouterr().out == ""
