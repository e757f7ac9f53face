"""CLiC's training step: learns a concept in the context of the object that it is a part of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from bench.core.scenes import ImageArray
from bench.diffusion.backbone.token_maps import concept_maps, min_max
from bench.diffusion.clic.losses import code_weights, context_loss, shrink_bilinear, soft_mask
from bench.diffusion.training.losses import region_loss, shrink_masks, weighted_loss
from bench.diffusion.training.objective import Objective
from bench.diffusion.training.samples import Sample
from bench.diffusion.training.step import Step

PixelLoss: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Prediction and target [1, C, h, w] and weights [1, 1, h, w] to a scalar: `context_loss` or `weighted_loss`."""
_GREY = 127.5
"""The middle of a picture's range, 0 in the autoencoder's."""


@dataclass(frozen=True, eq=False)
class ConceptStep:
    """One random step on one concept: the sample, its noised latents and its mask at their side [1, 1, h, w]."""

    objective: Objective
    sample: Sample
    step: Step
    mask: Tensor

    @property
    def alone(self) -> str:
        """The concept-oriented text of the RoI loss: `a photo of v*` (CLiC, section 3.1)."""
        return f"a photo of {self.objective.scene.concepts[self.sample.subset[0]].handle}"


@dataclass(frozen=True)
class LossRule:
    """How the paper or the official code makes masks and losses.

    `shrink` brings masks [N, H, W] to a side; the result is what the attention is to match (equation 1). `weights`
    makes the context loss's of that mask and of alpha (equation 2). `context` and `roi` are the diffusion losses.
    """

    shrink: Callable[[Tensor, int], Tensor]
    weights: Callable[[Tensor, float], Tensor]
    context: PixelLoss
    roi: Callable[[ConceptStep], Tensor]


@dataclass(frozen=True)
class InContext:
    """CLiC's total loss (equation 5) as the objective of a phase whose samples hold one concept each.

    `alpha` is the weight of the context loss outside the mask (equation 2). A weight of 0 omits a loss.
    """

    alpha: float
    context_weight: float
    attention_weight: float
    roi_weight: float
    rule: LossRule

    def begin(self, objective: Objective) -> Callable[[], Tensor]:
        """The loss of one random step, to be called once per step."""
        return lambda: self.loss(draw_concept_step(objective, self.rule))

    def loss(self, view: ConceptStep) -> Tensor:
        """The weighted sum of the three losses, a scalar; each is logged by its name."""
        if view.objective.recorder is not None:
            view.objective.recorder.clear()
        predicted = view.step.predicted(view.step.noisy, view.sample.text)
        weights = self.rule.weights(view.mask, self.alpha)
        total = self.context_weight * self.rule.context(predicted, view.step.target, weights)
        view.objective.log("context", total)
        if self.attention_weight:
            attention = self.attention_weight * self._attention(view)
            view.objective.log("attention", attention)
            total = total + attention
        if self.roi_weight:
            roi = self.roi_weight * self.rule.roi(view)
            view.objective.log("RoI", roi)
            total = total + roi
        return total

    def _attention(self, view: ConceptStep) -> Tensor:
        """Equation 1 on the recorded maps of the last forward pass."""
        recorder = view.objective.recorder
        assert recorder is not None, "the recipe records the layers that this loss reads"
        side = view.mask.shape[-1]
        maps = min_max(concept_maps(recorder.maps, view.objective.positions(view.sample), side))
        recorder.clear()
        return region_loss(maps, view.mask[0])


def draw_concept_step(objective: Objective, rule: LossRule) -> ConceptStep:
    """A random step with its mask at the latents' side; all randomness is the fit's."""
    sample = objective.recipe.samples.draw(objective.scene, objective.random.numpy)
    latents = objective.encoder.sample(sample.picture, objective.random.torch)
    step = Step.drawn(objective.backbone, latents, objective.random.torch)
    mask = rule.shrink(torch.from_numpy(sample.masks.copy()).to(latents.device), latents.shape[-1])
    return ConceptStep(objective, sample, step, mask[None])


def roi_on_latents(view: ConceptStep) -> Tensor:
    """CLiC, equation 4: the noisy latents are masked, the loss is over the whole."""
    predicted = view.step.predicted(view.mask * view.step.noisy, view.alone)
    return ((predicted - view.step.target) ** 2).mean()


def roi_on_pixels(loss: PixelLoss) -> Callable[[ConceptStep], Tensor]:
    """The official code's RoI loss: the picture is grey outside the mask, encoded anew, and the loss is masked too.

    Noise and time are those of the step (clic, learning.py:105, 927, 1008-1011).
    """

    def roi(view: ConceptStep) -> Tensor:
        grey = _on_grey(view.sample)
        latents = view.objective.encoder.sample(grey, view.objective.random.torch)
        step = Step(view.step.backbone, latents, view.step.noise, view.step.time)
        return loss(step.predicted(step.noisy, view.alone), step.target, view.mask)

    return roi


def _on_grey(sample: Sample) -> ImageArray:
    """The sample's picture times its mask, as seen by the autoencoder: grey outside, rounded to whole values."""
    mask = sample.masks[0][:, :, None].astype(np.float32)
    grey: ImageArray = np.rint(_GREY + mask * (sample.picture - _GREY)).astype(np.uint8)
    return grey


PAPER = LossRule(shrink_masks, soft_mask, context_loss, roi_on_latents)
"""Equations 1 to 4; nearest neighbour as Break-A-Scene, since CLiC's paper does not say."""
CODE = LossRule(shrink_bilinear, code_weights, weighted_loss, roi_on_pixels(weighted_loss))
"""The official code (clic, learning.py:104-117, 993-1013)."""
