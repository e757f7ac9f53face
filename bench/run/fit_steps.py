"""How many steps a fit takes under a backbone's budget, where the method is a recipe."""

from __future__ import annotations

from dataclasses import dataclass

from bench.diffusion.training.recipe_method import RecipeMethod
from bench.plugins.backbone_settings import Budget
from bench.plugins.spec import Configured


@dataclass(frozen=True)
class FitSteps:
    """The steps of a recipe's phases, in order; the first `shared` phases can train several scenes together."""

    phases: tuple[int, ...]
    shared: int

    @property
    def total(self) -> int:
        """All steps."""
        return sum(self.phases)

    @property
    def together(self) -> int:
        """The steps that several scenes can share."""
        return sum(self.phases[: self.shared])


def fit_steps(method: Configured, budget: Budget) -> FitSteps | None:
    """The steps of a method's fit; None for a method that is no recipe."""
    if not isinstance(method.instance, RecipeMethod):
        return None
    recipe = method.instance.recipe()
    return FitSteps(tuple(budget.scaled_steps(phase.steps) for phase in recipe.phases), recipe.shared_phases)


def trained_steps(method: Configured, budget: Budget) -> FitSteps | None:
    """The steps that a method's fit reports; None where it reports others, as one with a `fit` of its own may."""
    own = method.instance
    told = isinstance(own, RecipeMethod) and (type(own).fit is RecipeMethod.fit or own.fits_together)
    return fit_steps(method, budget) if told else None
