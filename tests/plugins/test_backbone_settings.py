"""A backbone's own settings, and the one rule by which budgets apply to every method."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.diffusion.training.recipe import Phase
from bench.plugins.backbone_settings import FILE, BackboneSettings, Budget, Sampler, read_settings

SHORT = {"steps": 0.2, "handle_learning_rate": 10.0, "weights_learning_rate": 50.0, "prior_pictures": 0.2}


def _write(folder: Path, content: Any) -> Path:
    (folder / FILE).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_without_a_file_the_settings_are_the_papers(tmp_path: Path) -> None:
    settings = read_settings(tmp_path)
    assert settings == BackboneSettings()
    assert settings.sampler == Sampler(steps=50, guidance=7.5)
    assert settings.budget("full") == settings.budget("quick") == Budget(1.0, 1.0, 1.0, 1.0)


def test_a_file_is_read(tmp_path: Path) -> None:
    content = {"schema": 1, "resolution": 64, "sampler": {"steps": 20, "guidance": 4.0}, "budgets": {"quick": SHORT}}
    settings = read_settings(_write(tmp_path, content))
    assert settings.resolution == 64
    assert settings.sampler == Sampler(20, 4.0)
    assert settings.budget("quick") == Budget(0.2, 10.0, 50.0, 0.2)
    assert settings.budget("full") == Budget()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"schema": 2}, "schema 2"),
        ([], "schema None"),
        ("{", "not valid JSON"),
        ({"schema": 1, "budgetz": {}}, "budgetz"),
        ({"schema": 1, "budgets": {"full": {"stepz": 1}}}, "budgets.full.stepz"),
        ({"schema": 1, "budgets": {"full": {"steps": 0}}}, "budgets.full.steps"),
        ({"schema": 1, "sampler": {"steps": 0}}, "sampler.steps"),
        ({"schema": 1, "sampler": {"guidance": "much"}}, "sampler.guidance"),
    ],
)
def test_a_bad_file_is_one_line_that_names_the_place(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        read_settings(_write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_one_rule_scales_every_phase() -> None:
    budget = Budget(**SHORT)
    assert Phase("handles", 400, 5e-4).scaled(budget) == Phase("handles", 80, pytest.approx(5e-3))
    assert Phase("everything", 400, 2e-6).scaled(budget) == Phase("everything", 80, pytest.approx(1e-4))
    assert Phase("cross-attention", 400, 2e-6, 5e-4, 2).scaled(budget) == Phase(
        "cross-attention", 80, pytest.approx(1e-4), pytest.approx(5e-3), 2
    )


def test_scaling_never_makes_a_step_of_none_or_none_of_some() -> None:
    budget = Budget(steps=0.001, prior_pictures=0.001)
    assert (budget.scaled_steps(0), budget.scaled_steps(400), budget.scaled_prior_pictures(100)) == (0, 1, 1)


def test_an_unknown_budget_asked_for_by_name_is_an_error() -> None:
    with pytest.raises(UserError, match=r"no budget 'quick'\. Known: full"):
        BackboneSettings().budget_name("quick", None)


@pytest.mark.parametrize(
    ("asked", "recommended", "taken"),
    [(None, None, "full"), (None, "quick", "quick"), ("full", "quick", "full"), (None, "endless", "full")],
)
def test_what_was_asked_for_comes_before_what_the_dataset_recommends(
    asked: str | None, recommended: str | None, taken: str
) -> None:
    """A recommendation that the backbone does not know means its full budget."""
    settings = BackboneSettings(budgets={"full": Budget(), "quick": Budget(steps=0.2)})
    assert settings.budget_name(asked, recommended) == taken


def test_another_sampler_leaves_everything_else_as_it_is() -> None:
    own = BackboneSettings(resolution=64, sampler=Sampler(20, 3.0), metrics="playroom")
    assert own.with_sampler(None, None) == own
    assert own.with_sampler(5, None) == replace(own, sampler=Sampler(5, 3.0))
    assert own.with_sampler(None, 0.0) == replace(own, sampler=Sampler(20, 0.0))
