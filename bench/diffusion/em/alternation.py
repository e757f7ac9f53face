"""Alternating updates of tokens and masks (Rahman et al. 2024, section 3 and Figure 2). Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bench.diffusion.backbone.terms import Layer
from bench.diffusion.em.latent_scene import MASKS, HeldScene, LatentScene, MaskRule
from bench.diffusion.training.samples import Sample
from bench.plugins.method import FitRecords, FitState

if TYPE_CHECKING:
    from torch import Tensor

    from bench.diffusion.training.objective import Objective
    from bench.diffusion.training.rows import Rows


def every_layer(_layer: Layer) -> bool:
    """Selects the layers that masks are computed from: all of the UNet (section 3, "Mask extraction")."""
    return True


def unmasked(own: Objective) -> Callable[[], Rows]:
    """Draws the rows of the inversion: the recipe's without masks, under the plain diffusion loss (equation 1)."""
    return replace(own, recipe=replace(own.recipe, masked=False, attention=None)).draw


class ExpectationMaximization:
    """The masks of one fit, shared by its phases, each of which may update them or keep them fixed.

    The first phase makes the first estimate, with the handles at that time. Of a fit that was `begun` before the masks
    in what `state` returned are held.
    """

    def __init__(self, rule: MaskRule, begun: FitState | None = None) -> None:
        self._rule = rule
        self._before = begun or {}
        self._latent: LatentScene | None = None
        self._held: HeldScene | None = None

    @property
    def records(self) -> FitRecords:
        """The fit records of `LatentScene`; none before the first estimate."""
        known = self._held or self._latent
        return known.records if known is not None else ()

    def state(self) -> FitState:
        """The masks and records as tensors; none before the first estimate."""
        return self._latent.state() if self._latent is not None else {}

    def learn(self, own: Objective) -> Callable[[], Rows]:
        """Draws the rows of steps that learn under the latest masks (M)."""
        latent = self._begun(own)

        def draw() -> Rows:
            return replace(own, scene=latent.scene).draw()

        return draw

    def expect(self, own: Objective) -> list[Rows]:
        """The passes that re-estimate every mask, over the text of all concepts, with the updated handles (E).

        There is one a picture, with a diffusion time and noise of its own ("for the optimized token, we compute (3) to
        update the mask").
        """
        from bench.diffusion.em.maps import look  # noqa: PLC0415 - torch is slow to import

        latent = self._begun(own)
        found: dict[int, Tensor] = {}

        def see(subset: Sequence[int], maps: Tensor) -> None:
            found.update(zip(subset, maps, strict=True))
            if len(found) == len(own.scene.concepts):
                latent.update(list(found), list(found.values()))

        return [look(own, subset, partial(see, subset)) for subset in own.scene.concepts_by_image]

    def learn_and_expect(self, own: Objective) -> Callable[[], Rows]:
        """Draws the rows of steps that learn, and re-estimate the masks of their concepts from their own pass.

        That costs no further pass, but the maps are of the handles before the update and of a random subset of them.
        """
        from bench.diffusion.em.maps import step_maps  # noqa: PLC0415 - torch is slow to import

        latent = self._begun(own)

        def observe(sample: Sample) -> None:
            latent.update(sample.subset, step_maps(own, sample))

        def draw() -> Rows:
            return replace(own, scene=latent.scene, observe=observe).draw()

        return draw

    def hold(self, own: Objective) -> Callable[[], Rows]:
        """Draws rows with the masks fixed as they are when the phase begins: "this avoids drift"."""
        if MASKS in self._before:
            self._held = HeldScene.of(own.scene, self._before)
            return replace(own, scene=self._held.scene).draw
        return replace(own, scene=self._begun(own).scene).draw

    def _begun(self, own: Objective) -> LatentScene:
        from bench.diffusion.em.maps import averaged_maps  # noqa: PLC0415 - torch is slow to import

        if self._latent is None:
            latent = LatentScene(own.scene, self._rule)
            latent.start(averaged_maps(own, self._rule.times))
            self._latent = latent
        return self._latent
