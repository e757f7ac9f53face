"""A scene with estimated masks: the state of EM, and its fit records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench.core.masks import iou_with_truth
from bench.core.scenes import ImageArray, Mask, Scene
from bench.diffusion.em.crf import DenseCrf, check_crf

if TYPE_CHECKING:
    from torch import Tensor

    from bench.plugins.method import FitState


MASKS, RECORDS = "latent.masks", "latent.records"
"""Names of tensors among what a begun fit keeps."""


@dataclass(frozen=True)
class MaskRule:
    """The rule that turns cross-attention into masks (Rahman et al. 2024, section 3).

    The first masks use maps averaged over `times` random diffusion times. A mask is where a map, rescaled to
    [0, 1], exceeds `threshold`, refined by `crf` (None: not refined). `momentum` is the weight of the past in the
    running mean of maps.
    """

    times: int
    threshold: float
    momentum: float
    crf: DenseCrf | None

    def check(self) -> None:
        """Raises `UserError` if a library that it needs is not installed."""
        if self.crf is not None:
            check_crf()

    def refiner(self, picture: ImageArray) -> Callable[[Mask], Mask]:
        """Refines masks of a picture uint8 [side, side, 3] by the CRF; a mask that it would erase stays as it is."""
        if self.crf is None:
            return lambda rough: rough
        refine = self.crf.on(picture)

        def refined(rough: Mask) -> Mask:
            found = refine(rough)
            return found if found.any() else rough

        return refined

    def binarised(self, attention: Tensor) -> Mask:
        """The mask of a concept's map [side, side], not refined."""
        from bench.diffusion.em.latent_masks import binarised  # noqa: PLC0415 - torch is slow to import

        (rough,) = binarised(attention[None], self.threshold)
        return rough


@dataclass(frozen=True, eq=False)
class MaskEstimate:
    """One concept's mask, before (`rough`) and after DenseCRF."""

    rough: Mask
    mask: Mask


class LatentScene:
    """A scene with estimated masks; the scene's own are kept for the fit records alone.

    `records` has one row per step and concept: `step` (0: the first estimate), `concept`, `label`, whether the concept
    was `estimated` at that step, and the `iou` of its mask with the true one, `iou_without_crf` before
    refinement; both are NaN where the scene has no true mask.
    """

    def __init__(self, scene: Scene, rule: MaskRule) -> None:
        self._truth = tuple(concept.mask for concept in scene.concepts)
        self._rule = rule
        self._maps: dict[int, Tensor] = {}
        self._estimates: dict[int, MaskEstimate] = {}
        self._refiners = [rule.refiner(picture) for picture in scene.pictures]
        self._steps = 0
        self.scene = with_masks(scene, [np.ones_like(mask) for mask in self._truth])
        self.records: list[dict[str, str | int | float]] = []

    def start(self, maps: Tensor) -> None:
        """Make the first estimate, of every concept, from maps [N, side, side]."""
        for index, attention in enumerate(maps):
            self._estimate(index, attention)
        self._settle(range(len(maps)))

    def update(self, subset: Sequence[int], maps: Iterable[Tensor]) -> None:
        """Update the concepts of these numbers, from a map [side, side] of the unflipped picture for each."""
        self._steps += 1
        for index, now in zip(subset, maps, strict=True):
            self._estimate(index, smoothed(self._maps[index], now, self._rule.momentum))
        self._settle(subset)

    def state(self) -> dict[str, Tensor]:
        """The masks and records as tensors, for `HeldScene.of`."""
        import torch  # noqa: PLC0415 - torch is slow to import

        from bench.diffusion.training.json_tensors import json_tensor  # noqa: PLC0415

        masks = np.stack([concept.mask for concept in self.scene.concepts])
        return {MASKS: torch.from_numpy(masks), RECORDS: json_tensor(self.records)}

    def _estimate(self, index: int, attention: Tensor) -> None:
        self._maps[index] = attention
        rough, before = self._rule.binarised(attention), self._estimates.get(index)
        if before is None or not np.array_equal(before.rough, rough):  # the CRF would make the same of the same
            self._estimates[index] = MaskEstimate(rough, self._refiners[self.scene.concepts[index].picture](rough))

    def _settle(self, estimated: Sequence[int]) -> None:
        """Set the scene's masks and record their IoU with the true ones."""
        estimates = [self._estimates[index] for index in range(len(self._truth))]
        self.scene = with_masks(self.scene, [estimate.mask for estimate in estimates])
        pairs = zip(self.scene.concepts, estimates, self._truth, strict=True)
        self.records += [
            {
                "step": self._steps,
                "concept": index,
                "label": concept.label,
                "estimated": index in estimated,
                "iou": iou_with_truth(estimate.mask, true),
                "iou_without_crf": iou_with_truth(estimate.rough, true),
            }
            for index, (concept, estimate, true) in enumerate(pairs)
        ]


@dataclass(frozen=True)
class HeldScene:
    """A scene with masks that were estimated before and change no more, and their fit records."""

    scene: Scene
    records: list[dict[str, str | int | float]]

    @classmethod
    def of(cls, scene: Scene, state: FitState) -> HeldScene:
        """The scene with what `LatentScene.state` returned."""
        from bench.diffusion.training.json_tensors import from_json_tensor  # noqa: PLC0415 - torch is slow to import

        return cls(with_masks(scene, list(state[MASKS].numpy())), from_json_tensor(state[RECORDS]))


def smoothed(before: Tensor, now: Tensor, momentum: float) -> Tensor:
    """The exponential running mean of maps: `momentum` times the past, the rest from one time step."""
    return momentum * before + (1 - momentum) * now


def with_masks(scene: Scene, masks: Sequence[Mask]) -> Scene:
    """A copy of the scene with other masks for its concepts, in their order."""
    concepts = (replace(concept, mask=mask) for concept, mask in zip(scene.concepts, masks, strict=True))
    return replace(scene, concepts=tuple(concepts))
