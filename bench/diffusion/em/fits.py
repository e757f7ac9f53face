"""Fits that estimate their masks: alone, or begun with others, each with masks of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.core.scenes import Scene
from bench.diffusion.em.alternation import ExpectationMaximization
from bench.diffusion.em.latent_scene import MaskRule
from bench.diffusion.training.recipe import Recipe
from bench.diffusion.training.trainer import begin_together, end_recipe, fit_recipe
from bench.plugins.method import FitState, MethodContext

MakeRecipe = Callable[[ExpectationMaximization], Recipe]
"""Makes a fit's recipe with its own state of masks."""


def fit(make: MakeRecipe, rule: MaskRule, scene: Scene, context: MethodContext) -> FitState:
    """Train a scene as `fit_recipe` does; the fit records tell of its masks. Raises `UserError` as `rule.check`."""
    rule.check()
    learning = ExpectationMaximization(rule)
    state = fit_recipe(make(learning), scene, context)
    context.record(learning.records)
    return state


def begin_fits(
    make: MakeRecipe, rule: MaskRule, scenes: Sequence[Scene], contexts: Sequence[MethodContext]
) -> list[FitState | Exception]:
    """Train the phases that scenes share, as `begin_together` does; masks and records are in what it returns.

    Raises `UserError` as `rule.check`.
    """
    rule.check()
    learnings = [ExpectationMaximization(rule) for _ in scenes]
    begun = begin_together([make(one) for one in learnings], scenes, contexts)
    return [
        one if isinstance(one, Exception) else {**one, **learning.state()}
        for one, learning in zip(begun, learnings, strict=True)
    ]


def end_fit(make: MakeRecipe, rule: MaskRule, begun: FitState, scene: Scene, context: MethodContext) -> FitState:
    """Train the other phases from what was begun; the fit records are those of `fit`."""
    learning = ExpectationMaximization(rule, begun)
    state = end_recipe(make(learning), begun, scene, context)
    context.record(learning.records)
    return state
