"""What there is to do for the units of a start, and what it is taken for before anything is measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.core.scenes import Dataset, Prompt, Scene
from bench.plugins.backbone_settings import Budget
from bench.plugins.spec import configure
from bench.run.draw_jobs import begin_key, begun_share, draw_work
from bench.run.fit_steps import FitSteps, fit_steps, trained_steps
from bench.run.folder import RunFolder
from bench.run.plan import Conditions, Unit, cohort_of, make_plan

QUICK = Budget(steps=0.2)
PROMPTS = tuple(Prompt("a photo of {tokens}", (0,), sample) for sample in range(3))


def plan(scene: Scene, *methods: str) -> tuple[Unit, ...]:
    """A plan of four scenes of three prompts each, whose fits are begun together."""
    scenes = tuple(replace(scene, name=f"s{number}", prompts=PROMPTS) for number in range(4))
    conditions = Conditions("sha256:abc", "fp32", {"steps": 0.2}, 20, 4.0, seed=0, cohort=4)
    return make_plan(Dataset("d", scenes), [configure("methods", one) for one in methods], conditions)


def test_the_beginning_of_a_cohort_is_for_all_its_scenes(scene: Scene, tmp_path: Path) -> None:
    units = plan(scene, "ours")
    left = draw_work(RunFolder(tmp_path), units[:2], units, QUICK)
    begin = begin_key(cohort_of(units[0], units))
    assert left.jobs[begin].left == {"begin": 4.0}
    assert (left.jobs[begin].units, left.jobs[begin].counted) == (2, False)
    assert left.cost(begin) == 4 * 80 / 16, "400 steps, a fifth of them, together with others"
    for unit in units[:2]:
        assert left.jobs[unit.key].after == begin
        assert left.cost(unit.key) == 80 / 8 + 3, "as many steps alone, and three pictures"


def test_a_fit_that_is_there_is_not_to_be_made(scene: Scene, tmp_path: Path) -> None:
    units = plan(scene, "ours", "db-m", "real")
    left = draw_work(RunFolder(tmp_path), units[:3], units, QUICK, fitted=[units[0].key])
    assert left.jobs[units[0].key].left == {"draw": 3.0}
    assert left.jobs[units[1].key].left == {"fit": 1.0, "draw": 3.0}
    assert left.cost(units[1].key) == pytest.approx(160 / 8 + 3), "800 steps, a fifth of them"
    assert left.cost(units[2].key) == 20 + 3, "of no recipe nothing is known"


@pytest.mark.parametrize(("method", "share"), [("ours", 0.5), ("ti-m", 1.0), ("db-m", 0.0), ("real", 0.5)])
def test_the_share_of_a_fit_that_is_begun_together(method: str, share: float) -> None:
    assert begun_share(configure("methods", method), QUICK) == share


def test_the_steps_of_a_recipe_are_those_of_its_phases() -> None:
    assert fit_steps(configure("methods", "ours[phase2_steps=10]"), QUICK) == FitSteps((80, 2), 1)
    assert fit_steps(configure("methods", "real"), QUICK) is None
    assert trained_steps(configure("methods", "clic"), QUICK) is None, "its own fit reports more than its steps"
