"""Alternating updates of tokens and masks (Rahman et al. 2024, section 3 and Figure 2). Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.diffusion.backbone.terms import Layer
from bench.diffusion.em.latent_scene import LatentScene, MaskRule
from bench.diffusion.training.samples import Sample
from bench.plugins.method import FitRecords

if TYPE_CHECKING:
    from torch import Tensor

    from bench.diffusion.training.objective import Objective


def every_layer(_layer: Layer) -> bool:
    """Selects the layers that masks are computed from: all of the UNet (section 3, "Mask extraction")."""
    return True


def unmasked(own: Objective) -> Callable[[], Tensor]:
    """The objective of the inversion: the recipe's without masks, the plain diffusion loss (equation 1)."""
    return replace(own, recipe=replace(own.recipe, masked=False, attention=None))


class ExpectationMaximization:
    """The masks of one fit, shared by its phases, each of which may update them or keep them fixed.

    The first phase makes the first estimate, with the handles at that time.
    """

    def __init__(self, rule: MaskRule) -> None:
        self._rule = rule
        self._latent: LatentScene | None = None

    @property
    def records(self) -> FitRecords:
        """The fit records of `LatentScene`; none before the first estimate."""
        return self._latent.records if self._latent is not None else ()

    def learn(self, own: Objective) -> Callable[[], Tensor]:
        """A phase's objective whose every step learns under the latest masks (M)."""
        latent = self._begun(own)

        def step() -> Tensor:
            return replace(own, scene=latent.scene)()

        return step

    def expect(self, own: Objective) -> None:
        """Re-estimate every mask from one pass over the text of all concepts, with the updated handles (E).

        It has a diffusion time and noise of its own ("for the optimized token, we compute (3) to update the mask").
        """
        from bench.diffusion.em.maps import averaged_maps  # noqa: PLC0415 - torch is slow to import

        self._begun(own).update(range(len(own.scene.concepts)), averaged_maps(own, times=1))

    def learn_and_expect(self, own: Objective) -> Callable[[], Tensor]:
        """A phase's objective whose every step learns, and re-estimates the masks of its concepts from its own pass.

        That costs no further pass, but the maps are of the handles before the update and of a random subset of them.
        """
        from bench.diffusion.em.maps import step_maps  # noqa: PLC0415 - torch is slow to import

        latent = self._begun(own)

        def observe(sample: Sample) -> None:
            latent.update(sample.subset, step_maps(own, sample))

        def step() -> Tensor:
            return replace(own, scene=latent.scene, observe=observe)()

        return step

    def hold(self, own: Objective) -> Callable[[], Tensor]:
        """A phase's objective with the masks fixed as they are when it begins: "this avoids drift"."""
        return replace(own, scene=self._begun(own).scene)

    def _begun(self, own: Objective) -> LatentScene:
        from bench.diffusion.em.maps import averaged_maps  # noqa: PLC0415 - torch is slow to import

        if self._latent is None:
            self._latent = LatentScene(own.scene, self._rule)
            self._latent.start(averaged_maps(own, self._rule.times))
        return self._latent
